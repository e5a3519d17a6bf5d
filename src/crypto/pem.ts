import forgePem from "node-forge/lib/pem.js"

export type PemBlock = { readonly label: string; readonly der: Buffer }

// A chain of twenty RSA-4096 certificates fits several times over.
const LARGEST_TEXT = 256 * 1024

const BEGIN = /^-----BEGIN ([A-Z0-9]+(?: [A-Z0-9]+)*)-----$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
// RFC 1421 §4.6; forge insists on `Proc-Type` as the first one, Notary writes `role` and `gun`.
const HEADER = /^[A-Za-z0-9-]+:/

/**
 * Every block of `pem`, in order. Headers inside a block are skipped. Text outside of blocks is refused unless
 * `surroundings` is "any": two readers must not see different blocks.
 *
 * @throws Error
 */
export function parsePem(pem: string, surroundings: "none" | "any"): readonly PemBlock[] {
    if (pem.length > LARGEST_TEXT) throw new Error("the text is too long")
    const blocks: PemBlock[] = []
    const lines = pem.split("\n").map((line) => line.trimEnd())
    for (let at = 0; at < lines.length; at += 1) {
        const line = lines[at] ?? ""
        const label = BEGIN.exec(line)?.[1]
        if (label === undefined) {
            if (line !== "" && surroundings === "none") throw new Error("there is text outside of a PEM block")
            continue
        }
        const end = lines.indexOf(`-----END ${label}-----`, at)
        if (end === -1) throw new Error(`the ${label} block has no end`)
        blocks.push(parseBlock(label, lines.slice(at + 1, end)))
        at = end
    }
    return blocks
}

function parseBlock(label: string, lines: readonly string[]): PemBlock {
    const body = HEADER.test(lines[0] ?? "") ? lines.slice(lines.indexOf("") + 1) : lines
    if (body.length === 0 || !body.every((line) => BASE64.test(line))) throw new Error(`the ${label} block is not base64`)
    const [message] = forgePem.decode(`-----BEGIN ${label}-----\n${body.join("\n")}\n-----END ${label}-----\n`)
    const der = Buffer.from(message?.body ?? "", "latin1")
    if (der.toString("base64") !== body.join("")) throw new Error(`the ${label} block is not base64`)
    return { label, der }
}

/** Lines of 64 columns ending in `\n`, as Go's encoder writes them: the text of a certificate is what its key ID covers. */
export function encodePem(label: string, der: Uint8Array): string {
    const body = Buffer.from(der).toString("latin1")
    return forgePem.encode({ type: label, body }, { maxline: 64 }).replaceAll("\r\n", "\n")
}

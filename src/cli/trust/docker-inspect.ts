import { printable } from "../output.ts"
import { naturally } from "./natural-order.ts"

/** A repository as `docker trust inspect` knows it. Lists of keys and signers in the order the metadata has them. */
export type DockerRepository = {
    /** As the user wrote it */
    readonly name: string
    readonly signedTags: readonly DockerTag[]
    readonly signers: readonly DockerSigner[]
    /** By TUF key ID: for root that of the certificate. */
    readonly administrativeKeys: { readonly root: readonly string[]; readonly repository: readonly string[] }
}
export type DockerTag = {
    readonly tag: string
    /** Hex, without "sha256:" */
    readonly digest: string
    /** Delegations beside targets/releases; empty when only an administrator, or nobody known, vouches for it. */
    readonly signers: readonly string[]
}
export type DockerSigner = { readonly name: string; readonly keyIds: readonly string[] }

const ADMINISTRATOR = "Repo Admin"

/** What `docker trust inspect` writes: one array, keys in docker's order, as Go indents and escapes it. */
export function inspectJson(repositories: readonly DockerRepository[]): string {
    const document = repositories.map(({ name, signedTags, signers, administrativeKeys }) => ({
        Name: name,
        SignedTags: byTag(signedTags).map((row) => ({
            SignedTag: row.tag,
            Digest: row.digest,
            Signers: row.signers.length === 0 ? [ADMINISTRATOR] : row.signers,
        })),
        // From the last to the first: docker's own reading of "sorted".
        Signers: [...signers].sort((a, b) => byteOrder(b.name, a.name)).map((signer) => keysOf(signer.name, signer.keyIds)),
        AdministrativeKeys: [keysOf("Root", administrativeKeys.root), keysOf("Repository", administrativeKeys.repository)],
    }))
    return `${goEscaped(JSON.stringify(document, undefined, 4))}\n`
}

/** What `docker trust inspect --pretty` writes about one reference. Between two stand two empty lines more. */
export function inspectPretty({ name, signedTags, signers, administrativeKeys }: DockerRepository): string {
    const parts: string[] = []
    if (signedTags.length === 0) parts.push(`\nNo signatures for ${name}\n\n`)
    else {
        const rows = byTag(signedTags).map((row) => [row.tag, row.digest, signersText(row.signers)])
        parts.push(`\nSignatures for ${name}\n\n`, columns([["SIGNED TAG", "DIGEST", "SIGNERS"], ...rows]))
    }
    if (signers.length > 0) {
        const ordered = [...signers].sort((a, b) => naturally(a.name, b.name))
        const rows = ordered.map((signer) => [signer.name, joined(signer.keyIds.map((id) => id.slice(0, 12)))])
        parts.push(`\nList of signers and their keys for ${name}\n\n`, columns([["SIGNER", "KEYS"], ...rows]))
    }
    parts.push(`\nAdministrative keys for ${name}\n\n`)
    parts.push(`  Repository Key:\t${joined(administrativeKeys.repository)}\n`, `  Root Key:\t${joined(administrativeKeys.root)}\n`)
    return parts.join("")
}

function signersText(signers: readonly string[]): string {
    return signers.length === 0 ? `(${ADMINISTRATOR})` : joined(signers)
}

function joined(words: readonly string[]): string {
    return [...words].sort(byteOrder).join(", ")
}

/** Go leaves out what is empty here, and only here. */
function keysOf(name: string, keyIds: readonly string[]): { Name?: string; Keys?: readonly { ID: string }[] } {
    return { ...(name === "" ? {} : { Name: name }), ...(keyIds.length === 0 ? {} : { Keys: keyIds.map((id) => ({ ID: id })) }) }
}

function byTag(tags: readonly DockerTag[]): readonly DockerTag[] {
    return [...tags].sort((a, b) => naturally(a.tag, b.tag))
}

function byteOrder(a: string, b: string): number {
    return a < b ? -1 : Number(a > b)
}

// Go's tabwriter as docker sets it up: at least 10 wide, three spaces of padding, the last column as it is.
const LEAST_WIDTH = 10
const PADDING = 3

/** Cells come from a server: a line end in a tag must not look like another row. */
function columns(table: readonly (readonly string[])[]): string {
    const rows = table.map((row) => row.map(printable))
    const last = (rows[0]?.length ?? 0) - 1
    const widths = Array.from({ length: last }, (_, column) =>
        Math.max(LEAST_WIDTH, ...rows.map((row) => [...(row[column] ?? "")].length + PADDING)),
    )
    const lines = rows.map((row) => row.map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length))))
    return lines.map((cells) => `${cells.join("")}\n`).join("")
}

/**
 * Go writes <, > and & as escapes. Control characters and direction overrides are escaped too, other than in docker: the same JSON, and
 * nothing that could move the cursor.
 */
function goEscaped(json: string): string {
    const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
    return json.replaceAll(/[<>&\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped)
}

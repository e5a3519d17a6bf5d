import { randomBytes } from "node:crypto"

export type Part = { readonly name: string; readonly fileName: string; readonly content: Uint8Array }

/**
 * multipart/form-data (RFC 7578) as Notary's clients send it: the role is the file name, slashes included. Contents go in byte for byte;
 * the boundary is 240 random bits, so none of them holds it.
 */
export function encodeMultipart(parts: readonly Part[]): { readonly contentType: string; readonly body: Buffer } {
    const boundary = randomBytes(30).toString("hex")
    const pieces: Uint8Array[] = []
    for (const { name, fileName, content } of parts) {
        const head = [
            `--${boundary}`,
            `Content-Disposition: form-data; name="${name}"; filename="${fileName}"`,
            "Content-Type: application/octet-stream",
            "",
            "",
        ].join("\r\n")
        pieces.push(Buffer.from(head), content, Buffer.from("\r\n"))
    }
    pieces.push(Buffer.from(`--${boundary}--\r\n`))
    return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(pieces) }
}

import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import { readTextFile } from "../../storage/index.ts"

const MAX_CONFIG = 1024 * 1024

/** `authority`: the file with the certificate authority of its server. */
export type NotaryServer = { readonly url: string; readonly authority: string | undefined }

/** Which server notary's own configuration in its trust directory names; undefined when there is none that can be read. */
export async function readNotaryServer(directory: string): Promise<NotaryServer | undefined> {
    try {
        return parseNotaryServer(await readTextFile(path.join(directory, "config.json"), { maxBytes: MAX_CONFIG }), directory)
    } catch (error) {
        // It is only for a hint.
        if (error instanceof TrustkeyError || error instanceof SyntaxError) return undefined
        throw error
    }
}

function parseNotaryServer(text: string, directory: string): NotaryServer | undefined {
    const document = JSON.parse(text) as { remote_server?: { url?: unknown; root_ca?: unknown } } | null
    const { url, root_ca: authority } = document?.remote_server ?? {}
    if (typeof url !== "string" || !/^https:\/\/[^/]/.test(url) || !URL.canParse(url)) return undefined
    return { url, authority: typeof authority === "string" && authority !== "" ? path.resolve(directory, authority) : undefined }
}

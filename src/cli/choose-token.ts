import { TrustkeyError } from "../errors.ts"
import type { Daemon } from "./daemon-types.ts"

/** The token named, or the only one there is. @throws not_found, usage */
export async function chooseToken(daemon: Daemon, name: string | undefined): Promise<string> {
    if (name !== undefined) return name
    const tokens = await daemon.listTokens()
    const only = tokens[0]
    if (only === undefined) throw new TrustkeyError("not_found", "no token is configured in the daemon")
    if (tokens.length > 1) throw new TrustkeyError("usage", `name one of the tokens: ${tokens.map((token) => token.name).join(", ")}`)
    return only.name
}

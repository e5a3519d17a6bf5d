import { TrustkeyError } from "../errors.ts"
import { askToType } from "./confirm.ts"
import type { Cli } from "./context.ts"
import type { DaemonToken } from "./daemon-types.ts"
import { printable } from "./output.ts"

/** Whoever brings a private key somewhere should look at the thing it goes into. @throws token_absent, declined, no_terminal */
export async function confirmedSerial(cli: Cli, token: DaemonToken, given: string | undefined): Promise<string> {
    if (token.state === "absent") throw new TrustkeyError("token_absent", `token ${token.name} is not there`)
    if (given !== undefined) return given
    const known = `Token ${token.name} (${printable(token.label)}) says that its serial number is ${printable(token.serial)}.`
    return await askToType(cli, `${known} Type it from the token itself, or from where you wrote it down: `, token.serial, "--serial")
}

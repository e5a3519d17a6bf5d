import { spoken } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { differenceCode, diffMetadata, type Gun, type SignedMetadata } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { differenceText } from "../difference.ts"

export type AgreeOptions = {
    /** Somebody has agreed beforehand: nobody is asked. */
    readonly confirm?: boolean
}

export type Agreed = {
    readonly difference: readonly string[]
    /** Hex SHA-256: see differenceCode. */
    readonly code: string
}

/**
 * What is about to be signed, in sentences, with the code by which it is told on another machine. A person says yes before anything is promised.
 *
 * @param also what is signed with it, in sentences that the code does not cover
 * @throws declined, no_terminal
 */
export async function agree(
    cli: Cli,
    gun: Gun,
    before: SignedMetadata | undefined,
    next: SignedMetadata,
    options: AgreeOptions,
    { act = "Sign and publish", also = [] }: { readonly act?: string; readonly also?: readonly string[] } = {},
): Promise<Agreed> {
    const difference = diffMetadata(before, next)
    const code = differenceCode(gun, next, difference).toString("hex")
    const text = [differenceText({ gun, role: next.role, sentences: difference, code }), ...also].join("\n")
    if (options.confirm === true) {
        cli.output.note(text)
        return { difference, code }
    }
    cli.output.subject(text)
    const agreed = await (await cli.prompts()).confirm(`${act} this ${next.role} of ${gun} (${spoken(code).hex})?`, "--confirm")
    if (!agreed) throw new TrustkeyError("declined", "nothing was signed")
    return { difference, code }
}

import { TrustkeyError } from "../../errors.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { tokenOf } from "../key-home.ts"
import type { PinOptions } from "../syntax.ts"

/** TK-PIN-1: a PIN that was given is one token's; on another it would be a wrong one, and cost a try. @throws usage */
export function requireOnePin(keys: readonly DaemonKey[], options: PinOptions): void {
    requirePinOfOne(tokensToOpen(keys), options)
}

/** The tokens somebody has to log in to before these keys sign. */
export function tokensToOpen(keys: readonly DaemonKey[]): readonly string[] {
    return keys.filter(({ ready }) => !ready).flatMap(({ home }) => tokenOf(home) ?? [])
}

/** The same, by the names of the tokens that want a PIN. @throws usage */
export function requirePinOfOne(tokens: readonly string[], { pinFd, pinFile }: PinOptions): void {
    const names = [...new Set(tokens)]
    if ((pinFd === undefined && pinFile === undefined) || names.length < 2) return
    throw new TrustkeyError(
        "usage",
        `the PIN that was given is one token's, and ${names.join(", ")} each want their own: log in to each with trustkey token login NAME`,
    )
}

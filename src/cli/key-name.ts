import { TrustkeyError } from "../errors.ts"

/** @throws invalid_request for a name docker would not take, in its words */
export function checkKeyName(name: string): void {
    if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return
    throw new TrustkeyError(
        "invalid_request",
        `key name "${name}" must start with lowercase alphanumeric characters and can include "-" or "_" after the first character`,
    )
}

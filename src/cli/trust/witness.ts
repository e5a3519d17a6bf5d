import { TrustkeyError } from "../../errors.ts"

/** Role to the first digits of the SHA-256 of what it holds, as a person was shown them. @throws usage */
export function witnessOf(texts: readonly string[] = []): ReadonlyMap<string, string> {
    return new Map(
        texts.map((text) => {
            const [, role, digits] = /^([^=]+)=([0-9a-f]{16,64})$/.exec(text) ?? []
            if (role !== undefined && digits !== undefined) return [role, digits] as const
            throw new TrustkeyError("usage", `--witness ${text}: give it as it is shown by a run without it, ROLE=DIGITS`)
        }),
    )
}

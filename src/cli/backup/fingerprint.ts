import { spoken } from "../../ceremony/index.ts"

/** As people compare it: its first 16 digits in groups, and then all of it. */
export function fingerprintText(fingerprint: string): string {
    return `${spoken(fingerprint).hex} (${fingerprint})`
}

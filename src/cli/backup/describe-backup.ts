import { type BackedUpKey, type HeadRecord, type Instead, parseShareSet } from "../../backup/index.ts"
import type { WayToOpen } from "../../crypto/index.ts"
import { shortId } from "../output.ts"
import { fingerprintText } from "./fingerprint.ts"

/** Lines about a backup as a whole, for `Output.facts`. */
export function backupFacts(head: HeadRecord, fingerprint: string): readonly (readonly [string, string])[] {
    const { created, program, recipients, audit } = head
    return [
        ["fingerprint", fingerprintText(fingerprint)],
        ["made", `${created} by ${program}`],
        ["opens with", recipients.length === 0 ? "a passphrase" : `an identity of ${recipients.join(" or ")}`],
        ["shares", sharesText(head)],
        ["audit log", audit.sequence === 0 ? "it was empty" : `up to record ${audit.sequence}, ${audit.hash}`],
    ]
}

function sharesText({ shares }: HeadRecord): string {
    if (shares === undefined) return ""
    const { set, recipient, threshold, commitments } = parseShareSet(Buffer.from(shares, "utf8"))
    return `any ${threshold} of ${commitments.length} shares of set ${set} give the identity of ${recipient}`
}

/** What a person needs to have the key back. */
export function opensText({ facts, opens, instead }: Pick<BackedUpKey, "facts" | "opens" | "instead">): string {
    if (facts.removedAt !== undefined) return `removed on ${facts.removedAt.slice(0, 10)}`
    if (instead === undefined) return opens.map(wayText).join(", or ")
    return `not in the backup: it can't leave ${facts.home.kind === "token" ? `token ${facts.home.token}` : "its token"}`
}

function wayText({ kind, name }: WayToOpen): string {
    switch (kind) {
        case "passphrase":
            return "its passphrase"
        case "group":
            return `group ${name}`
        case "credential":
            return `credential ${name}`
    }
}

/** What a group opens with. */
export function groupText(opens: readonly WayToOpen[]): string {
    return opens.map(wayText).join(", or ")
}

/** What brings back what a key on a token signs for, a line each. */
export function insteadLines(instead: readonly Instead[]): readonly string[] {
    if (instead.length === 0) return ["nothing that trustkeyd knows of brings back what it signs for"]
    return instead.map(insteadLine)
}

function insteadLine(way: Instead): string {
    switch (way.how) {
        case "copy":
            return `the same key lies on token ${way.token}, serial ${way.serial}`
        case "holders":
            return `${way.gun}: ${way.keys.length} other root keys, of which ${way.threshold} sign a root with another in its place: ${way.keys.map(shortId).join(", ")}`
        case "replace":
            return `${way.gun}: the keys of ${way.by} put another in its place for ${way.role}`
    }
}

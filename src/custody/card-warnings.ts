import type { PivDescription } from "../signer/index.ts"

/** Something a person should know of a card: what is so, what follows, what to do. `name` is stable. */
export type CardWarning = { readonly name: string; readonly what: string; readonly consequence: string; readonly advice: string }

type Version = readonly [number, number, number]
type Flaw = CardWarning & {
    readonly from: Version
    /** The first version without it. */
    readonly until: Version
    /** Whether the flaw concerns a key like this. */
    readonly concerns: (slot: PivDescription["slots"][number]) => boolean
}

const isRsa = (slot: PivDescription["slots"][number]): boolean => slot.algorithm?.startsWith("rsa") === true
const isEc = (slot: PivDescription["slots"][number]): boolean => slot.algorithm === "p256" || slot.algorithm === "p384"

/** Published flaws by which private keys can be recovered: https://www.yubico.com/support/security-advisories/ */
const FLAWS: readonly Flaw[] = [
    {
        name: "roca",
        from: [4, 2, 6],
        until: [4, 3, 5],
        concerns: (slot) => isRsa(slot) && slot.origin !== "imported",
        what: "firmware 4.2.6 to 4.3.4 makes weak RSA keys (ROCA, CVE-2017-15361, YSA-2017-01)",
        consequence: "whoever has the public key can work out an RSA key that was made on this card",
        advice: "use no RSA key made on it; rotate those that are in use; its elliptic-curve keys are not concerned by this",
    },
    {
        name: "weak-randomness",
        from: [4, 4, 2],
        until: [4, 4, 5],
        concerns: isEc,
        what: "firmware 4.4.2 to 4.4.4 has too little randomness in its first signatures after power-on (YSA-2019-02, FIPS series)",
        consequence: "an elliptic-curve key can be worked out from a few of its signatures, which are public",
        advice: "rotate the keys of this card, and replace the card",
    },
    {
        name: "eucleak",
        from: [0, 0, 0],
        until: [5, 7, 0],
        concerns: isEc,
        what: "firmware before 5.7.0 leaks elliptic-curve keys while it signs (EUCLEAK, CVE-2024-45678, YSA-2024-03); no update is possible",
        consequence:
            "whoever holds the card for a while, opens it, and can have it sign (PIN and touch) can copy a P-256 or P-384 key with a laboratory's equipment",
        advice: "keep it where nobody can borrow it, with PIN and touch always; after a loss rotate at once; for the next root take 5.7 or newer",
    },
]

/** What is to be said of a card: its firmware's flaws first. */
export function cardWarnings(card: PivDescription): readonly CardWarning[] {
    return [...flawsOf(card), ...defaultsOf(card), ...managementKeyOf(card)]
}

function flawsOf({ firmware, slots }: PivDescription): readonly CardWarning[] {
    const version = versionOf(firmware)
    // An empty card is told of them before it gets a key.
    return FLAWS.filter(({ from, until, concerns }) => {
        if (isBefore(version, from) || !isBefore(version, until)) return false
        return slots.every(({ publicKey }) => publicKey === undefined) || slots.some(concerns)
    }).map(({ name, what, consequence, advice }) => ({ name, what, consequence, advice }))
}

function defaultsOf({ pinIsDefault, managementKey }: PivDescription): readonly CardWarning[] {
    const warnings: CardWarning[] = []
    if (pinIsDefault === "yes") {
        warnings.push({
            name: "default-pin",
            what: "the PIN is the one every card is sold with",
            consequence: "whoever holds the card can sign with it",
            advice: "change it: trustkey token change-pin; the PUK as well",
        })
    }
    if (managementKey.isDefault === "yes") {
        warnings.push({
            name: "default-management-key",
            what: "the management key is the one every card is sold with",
            consequence: "whoever reaches the card can overwrite its keys and certificates, though not read or use them",
            advice: "set another one, and keep what this prints: ykman piv access change-management-key --generate (not --protect: that puts it on the card, where trustkey does not look)",
        })
    }
    return warnings
}

function managementKeyOf({ firmware, managementKey }: PivDescription): readonly CardWarning[] {
    if (managementKey.algorithm === "3des") return []
    const since = isBefore(versionOf(firmware), [5, 7, 0]) ? "" : ", as on every card since firmware 5.7"
    return [
        {
            name: "aes-management-key",
            what: `the management key is ${managementKey.algorithm.replace("aes", "AES-")}${since}`,
            consequence:
                "yubico-piv-tool and ykcs11 before 2.3 (Debian 12 has 2.2) take it for 3DES: they refuse the right key as a wrong PIN or key. Signing is not concerned",
            advice: "make and import keys with trustkey, which knows AES, or with ykman 4 and newer",
        },
    ]
}

function versionOf(firmware: string): Version {
    const [major = 0, minor = 0, patch = 0] = firmware.split(".").map(Number)
    return [major, minor, patch]
}

function isBefore(a: Version, b: Version): boolean {
    for (const at of [0, 1, 2] as const) if (a[at] !== b[at]) return a[at] < b[at]
    return false
}

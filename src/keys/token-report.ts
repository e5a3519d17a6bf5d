import type { Profile, Quirks } from "../signer/index.ts"

/** What somebody should know, and what follows from it. */
export type Finding = {
    /** unfit: no key is kept there. warning: a person should do or know something. note: the daemon deals with it. */
    readonly weight: "unfit" | "warning" | "note"
    readonly found: string
    readonly consequence: string
}

export type TokenVerdict = "fit" | "unfit" | "incomplete"

export type TokenReport = {
    readonly verdict: TokenVerdict
    readonly reason: string
    readonly findings: readonly Finding[]
    /** What differs from what is known of the module's family, for the quirks file. */
    readonly quirks: Partial<Quirks>
}

const CKR_OK = 0x00
const CKR_ARGUMENTS_BAD = 0x07

/** Pure: what a profile means for custody. */
export function reportOn(profile: Profile): TokenReport {
    const { verdict, reason } = judgeProfile(profile)
    return {
        verdict,
        reason,
        findings: [
            ...wrapFindings(profile),
            ...tokenFindings(profile),
            ...libraryFindings(profile),
            ...algorithmFindings(profile),
            ...keyFindings(profile),
        ],
        quirks: measuredQuirks(profile),
    }
}

function judgeProfile({ wrap, quirks, algorithms }: Profile): { readonly verdict: TokenVerdict; readonly reason: string } {
    if (wrap === undefined)
        return { verdict: "incomplete", reason: "nobody is logged in, so nothing could be tried: log in, then run this again" }
    if (wrap.verdict === "leaves" || quirks.wrapOut === "leaves") return { verdict: "unfit", reason: wrap.reason }
    if (wrap.verdict === "untested" && quirks.wrapOut !== "accepted")
        return { verdict: "unfit", reason: `it could not be tried: ${wrap.reason}` }
    const usable = algorithms.filter(({ makes, signs }) => signs === "yes" || (signs === "advertised" && makes !== "broken"))
    if (usable.length === 0) return { verdict: "unfit", reason: "the module signs with none of the algorithms we use" }
    return wrap.verdict === "untested"
        ? { verdict: "fit", reason: `its quirks file vouches for it, and nothing was tried: ${wrap.reason}` }
        : { verdict: "fit", reason: wrap.reason }
}

function wrapFindings({ wrap }: Profile): Finding[] {
    const ways = wrap?.ways ?? []
    const out = ways.filter(({ outcome }) => outcome === "came-out")
    const opened = out.filter(({ proven }) => proven).map(({ way }) => way)
    const dead = ways.filter(({ outcome }) => outcome === "did-not-work").map(({ way, code }) => `${way} (${code})`)
    const findings: (Finding | undefined)[] = [
        out.length === 0
            ? undefined
            : {
                  weight: "unfit",
                  found: `a sensitive key that can't be extracted came out by ${out.map(({ way }) => way).join(", ")}${opened.length === 0 ? "" : "; it was opened, and is the key"}`,
                  consequence: "whoever has the PIN can take every key away in clear; custody keeps none there",
              },
        dead.length === 0
            ? undefined
            : {
                  weight: "note",
                  found: `listed, and did not work: ${dead.join(", ")}`,
                  consequence: "nothing is known of these, and nothing else was found",
              },
    ]
    return findings.filter((finding) => finding !== undefined)
}

function tokenFindings(profile: Profile): Finding[] {
    const { flags, serial, pin, nulPadding, sessions } = profile
    const findings: (Finding | undefined)[] = [
        /^0*$/.test(serial)
            ? {
                  weight: "warning",
                  found: serial === "" ? "the token has no serial number" : "the serial number is all zeros",
                  consequence: "another token of its kind has the same; it is told apart by its keys alone. Give its label in the URI",
              }
            : undefined,
        flags.includes("CKF_USER_PIN_LOCKED")
            ? { weight: "warning", found: "the PIN is blocked", consequence: "nothing can be signed until it is unblocked" }
            : undefined,
        flags.includes("CKF_USER_PIN_FINAL_TRY")
            ? {
                  weight: "warning",
                  found: "one PIN try is left",
                  consequence: "one wrong PIN blocks the token; a login needs --even-final-try",
              }
            : undefined,
        flags.includes("CKF_USER_PIN_COUNT_LOW")
            ? { weight: "note", found: "a wrong PIN was given since the last login", consequence: "the right one sets the count back" }
            : undefined,
        flags.includes("CKF_USER_PIN_TO_BE_CHANGED")
            ? { weight: "warning", found: "the PIN is the one it was delivered with", consequence: "change it before keys are made" }
            : undefined,
        flags.includes("CKF_LOGIN_REQUIRED")
            ? undefined
            : {
                  weight: "warning",
                  found: "the token asks for no login",
                  consequence: "whoever reaches it may sign: its keys are as safe as the machine",
              },
        flags.includes("CKF_WRITE_PROTECTED")
            ? { weight: "warning", found: "the token is write-protected", consequence: "keys on it can be enrolled, and none can be made" }
            : undefined,
        pin.least === 0 && pin.most === 0
            ? { weight: "note", found: "the token tells no PIN length", consequence: "a PIN of a wrong length is tried, and may count" }
            : undefined,
        nulPadding
            ? {
                  weight: "note",
                  found: "text fields are filled up with NUL",
                  consequence: "it is taken off, like blanks, before anything is compared",
              }
            : undefined,
        sessions > 0 && sessions < 4
            ? {
                  weight: "warning",
                  found: `a process may open ${sessions} session${sessions === 1 ? "" : "s"}`,
                  consequence: "making a key needs two; sign on this token only",
              }
            : undefined,
    ]
    return findings.filter((finding) => finding !== undefined)
}

function libraryFindings({ initialize, slots, quirks, template }: Profile): Finding[] {
    const findings: (Finding | undefined)[] = [
        initialize !== undefined && initialize.ours !== CKR_OK
            ? {
                  weight: "note",
                  found: `C_Initialize refuses CKF_OS_LOCKING_OK (CKR 0x${initialize.ours.toString(16)})`,
                  consequence: "it is called without; nothing is lost, for its process has one thread",
              }
            : undefined,
        initialize?.bare === CKR_ARGUMENTS_BAD
            ? { weight: "note", found: "C_Initialize needs arguments", consequence: "library_parameters has to stay in the configuration" }
            : undefined,
        initialize?.again === CKR_OK
            ? {
                  weight: "note",
                  found: "C_Initialize can be called twice",
                  consequence:
                      "it counts, or it starts afresh: another part of one process could end our sessions. It has a process of its own",
              }
            : undefined,
        slots.some(({ present }) => !present)
            ? { weight: "note", found: "there are slots without a token", consequence: "slot numbers mean nothing; the URI decides" }
            : undefined,
        quirks.keyIds === "piv"
            ? {
                  weight: "note",
                  found: "keys have one-byte IDs, which stand for PIV slots",
                  consequence: "a key is made by naming its slot, and a second one would replace the first: that is refused",
              }
            : undefined,
        template === "minimal" || quirks.template === "minimal"
            ? {
                  weight: "note",
                  found: "keys can't be asked for with EXTRACTABLE",
                  consequence: "they are made without it, looked at, and destroyed if they are extractable",
              }
            : undefined,
    ]
    return findings.filter((finding) => finding !== undefined)
}

function algorithmFindings({ algorithms }: Profile): Finding[] {
    const broken = algorithms.flatMap(({ algorithm, makes, signs, detail }): Finding[] => {
        if (makes !== "broken" && signs !== "broken") return []
        const what = makes === "broken" ? "is made" : "signs"
        return [
            {
                weight: "note",
                found: `no ${algorithm} key ${what}, though the mechanism is listed (${detail})`,
                consequence: "such a key can't be kept there; it is refused before the token is asked",
            },
        ]
    })
    if (algorithms.some(({ algorithm, signs }) => algorithm === "p256" && signs !== "no" && signs !== "broken")) return broken
    return [
        ...broken,
        {
            weight: "warning",
            found: "there is no ECDSA on P-256",
            consequence: "stock Notary clients take P-256 and RSA root keys from tokens; use RSA, or another token",
        },
    ]
}

function keyFindings({ keys = [] }: Profile): Finding[] {
    const named = (key: { readonly label: string; readonly id: string }): string => `${JSON.stringify(key.label)} (id ${key.id})`
    const list = (chosen: readonly { readonly label: string; readonly id: string }[]): string => chosen.slice(0, 4).map(named).join(", ")
    const twice = keys.filter(({ id }, index) => id !== "" && keys.findIndex((other) => other.id === id) !== index)
    const loose = keys.filter(({ extractable, sensitive }) => extractable === "yes" || sensitive === "no")
    const blind = keys.filter(({ hasPublicKey }) => !hasPublicKey)
    const brought = keys.filter(({ local }) => local !== "yes")
    const silent = keys.filter(({ alwaysAuthenticate }) => alwaysAuthenticate === "missing")
    const explicit = keys.filter(({ curve }) => curve === "explicit")
    const findings: (Finding | undefined)[] = [
        loose.length === 0
            ? undefined
            : {
                  weight: "warning",
                  found: `extractable or not sensitive: ${list(loose)}`,
                  consequence: "the token itself gives such a key to whoever has the PIN: replace it",
              },
        twice.length === 0
            ? undefined
            : {
                  weight: "warning",
                  found: `several private keys have one CKA_ID: ${list(twice)}`,
                  consequence: "such a key can't be enrolled: its URI names several",
              },
        blind.length === 0
            ? undefined
            : {
                  weight: "warning",
                  found: `no public key is shown for ${list(blind)}`,
                  consequence: "such a key can't be enrolled; put its public key or a certificate onto the token",
              },
        brought.length === 0
            ? undefined
            : {
                  weight: "note",
                  found: `not made on the token, or it does not say so: ${list(brought)}`,
                  consequence: "enrolled, such a key counts as imported for ever",
              },
        silent.length === 0
            ? undefined
            : {
                  weight: "note",
                  found: `CKA_ALWAYS_AUTHENTICATE is missing on ${list(silent)}`,
                  consequence: "it counts as no, as the standard says",
              },
        explicit.length === 0
            ? undefined
            : {
                  weight: "note",
                  found: `the curve is spelt out on ${list(explicit)}`,
                  consequence: "it is told by the length of the point",
              },
    ]
    return findings.filter((finding) => finding !== undefined)
}

/** What was tried and came out otherwise than the family's defaults. */
function measuredQuirks({ wrap, template, algorithms, quirks, mechanisms }: Profile): Partial<Quirks> {
    const listed = new Set(mechanisms.map(({ name }) => name))
    const broken = algorithms
        .flatMap(({ algorithm, makes, signs }) => {
            // A mechanism is shared by several kinds of key: it is absent only when all of them fail.
            const names = NAMES[algorithm]
            return [makes === "broken" ? names.makes : "", signs === "broken" ? names.signs : ""]
        })
        .filter((name) => listed.has(name))
    const working = new Set(
        algorithms.flatMap(({ algorithm, makes, signs }) => [
            makes === "yes" ? NAMES[algorithm].makes : "",
            signs === "yes" ? NAMES[algorithm].signs : "",
        ]),
    )
    const absent = [...new Set([...quirks.absentMechanisms, ...broken.filter((name) => !working.has(name))])]
    return {
        ...(template === undefined ? {} : { template }),
        ...(absent.length === 0 ? {} : { absentMechanisms: absent }),
        ...(wrap?.verdict === "leaves" ? { wrapOut: "leaves" } : quirks.wrapOut === "accepted" ? { wrapOut: "accepted" } : {}),
    }
}

const EC = { makes: "CKM_EC_KEY_PAIR_GEN", signs: "CKM_ECDSA" }
const RSA = { makes: "CKM_RSA_PKCS_KEY_PAIR_GEN", signs: "CKM_RSA_PKCS_PSS" }
const NAMES = {
    p256: EC,
    p384: EC,
    ed25519: { makes: "CKM_EC_EDWARDS_KEY_PAIR_GEN", signs: "CKM_EDDSA" },
    rsa2048: RSA,
    rsa3072: RSA,
    rsa4096: RSA,
} as const

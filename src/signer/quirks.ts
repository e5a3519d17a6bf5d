import { TrustkeyError } from "../errors.ts"
import { Fields } from "./fields.ts"
import { FrameError } from "./frames.ts"

/** What the probe found out: keys stay, keys can be had in clear, or it couldn't be tried. */
export type WrapVerdict = "kept" | "leaves" | "untested"

/** One way a key was asked for. */
export type WrapWay = {
    /** A mechanism, by the standard's name, or what else was done. */
    readonly way: string
    readonly outcome: "came-out" | "refused" | "did-not-work"
    /** What came out was opened, and was the key; or the refusal is no matter of a mechanism that fails anyway. */
    readonly proven: boolean
    /** What the module answered, like `CKR 0x6a`. */
    readonly code: string
}

export type WrapProbe = { readonly verdict: WrapVerdict; readonly reason: string; readonly ways: readonly WrapWay[] }

/**
 * In what a module differs from the standard, or from what we take for granted. Each has a consumer: nothing here is for reading only.
 */
export type Quirks = {
    /** Which attributes C_GenerateKeyPair takes for a private key: ours, or without EXTRACTABLE, which some modules refuse to hear of. */
    readonly template: "full" | "minimal"
    /** Whether a CKA_ID can be chosen. In PIV it stands for a slot of the card, so a key is made by naming the slot. */
    readonly keyIds: "free" | "piv"
    /** Whether a signature needs a login of its own: as CKA_ALWAYS_AUTHENTICATE says, or in any case. */
    readonly contextLogin: "by-attribute" | "always"
    /** Whether keys can be made for a session only; the probe works on nothing else. */
    readonly sessionObjects: "usable" | "none"
    /** Mechanisms that are listed and don't work, by the standard's name. Nothing is asked of them. */
    readonly absentMechanisms: readonly string[]
    /** Bytes; a PIN of another length is not tried. Undefined: as the token says. */
    readonly pinLengths: { readonly least: number; readonly most: number } | undefined
    /** Whether keys can be had in clear: tried in each process; known, so refused at once; or vouched for by a person where it can't be tried. */
    readonly wrapOut: "probe" | "leaves" | "accepted"
}

export type ModuleFamily = "softhsm" | "ykcs11" | "opensc" | "nss" | "tpm2-pkcs11" | "opencryptoki" | "p11-kit" | "unknown"

const PLAIN: Quirks = {
    template: "full",
    keyIds: "free",
    contextLogin: "by-attribute",
    sessionObjects: "usable",
    absentMechanisms: [],
    pinLengths: undefined,
    wrapOut: "probe",
}

// NIST SP 800-73-4 part 2 §2.4.3: a PIV card's PIN has 6 to 8 bytes.
const PIV = { keyIds: "piv", sessionObjects: "none", pinLengths: { least: 6, most: 8 } } as const

/** Who made the library, by what C_GetInfo says. */
export function familyOf(library: { readonly manufacturer: string; readonly description: string }): ModuleFamily {
    const { manufacturer, description } = library
    if (/^SoftHSM/.test(manufacturer)) return "softhsm"
    if (/^Yubico/.test(manufacturer)) return "ykcs11"
    if (/^OpenSC/.test(manufacturer)) return "opensc"
    if (/^Mozilla/.test(manufacturer)) return "nss"
    if (/^tpm2-/.test(manufacturer) || /^TPM2/.test(description)) return "tpm2-pkcs11"
    if (/^(PKCS#11 Kit|p11-kit)/.test(manufacturer)) return "p11-kit"
    return /openCryptoki/i.test(`${manufacturer} ${description}`) ? "opencryptoki" : "unknown"
}

/** What a quirks file says, and of which token; see docs/formats/quirks.md. */
export type QuirksOverride = { readonly serial: string; readonly quirks: Partial<Quirks> }

/** What is known of a module before it is asked anything. `card`: what the token calls its maker. */
export function knownQuirks(family: ModuleFamily, card: string): Quirks {
    switch (family) {
        case "ykcs11":
            // ykcs11 2.2.0 answers EXTRACTABLE, whatever its value, with CKR_ATTRIBUTE_TYPE_INVALID.
            return { ...PLAIN, ...PIV, template: "minimal" }
        case "opensc":
            // It makes keys on the card, whatever CKA_TOKEN says; which card it is decides about the rest.
            return card.startsWith("piv_II") ? { ...PLAIN, ...PIV } : { ...PLAIN, sessionObjects: "none" }
        case "tpm2-pkcs11":
            // Three transient slots: a process holds one loaded key beside its login (1.9.0, without a resource manager).
            return { ...PLAIN, sessionObjects: "none" }
        default:
            return PLAIN
    }
}

const FIELDS = ["template", "keyIds", "contextLogin", "sessionObjects", "absentMechanisms", "pinLengths", "wrapOut"]
// CK_ULONG, and no PIN is longer.
const LONGEST_PIN = 1024

/** Those quirks that are named; the others stay as they are known. @throws FrameError */
function parseNamedQuirks(fields: Fields): Partial<Quirks> {
    requireOnly(fields, FIELDS)
    return {
        ...(fields.has("template") ? { template: fields.oneOf("template", ["full", "minimal"]) } : {}),
        ...(fields.has("keyIds") ? { keyIds: fields.oneOf("keyIds", ["free", "piv"]) } : {}),
        ...(fields.has("contextLogin") ? { contextLogin: fields.oneOf("contextLogin", ["by-attribute", "always"]) } : {}),
        ...(fields.has("sessionObjects") ? { sessionObjects: fields.oneOf("sessionObjects", ["usable", "none"]) } : {}),
        ...(fields.has("absentMechanisms") ? { absentMechanisms: parseMechanisms(fields) } : {}),
        ...(fields.has("pinLengths") ? { pinLengths: parsePinLengths(fields.fields("pinLengths")) } : {}),
        ...(fields.has("wrapOut") ? { wrapOut: fields.oneOf("wrapOut", ["probe", "leaves", "accepted"]) } : {}),
    }
}

function parseMechanisms(fields: Fields): readonly string[] {
    const names = fields.texts("absentMechanisms")
    if (!names.every((name) => /^(CKM_[A-Z0-9_]{1,60}|0x[0-9a-f]{8})$/.test(name)))
        throw new FrameError("absentMechanisms has a name that is none")
    return names
}

function parsePinLengths(fields: Fields): { readonly least: number; readonly most: number } {
    requireOnly(fields, ["least", "most"])
    const lengths = { least: fields.integer("least"), most: fields.integer("most") }
    if (lengths.least > lengths.most || lengths.most > LONGEST_PIN) throw new FrameError("pinLengths has no sense")
    return lengths
}

/** A typing error in a setting that protects must not be silence. */
function requireOnly(fields: Fields, known: readonly string[]): void {
    const unknown = fields.names().find((name) => !known.includes(name))
    if (unknown !== undefined) throw new FrameError(`there is no field ${JSON.stringify(unknown).slice(0, 60)}`)
}

export function parseQuirksOverride(fields: Fields): QuirksOverride {
    return { serial: fields.text("serial"), quirks: parseNamedQuirks(fields.fields("quirks")) }
}

export type QuirksFile = {
    /** The module's path, as it is configured. */
    readonly module: string
    readonly serial: string
    readonly library: string
    readonly writtenAt: string
    readonly quirks: Partial<Quirks>
}

const FORMAT = "trustkeyd quirks v1"

export function encodeQuirksFile({ module, serial, library, writtenAt, quirks }: QuirksFile): string {
    return `${JSON.stringify({ format: FORMAT, module, serial, library, writtenAt, quirks }, undefined, 4)}\n`
}

/** docs/formats/quirks.md. @throws module_invalid saying what is wrong with it, without the file's name */
export function parseQuirksFile(text: string): QuirksFile {
    try {
        const fields = Fields.parse(Buffer.from(text, "utf8"))
        requireOnly(fields, ["format", "module", "serial", "library", "writtenAt", "quirks"])
        if (fields.text("format") !== FORMAT) throw new FrameError(`format is not "${FORMAT}"`)
        return {
            module: fields.text("module"),
            serial: fields.text("serial"),
            library: fields.text("library"),
            writtenAt: fields.text("writtenAt"),
            quirks: parseNamedQuirks(fields.fields("quirks")),
        }
    } catch (error) {
        if (!(error instanceof FrameError)) throw error
        throw new TrustkeyError("module_invalid", `the token's quirks file has a mistake: ${error.message}`)
    }
}

/** All of them, as a signer tells them. @throws FrameError */
export function parseQuirks(fields: Fields): Quirks {
    return { ...PLAIN, ...parseNamedQuirks(fields) }
}

export function parseWrapProbe(fields: Fields): WrapProbe {
    return {
        verdict: fields.oneOf("verdict", ["kept", "leaves", "untested"]),
        reason: fields.text("reason"),
        ways: fields.list("ways").map((way) => ({
            way: way.text("way"),
            outcome: way.oneOf("outcome", ["came-out", "refused", "did-not-work"]),
            proven: way.flag("proven"),
            code: way.text("code"),
        })),
    }
}

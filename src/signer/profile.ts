import type { Algorithm } from "../crypto/index.ts"
import type { Fields } from "./fields.ts"
import { ALGORITHMS } from "./messages.ts"
import { type ModuleFamily, parseQuirks, parseWrapProbe, type Quirks, type WrapProbe } from "./quirks.ts"

/** yes: done just now. advertised: the mechanism list says so. broken: it says so, and it failed. */
export type Ability = "yes" | "advertised" | "broken" | "no"

export type ProfiledAlgorithm = { readonly algorithm: Algorithm; readonly makes: Ability; readonly signs: Ability; readonly detail: string }

/** A private key that was there before, as its attributes describe it. Nothing was done with it. */
export type ProfiledKey = {
    readonly id: string
    readonly label: string
    readonly alwaysAuthenticate: "yes" | "no" | "missing"
    readonly local: "yes" | "no" | "missing"
    readonly sensitive: "yes" | "no" | "missing"
    readonly extractable: "yes" | "no" | "missing"
    readonly neverExtractable: "yes" | "no" | "missing"
    /** EC_POINT on the private key itself. */
    readonly point: "der" | "bare" | "none"
    readonly curve: "named" | "explicit" | "none"
    readonly hasPublicKey: boolean
}

export type ProfiledSlot = {
    readonly id: string
    readonly description: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly present: boolean
}

/** What was found out about a module and the token in it. */
export type Profile = {
    readonly family: ModuleFamily
    readonly library: {
        readonly manufacturer: string
        readonly description: string
        readonly version: string
        readonly cryptoki: string
    }
    /** What C_Initialize answered, as CKR values: with nothing, with our arguments, and a second time. Only tried while nobody is logged in. */
    readonly initialize: { readonly bare: number; readonly ours: number; readonly again: number } | undefined
    readonly slots: readonly ProfiledSlot[]
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    /** Names of the set CKF_ flags that mean something to us. */
    readonly flags: readonly string[]
    readonly pin: { readonly least: number; readonly most: number }
    /** Of one process; 0: no limit is told. */
    readonly sessions: number
    /** A text field was filled up with NUL. */
    readonly nulPadding: boolean
    readonly mechanisms: readonly {
        readonly name: string
        readonly least: number
        readonly most: number
        readonly flags: readonly string[]
    }[]
    readonly algorithms: readonly ProfiledAlgorithm[]
    /** Undefined: nobody is logged in. */
    readonly keys: readonly ProfiledKey[] | undefined
    /** Which template made a key pair; undefined: none was made. */
    readonly template: "full" | "minimal" | undefined
    readonly wrap: WrapProbe | undefined
    /** In force now. */
    readonly quirks: Quirks
}

const ABILITIES = ["yes", "advertised", "broken", "no"] as const
const CLAIMS = ["yes", "no", "missing"] as const
const FAMILIES = ["softhsm", "ykcs11", "opensc", "nss", "tpm2-pkcs11", "opencryptoki", "p11-kit", "unknown"] as const

export function parseProfile(fields: Fields): Profile {
    const library = fields.fields("library")
    const pin = fields.fields("pin")
    return {
        family: fields.oneOf<ModuleFamily>("family", FAMILIES),
        library: {
            manufacturer: library.text("manufacturer"),
            description: library.text("description"),
            version: library.text("version"),
            cryptoki: library.text("cryptoki"),
        },
        initialize: fields.has("initialize") ? parseInitialize(fields.fields("initialize")) : undefined,
        slots: fields.list("slots").map((slot) => ({
            id: slot.text("id"),
            description: slot.text("description"),
            label: slot.text("label"),
            serial: slot.text("serial"),
            manufacturer: slot.text("manufacturer"),
            model: slot.text("model"),
            present: slot.flag("present"),
        })),
        label: fields.text("label"),
        serial: fields.text("serial"),
        manufacturer: fields.text("manufacturer"),
        model: fields.text("model"),
        flags: fields.texts("flags"),
        pin: { least: pin.integer("least"), most: pin.integer("most") },
        sessions: fields.integer("sessions"),
        nulPadding: fields.flag("nulPadding"),
        mechanisms: fields.list("mechanisms").map((each) => ({
            name: each.text("name"),
            least: each.integer("least"),
            most: each.integer("most"),
            flags: each.texts("flags"),
        })),
        algorithms: fields.list("algorithms").map((each) => ({
            algorithm: each.oneOf<Algorithm>("algorithm", ALGORITHMS),
            makes: each.oneOf<Ability>("makes", ABILITIES),
            signs: each.oneOf<Ability>("signs", ABILITIES),
            detail: each.text("detail"),
        })),
        keys: fields.has("keys") ? fields.list("keys").map(parseKey) : undefined,
        template: fields.has("template") ? fields.oneOf<"full" | "minimal">("template", ["full", "minimal"]) : undefined,
        wrap: fields.has("wrap") ? parseWrapProbe(fields.fields("wrap")) : undefined,
        quirks: parseQuirks(fields.fields("quirks")),
    }
}

function parseInitialize(fields: Fields): NonNullable<Profile["initialize"]> {
    return { bare: fields.integer("bare"), ours: fields.integer("ours"), again: fields.integer("again") }
}

function parseKey(fields: Fields): ProfiledKey {
    return {
        id: fields.text("id"),
        label: fields.text("label"),
        alwaysAuthenticate: fields.oneOf("alwaysAuthenticate", CLAIMS),
        local: fields.oneOf("local", CLAIMS),
        sensitive: fields.oneOf("sensitive", CLAIMS),
        extractable: fields.oneOf("extractable", CLAIMS),
        neverExtractable: fields.oneOf("neverExtractable", CLAIMS),
        point: fields.oneOf("point", ["der", "bare", "none"]),
        curve: fields.oneOf("curve", ["named", "explicit", "none"]),
        hasPublicKey: fields.flag("hasPublicKey"),
    }
}

import { TrustkeyError } from "../errors.ts"

export type ObjectType = "private" | "public" | "cert" | "secret-key" | "data"

/**
 * A PKCS#11 URI (RFC 7512), path attributes only, already decoded. An absent attribute matches anything; an empty one
 * matches only an empty value.
 */
export type Pkcs11Uri = {
    readonly token?: string
    readonly manufacturer?: string
    readonly serial?: string
    readonly model?: string
    readonly libraryManufacturer?: string
    readonly libraryDescription?: string
    readonly libraryVersion?: { readonly major: number; readonly minor: number }
    readonly object?: string
    readonly type?: ObjectType
    /** CKA_ID, raw bytes */
    readonly id?: Uint8Array
    readonly slotDescription?: string
    readonly slotManufacturer?: string
    readonly slotId?: bigint
}

/** What a module says of a slot and the token in it; fixed fields may still carry their padding. */
export type TokenFacts = {
    readonly label: string
    readonly manufacturer: string
    readonly serial: string
    readonly model: string
    readonly slotId?: bigint
    readonly slotDescription?: string
    readonly slotManufacturer?: string
    readonly libraryManufacturer?: string
    readonly libraryDescription?: string
    readonly libraryVersion?: { readonly major: number; readonly minor: number }
}

export type ObjectFacts = { readonly label: string; readonly id: Uint8Array; readonly type: ObjectType }

const OBJECT_TYPES: readonly ObjectType[] = ["private", "public", "cert", "secret-key", "data"]

const TEXT_FIELDS = {
    token: "token",
    manufacturer: "manufacturer",
    serial: "serial",
    model: "model",
    "library-manufacturer": "libraryManufacturer",
    "library-description": "libraryDescription",
    object: "object",
    "slot-description": "slotDescription",
    "slot-manufacturer": "slotManufacturer",
} as const

const QUERY_REFUSALS: Readonly<Record<string, string>> = {
    "pin-value": "a PIN does not belong into a URI: URIs are logged",
    "pin-source": "the PIN comes from a prompt or a credential, not from a URI",
    "module-path": "the module is named in the configuration, never in a URI",
    "module-name": "the module is named in the configuration, never in a URI",
}

// RFC 7512 §2.3: pk11-pchar. Everything else must be percent-encoded.
const PATH_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/
const MAX_URI = 4096

/**
 * Read a PKCS#11 URI. Stricter than RFC 7512 where laxity could change the meaning: no attribute twice, none unknown
 * (vendor ones included), no empty component, and no query at all.
 *
 * @throws invalid_request; the message never repeats a value
 */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
    if (text.length > MAX_URI) throw invalid("is too long")
    // RFC 3986 §3.1: the scheme is case-insensitive.
    if (!/^pkcs11:/i.test(text)) throw invalid('does not begin with "pkcs11:"')
    const question = text.indexOf("?")
    if (question !== -1) refuseQuery(text.slice(question + 1))
    const path = text.slice("pkcs11:".length)
    const fields: Partial<Record<string, string | bigint | Uint8Array | { major: number; minor: number }>> = {}
    const seen = new Set<string>()
    for (const component of path === "" ? [] : path.split(";")) {
        const equals = component.indexOf("=")
        if (component === "") throw invalid("has an empty component")
        if (equals === -1) throw invalid("has an attribute without a value")
        const name = component.slice(0, equals)
        const value = component.slice(equals + 1)
        if (Object.hasOwn(QUERY_REFUSALS, name)) throw invalid(`${name}: ${QUERY_REFUSALS[name]}`)
        if (seen.has(name)) throw invalid(`names ${name} twice`)
        if (!PATH_VALUE.test(value)) throw invalid("has a bad character or percent escape")
        const [field, decoded] = decodeAttribute(name, value)
        seen.add(name)
        fields[field] = decoded
    }
    return fields as Pkcs11Uri
}

function decodeAttribute(name: string, value: string): [string, string | bigint | Uint8Array | { major: number; minor: number }] {
    if (isTextField(name)) return [TEXT_FIELDS[name], decodeText(value)]
    if (name === "id") return ["id", decodeOctets(value)]
    if (name === "type") return ["type", parseObjectType(decodeText(value))]
    if (name === "slot-id") return ["slotId", parseSlotId(decodeText(value))]
    if (name === "library-version") return ["libraryVersion", parseVersion(decodeText(value))]
    throw invalid("has an unknown attribute")
}

function isTextField(name: string): name is keyof typeof TEXT_FIELDS {
    return Object.hasOwn(TEXT_FIELDS, name)
}

function refuseQuery(query: string): never {
    for (const component of query.split("&")) {
        const name = component.split("=", 1)[0] ?? ""
        if (Object.hasOwn(QUERY_REFUSALS, name)) throw invalid(`${name}: ${QUERY_REFUSALS[name]}`)
    }
    throw invalid("has a query part; only path attributes are used")
}

function decodeOctets(value: string): Uint8Array {
    const bytes: number[] = []
    for (let i = 0; i < value.length; i += 1) {
        if (value[i] === "%") {
            bytes.push(Number.parseInt(value.slice(i + 1, i + 3), 16))
            i += 2
        } else bytes.push(value.charCodeAt(i))
    }
    return Uint8Array.from(bytes)
}

function decodeText(value: string): string {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(decodeOctets(value))
    } catch {
        throw invalid("has a text attribute that is not UTF-8")
    }
}

function parseObjectType(text: string): ObjectType {
    const type = OBJECT_TYPES.find((known) => known === text)
    if (type === undefined) throw invalid("has an unknown object type")
    return type
}

function parseSlotId(text: string): bigint {
    if (!/^[0-9]{1,20}$/.test(text)) throw invalid("has a slot-id that is not a number")
    const slot = BigInt(text)
    if (slot > 0xffff_ffff_ffff_ffffn) throw invalid("has a slot-id that is too large")
    return slot
}

/** RFC 7512 §2.3: `M` means `M.0`. */
function parseVersion(text: string): { major: number; minor: number } {
    const match = /^([0-9]{1,3})(?:\.([0-9]{1,3}))?$/.exec(text)
    const major = Number(match?.[1] ?? Number.NaN)
    const minor = Number(match?.[2] ?? 0)
    if (!(major <= 255 && minor <= 255)) throw invalid("has a library-version that is not M or M.N")
    return { major, minor }
}

function invalid(what: string): TrustkeyError {
    return new TrustkeyError("invalid_request", `the PKCS#11 URI ${what}`)
}

/** The canonical form: path attributes in a fixed order, `id` with every byte escaped. Holds no secret, so it may be printed. */
export function formatPkcs11Uri(uri: Pkcs11Uri): string {
    const parts: string[] = []
    const text = (name: string, value: string | undefined): void => {
        if (value !== undefined) parts.push(`${name}=${escapeText(value)}`)
    }
    text("token", uri.token)
    text("manufacturer", uri.manufacturer)
    text("serial", uri.serial)
    text("model", uri.model)
    text("library-manufacturer", uri.libraryManufacturer)
    text("library-description", uri.libraryDescription)
    if (uri.libraryVersion !== undefined) parts.push(`library-version=${uri.libraryVersion.major}.${uri.libraryVersion.minor}`)
    text("object", uri.object)
    text("type", uri.type)
    if (uri.id !== undefined) parts.push(`id=${Array.from(uri.id, escapeByte).join("")}`)
    text("slot-description", uri.slotDescription)
    text("slot-manufacturer", uri.slotManufacturer)
    if (uri.slotId !== undefined) parts.push(`slot-id=${uri.slotId}`)
    return `pkcs11:${parts.join(";")}`
}

function escapeText(text: string): string {
    return Array.from(Buffer.from(text, "utf8"), (byte) => {
        const character = String.fromCharCode(byte)
        return /[A-Za-z0-9\-._~]/.test(character) ? character : escapeByte(byte)
    }).join("")
}

function escapeByte(byte: number): string {
    return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
}

/** PKCS#11 pads its fixed fields with blanks; opencryptoki and tpm2-pkcs11 with NULs. */
export function stripPadding(field: string): string {
    let end = field.length
    while (end > 0 && (field[end - 1] === " " || field[end - 1] === "\0")) end -= 1
    return field.slice(0, end)
}

/** Whether every token, slot and library attribute of `uri` agrees. Case matters; only the token's padding is dropped. */
export function matchesToken(uri: Pkcs11Uri, facts: TokenFacts): boolean {
    return (
        agrees(uri.token, facts.label) &&
        agrees(uri.manufacturer, facts.manufacturer) &&
        agrees(uri.serial, facts.serial) &&
        agrees(uri.model, facts.model) &&
        agrees(uri.slotDescription, facts.slotDescription) &&
        agrees(uri.slotManufacturer, facts.slotManufacturer) &&
        agrees(uri.libraryManufacturer, facts.libraryManufacturer) &&
        agrees(uri.libraryDescription, facts.libraryDescription) &&
        (uri.slotId === undefined || uri.slotId === facts.slotId) &&
        (uri.libraryVersion === undefined ||
            (uri.libraryVersion.major === facts.libraryVersion?.major && uri.libraryVersion.minor === facts.libraryVersion.minor))
    )
}

/** Whether the object attributes of `uri` agree. */
export function matchesObject(uri: Pkcs11Uri, facts: ObjectFacts): boolean {
    return (
        // CKA_LABEL has no fixed width, so it carries no padding and is compared as it is.
        (uri.object === undefined || uri.object === facts.label) &&
        (uri.type === undefined || uri.type === facts.type) &&
        (uri.id === undefined || Buffer.compare(uri.id, facts.id) === 0)
    )
}

function agrees(wanted: string | undefined, actual: string | undefined): boolean {
    return wanted === undefined || (actual !== undefined && wanted === stripPadding(actual))
}

/** Whether `uri` can name one key rather than whatever is plugged in: a token attribute and one of `id`, `object`. */
export function namesOneKey(uri: Pkcs11Uri): boolean {
    const token = uri.token !== undefined || uri.serial !== undefined || uri.manufacturer !== undefined || uri.model !== undefined
    return token && (uri.id !== undefined || uri.object !== undefined)
}

import { createPublicKey } from "node:crypto"
import { parsePem } from "./pem.ts"

/**
 * Whether a certificate is written in the one shape of docs/formats/ceremony-bundle.md, "A certificate": what is written otherwise, some readers take
 * and others don't, and whether a key counts must not depend on who reads. Its own reader of DER: forge's and OpenSSL's each bear something else.
 */
type Element = { readonly tag: number; readonly content: Buffer; readonly whole: Buffer }

const TAG = {
    boolean: 0x01,
    integer: 0x02,
    bits: 0x03,
    octets: 0x04,
    null: 0x05,
    oid: 0x06,
    utf8: 0x0c,
    printable: 0x13,
    ia5: 0x16,
    utcTime: 0x17,
    generalizedTime: 0x18,
    bmp: 0x1e,
    sequence: 0x30,
    set: 0x31,
    version: 0xa0,
    extensions: 0xa3,
} as const

const VERSION_3 = "a003020102"
const KEY_USAGE = "551d0f"
const BASIC_CONSTRAINTS = "551d13"
const EXT_KEY_USAGE = "551d25"
const CURVES = ["prime256v1", "secp384r1", "secp521r1"]
const LEAST_RSA = 2048
const LARGEST_RSA = 8192
/** What RSASSA-PSS needs. */
const PARAMETER_DEPTH = 4
const MAX_PEM = 256 * 1024
const MAX_CERTIFICATES = 20

/** Of a PEM list of certificates. @returns undefined when each is written as it must be */
export function certificatesFormProblem(pem: string): string | undefined {
    try {
        if (pem.length > MAX_PEM) return `it has more than ${MAX_PEM} bytes`
        const blocks = parsePem(pem, "none")
        if (blocks.length > MAX_CERTIFICATES) return "there are too many certificates"
        for (const { der } of blocks) checkCertificate(der)
        return undefined
    } catch (error) {
        return error instanceof Error ? error.message : "it can't be read"
    }
}

/** Of DER. @returns undefined when it is written as it must be */
export function certificateFormProblem(der: Uint8Array): string | undefined {
    try {
        checkCertificate(Buffer.from(der))
        return undefined
    } catch (error) {
        return error instanceof Error ? error.message : "it can't be read"
    }
}

function checkCertificate(der: Buffer): void {
    const [body, algorithm, signature] = exactly(inside(only(der), TAG.sequence), 3, "a certificate")
    checkBits(signature)
    const parts = [...inside(body, TAG.sequence)]
    if (parts[0]?.tag === TAG.version && parts.shift()?.whole.toString("hex") !== VERSION_3) refuse("its version is not 3")
    const extensions = parts[6] === undefined ? undefined : parts.pop()
    const [serial, innerAlgorithm, issuer, validity, subject, key] = exactly(parts, 6, "what is signed in a certificate")
    checkInteger(serial)
    if (innerAlgorithm === undefined || algorithm === undefined || !innerAlgorithm.whole.equals(algorithm.whole))
        refuse("it names two signature algorithms")
    const [method, ...parameters] = inside(algorithm, TAG.sequence)
    checkOid(method)
    for (const parameter of parameters) checkParameter(parameter, PARAMETER_DEPTH)
    for (const name of [issuer, subject]) checkName(name)
    for (const date of exactly(inside(validity, TAG.sequence), 2, "a validity")) checkDate(date)
    checkKey(key?.whole ?? refuse("there is no public key"))
    if (extensions !== undefined) checkExtensions(extensions)
}

/** None, NULL, or what RSASSA-PSS has. */
function checkParameter(element: Element, depth: number): void {
    const { tag, content } = element
    if (tag === TAG.oid) checkOid(element)
    else if (tag === TAG.integer) checkInteger(element)
    else if (depth > 0 && (tag === TAG.sequence || (tag & 0xfc) === 0xa0))
        for (const child of elementsOf(content)) checkParameter(child, depth - 1)
    else if (tag !== TAG.null || content.length > 0) refuse("a parameter of its signature is malformed")
}

function checkKey(spki: Buffer): void {
    const key = createPublicKey({ key: spki, format: "der", type: "spki" })
    const { namedCurve = "", modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
    const isKnown =
        key.asymmetricKeyType === "ed25519" ||
        (key.asymmetricKeyType === "ec" && CURVES.includes(namedCurve)) ||
        (key.asymmetricKeyType === "rsa" &&
            modulusLength >= LEAST_RSA &&
            modulusLength <= LARGEST_RSA &&
            publicExponent % 2n === 1n &&
            publicExponent >= 3n &&
            publicExponent < 2n ** 31n)
    if (!isKnown || !key.export({ type: "spki", format: "der" }).equals(spki)) refuse("its key is of an unknown kind, or malformed")
}

function checkName(name: Element | undefined): void {
    for (const relative of inside(name, TAG.sequence)) {
        for (const attribute of inside(relative, TAG.set)) {
            const [type, value] = exactly(inside(attribute, TAG.sequence), 2, "a part of a name")
            checkOid(type)
            checkText(value)
        }
    }
}

function checkText(value: Element | undefined): void {
    const { tag, content } = value ?? refuse("a name is missing")
    const isAscii = content.every((byte) => byte < 0x80)
    if ((tag === TAG.printable || tag === TAG.ia5) && isAscii) return
    if (tag === TAG.utf8 && Buffer.from(content.toString("utf8"), "utf8").equals(content)) return
    // UCS-2: what lies beyond its plane has no place in it.
    if (tag === TAG.bmp && content.length % 2 === 0 && content.every((byte, at) => at % 2 === 1 || byte < 0xd8 || byte > 0xdf)) return
    refuse("a name is not text of a kind that is read alike everywhere")
}

function checkDate(date: Element | undefined): void {
    const { tag, content } = date ?? refuse("a date is missing")
    const text = content.toString("latin1")
    const isDate = tag === TAG.utcTime ? /^\d{12}Z$/.test(text) : tag === TAG.generalizedTime && /^\d{14}Z$/.test(text)
    // A year 0 is one to some calendars only.
    if (!isDate || (tag === TAG.generalizedTime && text.startsWith("0000"))) refuse("a date is malformed")
}

function checkExtensions(extensions: Element): void {
    const [list] = exactly(inside(extensions, TAG.extensions), 1, "the extensions")
    const seen = new Set<string>()
    for (const extension of inside(list, TAG.sequence)) {
        const parts = [...inside(extension, TAG.sequence)]
        const [id, value] = [checkOid(parts.shift()), parts.pop()]
        if (seen.has(id)) refuse("an extension is there twice")
        seen.add(id)
        const isWhole = parts.length <= 1 && value?.tag === TAG.octets
        if (parts[0] !== undefined) checkBoolean(parts[0])
        checkValue(id, isWhole ? value.content : refuse("an extension is malformed"))
    }
}

/** Of those extensions that readers look into, whether or not they make anything of it. */
function checkValue(id: string, value: Buffer): void {
    if (id === BASIC_CONSTRAINTS) {
        const parts = [...inside(only(value), TAG.sequence)]
        if (parts[0]?.tag === TAG.boolean) checkBoolean(parts.shift())
        const length = parts.shift()
        if (length !== undefined && (checkInteger(length)[0] ?? 0x80) >= 0x80) refuse("a path length is below 0")
        if (parts.length > 0) refuse("basic constraints are malformed")
    }
    if (id === KEY_USAGE) {
        const { tag, content } = only(value)
        if (tag !== TAG.bits || content.length < 2 || content.length > 3 || (content[0] ?? 8) > 7) refuse("a key usage is malformed")
    }
    if (id === EXT_KEY_USAGE) for (const usage of inside(only(value), TAG.sequence)) checkOid(usage)
}

/** @returns its content, hex */
function checkOid(element: Element | undefined): string {
    const { tag, content } = element ?? refuse("an object identifier is missing")
    const isWhole = tag === TAG.oid && content.length > 0 && (content.at(-1) ?? 0x80) < 0x80
    // No number in it begins with needless zeros.
    if (!isWhole || content.some((byte, at) => byte === 0x80 && (content[at - 1] ?? 0) < 0x80)) refuse("an object identifier is malformed")
    return content.toString("hex")
}

function checkInteger(element: Element | undefined): Buffer {
    const { tag, content } = element ?? refuse("a number is missing")
    const [first, second = 0] = content
    const isPadded = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
    return tag === TAG.integer && first !== undefined && !isPadded ? content : refuse("a number is not in its shortest form")
}

function checkBoolean(element: Element | undefined): void {
    if (element?.tag !== TAG.boolean || !["00", "ff"].includes(element.content.toString("hex"))) refuse("a yes or no is malformed")
}

function checkBits(element: Element | undefined): void {
    if (element?.tag !== TAG.bits || element.content[0] !== 0) refuse("a run of bits is malformed, or not of whole bytes")
}

function exactly(elements: readonly Element[], count: number, what: string): readonly Element[] {
    return elements.length === count ? elements : refuse(`${what} has another structure`)
}

function inside(element: Element | undefined, tag: number): readonly Element[] {
    return element?.tag === tag ? elementsOf(element.content) : refuse("something has another type than expected")
}

function only(der: Buffer): Element {
    const [element, ...more] = elementsOf(der)
    return element === undefined || more.length > 0 ? refuse("there is not one element") : element
}

function elementsOf(der: Buffer): readonly Element[] {
    const elements: Element[] = []
    for (let at = 0; at < der.length; ) {
        const [tag = 0, short = 0] = [der[at], der[at + 1]]
        const size = short < 0x80 ? 0 : short - 0x80
        if (short === 0x80 || size > 3 || at + 2 + size > der.length) refuse("a length is malformed")
        const length = size === 0 ? short : der.readUIntBE(at + 2, size)
        if (size > 0 && length < Math.max(0x80, 2 ** (8 * (size - 1)))) refuse("a length is not in its shortest form")
        const [start, end] = [at + 2 + size, at + 2 + size + length]
        if (end > der.length) refuse("it ends too early")
        elements.push({ tag, content: der.subarray(start, end), whole: der.subarray(at, end) })
        at = end
    }
    return elements
}

function refuse(problem: string): never {
    throw new Error(problem)
}

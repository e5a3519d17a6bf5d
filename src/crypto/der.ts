import asn1 from "node-forge/lib/asn1.js"

export type Node = asn1.Asn1

export const { Class, Type } = asn1

/**
 * DER → tree. What does not encode to the same bytes again (BER, long lengths, trailing bytes) is refused, so a parsed
 * structure has one encoding only. forge keeps all of it as JavaScript strings: for public structures only.
 *
 * @throws Error of forge, or ours
 */
export function parseDer(der: Uint8Array): Node {
    const node = asn1.fromDer(Buffer.from(der).toString("latin1"), true)
    if (!encodeDer(node).equals(der)) throw new Error("not DER")
    return node
}

export function encodeDer(node: Node): Buffer {
    return Buffer.from(asn1.toDer(node).getBytes(), "latin1")
}

export function sequence(...children: Node[]): Node {
    return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, children)
}

export function set(...children: Node[]): Node {
    return asn1.create(Class.UNIVERSAL, Type.SET, true, children)
}

/** `[number] EXPLICIT` */
export function tagged(number: number, child: Node): Node {
    return asn1.create(Class.CONTEXT_SPECIFIC, number, true, [child])
}

export function primitive(type: asn1.Type, content: Uint8Array): Node {
    return asn1.create(Class.UNIVERSAL, type, false, Buffer.from(content).toString("latin1"))
}

export function text(type: asn1.Type, value: string): Node {
    return primitive(type, Buffer.from(value, "utf8"))
}

export function oid(value: string): Node {
    return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(value).getBytes())
}

export function nothing(): Node {
    return primitive(Type.NULL, Buffer.alloc(0))
}

export function yes(): Node {
    return primitive(Type.BOOLEAN, Buffer.from([0xff]))
}

/** A non-negative INTEGER from its big-endian bytes, shortest form. */
export function unsignedInteger(bytes: Uint8Array): Node {
    const first = bytes.findIndex((byte) => byte !== 0)
    const digits = first === -1 ? Buffer.alloc(1) : Buffer.from(bytes.subarray(first))
    const negative = (digits[0] ?? 0) >= 0x80
    return primitive(Type.INTEGER, negative ? Buffer.concat([Buffer.alloc(1), digits]) : digits)
}

/** Bytes of a BIT STRING; `unused` bits at its end are no part of it. */
export function bitString(bytes: Uint8Array, unused = 0): Node {
    return primitive(Type.BITSTRING, Buffer.concat([Buffer.from([unused]), bytes]))
}

export function isUniversal(node: Node | undefined, type: asn1.Type): node is Node {
    return node !== undefined && node.tagClass === Class.UNIVERSAL && node.type === type
}

export function isTagged(node: Node | undefined, number: number): node is Node {
    return node !== undefined && node.tagClass === Class.CONTEXT_SPECIFIC && Number(node.type) === number
}

/** @throws Error unless `node` is constructed */
export function childrenOf(node: Node | undefined): readonly Node[] {
    if (node === undefined || !node.constructed || !Array.isArray(node.value)) throw new Error("a structure is missing")
    return node.value
}

/** @throws Error unless `node` is a SEQUENCE */
export function sequenceOf(node: Node | undefined): readonly Node[] {
    if (!isUniversal(node, Type.SEQUENCE)) throw new Error("a SEQUENCE is missing")
    return childrenOf(node)
}

/** @throws Error unless `node` is primitive and, where asked, of that type */
export function contentOf(node: Node | undefined, type?: asn1.Type): Buffer {
    if (node === undefined || typeof node.value !== "string") throw new Error("a value is missing")
    if (type !== undefined && !isUniversal(node, type)) throw new Error("a value has the wrong type")
    return Buffer.from(node.value, "latin1")
}

/** @throws Error unless `node` is an OBJECT IDENTIFIER */
export function oidOf(node: Node | undefined): string {
    return dottedOid(contentOf(node, Type.OID))
}

/** The content of an OBJECT IDENTIFIER as people write it. */
export function dottedOid(content: Uint8Array): string {
    return asn1.derToOid(Buffer.from(content).toString("latin1"))
}

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { TrustkeyError } from "../../../src/errors.ts"
import {
    formatPkcs11Uri,
    matchesObject,
    matchesToken,
    namesOneKey,
    type ObjectType,
    type Pkcs11Uri,
    parsePkcs11Uri,
    type TokenFacts,
} from "../../../src/signer/index.ts"

const TOKEN: TokenFacts = {
    label: "trust                           ",
    manufacturer: "SoftHSM project                 ",
    serial: "7a0f5bd0a8e2d1c4",
    model: "SoftHSM v2\0\0\0\0\0\0",
    slotId: 955551775n,
    slotDescription: "SoftHSM slot ID 0x38f4a01f",
    slotManufacturer: "SoftHSM project",
    libraryManufacturer: "SoftHSM",
    libraryDescription: "Implementation of PKCS11",
    libraryVersion: { major: 2, minor: 6 },
}

function refused(text: string): void {
    assert.throws(
        () => parsePkcs11Uri(text),
        (error: unknown) => error instanceof TrustkeyError && error.code === "invalid_request",
        text,
    )
}

describe("reading a PKCS#11 URI", () => {
    test("decodes every path attribute", () => {
        const text =
            "pkcs11:token=My%20token;manufacturer=M;serial=00%2f1;model=X;library-manufacturer=L;library-description=D;library-version=2.6;" +
            "object=key%3b1;type=private;id=%00%ff%3B;slot-description=S;slot-manufacturer=T;slot-id=7"
        assert.deepEqual(parsePkcs11Uri(text), {
            token: "My token",
            manufacturer: "M",
            serial: "00/1",
            model: "X",
            libraryManufacturer: "L",
            libraryDescription: "D",
            libraryVersion: { major: 2, minor: 6 },
            object: "key;1",
            type: "private",
            id: Uint8Array.from([0, 255, 0x3b]),
            slotDescription: "S",
            slotManufacturer: "T",
            slotId: 7n,
        })
    })
    test("takes the scheme in any case, and nothing but the scheme", () => {
        assert.deepEqual(parsePkcs11Uri("PkCs11:token=a"), { token: "a" })
        assert.deepEqual(parsePkcs11Uri("pkcs11:"), {})
        for (const text of ["", "pkcs11", "pkcs12:token=a", "token=a", " pkcs11:token=a", "pkcs11:Token=a"]) refused(text)
    })
    test("refuses an attribute twice, an unknown one, and a vendor's", () => {
        for (const text of ["pkcs11:token=a;token=a", "pkcs11:colour=red", "pkcs11:x-vendor=1", "pkcs11:__proto__=1"]) refused(text)
    })
    test("refuses empty components and attributes without a value", () => {
        for (const text of ["pkcs11:token=a;", "pkcs11:;token=a", "pkcs11:token=a;;serial=b", "pkcs11:token"]) refused(text)
    })
    test("refuses bad percent escapes and characters that must be escaped", () => {
        for (const value of ["%", "%2", "%zz", "a b", "a/b", "a#b", 'a"b', "é", "a\n"]) refused(`pkcs11:token=${value}`)
    })
    test("refuses text that is not UTF-8, but not bytes in id", () => {
        refused("pkcs11:token=%ff")
        assert.deepEqual(parsePkcs11Uri("pkcs11:id=%ff%FF").id, Uint8Array.from([255, 255]))
    })
    test("refuses pin-value and module-path wherever they stand, without repeating the value", () => {
        for (const text of [
            "pkcs11:token=a?pin-value=483920",
            "pkcs11:token=a;pin-value=483920",
            "pkcs11:?module-path=/tmp/483920.so",
            "pkcs11:token=a?module-name=483920",
            "pkcs11:token=a?pin-source=file:/483920&pin-value=483920",
            "pkcs11:token=a?pin-source=%7ccat%20483920",
            "pkcs11:token=a?x=483920",
            "pkcs11:token=a?",
        ]) {
            assert.throws(
                () => parsePkcs11Uri(text),
                (error: unknown) => error instanceof TrustkeyError && error.code === "invalid_request" && !error.message.includes("483920"),
            )
        }
    })
    test("refuses unknown object types and numbers that are none", () => {
        for (const text of [
            "pkcs11:type=secret",
            "pkcs11:type=",
            "pkcs11:slot-id=0x1",
            "pkcs11:slot-id=",
            "pkcs11:slot-id=18446744073709551616",
        ]) {
            refused(text)
        }
        for (const version of ["", "2.", ".6", "2.6.1", "256", "a"]) refused(`pkcs11:library-version=${version}`)
        assert.deepEqual(parsePkcs11Uri("pkcs11:library-version=3").libraryVersion, { major: 3, minor: 0 })
    })
})

describe("matching", () => {
    test("drops blanks and NULs from the token's fields only", () => {
        assert.equal(matchesToken({ token: "trust", model: "SoftHSM v2" }, TOKEN), true)
        assert.equal(matchesToken({ token: "trust " }, TOKEN), false)
    })
    test("wants every attribute to agree, case and all", () => {
        assert.equal(
            matchesToken(parsePkcs11Uri("pkcs11:token=trust;serial=7a0f5bd0a8e2d1c4;library-version=2.6;slot-id=955551775"), TOKEN),
            true,
        )
        for (const other of [
            "token=Trust",
            "serial=7A0F5BD0A8E2D1C4",
            "manufacturer=",
            "library-version=2.5",
            "slot-id=1",
            "slot-description=x",
        ]) {
            assert.equal(matchesToken(parsePkcs11Uri(`pkcs11:${other}`), TOKEN), false, other)
        }
    })
    test("takes an absent attribute for anything and an empty one for an empty value", () => {
        assert.equal(matchesToken({}, TOKEN), true)
        assert.equal(matchesToken({ serial: "" }, { ...TOKEN, serial: "    " }), true)
        assert.equal(matchesToken({ serial: "" }, TOKEN), false)
    })
    test("compares an object's label and id to the letter", () => {
        const object = { label: "root", id: Uint8Array.from([1, 2]), type: "private" as const }
        assert.equal(matchesObject(parsePkcs11Uri("pkcs11:object=root;id=%01%02;type=private"), object), true)
        for (const other of ["object=root%20", "object=", "id=%01", "id=", "type=public"]) {
            assert.equal(matchesObject(parsePkcs11Uri(`pkcs11:${other}`), object), false, other)
        }
    })
    test("knows which URIs can name one key", () => {
        assert.equal(namesOneKey(parsePkcs11Uri("pkcs11:serial=1;id=%01")), true)
        assert.equal(namesOneKey(parsePkcs11Uri("pkcs11:token=a;object=k")), true)
        for (const text of ["pkcs11:", "pkcs11:serial=1", "pkcs11:id=%01", "pkcs11:slot-id=1;id=%01"]) {
            assert.equal(namesOneKey(parsePkcs11Uri(text)), false, text)
        }
    })
})

const text = fc.option(fc.string({ unit: "binary", maxLength: 20 }), { nil: undefined })
const byte = fc.integer({ min: 0, max: 255 })
const uris = fc
    .record({
        token: text,
        manufacturer: text,
        serial: text,
        model: text,
        libraryManufacturer: text,
        libraryDescription: text,
        libraryVersion: fc.option(fc.record({ major: byte, minor: byte }, { noNullPrototype: true }), { nil: undefined }),
        object: text,
        type: fc.option(fc.constantFrom<ObjectType>("private", "public", "cert", "secret-key", "data"), { nil: undefined }),
        id: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
        slotDescription: text,
        slotManufacturer: text,
        slotId: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
    })
    .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Pkcs11Uri)

describe("writing a PKCS#11 URI", () => {
    test("reading what was written gives the same URI", () => {
        fc.assert(fc.property(uris, (uri) => assert.deepEqual(parsePkcs11Uri(formatPkcs11Uri(uri)), uri)))
    })
    test("the written form is a fixed point and plain ASCII", () => {
        fc.assert(
            fc.property(uris, (uri) => {
                const written = formatPkcs11Uri(uri)
                assert.equal(formatPkcs11Uri(parsePkcs11Uri(written)), written)
                assert.match(written, /^pkcs11:[A-Za-z0-9\-._~%;=]*$/)
            }),
        )
    })
    test("any text is read or refused, never something else", () => {
        const noise = fc.stringMatching(/^pkcs11:[a-z%0-9;=&?.-]{0,40}$/)
        fc.assert(
            fc.property(fc.oneof(noise, fc.string()), (input) => {
                try {
                    parsePkcs11Uri(input)
                } catch (error) {
                    assert.ok(error instanceof TrustkeyError && error.code === "invalid_request")
                }
            }),
        )
    })
})

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { encodeQuirksFile, parseQuirksFile, type QuirksFile } from "../../../src/signer/index.ts"
import { familyOf, knownQuirks } from "../../../src/signer/quirks.ts"

const FILE: QuirksFile = {
    module: "/usr/lib/softhsm/libsofthsm2.so",
    serial: "33764da781d3f2bc",
    library: "SoftHSM, Implementation of PKCS11 2.6",
    writtenAt: "2026-11-21T15:29:24.014Z",
    quirks: {
        template: "minimal",
        keyIds: "free",
        contextLogin: "always",
        sessionObjects: "none",
        absentMechanisms: ["CKM_EDDSA", "0x80000001"],
        pinLengths: { least: 6, most: 8 },
        wrapOut: "leaves",
    },
}

function edited(change: (document: Record<string, unknown>, quirks: Record<string, unknown>) => void): string {
    const document = JSON.parse(encodeQuirksFile(FILE)) as Record<string, unknown>
    change(document, document["quirks"] as Record<string, unknown>)
    return JSON.stringify(document)
}

describe("a quirks file", () => {
    test("is read as it was written", () => {
        assert.deepEqual(parseQuirksFile(encodeQuirksFile(FILE)), FILE)
        assert.deepEqual(parseQuirksFile(encodeQuirksFile({ ...FILE, quirks: {} })), { ...FILE, quirks: {} })
    })

    for (const [what, text, message] of [
        ["no JSON", "{", /not a JSON object/],
        ["a list", "[]", /not a JSON object/],
        ["an unknown field", edited((document) => Object.assign(document, { wrapout: "leaves" })), /there is no field "wrapout"/],
        ["an unknown quirk", edited((_, quirks) => Object.assign(quirks, { wrap_out: "leaves" })), /there is no field "wrap_out"/],
        ["an unknown value", edited((_, quirks) => Object.assign(quirks, { wrapOut: "kept" })), /wrapOut has an unknown value/],
        ["another type", edited((_, quirks) => Object.assign(quirks, { wrapOut: true })), /wrapOut is not a string/],
        ["another format", edited((document) => Object.assign(document, { format: "trustkeyd quirks v2" })), /format is not/],
        ["no serial", edited((document) => delete document["serial"]), /serial is not a string/],
        ["PIN lengths without sense", edited((_, quirks) => Object.assign(quirks, { pinLengths: { least: 9, most: 8 } })), /pinLengths/],
        [
            "PIN lengths with more",
            edited((_, quirks) => Object.assign(quirks, { pinLengths: { least: 1, most: 8, pin: 1 } })),
            /no field "pin"/,
        ],
        ["a mechanism that is none", edited((_, quirks) => Object.assign(quirks, { absentMechanisms: ["ECDSA"] })), /absentMechanisms/],
    ] as const) {
        test(`with ${what} is refused`, () => {
            assert.throws(() => parseQuirksFile(text), { code: "module_invalid", message })
        })
    }
})

describe("what is known of a module's family", () => {
    test("goes by what the library says of itself", () => {
        const family = (manufacturer: string, description = ""): string => familyOf({ manufacturer, description })
        assert.deepEqual(
            [
                family("SoftHSM"),
                family("Yubico (www.yubico.com)"),
                family("OpenSC Project"),
                family("Mozilla Foundation"),
                family("p11-kit"),
                family("tpm2-software.github.io"),
                family("IBM", "openCryptoki"),
                family("Not SoftHSM"),
            ],
            ["softhsm", "ykcs11", "opensc", "nss", "p11-kit", "tpm2-pkcs11", "opencryptoki", "unknown"],
        )
    })

    test("keeps the probe from making keys where a key of the session would be a key on the card", () => {
        for (const [family, card] of [
            ["ykcs11", "Yubico (www.yubico.com)"],
            ["opensc", "piv_II"],
            ["opensc", "MyEID"],
            ["tpm2-pkcs11", "IBM"],
        ] as const) {
            assert.equal(knownQuirks(family, card).sessionObjects, "none", `${family} ${card}`)
        }
        assert.deepEqual(knownQuirks("ykcs11", "").pinLengths, { least: 6, most: 8 })
        assert.equal(knownQuirks("opensc", "MyEID").keyIds, "free")
        assert.equal(knownQuirks("unknown", "").wrapOut, "probe")
    })
})

import assert from "node:assert/strict"
import { createHash, X509Certificate } from "node:crypto"
import { describe, test } from "node:test"
import { gzipSync } from "node:zlib"
import { generatePrivateKey, type PublicKeyBytes } from "../../../../src/crypto/index.ts"
import type { PivSlot } from "../../../../src/signer/piv/description.ts"
import { INS } from "../../../support/yubikey/card.ts"
import { certificateFor } from "../../../support/yubikey/certificate.ts"
import { factoryState } from "../../../support/yubikey/state.ts"
import { encodeTlv } from "../../../support/yubikey/tlv.ts"
import { DEFAULT_KEY, hex, refused, VirtualLink } from "./virtual-link.ts"

const ALWAYS = { pinPolicy: "always", touchPolicy: "always" } as const
const ONCE = { pinPolicy: "once", touchPolicy: "never" } as const
const FIRMWARES = [
    [5, 4, 3],
    [5, 7, 1],
] as const

function spki(certificate: Uint8Array): Buffer {
    return new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" })
}

function sameKey(a: PublicKeyBytes | undefined, b: PublicKeyBytes): void {
    assert.deepEqual(a === undefined ? undefined : [a.keytype, Buffer.from(a.bytes)], [b.keytype, Buffer.from(b.bytes)])
}

for (const firmware of FIRMWARES) {
    describe(`a card of firmware ${firmware.join(".")}`, () => {
        for (const [slot, algorithm] of [
            ["9a", "p256"],
            ["9c", "p384"],
            ["95", "rsa2048"],
        ] as const) {
            test(`makes a ${algorithm} key in ${slot} with the policies asked for, and attests it`, () => {
                const card = new VirtualLink({ firmware }).open()
                const { publicKey, attested } = card.generate(slot, algorithm, ALWAYS, hex(DEFAULT_KEY))
                const [facts, ...others] = card.describe().slots
                assert.equal(others.length, 0)
                assert.deepEqual(
                    [facts?.slot, facts?.algorithm, facts?.pinPolicy, facts?.touchPolicy, facts?.origin],
                    [slot, algorithm, "always", "always", "generated"],
                )
                sameKey(facts?.publicKey, publicKey)
                const again = card.attest(slot)
                assert.deepEqual(spki(attested?.attestation ?? Buffer.alloc(0)), Buffer.from(publicKey.bytes))
                const statement = new X509Certificate(again.attestation)
                assert.ok(statement.verify(new X509Certificate(again.intermediate).publicKey))
            })

            test(`takes a ${algorithm} key, which is imported for ever and has no attestation`, () => {
                const card = new VirtualLink({ firmware }).open()
                const { pkcs8, publicKey } = generatePrivateKey(algorithm)
                sameKey(card.importKey(slot, pkcs8, ONCE, hex(DEFAULT_KEY)), publicKey)
                const [facts] = card.describe().slots
                assert.deepEqual([facts?.origin, facts?.pinPolicy, facts?.touchPolicy], ["imported", "once", "never"])
                sameKey(facts?.publicKey, publicKey)
                refused(() => card.attest(slot), "not_found")
            })
        }

        test("never loses a key to another, made or given", () => {
            const link = new VirtualLink({ firmware })
            const card = link.open()
            card.generate("9c", "p256", ALWAYS, hex(DEFAULT_KEY))
            const before = link.card.state
            const sent = link.count(INS.authenticate)
            refused(() => card.generate("9c", "p384", ALWAYS, hex(DEFAULT_KEY)), "already_exists", /9c/)
            refused(() => card.importKey("9c", generatePrivateKey("p256").pkcs8, ALWAYS, hex(DEFAULT_KEY)), "already_exists", /9c/)
            assert.equal(link.card.state, before)
            assert.equal(link.count(INS.authenticate), sent)
        })

        test("has no room for kinds of keys that it doesn't know, and is not asked", () => {
            const link = new VirtualLink({ firmware })
            const card = link.open()
            const before = link.sent.length
            for (const algorithm of ["ed25519", "rsa3072"] as const) {
                refused(() => card.generate("9a", algorithm, ONCE, hex(DEFAULT_KEY)), "key_unfit", new RegExp(algorithm))
                refused(() => card.importKey("9a", generatePrivateKey(algorithm).pkcs8, ONCE, hex(DEFAULT_KEY)), "key_unfit")
            }
            assert.equal(link.sent.length, before)
        })

        test("keeps a certificate of any size it has room for, and gives up the present one only by its name", () => {
            const link = new VirtualLink({ firmware })
            const card = link.open()
            const { pkcs8, publicKey } = generatePrivateKey("p256")
            card.importKey("82", pkcs8, ONCE, hex(DEFAULT_KEY))
            const [first, second] = [certificateFor(publicKey), certificateFor(publicKey, 2600)]
            card.putCertificate("82", first, hex(DEFAULT_KEY))
            assert.deepEqual(card.certificate("82"), first)
            card.putCertificate("82", first, hex("00".repeat(24)))
            refused(() => card.putCertificate("82", second, hex(DEFAULT_KEY)), "already_exists")
            const wrong = createHash("sha256").update(second).digest("hex")
            refused(() => card.putCertificate("82", second, hex(DEFAULT_KEY), wrong), "already_exists")
            card.putCertificate("82", second, hex(DEFAULT_KEY), createHash("sha256").update(first).digest("hex"))
            assert.deepEqual(card.describe().slots[0]?.certificate, second)
            refused(() => card.putCertificate("83", certificateFor(publicKey, 3200), hex(DEFAULT_KEY)), "token_failed", /no room/)
        })

        test("keeps no certificate for another key than the slot's", () => {
            const card = new VirtualLink({ firmware }).open()
            card.generate("9c", "p256", ONCE, hex(DEFAULT_KEY))
            const other = certificateFor(generatePrivateKey("p256").publicKey)
            refused(() => card.putCertificate("9c", other, hex(DEFAULT_KEY)), "invalid_request", /another key/)
            refused(() => card.putCertificate("9c", Buffer.from("not DER"), hex(DEFAULT_KEY)), "invalid_request")
        })

        test("shows a certificate without a key, and one that is compressed", () => {
            const certificate = certificateFor(generatePrivateKey("p256").publicKey)
            const link = new VirtualLink({ firmware })
            link.open().putCertificate("9d", certificate, hex(DEFAULT_KEY))
            const [facts] = link.open().describe().slots
            assert.deepEqual(
                [facts?.slot, facts?.algorithm, facts?.publicKey, facts?.pinPolicy, facts?.origin],
                ["9d", undefined, undefined, "unknown", "unknown"],
            )
            assert.deepEqual(facts?.certificate, certificate)
            const packed = new VirtualLink({}, packCertificate(link.card.state, "5fc10b", certificate))
            assert.deepEqual(packed.open().certificate("9d"), certificate)
        })
    })
}

describe("a card before firmware 5.3", () => {
    const spec = { firmware: [5, 2, 7] } as const
    test("tells of the keys it made by their attestations, and not what it can't know", () => {
        // Made when the card could still say that its slots are empty.
        const made = new VirtualLink()
        made.open().generate("9c", "p256", { pinPolicy: "once", touchPolicy: "cached" }, hex(DEFAULT_KEY))
        made.open().importKey("9a", generatePrivateKey("p256").pkcs8, ONCE, hex(DEFAULT_KEY))
        const link = new VirtualLink({}, { ...made.card.state, ...spec })
        const description = link.open().describe()
        assert.deepEqual(
            {
                ...description,
                slots: description.slots.map(({ slot, algorithm, pinPolicy, touchPolicy, origin }) => [
                    slot,
                    algorithm,
                    pinPolicy,
                    touchPolicy,
                    origin,
                ]),
            },
            {
                serial: "12345678",
                firmware: "5.2.7",
                managementKey: { algorithm: "3des", isDefault: "unknown", touch: "unknown" },
                pinTries: 3,
                pinIsDefault: "unknown",
                slots: [["9c", "p256", "once", "cached", "generated"]],
            },
        )
    })

    test("gets no key from us, for a slot that seems empty may hold one", () => {
        const link = new VirtualLink(spec)
        const card = link.open()
        refused(() => card.generate("9c", "p256", ALWAYS, hex(DEFAULT_KEY)), "key_unfit", /5\.2\.7/)
        refused(() => card.importKey("9c", generatePrivateKey("p256").pkcs8, ALWAYS, hex(DEFAULT_KEY)), "key_unfit")
        assert.deepEqual(Object.keys(link.card.state.slots), ["f9"])
    })

    test("says its serial number through the OTP applet when PIV doesn't", () => {
        const link = new VirtualLink(spec)
        link.between = (apdu, _index, pass) => (apdu[1] === INS.getSerial ? Buffer.from("6d00", "hex") : pass())
        assert.equal(link.open().serial, "12345678")
        assert.equal(link.open().describe().pinTries, 3)
    })
})

test("a card that was sold as it is says so, and one that has its own PIN and keys as well", () => {
    const link = new VirtualLink()
    assert.deepEqual([link.open().describe().pinIsDefault, link.open().describe().managementKey.isDefault], ["yes", "yes"])
    const state = factoryState({ serial: 1 })
    const own = new VirtualLink(
        {},
        { ...state, pin: { ...state.pin, value: "31".repeat(8) }, management: { algorithm: 3, key: "ab".repeat(24), touchPolicy: 2 } },
    )
    assert.equal(own.open().describe().pinIsDefault, "no")
    assert.deepEqual(own.open().describe().managementKey, { algorithm: "3des", isDefault: "no", touch: "always" })
})

test("every slot has a place for its certificate that no other has", () => {
    const link = new VirtualLink()
    const card = link.open()
    const slots: readonly PivSlot[] = ["9a", "9c", "9d", "9e", "82", "83", "8a", "8f", "90", "95"]
    const written = slots.map((slot) => {
        const certificate = certificateFor(generatePrivateKey("p256").publicKey)
        card.putCertificate(slot, certificate, hex(DEFAULT_KEY))
        return certificate
    })
    assert.deepEqual(
        slots.map((slot) => card.certificate(slot)),
        written,
    )
    // SP 800-73-4 part 1 table 3: 9c's, and the first and last of the retired ones.
    for (const object of ["5fc10a", "5fc10d", "5fc120"]) assert.ok(link.card.state.objects[object] !== undefined, object)
})

function packCertificate(state: VirtualLink["card"]["state"], object: string, certificate: Buffer): VirtualLink["card"]["state"] {
    const content = Buffer.concat([encodeTlv(0x70, gzipSync(certificate)), encodeTlv(0x71, Buffer.from([1])), encodeTlv(0xfe)])
    return { ...state, objects: { ...state.objects, [object]: content.toString("hex") } }
}

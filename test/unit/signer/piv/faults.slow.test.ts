import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { generatePrivateKey, type PublicKeyBytes } from "../../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../../src/errors.ts"
import type { PivCard } from "../../../../src/signer/piv/piv-card.ts"
import { INS } from "../../../support/yubikey/card.ts"
import { certificateFor } from "../../../support/yubikey/certificate.ts"
import { DEFAULT_KEY, hex, refused, text, VirtualLink } from "./virtual-link.ts"

const POLICIES = { pinPolicy: "always", touchPolicy: "never" } as const
const NEXT_KEY = "5a".repeat(32)
const GIVEN = generatePrivateKey("p256")
const CERTIFICATE = certificateFor(GIVEN.publicKey, 600)

type Operation = { readonly name: string; readonly run: (card: PivCard) => PublicKeyBytes | undefined }

const OPERATIONS: readonly Operation[] = [
    operation("describe", (card) => card.describe()),
    operation("attest", (card) => card.attest("9a")),
    { name: "generate", run: (card) => card.generate("9c", "p384", POLICIES, hex(DEFAULT_KEY)).publicKey },
    { name: "import", run: (card) => card.importKey("9c", GIVEN.pkcs8, POLICIES, hex(DEFAULT_KEY)) },
    operation("put a certificate", (card) => card.putCertificate("82", CERTIFICATE, hex(DEFAULT_KEY))),
    operation("set the management key", (card) => card.setManagementKey(hex(DEFAULT_KEY), hex(NEXT_KEY), "aes256")),
    operation("change the PIN", (card) => card.changePin(text("123456"), text("654321"))),
    operation("change the PUK", (card) => card.changePuk(text("12345678"), text("87654321"))),
    operation("unblock the PIN", (card) => card.unblockPin(text("12345678"), text("654321"))),
]

function operation(name: string, run: (card: PivCard) => unknown): Operation {
    return {
        name,
        run: (card) => {
            run(card)
            return undefined
        },
    }
}

/** A card with one key of its own in 9a. */
function freshLink(): VirtualLink {
    return new VirtualLink({}, START)
}
const maker = new VirtualLink()
maker.open().generate("9a", "p256", POLICIES, hex(DEFAULT_KEY))
const START = maker.card.state

function runOn(link: VirtualLink, { run }: Operation): PublicKeyBytes | undefined {
    return run(link.open())
}

/** What a card has and what counts there: of one of the two states, never of a third. */
function stateOf(link: VirtualLink): string {
    const { slots, objects, pin, puk, management } = link.card.state
    const keys = Object.entries(slots).map(([slot, key]) => [slot, key.pinPolicy, key.touchPolicy, key.origin])
    return JSON.stringify([keys, objects, pin, puk, management])
}

describe("a card that is pulled out", () => {
    for (const each of OPERATIONS) {
        test(`at any APDU of "${each.name}" leaves the old state or the new one, and no secret behind`, () => {
            const whole = freshLink()
            const before = stateOf(whole)
            runOn(whole, each)
            const after = stateOf(whole)
            for (let place = 0; place < whole.sent.length; place += 1) {
                for (const isLost of ["command", "answer"] as const) {
                    const link = freshLink()
                    link.between = (_apdu, index, pass) => {
                        if (index === place && isLost === "answer") pass()
                        if (index >= place) throw new TrustkeyError("token_absent", "the card is not there; insert it")
                        return pass()
                    }
                    refused(() => runOn(link, each), "token_absent")
                    assert.ok([before, after].includes(stateOf(link)), `${place}, ${isLost} lost`)
                    assert.equal(link.sent.length, place + 1, "nothing is sent after the failure")
                    assert.ok(
                        link.originals.every((apdu) => apdu[1] === 0xc0 || apdu.every((byte) => byte === 0)),
                        "every APDU is wiped",
                    )
                    link.between = (_apdu, _index, pass) => pass()
                    link.card.powerOff()
                    link.open()
                }
            }
        })
    }

    test("after it made a key, before it said which, keeps that key: the next attempt doesn't overwrite it", () => {
        const link = freshLink()
        link.between = (apdu, _index, pass) => {
            const answer = pass()
            if (apdu[1] === INS.generate) throw new TrustkeyError("token_absent", "the card is not there; insert it")
            return answer
        }
        refused(() => link.open().generate("9c", "p256", POLICIES, hex(DEFAULT_KEY)), "token_absent")
        const made = link.card.state.slots["9c"]
        assert.ok(made !== undefined)
        link.card.powerOff()
        refused(() => link.open().generate("9c", "p256", POLICIES, hex(DEFAULT_KEY)), "already_exists")
        assert.equal(link.card.state.slots["9c"], made)
    })
})

test("a secret is in no buffer of ours after it was used", () => {
    const link = freshLink()
    const card = link.open()
    card.changePin(text("123456"), text("654321"))
    card.setManagementKey(hex(DEFAULT_KEY), hex(NEXT_KEY), "aes256")
    assert.ok(link.sent.some((apdu) => apdu.includes("654321")))
    assert.ok(link.originals.every((apdu) => !apdu.includes("654321") && !apdu.includes(Buffer.from(NEXT_KEY, "hex"))))
})

/** Bits turned over, parts cut off or repeated, other status words, or anything at all. */
const LIES = fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), at: fc.nat(600), mask: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant("cut" as const), length: fc.nat(600) }),
    fc.record({
        kind: fc.constant("status" as const),
        sw: fc.constantFrom(0x6100, 0x6300, 0x63c0, 0x63c2, 0x6982, 0x6983, 0x6a80, 0x6a82, 0x6a88, 0x6d00, 0x6f00),
    }),
    fc.record({ kind: fc.constant("bytes" as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
)
type Lie = typeof LIES extends fc.Arbitrary<infer T> ? T : never

function lied(answer: Buffer, lie: Lie): Buffer {
    switch (lie.kind) {
        case "flip": {
            const bytes = Buffer.from(answer)
            const at = lie.at % bytes.length
            bytes[at] = (bytes[at] ?? 0) ^ lie.mask
            return bytes
        }
        case "cut":
            return answer.subarray(0, lie.length % answer.length)
        case "status":
            return Buffer.from([lie.sw >> 8, lie.sw & 0xff])
        case "bytes":
            return Buffer.from(lie.bytes)
    }
}

describe("a card that lies once", () => {
    for (const each of OPERATIONS) {
        test(`in "${each.name}" is refused in our words or without effect, and gets no secret twice`, () => {
            fc.assert(
                fc.property(fc.nat(40), LIES, (place, lie) => {
                    const link = freshLink()
                    let isOver = false
                    link.between = (_apdu, index, pass) => {
                        const answer = pass()
                        if (isOver || index < place) return answer
                        isOver = true
                        return lied(answer, lie)
                    }
                    let key: PublicKeyBytes | undefined
                    try {
                        key = runOn(link, each)
                    } catch (error) {
                        assert.ok(error instanceof TrustkeyError && error.code !== "internal", String(error))
                    }
                    assert.ok(link.sent.length < 300)
                    assert.ok(link.count(INS.changeReference) + link.count(INS.resetRetry) <= 1)
                    assert.ok(link.count(INS.importKey) <= 1)
                    // A key we report is the one that is there.
                    if (key !== undefined) assert.deepEqual(Buffer.from(key.bytes), Buffer.from(publicKeyOnCard(link).bytes))
                }),
                { numRuns: 150 },
            )
        })
    }

    test("about the key it made, or the policies of it, is found out", () => {
        const other = new VirtualLink()
        other.open().generate("9c", "p384", { pinPolicy: "once", touchPolicy: "never" }, hex(DEFAULT_KEY))
        for (const instruction of [INS.getMetadata, INS.attest]) {
            const link = freshLink()
            let isMade = false
            link.between = (apdu, _index, pass) => {
                const answer = pass()
                if (apdu[1] === INS.generate) isMade = true
                if (!isMade || apdu[1] !== instruction) return answer
                const outcome = other.card.transmit(apdu)
                return "answer" in outcome ? outcome.answer : answer
            }
            refused(() => link.open().generate("9c", "p384", POLICIES, hex(DEFAULT_KEY)), "key_unfit", /must not be used/)
        }
        const weaker = freshLink()
        weaker.between = (apdu, _index, pass) => {
            // Policies are at the end of the template: the card reads "never" for both.
            if (apdu[1] === INS.generate) Buffer.from("aa0101ab0101", "hex").copy(apdu, apdu.length - 6)
            return pass()
        }
        refused(() => weaker.open().generate("9c", "p384", POLICIES, hex(DEFAULT_KEY)), "key_unfit", /asked for always, it has never/)
    })
})

function publicKeyOnCard(link: VirtualLink): PublicKeyBytes {
    link.between = (_apdu, _index, pass) => pass()
    const facts = link
        .open()
        .describe()
        .slots.find(({ slot }) => slot === "9c")
    assert.ok(facts?.publicKey !== undefined)
    return facts.publicKey
}

test("a card of another kind than a YubiKey is not taken for one", () => {
    const link = new VirtualLink()
    link.between = (apdu, _index, pass) => (apdu[1] === INS.select ? Buffer.from("6a82", "hex") : pass())
    refused(() => link.open(), "token_failed", /select PIV/)
    for (const [instruction, answer] of [
        [INS.getVersion, "05049000"],
        [INS.getVersion, "0504030201900000"],
        [INS.getSerial, "009000"],
        [INS.getSerial, "9000"],
    ] as const) {
        link.between = (apdu, _index, pass) => (apdu[1] === instruction ? Buffer.from(answer, "hex") : pass())
        refused(() => link.open(), "token_failed")
    }
})

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { createAttestationAuthority } from "../../support/yubikey/attestation.ts"
import { INS } from "../../support/yubikey/card.ts"
import { DEFAULT_MANAGEMENT_KEY, factoryState, MANAGEMENT } from "../../support/yubikey/state.ts"
import { encodeTlv, parseTlvs, TlvError } from "../../support/yubikey/tlv.ts"
import { Applet } from "./applet.ts"

// Generating RSA keys takes too long for a thousand runs.
const NO_RSA = (apdu: Buffer): boolean => !(apdu[1] === INS.generate && (apdu.includes("800106", "hex") || apdu.includes("800107", "hex")))

const state = factoryState({ serial: 1, firmware: [5, 7, 1], authority: createAttestationAuthority("ec") })

const instruction = fc.constantFrom(...Object.values(INS), 0xc0)
const slot = fc.constantFrom(0x00, 0x3f, 0x80, 0x81, 0x9a, 0x9b, 0x9c, 0x9e, 0x82, 0xf9, 0xff, 0x11, 0x0a, 0x07)
const element: fc.Arbitrary<Buffer> = fc
    .tuple(
        fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x5c, 0x53, 0x80, 0x81, 0x82, 0x85, 0xaa, 0xab),
        fc.uint8Array({ maxLength: 50 }),
    )
    .map(([tag, value]) => encodeTlv(tag, value))
const template = fc
    .tuple(fc.constantFrom(0x7c, 0xac, 0x53), fc.array(element, { maxLength: 4 }))
    .map(([tag, elements]) => encodeTlv(tag, ...elements))
const data = fc.oneof(
    fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
    template,
    fc.array(element, { maxLength: 6 }).map((elements) => Buffer.concat(elements)),
)
const plausible = fc
    .tuple(fc.constantFrom(0x00, 0x00, 0x00, 0x10), instruction, slot, slot, data)
    .map(([cla, ins, p1, p2, body]) => Buffer.concat([Buffer.from([cla, ins, p1, p2, body.length & 0xff]), body.subarray(0, 255)]))
const broken = fc
    .tuple(plausible, fc.nat(300), fc.nat(255))
    .map(([apdu, at, value]) =>
        at % 3 === 0 ? apdu.subarray(0, at) : Buffer.concat([apdu.subarray(0, at), Buffer.from([value]), apdu.subarray(at)]),
    )
const apdu = fc.oneof(
    plausible,
    broken,
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
)

test("whatever is sent, open or not, is answered with a status word, and the card lives on", () => {
    fc.assert(
        fc.property(fc.array(apdu.filter(NO_RSA), { minLength: 1, maxLength: 30 }), fc.boolean(), (apdus, open) => {
            const applet = new Applet({}, state)
            if (open) {
                applet.authenticate(DEFAULT_MANAGEMENT_KEY, MANAGEMENT.aes192)
                applet.verify("123456")
            }
            for (const bytes of apdus) {
                const outcome = applet.raw(bytes)
                const answer = "answer" in outcome ? outcome.answer : outcome.touched()
                assert.ok(answer.length >= 2 && answer.length <= 65_538)
                const sw = answer.readUInt16BE(answer.length - 2)
                assert.ok(sw === 0x9000 || (sw >= 0x6100 && sw <= 0x6fff), `${bytes.toString("hex")}: ${sw.toString(16)}`)
                assert.notEqual(sw, 0x6f00, `${bytes.toString("hex")}: failed inside`)
            }
            applet.card.powerOff()
            assert.equal(applet.select("a000000308").sw, "9000")
            assert.equal(applet.ok(INS.getVersion, 0, 0).toString("hex"), "050701")
        }),
        { numRuns: 400 },
    )
})

test("without PIN and management key nothing that is sent makes a signature or changes a key", () => {
    const applet = new Applet({}, state)
    applet.authenticate(DEFAULT_MANAGEMENT_KEY, MANAGEMENT.aes192)
    applet.generate(0x9a, 0x11)
    applet.generate(0x9c, 0x11)
    const saved = applet.card.state
    const secrets = new Set<number>([INS.verify, INS.changeReference, INS.resetRetry, INS.reset])
    fc.assert(
        fc.property(
            fc.array(
                apdu.filter((bytes) => !secrets.has(bytes[1] ?? 0)),
                { maxLength: 20 },
            ),
            (apdus) => {
                const stranger = new Applet({}, saved)
                for (const bytes of apdus) {
                    const outcome = stranger.raw(bytes)
                    assert.ok("answer" in outcome)
                    const signed = bytes[1] === INS.authenticate && bytes[3] !== 0x9b && bytes[0] === 0 && outcome.answer.at(-2) === 0x90
                    assert.ok(!signed, bytes.toString("hex"))
                }
                assert.equal(stranger.card.state, saved)
            },
        ),
        { numRuns: 300 },
    )
})

test("elements come back as they were put together, and cut off they are refused", () => {
    fc.assert(
        fc.property(
            fc.array(fc.tuple(fc.constantFrom(0x53, 0x7c, 0x7f49), fc.uint8Array({ maxLength: 400 })), { minLength: 1 }),
            (given) => {
                const bytes = Buffer.concat(given.map(([tag, value]) => encodeTlv(tag, value)))
                assert.deepEqual(
                    parseTlvs(bytes),
                    given.map(([tag, value]) => ({ tag, value: Buffer.from(value) })),
                )
                const last = encodeTlv(given.at(-1)?.[0] ?? 0, given.at(-1)?.[1] ?? Buffer.alloc(0))
                assert.throws(() => parseTlvs(bytes.subarray(0, bytes.length - last.length + 1)), TlvError)
            },
        ),
    )
})

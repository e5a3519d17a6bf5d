import assert from "node:assert/strict"
import {
    constants,
    createCipheriv,
    createECDH,
    createHash,
    createPublicKey,
    diffieHellman,
    generateKeyPairSync,
    type KeyObject,
    privateDecrypt,
    publicDecrypt,
    publicEncrypt,
    randomBytes,
    verify,
    X509Certificate,
} from "node:crypto"
import { before, describe, test } from "node:test"
import { type AttestationAuthority, createAttestationAuthority } from "../../support/yubikey/attestation.ts"
import { INS } from "../../support/yubikey/card.ts"
import { ALGORITHM } from "../../support/yubikey/keys.ts"
import { certificateObject, DEFAULT_MANAGEMENT_KEY, MANAGEMENT, padReference, parseState } from "../../support/yubikey/state.ts"
import { encodeTlv, findTlv, parseTlvs } from "../../support/yubikey/tlv.ts"
import { Applet, signing, strip } from "./applet.ts"

const { p256, p384, rsa1024, rsa2048 } = ALGORITHM
const POLICY = { pinNever: "aa0101", pinOnce: "aa0102", pinAlways: "aa0103", touchAlways: "ab0102", touchCached: "ab0103" }
const DIGEST = createHash("sha256").update("hello").digest()

function ecPublic(curve: "P-256" | "P-384", point: Buffer): KeyObject {
    const size = (point.length - 1) / 2
    const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)]
    return createPublicKey({
        format: "jwk",
        key: { kty: "EC", crv: curve, x: x.toString("base64url"), y: y.toString("base64url") },
    })
}

function managed(firmware?: readonly [number, number, number]): Applet {
    const applet = new Applet(firmware === undefined ? {} : { firmware })
    const aes = firmware !== undefined && firmware[1] >= 7
    assert.equal(applet.authenticate(DEFAULT_MANAGEMENT_KEY, aes ? MANAGEMENT.aes192 : MANAGEMENT.tripleDes), "9000")
    return applet
}

describe("what the card says of itself", () => {
    test("each applet answers its SELECT, others are not found, and without one nothing is known", () => {
        const applet = new Applet()
        assert.equal(applet.select("a000000308").data.toString("hex"), "61114f0600001000010079074f05a000000308")
        assert.equal(applet.select("a000000308000010000100").sw, "9000")
        assert.equal(applet.select("a000000527471117").data.toString(), "Virtual mgr - FW version 5.4.3")
        assert.equal(applet.select("a000000527200101").sw, "6a82")
        assert.equal(applet.select("a0000005272001").data.toString("hex"), "050403000000")
        assert.equal(applet.select("d27600012401").sw, "6a82")
        applet.card.powerOff()
        assert.equal(applet.send(INS.getVersion, 0, 0).sw, "6d00")
    })

    test("version, serial and device information are those it was made with", () => {
        const applet = new Applet({ serial: 0x01020304, firmware: [5, 7, 1] })
        assert.equal(applet.ok(INS.getVersion, 0, 0).toString("hex"), "050701")
        assert.equal(applet.ok(INS.getSerial, 0, 0).toString("hex"), "01020304")
        applet.select("a0000005272001")
        assert.equal(applet.ok(INS.otpRequest, 0x10, 0).toString("hex"), "01020304")
        applet.select("a000000527471117")
        const info = applet.ok(INS.deviceInfo, 0, 0)
        assert.equal(info[0], info.length - 1)
        const fields = parseTlvs(info.subarray(1))
        assert.equal(findTlv(fields, 0x02)?.toString("hex"), "01020304")
        assert.equal(findTlv(fields, 0x05)?.toString("hex"), "050701")
    })

    test("unknown instructions, classes and lengths each have their status word", () => {
        const applet = new Applet()
        assert.equal(applet.send(0x99, 0, 0).sw, "6d00")
        const status = (hex: string): string => {
            const outcome = applet.raw(Buffer.from(hex, "hex"))
            return "answer" in outcome ? outcome.answer.toString("hex") : "a touch"
        }
        assert.equal(status("80fd0000"), "6e00")
        assert.equal(status("00fd00"), "6700")
        assert.equal(status("0020008008"), "63c3")
        assert.equal(status("002000800831"), "6700")
        assert.equal(status("00c0000000"), "6985")
    })
})

describe("PIN and PUK", () => {
    for (const lastTry of ["63c0", "6983"] as const) {
        test(`three wrong PINs block it, the last answered with ${lastTry}; the PUK gives it back`, () => {
            const applet = new Applet({ lastTry })
            assert.equal(applet.send(INS.verify, 0, 0x80).sw, "63c3")
            assert.deepEqual(
                ["1", "2", "3", "4"].map((pin) => applet.verify(`00000${pin}`)),
                ["63c2", "63c1", lastTry, "6983"],
            )
            assert.equal(applet.verify("123456"), "6983")
            assert.equal(applet.send(INS.verify, 0, 0x80).sw, "6983")
            const unblock = (puk: string): string =>
                applet.send(INS.resetRetry, 0, 0x80, Buffer.concat([padReference(puk), padReference("654321")])).sw
            assert.equal(unblock("87654321"), "63c2")
            assert.equal(unblock("12345678"), "9000")
            assert.equal(applet.verify("654321"), "9000")
            assert.equal(applet.send(INS.verify, 0, 0x80).sw, "9000")
        })
    }

    test("a right PIN gives back all tries; one that is no PIN costs none", () => {
        const applet = new Applet()
        assert.equal(applet.verify("000000"), "63c2")
        assert.equal(applet.send(INS.verify, 0, 0x80, Buffer.from("123456")).sw, "6a80")
        assert.equal(applet.card.state.pin.left, 2)
        assert.equal(applet.verify("123456"), "9000")
        assert.equal(applet.card.state.pin.left, 3)
    })

    test("a wrong PIN ends the state that a right one made", () => {
        const applet = managed()
        applet.generate(0x9a, p256.id)
        applet.verify("123456")
        assert.equal(applet.sign(0x9a, p256.id, DIGEST).sw, "9000")
        applet.verify("000000")
        assert.equal(applet.sign(0x9a, p256.id, DIGEST).sw, "6982")
    })

    test("both can be changed by who knows them, to six to eight bytes", () => {
        const applet = new Applet()
        const change = (p2: number, old: string, value: string): string =>
            applet.send(INS.changeReference, 0, p2, Buffer.concat([padReference(old), padReference(value)])).sw
        assert.equal(change(0x80, "123456", "12345"), "6a80")
        assert.equal(change(0x80, "999999", "234567"), "63c2")
        assert.equal(change(0x80, "123456", "234567"), "9000")
        assert.equal(applet.verify("234567"), "9000")
        assert.equal(change(0x81, "12345678", "87654321"), "9000")
        assert.equal(change(0x81, "12345678", "11111111"), "63c2")
    })

    test("the numbers of tries can be set by who has the management key and the PIN, which become the first ones", () => {
        const applet = managed()
        assert.equal(applet.send(INS.setRetries, 5, 7).sw, "6982")
        applet.verify("123456")
        applet.ok(INS.setRetries, 5, 7)
        assert.equal(applet.send(INS.verify, 0, 0x80).sw, "63c5")
        assert.equal(applet.ok(INS.getMetadata, 0, 0x81).toString("hex"), "0101ff05010106020707")
    })

    test("the applet is reset only when both are blocked, and keeps its attestation key", () => {
        const applet = new Applet({ authority: createAttestationAuthority("ec") })
        applet.authenticate()
        applet.generate(0x9a, p256.id)
        assert.equal(applet.send(INS.reset, 0, 0).sw, "6985")
        for (let n = 0; n < 3; n += 1) applet.verify("000000")
        assert.equal(applet.send(INS.reset, 0, 0).sw, "6985")
        for (let n = 0; n < 3; n += 1) applet.send(INS.resetRetry, 0, 0x80, Buffer.alloc(16, 0x39))
        applet.ok(INS.reset, 0, 0)
        assert.equal(applet.verify("123456"), "9000")
        assert.deepEqual(Object.keys(applet.card.state.slots), ["f9"])
        assert.deepEqual(Object.keys(applet.card.state.objects), ["5fff01"])
    })
})

describe("the management key", () => {
    test("is Triple DES up to 5.6 and AES-192 from 5.7 on; the other algorithm is refused", () => {
        assert.equal(new Applet().authenticate(), "9000")
        assert.equal(new Applet().authenticate(DEFAULT_MANAGEMENT_KEY, MANAGEMENT.aes192), "6a80")
        const newer = new Applet({ firmware: [5, 7, 1] })
        assert.equal(newer.authenticate(), "6a80")
        assert.equal(newer.authenticate(DEFAULT_MANAGEMENT_KEY, MANAGEMENT.aes192), "9000")
    })

    for (const algorithm of Object.values(MANAGEMENT)) {
        test(`can be changed to ${algorithm.cipher}, by who has it`, () => {
            const applet = new Applet()
            const key = randomBytes(algorithm.keySize)
            const request = Buffer.concat([Buffer.from([algorithm.id, 0x9b, key.length]), key])
            assert.equal(applet.send(INS.setManagementKey, 0xff, 0xff, request).sw, "6982")
            applet.authenticate()
            applet.ok(INS.setManagementKey, 0xff, 0xff, request)
            assert.equal(applet.authenticate(key.toString("hex"), algorithm), "9000")
            assert.notEqual(applet.authenticate(randomBytes(algorithm.keySize).toString("hex"), algorithm), "9000")
        })
    }

    test("single authentication opens the card too, a wrong answer doesn't, and an answer serves once", () => {
        const applet = new Applet()
        const respond = (key: string): string => {
            const challenge = applet.ok(INS.authenticate, 3, 0x9b, Buffer.from("7c028100", "hex")).subarray(4)
            const cipher = createCipheriv("des-ede3-ecb", Buffer.from(key, "hex"), null).setAutoPadding(false)
            const answer = encodeTlv(0x7c, encodeTlv(0x82, cipher.update(challenge)))
            const first = applet.send(INS.authenticate, 3, 0x9b, answer).sw
            assert.equal(applet.send(INS.authenticate, 3, 0x9b, answer).sw, "6982")
            return first
        }
        assert.equal(respond("00".repeat(24)), "6982")
        assert.equal(applet.send(INS.generate, 0, 0x9a, Buffer.from("ac03800111", "hex")).sw, "6982")
        assert.equal(respond(DEFAULT_MANAGEMENT_KEY), "9000")
        assert.equal(applet.send(INS.generate, 0, 0x9a, Buffer.from("ac03800111", "hex")).sw, "9000")
    })

    test("asks for a touch when it was set so", () => {
        const applet = managed()
        applet.ok(INS.setManagementKey, 0xff, 0xfe, Buffer.from(`039b18${DEFAULT_MANAGEMENT_KEY}`, "hex"))
        assert.throws(() => applet.authenticate(), /waits for a touch/)
        assert.equal(applet.ok(INS.getMetadata, 0, 0x9b).toString("hex"), "01010302020002050101")
    })

    test("is needed to generate, import, write and move, and doesn't outlive the session", () => {
        const applet = new Applet({ firmware: [5, 7, 1] })
        const commands = [INS.generate, INS.importKey, INS.moveKey, INS.setManagementKey, INS.setRetries]
        const refused = (): readonly string[] => commands.map((ins) => applet.send(ins, ins === INS.setManagementKey ? 0xff : 0, 0xff).sw)
        assert.deepEqual(refused(), ["6982", "6982", "6982", "6982", "6982"])
        assert.equal(applet.send(INS.putData, 0x3f, 0xff, Buffer.from("5c035fc1025300", "hex")).sw, "6982")
        applet.authenticate(DEFAULT_MANAGEMENT_KEY, MANAGEMENT.aes192)
        assert.ok(!refused().slice(0, 3).includes("6982"))
        applet.select("a000000527471117")
        applet.select("a000000308")
        assert.equal(refused()[0], "6982")
    })
})

describe("keys", () => {
    for (const [name, algorithm, hash] of [
        ["P-256", p256, "sha256"],
        ["P-384", p384, "sha384"],
    ] as const) {
        test(`${name}: a generated key signs digests up to its size, and agrees on secrets`, () => {
            const applet = managed()
            const point = applet.generate(0x9a, algorithm.id)
            applet.verify("123456")
            const publicKey = ecPublic(name, point)
            const digest = createHash(hash).update("hello").digest()
            const { data } = applet.sign(0x9a, algorithm.id, digest)
            assert.ok(verify(hash, Buffer.from("hello"), publicKey, data))
            assert.equal(applet.sign(0x9a, algorithm.id, Buffer.alloc(algorithm.size + 1, 1)).sw, "6a80")
            assert.equal(applet.sign(0x9a, algorithm.id, Buffer.alloc(0)).sw, "6a80")
            assert.equal(applet.sign(0x9a, algorithm.id, Buffer.alloc(1, 7)).sw, "9000")

            const other = createECDH(algorithm.curve)
            const theirs = other.generateKeys()
            const agreed = strip(applet.send(INS.authenticate, algorithm.id, 0x9a, signing(theirs, 0x85)))
            assert.deepEqual(agreed.data, other.computeSecret(point))
            theirs[5] = (theirs[5] ?? 0) ^ 1
            assert.equal(applet.send(INS.authenticate, algorithm.id, 0x9a, signing(theirs, 0x85)).sw, "6a80")
        })

        test(`${name}: an imported key is the one that was given`, () => {
            const applet = managed()
            const pair = generateKeyPairSync("ec", { namedCurve: algorithm.curve })
            const scalar = Buffer.from(pair.privateKey.export({ format: "jwk" }).d ?? "", "base64url")
            applet.ok(INS.importKey, algorithm.id, 0x9e, encodeTlv(0x06, scalar))
            const other = generateKeyPairSync("ec", { namedCurve: algorithm.curve })
            const point = other.publicKey.export({ format: "jwk" })
            const theirs = Buffer.concat([Buffer.from([4]), ...[point.x, point.y].map((part) => Buffer.from(part ?? "", "base64url"))])
            const agreed = strip(applet.send(INS.authenticate, algorithm.id, 0x9e, signing(theirs, 0x85)))
            assert.deepEqual(agreed.data, diffieHellman({ privateKey: pair.privateKey, publicKey: other.publicKey }))
            for (const bad of [Buffer.alloc(algorithm.size), Buffer.alloc(algorithm.size, 0xff), scalar.subarray(1)]) {
                assert.equal(applet.send(INS.importKey, algorithm.id, 0x9e, encodeTlv(0x06, bad)).sw, "6a80")
            }
        })
    }

    for (const algorithm of [rsa1024, rsa2048]) {
        test(`RSA-${algorithm.bits}: generated and imported keys raise blocks to the private exponent`, () => {
            const applet = managed()
            const modulus = applet.generate(0x9e, algorithm.id)
            assert.equal(modulus.length, algorithm.size)
            const key = createPublicKey({ format: "jwk", key: { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" } })
            const block = Buffer.concat([Buffer.alloc(1), randomBytes(algorithm.size - 1)])
            const { data } = applet.sign(0x9e, algorithm.id, block)
            assert.deepEqual(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, data), block)
            assert.equal(applet.sign(0x9e, algorithm.id, Buffer.alloc(algorithm.size, 0xff)).sw, "6a80")
            assert.equal(applet.sign(0x9e, algorithm.id, block.subarray(1)).sw, "6a80")

            const pair = generateKeyPairSync("rsa", { modulusLength: algorithm.bits })
            const jwk = pair.privateKey.export({ format: "jwk" })
            const importOf = (...parts: readonly (string | undefined)[]): string => {
                const elements = parts.map((part, index) => encodeTlv(index + 1, Buffer.from(part ?? "", "base64url")))
                return applet.send(INS.importKey, algorithm.id, 0x9e, Buffer.concat(elements)).sw
            }
            assert.equal(importOf(jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi), "9000")
            const secret = publicEncrypt({ key: pair.publicKey, padding: constants.RSA_NO_PADDING }, block)
            assert.deepEqual(applet.sign(0x9e, algorithm.id, secret).data, block)
            assert.deepEqual(privateDecrypt({ key: pair.privateKey, padding: constants.RSA_NO_PADDING }, secret), block)
            assert.equal(importOf(jwk.p, jwk.q, jwk.dq, jwk.dp, jwk.qi), "6a80")
            assert.equal(importOf(jwk.p, jwk.p, jwk.dp, jwk.dp, jwk.qi), "6a80")
            assert.equal(importOf(jwk.p, jwk.q, jwk.dp, jwk.dq), "6a80")
        })
    }

    test("an empty slot, another algorithm and f9 sign nothing", () => {
        const applet = new Applet({ authority: createAttestationAuthority("ec") })
        applet.authenticate()
        applet.verify("123456")
        assert.equal(applet.sign(0x9a, p256.id, DIGEST).sw, "6a80")
        applet.generate(0x9a, p256.id)
        applet.verify("123456")
        assert.equal(applet.sign(0x9a, p384.id, DIGEST).sw, "6a80")
        assert.equal(applet.sign(0xf9, p384.id, DIGEST).sw, "6a80")
    })

    test("metadata tell algorithm, policies, origin and public key; an empty slot has none", () => {
        const applet = managed()
        const point = applet.generate(0x9c, p256.id, POLICY.touchAlways)
        const metadata = applet.ok(INS.getMetadata, 0, 0x9c).toString("hex")
        assert.equal(metadata, `010111020203020301010443${`8641${point.toString("hex")}`}`)
        assert.equal(applet.send(INS.getMetadata, 0, 0x9d).sw, "6a88")
        assert.equal(applet.ok(INS.getMetadata, 0, 0x80).toString("hex"), "0101ff05010106020303")
    })

    test("from 5.7 on keys are moved to empty slots and deleted; before that the instruction is unknown", () => {
        assert.equal(managed().send(INS.moveKey, 0x82, 0x9a).sw, "6d00")
        const applet = managed([5, 7, 1])
        const point = applet.generate(0x9a, p256.id, POLICY.pinNever)
        applet.generate(0x9c, p256.id)
        assert.equal(applet.send(INS.moveKey, 0x9c, 0x9a).sw, "6985")
        assert.equal(applet.send(INS.moveKey, 0x82, 0x9d).sw, "6a88")
        assert.equal(applet.send(INS.moveKey, 0xf9, 0x9a).sw, "6a86")
        applet.ok(INS.moveKey, 0x82, 0x9a)
        assert.equal(applet.send(INS.getMetadata, 0, 0x9a).sw, "6a88")
        assert.ok(verify("sha256", Buffer.from("hello"), ecPublic("P-256", point), applet.sign(0x82, p256.id, DIGEST).data))
        applet.ok(INS.moveKey, 0xff, 0x82)
        assert.equal(applet.send(INS.getMetadata, 0, 0x82).sw, "6a88")
    })
})

describe("policies", () => {
    test("never: without PIN. once: as long as the session lasts. always: only right after the PIN", () => {
        const applet = managed()
        applet.generate(0x9e, p256.id)
        applet.generate(0x9a, p256.id)
        applet.generate(0x9c, p256.id)
        const tried = (): readonly string[] => [0x9e, 0x9a, 0x9c].map((slot) => applet.sign(slot, p256.id, DIGEST).sw)
        assert.deepEqual(tried(), ["9000", "6982", "6982"])
        applet.verify("123456")
        assert.equal(applet.sign(0x9c, p256.id, DIGEST).sw, "9000")
        assert.deepEqual(tried(), ["9000", "9000", "6982"])
        applet.verify("123456")
        applet.ok(INS.getVersion, 0, 0)
        assert.equal(applet.sign(0x9c, p256.id, DIGEST).sw, "6982")
        applet.select("a000000308")
        assert.equal(applet.sign(0x9a, p256.id, DIGEST).sw, "9000")
        applet.card.powerOff()
        applet.select("a000000308")
        assert.deepEqual(tried(), ["9000", "6982", "6982"])
    })

    test("a block in several commands still comes right after the PIN", () => {
        const applet = managed()
        applet.generate(0x9c, rsa2048.id)
        applet.verify("123456")
        assert.equal(applet.sign(0x9c, rsa2048.id, Buffer.alloc(256, 1)).sw, "9000")
    })

    test("the command's policies go before the slot's own", () => {
        const applet = managed()
        applet.generate(0x9c, p256.id, POLICY.pinOnce)
        applet.verify("123456")
        assert.deepEqual(
            [1, 2].map(() => applet.sign(0x9c, p256.id, DIGEST).sw),
            ["9000", "9000"],
        )
        applet.generate(0x9a, p256.id, POLICY.pinAlways)
        applet.verify("123456")
        assert.deepEqual(
            [1, 2].map(() => applet.sign(0x9a, p256.id, DIGEST).sw),
            ["9000", "6982"],
        )
        assert.equal(applet.send(INS.generate, 0, 0x9a, Buffer.from("ac06800111aa0109", "hex")).sw, "6a80")
    })

    test("always asks for a touch each time, cached within 15 s not again, and none given makes no signature", () => {
        const applet = managed()
        const data = signing(DIGEST)
        applet.generate(0x9e, p256.id, POLICY.touchAlways)
        applet.generate(0x82, p256.id, POLICY.pinNever + POLICY.touchCached)
        const waiting = applet.raw(Buffer.concat([Buffer.from([0, INS.authenticate, p256.id, 0x9e, data.length]), data]))
        assert.ok("missed" in waiting)
        assert.equal(waiting.missed(0x6985).toString("hex"), "6985")
        assert.equal(applet.sendTouched(INS.authenticate, p256.id, 0x82, data).sw, "9000")
        applet.clock = 14_999
        assert.equal(applet.send(INS.authenticate, p256.id, 0x82, data).sw, "9000")
        assert.equal(applet.sendTouched(INS.authenticate, p256.id, 0x9e, data).sw, "9000")
        applet.clock += 15_000
        assert.equal(applet.sendTouched(INS.authenticate, p256.id, 0x82, data).sw, "9000")
    })

    test("a missing PIN is told before anybody is asked to touch", () => {
        const applet = managed()
        applet.generate(0x9c, p256.id, POLICY.touchAlways)
        assert.equal(applet.sign(0x9c, p256.id, DIGEST).sw, "6982")
    })
})

describe("objects", () => {
    const put = (applet: Applet, tag: string, content: Uint8Array): string =>
        applet.send(INS.putData, 0x3f, 0xff, Buffer.concat([encodeTlv(0x5c, Buffer.from(tag, "hex")), encodeTlv(0x53, content)])).sw
    const get = (applet: Applet, tag: string): ReturnType<Applet["send"]> =>
        applet.send(INS.getData, 0x3f, 0xff, encodeTlv(0x5c, Buffer.from(tag, "hex")))

    test("come back as they were written, over many commands and answers, until an empty one takes their place", () => {
        const applet = managed()
        const content = certificateObject(randomBytes(2500))
        assert.equal(put(applet, "5fc10a", content), "9000")
        assert.deepEqual(get(applet, "5fc10a"), { sw: "9000", data: encodeTlv(0x53, content) })
        assert.equal(put(applet, "5fc10a", randomBytes(3100)), "6a84")
        assert.equal(put(applet, "5fc10a", randomBytes(5000)), "6700")
        assert.equal(put(applet, "5fc10a", Buffer.alloc(0)), "9000")
        assert.equal(get(applet, "5fc10a").sw, "6a82")
    })

    test("in the extended form come in one piece", () => {
        const applet = managed()
        put(applet, "5fc105", Buffer.alloc(1000, 7))
        const outcome = applet.raw(Buffer.from("00cb3fff0000055c035fc1050000", "hex"))
        assert.ok("answer" in outcome)
        assert.equal(outcome.answer.length, 1000 + 4 + 2)
    })

    test("a chain that is broken off is forgotten", () => {
        const applet = managed()
        applet.raw(Buffer.concat([Buffer.from("10db3fff", "hex"), Buffer.from([200]), Buffer.alloc(200)]))
        assert.equal(applet.send(INS.getVersion, 0, 0).sw, "9000")
        assert.equal(put(applet, "5fc105", Buffer.from("00", "hex")), "9000")
    })

    test("some are shown only to who knows the PIN; the discovery object is always there and can't be written", () => {
        const applet = managed()
        put(applet, "5fc109", Buffer.from("8800", "hex"))
        assert.equal(get(applet, "5fc109").sw, "6982")
        applet.verify("123456")
        assert.equal(get(applet, "5fc109").sw, "9000")
        assert.equal(get(applet, "7e").sw, "9000")
        assert.equal(put(applet, "7e", Buffer.alloc(1)), "6a80")
    })
})

describe("attestation", () => {
    let authorities: Readonly<Record<"rsa" | "ec", AttestationAuthority>>
    before(() => {
        authorities = { rsa: createAttestationAuthority("rsa"), ec: createAttestationAuthority("ec") }
    })

    for (const kind of ["rsa", "ec"] as const) {
        test(`says of a generated key what it is, down from the ${kind} root`, () => {
            const authority = authorities[kind]
            const applet = new Applet({ authority, serial: 0x80000001 })
            applet.authenticate()
            const point = applet.generate(0x9c, p256.id, POLICY.touchCached)
            const statement = new X509Certificate(applet.ok(INS.attest, 0x9c, 0))
            const object = applet.ok(INS.getData, 0x3f, 0xff, Buffer.from("5c035fff01", "hex"))
            const f9 = new X509Certificate(findTlv(parseTlvs(findTlv(parseTlvs(object), 0x53) ?? object), 0x70) ?? object)
            const root = new X509Certificate(authority.rootPem)
            const chain = [statement, f9, ...authority.intermediatePems.map((pem) => new X509Certificate(pem)), root]
            for (const [index, certificate] of chain.entries()) {
                const issuer = chain[index + 1] ?? certificate
                assert.ok(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer), certificate.subject)
            }
            assert.equal(statement.subject, "CN=YubiKey PIV Attestation 9c")
            assert.deepEqual(statement.publicKey.export({ format: "jwk" }), ecPublic("P-256", point).export({ format: "jwk" }))
            const hex = statement.raw.toString("hex")
            // 1.3.6.1.4.1.41482.3: .3 firmware, .7 serial, .8 policies, .9 form factor
            for (const extension of ["0303040305" + "0403", "0307040702050080000001", "030804020303", "0309040101"]) {
                assert.ok(hex.includes(`060a2b0601040182c40a${extension}`), extension)
            }
        })
    }

    test("says nothing of imported keys, empty slots and f9", () => {
        const applet = new Applet({ authority: authorities.ec })
        applet.authenticate()
        applet.ok(INS.importKey, p256.id, 0x9a, encodeTlv(0x06, Buffer.alloc(32, 1)))
        assert.deepEqual(
            [0x9a, 0x9c, 0xf9].map((slot) => applet.send(INS.attest, slot, 0).sw),
            ["6a80", "6a80", "6a80"],
        )
        assert.equal(applet.send(INS.attest, 0x9b, 0).sw, "6a86")
    })
})

test("what is saved makes the same card again: keys, objects, PIN tries", () => {
    const first = managed()
    const point = first.generate(0x9e, p256.id)
    first.verify("000000")
    const second = new Applet({}, parseState(JSON.stringify(first.card.state)))
    assert.ok(verify("sha256", Buffer.from("hello"), ecPublic("P-256", point), second.sign(0x9e, p256.id, DIGEST).data))
    assert.equal(second.send(INS.verify, 0, 0x80).sw, "63c2")
})

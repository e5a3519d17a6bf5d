import assert from "node:assert/strict"
import { describe, test } from "node:test"
import {
    bareKey,
    certificateKey,
    certificatesEnd,
    checkRootCertificates,
    checkRootSuccession,
    keyIdOf,
    lineageOf,
    type MetadataFile,
    parseGun,
    type RootDocument,
    tufKey,
    verifyRootChain,
} from "../../../src/tuf/index.ts"
import {
    EARLIER,
    GUN,
    LATER,
    makeFile,
    makeKey,
    makeKeys,
    makeRoot,
    makeRootKey,
    makeSigned,
    NOW,
    readVector,
    type TestKey,
    withCode,
} from "./make.ts"

const DAY = 86_400_000
const base = makeKeys()

function rootFile(
    version: number,
    rootKeys: readonly TestKey[],
    signers: readonly TestKey[],
    changes: Parameters<typeof makeRoot>[1] = {},
): MetadataFile {
    return makeFile(makeRoot({ ...base, root: rootKeys }, { version, ...changes }), signers)
}

const [first, second, third] = [makeRootKey(), makeRootKey(), makeRootKey({ algorithm: "rsa2048" })] as const
const v1 = rootFile(1, [first], [first])
const v2 = rootFile(2, [second], [second, first])
const v3 = rootFile(3, [third], [third, second])

describe("a root's succession", () => {
    test("needs the old keys and the new ones", () => {
        checkRootSuccession(v1, v2)
        checkRootSuccession(v2, v3)
        assert.throws(() => checkRootSuccession(v1, rootFile(2, [second], [second])), withCode("verification_failed"))
        assert.throws(() => checkRootSuccession(v1, rootFile(2, [second], [first])), withCode("verification_failed"))
    })

    test("goes one version at a time and never back", () => {
        assert.throws(() => checkRootSuccession(v1, rootFile(3, [second], [second, first])), withCode("verification_failed"))
        assert.throws(() => checkRootSuccession(v1, v1), withCode("verification_failed"))
        assert.throws(() => checkRootSuccession(v2, v1), withCode("rollback_detected"))
    })

    test("with thresholds needs the old threshold of old keys and the new threshold of new ones", () => {
        const two = rootFile(1, [first, second], [first, second], { rootThreshold: 2 })
        checkRootSuccession(two, rootFile(2, [first, third], [first, second, third], { rootThreshold: 2 }))
        assert.throws(
            () => checkRootSuccession(two, rootFile(2, [first, third], [first, third], { rootThreshold: 2 })),
            withCode("verification_failed"),
        )
        assert.throws(
            () => checkRootSuccession(two, rootFile(2, [first, third], [first, second], { rootThreshold: 2 })),
            withCode("verification_failed"),
        )
    })

    test("is for roots only", () => {
        const targets = makeFile(
            { type: "targets", version: 2, expires: LATER, targets: new Map(), delegations: { keys: new Map(), roles: [] } },
            [base.targets],
        )
        assert.throws(() => checkRootSuccession(v1, targets), withCode("invalid_request"))
    })
})

describe("root certificates", () => {
    const check = (key: TestKey, options?: { every: boolean }) => checkRootCertificates(rootOf([key]), GUN, NOW, options)
    const rootOf = (keys: readonly TestKey[], changes: Parameters<typeof makeRoot>[1] = {}): RootDocument =>
        makeRoot({ ...base, root: keys }, changes)
    const asTestKey = (pem: string): TestKey => {
        const tuf = certificateKey(pem)
        return { ...makeKey(), tuf, id: keyIdOf(tuf) }
    }

    test("carry the GUN, or a prefix of it and an asterisk", () => {
        check(makeRootKey())
        check(makeRootKey({ gun: "registry.example.com/team/*" }))
        check(makeRootKey({ gun: "*" }))
        for (const gun of [
            "registry.example.com/team/app2",
            "registry.example.com/team",
            "registry.example.org/*",
            "registry.*/team/app",
        ]) {
            assert.throws(() => check(makeRootKey({ gun })), withCode("root_rejected"), gun)
        }
    })

    test("are in their dates, with a day's leeway at the beginning", () => {
        check(makeRootKey({ notBefore: new Date(NOW.getTime() + DAY) }))
        assert.throws(() => check(makeRootKey({ notBefore: new Date(NOW.getTime() + DAY + 1000) })), withCode("root_rejected"))
        check(makeRootKey({ notAfter: NOW }))
        assert.throws(() => check(makeRootKey({ notAfter: new Date(NOW.getTime() - 1000) })), withCode("root_rejected"))
    })

    test("are certificates: a bare key is no root key", () => {
        assert.throws(() => check(makeKey()), withCode("root_rejected"))
        const bare = tufKey(bareKey(first.tuf))
        assert.throws(() => check({ ...first, tuf: bare, id: keyIdOf(bare) }), withCode("root_rejected"))
    })

    test("come as one certificate that is no CA, first in its bundle", () => {
        const ca = readVector("keys/carol.crt").toString()
        const leaf = Buffer.from(first.tuf.public).toString()
        check(asTestKey(leaf + ca))
        for (const bundle of [ca, ca + leaf, leaf + leaf, leaf + Buffer.from(second.tuf.public).toString()]) {
            assert.throws(() => check(asTestKey(bundle)), withCode("root_rejected"))
        }
    })

    test("are not signed with SHA-1 and have RSA keys from 2048 bits", () => {
        const sha1 = asTestKey(readVector("reject/root-sha1.crt").toString())
        const short = asTestKey(readVector("reject/root-rsa1024.crt").toString())
        const gun = parseGun("example.test/demo/app")
        assert.throws(() => checkRootCertificates(rootOf([sha1]), gun, NOW), { code: "root_rejected", message: /SHA-1/ })
        assert.throws(() => checkRootCertificates(rootOf([short]), gun, NOW), withCode("root_rejected"))
    })

    test("that are bad are passed over when enough good ones are left, and not when each must be good", () => {
        const [good, expired] = [makeRootKey(), makeRootKey({ notAfter: EARLIER, notBefore: new Date(0) })]
        checkRootCertificates(rootOf([expired, good]), GUN, NOW)
        assert.throws(() => checkRootCertificates(rootOf([expired, good]), GUN, NOW, { every: true }), withCode("root_rejected"))
        assert.throws(() => checkRootCertificates(rootOf([expired, good], { rootThreshold: 2 }), GUN, NOW), withCode("root_rejected"))
    })
})

describe("the chain of roots", () => {
    test("is walked from the trusted root to the newest, in whatever order it came", () => {
        assert.equal(verifyRootChain(v1, [v3, v2], GUN, NOW), v3)
        assert.equal(verifyRootChain(v1, [v1, v2, v3], GUN, NOW), v3)
        assert.equal(verifyRootChain(v2, [v1, v2, v3], GUN, NOW), v3)
        assert.equal(verifyRootChain(v1, [], GUN, NOW), v1)
        assert.equal(verifyRootChain(undefined, [v1, v2, v3], GUN, NOW), v3)
    })

    test("without a trusted root begins with its first, whose own signatures count", () => {
        assert.equal(verifyRootChain(undefined, [v2, v3], GUN, NOW), v3)
        assert.throws(() => verifyRootChain(undefined, [rootFile(1, [first], [second])], GUN, NOW), withCode("verification_failed"))
        assert.throws(() => verifyRootChain(undefined, [], GUN, NOW), withCode("no_trust_data"))
    })

    test("has no gaps and no step the old keys did not sign", () => {
        assert.throws(() => verifyRootChain(v1, [v3], GUN, NOW), withCode("verification_failed"))
        const stolen = makeRootKey()
        assert.throws(() => verifyRootChain(v1, [rootFile(2, [stolen], [stolen])], GUN, NOW), withCode("verification_failed"))
    })

    test("does not end before what is trusted", () => {
        assert.throws(() => verifyRootChain(v3, [v1, v2], GUN, NOW), withCode("rollback_detected"))
    })

    test("holds one root per version", () => {
        const other = rootFile(2, [third], [third, first])
        assert.throws(() => verifyRootChain(v2, [other], GUN, NOW), withCode("verification_failed"))
        assert.throws(() => verifyRootChain(v1, [v2, other], GUN, NOW), withCode("verification_failed"))
    })

    test("takes the file served for the trusted version, since the snapshot names its bytes", () => {
        const again = makeFile(makeRoot({ ...base, root: [first] }), [first])
        assert.equal(again.signed.sha256, v1.signed.sha256)
        assert.equal(verifyRootChain(v1, [again], GUN, NOW), again)
        const unsigned: MetadataFile = { ...again, signatures: [] }
        assert.throws(() => verifyRootChain(v1, [unsigned], GUN, NOW), withCode("verification_failed"))
    })

    test("may have expired on the way and not at its end", () => {
        const expired = rootFile(2, [second], [second, first], { expires: EARLIER })
        assert.equal(verifyRootChain(v1, [expired, v3], GUN, NOW), v3)
        assert.throws(() => verifyRootChain(v1, [expired], GUN, NOW), withCode("metadata_expired"))
        assert.equal(verifyRootChain(v1, [expired], GUN, NOW, { ignoreExpiry: true }), expired)
    })

    test("counts certificates: on the way for name and form, at its end for dates too", () => {
        const old = makeRootKey({ notBefore: new Date(0), notAfter: EARLIER })
        const middle = rootFile(2, [old], [old, first])
        const last = rootFile(3, [second], [second, old])
        assert.equal(verifyRootChain(v1, [middle, last], GUN, NOW), last)
        assert.throws(() => verifyRootChain(v1, [middle], GUN, NOW), withCode("root_rejected"))
        const foreign = makeRootKey({ gun: "registry.example.com/other" })
        const astray = rootFile(2, [foreign], [foreign, first])
        assert.throws(() => verifyRootChain(v1, [astray, rootFile(3, [second], [second, foreign])], GUN, NOW), withCode("root_rejected"))
    })

    test("counts signatures by keys with good certificates only", () => {
        const foreign = makeRootKey({ gun: "registry.example.com/other" })
        const bySecond = rootFile(1, [foreign, first], [foreign])
        assert.throws(() => verifyRootChain(undefined, [bySecond], GUN, NOW), withCode("verification_failed"))
        const byFirst = rootFile(1, [foreign, first], [first])
        assert.equal(verifyRootChain(undefined, [byFirst], GUN, NOW), byFirst)
    })

    test("ends with the first of its certificates that does", () => {
        const [soon, later] = [new Date("2027-01-01T00:00:00Z"), new Date("2030-01-01T00:00:00Z")]
        const keys = [makeRootKey({ notAfter: later }), makeRootKey({ notAfter: soon })]
        const { signed } = rootFile(1, keys, keys)
        assert.deepEqual(certificatesEnd(signed), soon)
        assert.deepEqual(certificatesEnd(signed), soon)
        const bare = makeKey()
        assert.equal(certificatesEnd(rootFile(1, [bare], [bare]).signed), undefined)
    })

    test("gives the lineage its name: the first root's canonical bytes", () => {
        assert.equal(lineageOf(v1.signed), v1.signed.sha256)
        assert.throws(() => lineageOf(v2.signed), withCode("invalid_request"))
        assert.throws(
            () =>
                lineageOf(
                    makeSigned({
                        type: "timestamp",
                        version: 1,
                        expires: LATER,
                        meta: new Map([["snapshot", { hashes: new Map([["sha256", Buffer.alloc(32)]]), length: 1 }]]),
                    }),
                ),
            withCode("invalid_request"),
        )
    })
})

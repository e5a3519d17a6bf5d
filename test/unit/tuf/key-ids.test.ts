import assert from "node:assert/strict"
import { test } from "node:test"
import { canonicalRole } from "../../../src/cli/trust/build-update.ts"
import { canonicalKeyIdOf, canonicalKeyIds, keyIdOf, readableKeyId, type TufKey } from "../../../src/tuf/index.ts"
import { ids, keyMap, makeKey, makeRootKey } from "./make.ts"

const TORN: TufKey = { keytype: "ecdsa-x509", public: Buffer.from("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") }

test("a key that nobody can read has no canonical ID, and takes nothing from the keys beside it", () => {
    const good = makeKey()
    const keys = new Map([TORN, good.tuf].map((key) => [keyIdOf(key), key] as const))
    assert.equal(readableKeyId(TORN), undefined)
    assert.deepEqual(canonicalKeyIds(keys, [...keys.keys()]), [good.id])
    assert.deepEqual(canonicalRole(keys, { keyIds: [...keys.keys()], threshold: 2 }), { keyIds: [good.id], threshold: 2 })
})

test("a key that is listed as certificate and bare is one key, and one that is not there is none", () => {
    const certified = makeRootKey()
    const bare = canonicalKeyIdOf(certified.tuf)
    assert.deepEqual(canonicalKeyIds(keyMap([certified]), [...ids([certified, certified]), bare]), [bare])
})

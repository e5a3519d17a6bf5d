import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { readUnsigned } from "../../../src/cli/sign-file.ts"
import { firstTargets } from "../../../src/cli/trust/build-first.ts"
import { assembleFile, parseSigned, TARGETS } from "../../../src/tuf/index.ts"
import { makeKey } from "../../support/repository-builder.ts"

const BODY = firstTargets(new Date("2030-01-01T00:00:00Z"))

describe("metadata to sign", () => {
    test("a bare value in any JSON style is taken in its canonical form", () => {
        const pretty = JSON.stringify(JSON.parse(BODY.toString()), undefined, 4)
        const { signed, signatures } = readUnsigned(Buffer.from(pretty), TARGETS)
        assert.ok(signed.bytes.equals(BODY))
        assert.deepEqual(signatures, [])
    })

    test("a whole file keeps the signatures that are there", () => {
        const key = makeKey()
        const file = assembleFile(parseSigned(BODY, TARGETS), [key.sign(parseSigned(BODY, TARGETS))])
        const { signed, signatures } = readUnsigned(file, TARGETS)
        assert.ok(signed.bytes.equals(BODY))
        assert.deepEqual(
            signatures.map(({ keyId }) => keyId),
            [key.id],
        )
    })

    test("a file without a list of signatures has none", () => {
        const { signatures } = readUnsigned(Buffer.from(`{"signed":${BODY.toString()}}`), TARGETS)
        assert.deepEqual(signatures, [])
    })

    test("what is no object, of another role, or holds unknown fields is refused", () => {
        assert.throws(() => readUnsigned(Buffer.from("[]"), TARGETS), { code: "metadata_rejected" })
        assert.throws(() => readUnsigned(Buffer.from(BODY.toString().replace("Targets", "Snapshot")), TARGETS), {
            code: "metadata_rejected",
        })
        assert.throws(() => readUnsigned(Buffer.from(BODY.toString().replace('"version"', '"x":1,"version"')), TARGETS), {
            code: "metadata_rejected",
        })
    })
})

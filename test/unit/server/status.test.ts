import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { status } from "@grpc/grpc-js"
import { ERROR_CODES, TrustkeyError } from "../../../src/errors.ts"
import { toStatus, visibleError } from "../../../src/server/status.ts"

describe("an error becomes a status", () => {
    test("every code has one that is an error, and crosses as trailer", () => {
        for (const code of ERROR_CODES) {
            const answer = toStatus(new TrustkeyError(code, "because"), "ref")
            assert.notEqual(answer.code, status.OK)
            assert.notEqual(answer.code, undefined, code)
            assert.deepEqual(answer.metadata.get("trustkeyd-code"), [code])
        }
    })

    test("a foreign error shows nothing of itself, whatever it carries", () => {
        const foreign = Object.assign(new Error("CKR_ARGUMENTS_BAD in slot 0, PIN 1234"), { code: 7, details: "PIN 1234" })
        for (const error of [foreign, "PIN 1234", undefined, { code: 5, message: "PIN 1234" }]) {
            const answer = toStatus(error, "ref-1")
            assert.equal(answer.code, status.INTERNAL)
            assert.equal(answer.details, "internal error, reference ref-1")
            assert.deepEqual(answer.metadata.get("trustkeyd-reference"), ["ref-1"])
        }
    })

    test("a fault of ours carries the reference, an answer doesn't", () => {
        assert.match(
            toStatus(new TrustkeyError("storage_failed", "the disk is full"), "ref-2").details,
            /^the disk is full \(reference ref-2\)$/,
        )
        const denied = toStatus(new TrustkeyError("denied", "no"), "ref-3")
        assert.equal(denied.details, "no")
        assert.deepEqual(denied.metadata.get("trustkeyd-reference"), [])
    })

    test("the cause never crosses", () => {
        const error = new TrustkeyError("internal", "it went wrong", { cause: new Error("secret") })
        assert.doesNotMatch(JSON.stringify(toStatus(error, "r")) + visibleError(error, "r").message, /secret/)
    })

    test("a message no header can carry is made one that can", () => {
        const { details } = toStatus(new TrustkeyError("invalid_request", `\ud800${"x".repeat(100_000)}`), "r")
        assert.ok(details.length <= 4096)
        assert.doesNotThrow(() => encodeURI(details))
    })
})

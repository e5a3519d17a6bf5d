import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { adviceFor } from "../../../src/cli/advice.ts"
import { exitCodeOf } from "../../../src/cli/exit-code.ts"
import { ERROR_CODES } from "../../../src/errors.ts"

describe("exit codes", () => {
    test("every error code ends in one of the documented exit codes", () => {
        for (const code of ERROR_CODES) assert.ok([1, 2, 3, 4, 5, 6, 7, 78].includes(exitCodeOf(code)), code)
    })

    test("each kind of failure has its own", () => {
        assert.equal(exitCodeOf("internal"), 1)
        assert.equal(exitCodeOf("no_terminal"), 2)
        assert.equal(exitCodeOf("denied"), 3)
        assert.equal(exitCodeOf("declined"), 3)
        assert.equal(exitCodeOf("not_found"), 4)
        assert.equal(exitCodeOf("key_locked"), 5)
        assert.equal(exitCodeOf("daemon_unreachable"), 6)
        assert.equal(exitCodeOf("rollback_detected"), 7)
        assert.equal(exitCodeOf("config_invalid"), 78)
    })

    test("every error code comes with a line saying what to do", () => {
        for (const code of ERROR_CODES) assert.match(adviceFor(code), /^[A-Z].{10,}[.]?$/, code)
    })
})

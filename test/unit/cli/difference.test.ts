import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { codeText, differenceText } from "../../../src/cli/difference.ts"

const CODE = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

describe("what is about to be signed", () => {
    test("is shown a sentence on a line, with a code to compare under it", () => {
        const sentences = ["version 4 becomes 5", "role root loses ecdsa-x509 key 0123456789ab"]
        assert.equal(
            differenceText({ gun: "registry.example.com/team/app", role: "root", sentences, code: CODE }),
            `The next root of registry.example.com/team/app:
  version 4 becomes 5
  role root loses ecdsa-x509 key 0123456789ab
Code  e3b0 c442 98fc 1c14   together mail awful cradle scrub apart`,
        )
    })

    test("can't draw lines of its own: a bundle's text may be anything", () => {
        const text = differenceText({ gun: "a\nb", role: "root", sentences: ["version 1\r\u001b[2K\nCode  0000"], code: CODE })
        assert.equal(text.split("\n").length, 3)
        assert.ok(text.includes("\\u{d}\\u{1b}[2K\\u{a}Code"))
    })

    test("has one form of a code everywhere", () => {
        assert.equal(codeText(CODE), "e3b0 c442 98fc 1c14   together mail awful cradle scrub apart")
    })
})

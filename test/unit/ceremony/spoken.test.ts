import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import { spoken } from "../../../src/ceremony/index.ts"

const PAGE = path.resolve(import.meta.dirname, "../../../docs/formats/ceremony-bundle.md")

describe("a hash that is read aloud", () => {
    test("is sixteen digits and six words, those of the format's page", () => {
        const code = spoken(createHash("sha256").digest("hex"))
        assert.deepEqual(code, { hex: "e3b0 c442 98fc 1c14", words: "together mail awful cradle scrub apart" })
        assert.ok(readFileSync(PAGE, "utf8").includes(`\n${code.hex}   ${code.words}\n`))
    })

    test("has words that say more than the digits do: 66 bits", () => {
        assert.deepEqual(spoken("0".repeat(64)).words, "abandon abandon abandon abandon abandon abandon")
        assert.deepEqual(spoken("f".repeat(64)).words, "zoo zoo zoo zoo zoo zoo")
        assert.equal(spoken(`${"0".repeat(16)}4${"0".repeat(47)}`).words, "abandon abandon abandon abandon abandon ability")
        assert.equal(spoken(`${"0".repeat(16)}3${"f".repeat(47)}`).words, "abandon abandon abandon abandon abandon abandon")
    })

    test("takes its words from the list that BIP-39 publishes", () => {
        const list = createHash("sha256")
            .update(`${wordlist.join("\n")}\n`)
            .digest("hex")
        // SHA-256 of english.txt in the repository of the Bitcoin Improvement Proposals.
        assert.equal(list, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda")
    })

    for (const text of ["", "e3b0", "E3B0".repeat(16), `${"0".repeat(64)}0`]) {
        test(`is not ${JSON.stringify(text)}`, () => {
            assert.throws(() => spoken(text), { code: "internal" })
        })
    }
})

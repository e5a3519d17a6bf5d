import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { globMatches, parseGlob } from "../../../src/tuf/index.ts"

/** The meaning of a pattern, written down as plainly as possible and far too slow. */
function naiveMatch(pattern: string, text: string): boolean {
    if (pattern === "") return text === ""
    if (pattern.startsWith("**")) {
        return naiveMatch(pattern.slice(2), text) || (text !== "" && naiveMatch(pattern, text.slice(1)))
    }
    const rest = pattern.slice(1)
    if (pattern.startsWith("*")) {
        return naiveMatch(rest, text) || (text !== "" && !text.startsWith("/") && naiveMatch(pattern, text.slice(1)))
    }
    if (text === "") return false
    if (pattern.startsWith("?")) return !text.startsWith("/") && naiveMatch(rest, text.slice(1))
    return pattern[0] === text[0] && naiveMatch(rest, text.slice(1))
}

const letters = (set: string, maxLength: number) => fc.array(fc.constantFrom(...set), { maxLength }).map((list) => list.join(""))

const EXAMPLES: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    ["registry.example.com/team-a/**", "registry.example.com/team-a/app", true],
    ["registry.example.com/team-a/**", "registry.example.com/team-a/app/web", true],
    ["registry.example.com/team-a/**", "registry.example.com/team-a", false],
    ["registry.example.com/team-a/**", "registry.example.com/team-ab/app", false],
    ["registry.example.com/team-a/**", "evil.example.org/registry.example.com/team-a/app", false],
    ["registry.example.com/*", "registry.example.com/app", true],
    ["registry.example.com/*", "registry.example.com/team-a/app", false],
    ["registry.example.com/*/app", "registry.example.com/team-a/app", true],
    ["**", "registry.example.com:5000/team-a/app", true],
    ["**/app", "registry.example.com/team-a/app", true],
    ["*", "targets", true],
    ["*", "targets/releases", false],
    ["targets/*", "targets/releases", true],
    ["targets/*", "targets", false],
    ["targets/*", "targets/a/b", false],
    ["targets/**", "targets/a/b", true],
    ["v?", "v1", true],
    ["v?", "v12", false],
    ["a?b", "a/b", false],
    ["v1.*", "v1x0", false],
    ["targets", "targets/releases", false],
    ["targets", "TARGETS", false],
]

describe("globs", () => {
    for (const [pattern, text, matches] of EXAMPLES) {
        test(`${pattern} ${matches ? "matches" : "does not match"} ${text}`, () => {
            assert.equal(globMatches(parseGlob(pattern), text), matches)
        })
    }

    test("every pattern means the same as in the plain definition", () => {
        fc.assert(
            fc.property(letters("ab/?**", 9), letters("ab/", 9), (pattern, text) => {
                fc.pre(pattern !== "" && !pattern.includes("***"))
                assert.equal(globMatches(parseGlob(pattern), text), naiveMatch(pattern, text))
            }),
            { numRuns: 5000 },
        )
    })

    test("a text without special characters matches itself and nothing else", () => {
        fc.assert(
            fc.property(letters("ab./-_:", 12), letters("ab./-_:", 12), (pattern, text) => {
                fc.pre(pattern !== "")
                assert.equal(globMatches(parseGlob(pattern), pattern), true)
                assert.equal(globMatches(parseGlob(pattern), text), pattern === text)
            }),
        )
    })

    test("many stars against a long text that almost matches take no time", () => {
        const pattern = parseGlob(`${"*a".repeat(250)}*b`)
        const started = performance.now()
        assert.equal(globMatches(pattern, "a".repeat(4000)), false)
        // A matcher that goes back and tries again would need longer than the age of the universe.
        assert.ok(performance.now() - started < 2000)
    })

    test("what other matchers understand and this one doesn't is refused", () => {
        for (const pattern of ["", "a***b", "[ab]", "{a,b}", "!a", "a\\*", "a b", "ü", "a\n", "x".repeat(513)]) {
            assert.throws(() => parseGlob(pattern), { code: "invalid_request" }, pattern)
        }
    })
})

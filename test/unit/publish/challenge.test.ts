import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { parseChallenges } from "../../../src/publish/challenge.ts"

const read = (header: string): unknown => parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

describe("a WWW-Authenticate header", () => {
    const READ: readonly (readonly [header: string, challenges: unknown])[] = [
        ["", []],
        ["Basic", [["basic", {}]]],
        ['Basic realm="a registry"', [["basic", { realm: "a registry" }]]],
        [
            'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:push,pull"',
            [["bearer", { realm: "https://auth.example.com/token", service: "registry.example.com", scope: "repository:a/b:push,pull" }]],
        ],
        ["Bearer realm=token , service=here", [["bearer", { realm: "token", service: "here" }]]],
        ['bearer REALM = "x"', [["bearer", { realm: "x" }]]],
        [
            'Basic realm="a, Bearer realm=\\"no\\"", Bearer realm="b"',
            [
                ["basic", { realm: 'a, Bearer realm="no"' }],
                ["bearer", { realm: "b" }],
            ],
        ],
        [
            'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
            [
                ["newauth", { realm: "apps", type: "1", title: 'Login to "apps"' }],
                ["basic", { realm: "simple" }],
            ],
        ],
        [
            'Negotiate YII=, Basic realm="x"',
            [
                ["negotiate", {}],
                ["basic", { realm: "x" }],
            ],
        ],
        [
            ', , Basic realm="x",,Bearer realm="y",',
            [
                ["basic", { realm: "x" }],
                ["bearer", { realm: "y" }],
            ],
        ],
        ['Bearer realm="x",realm="y", Basic realm="z"', [["basic", { realm: "z" }]]],
        ['Basic realm="x", Bearer realm="unfinished', [["basic", { realm: "x" }]]],
        ['"', []],
        ["=", []],
        [`Basic realm="${"x".repeat(20_000)}"`, []],
    ]
    for (const [header, challenges] of READ) {
        test(`is read: ${JSON.stringify(header.slice(0, 90))}`, () => assert.deepEqual(read(header), challenges))
    }

    test("is read to an end, whatever is in it", () => {
        const text = fc.oneof(
            fc.string({ maxLength: 300 }),
            fc.string({ unit: fc.constantFrom("a", "B", "=", ",", " ", '"', "\\", "/"), maxLength: 300 }),
        )
        fc.assert(
            fc.property(text, (header) => assert.ok(parseChallenges(header).length <= header.length)),
            { numRuns: 2000 },
        )
    })

    test("gives back what was put into it", () => {
        const token = fc.string({ unit: fc.constantFrom(..."abcxyz019-_"), minLength: 1, maxLength: 8 })
        const value = fc.string({ unit: fc.constantFrom(...'abc ,="\\/'), maxLength: 12 })
        const challenge = fc.tuple(token, fc.dictionary(token, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }))
        fc.assert(
            fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
                const header = challenges.map(([scheme, parameters]) => {
                    const list = Object.entries(parameters).map(([name, text]) => `${name}="${text.replaceAll(/["\\]/g, "\\$&")}"`)
                    return `${scheme} ${list.join(", ")}`
                })
                assert.deepEqual(read(header.join(", ")), challenges)
            }),
        )
    })
})

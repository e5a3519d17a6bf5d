import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type DockerRepository, inspectJson, inspectPretty } from "../../../src/cli/trust/docker-inspect.ts"
import { naturally } from "../../../src/cli/trust/natural-order.ts"

const NAME = "registry.example.com/team/app"
const EMPTY: DockerRepository = { name: NAME, signedTags: [], signers: [], administrativeKeys: { root: ["r2", "r1"], repository: ["t1"] } }

describe("docker's order of tags", () => {
    test("numbers count by their value, digits come before everything else, fewer zeros before more", () => {
        const tags = ["v10", "v2", "latest", "v1", "v01", "1.0-rc", "1.0", "10", "9", "_x", "Z", "a", "v1.10", "v1.9"]
        const docker = ["1.0", "1.0-rc", "9", "10", "Z", "_x", "a", "latest", "v1", "v1.9", "v1.10", "v01", "v2", "v10"]
        assert.deepEqual([...tags].sort(naturally), docker)
    })

    test("numbers longer than any integer type are compared too", () => {
        assert.ok(naturally(`v${"9".repeat(40)}`, `v1${"0".repeat(40)}`) < 0)
        assert.equal(naturally("v1", "v1"), 0)
    })
})

describe("inspect in docker's form", () => {
    test("no reference that could be shown is an empty array", () => {
        assert.equal(inspectJson([]), "[]\n")
    })

    test("what is empty is an empty list, but a signer's missing keys are left out", () => {
        const [repository] = JSON.parse(inspectJson([{ ...EMPTY, signers: [{ name: "alice", keyIds: [] }] }]))
        assert.deepEqual(repository, {
            Name: NAME,
            SignedTags: [],
            Signers: [{ Name: "alice" }],
            AdministrativeKeys: [
                { Name: "Root", Keys: [{ ID: "r2" }, { ID: "r1" }] },
                { Name: "Repository", Keys: [{ ID: "t1" }] },
            ],
        })
    })

    test("signers are listed from the last to the first as JSON, in docker's order for people", () => {
        const signers = ["bob", "alice", "carol10", "carol2"].map((name) => ({ name, keyIds: ["b".repeat(64), "a".repeat(64)] }))
        const [repository] = JSON.parse(inspectJson([{ ...EMPTY, signers }]))
        assert.deepEqual(
            repository.Signers.map((signer: { Name: string }) => signer.Name),
            ["carol2", "carol10", "bob", "alice"],
        )
        assert.match(inspectPretty({ ...EMPTY, signers }), /\nSIGNER {4}KEYS\nalice {5}a{12}, b{12}\nbob {7}.*\ncarol2 {4}.*\ncarol10 {3}/)
    })

    test("for people keys are sorted, and a tag without a signer is the administrator's in brackets", () => {
        const text = inspectPretty({ ...EMPTY, signedTags: [{ tag: "v1", digest: "abc", signers: [] }] })
        assert.equal(
            text,
            [
                "",
                `Signatures for ${NAME}`,
                "",
                "SIGNED TAG   DIGEST    SIGNERS",
                "v1           abc       (Repo Admin)",
                "",
                `Administrative keys for ${NAME}`,
                "",
                "  Repository Key:\tt1",
                "  Root Key:\tr1, r2",
                "",
            ].join("\n"),
        )
    })

    test("a tag can neither move the cursor nor look like another row, and JSON escapes what Go escapes", () => {
        const signedTags = [{ tag: "v1\n<v2>\u001b[2J\u202e", digest: "abc", signers: [] }]
        const text = inspectPretty({ ...EMPTY, signedTags })
        assert.match(text, /^v1\\u\{a\}<v2>\\u\{1b\}\[2J\\u\{202e\} {3}abc/m)
        const json = inspectJson([{ ...EMPTY, signedTags }])
        assert.match(json, /"v1\\n\\u003cv2\\u003e\\u001b\[2J\\u202e"/)
        assert.equal(JSON.parse(json)[0].SignedTags[0].SignedTag, signedTags[0]?.tag)
    })
})

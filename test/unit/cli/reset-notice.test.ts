import assert from "node:assert/strict"
import { test } from "node:test"
import { lostTags, signAgainLines } from "../../../src/cli/trust/reset-notice.ts"
import { makeKey, makeKeys, makeRepository, someTarget } from "../tuf/make.ts"

const GUN = "registry.example.com/team/app"

test("what a reset loses is every tag with every digest, once for all roles that have it, in the order of tags", () => {
    const one = new Map([["v1", someTarget("one")]])
    const files = makeRepository(makeKeys(), {
        targets: new Map([["v1", someTarget("other")]]),
        delegations: [
            { name: "targets/releases", keys: [makeKey()], targets: one },
            { name: "targets/alice", keys: [makeKey()], targets: new Map([...one, ["v2", someTarget("two")]]) },
        ],
    })
    const tags = lostTags([...files.delegations, files.targets, files.snapshot].map(({ role, content }) => ({ role, content })))
    assert.deepEqual(
        tags.map(({ tag, length, roles }) => [tag, length, roles]),
        [
            ["v1", 3, ["targets/releases", "targets/alice"]],
            ["v1", 5, ["targets"]],
            ["v2", 3, ["targets/alice"]],
        ],
    )
})

test("a line to sign again is one a shell takes, whatever a tag is called", () => {
    const [head, line] = signAgainLines(GUN, [{ tag: "it's; rm -r /", sha256: "ab".repeat(32), length: 7, roles: ["targets"] }])
    assert.match(head ?? "", /^One tag loses its signature\. To sign it again, as it was:$/)
    assert.equal(line, `  trustkey trust sign '${GUN}:it'\\''s; rm -r /' --digest sha256:${"ab".repeat(32)} --size 7   # targets`)
    assert.deepEqual(signAgainLines(GUN, []), [`No tag of ${GUN} was signed.`])
})

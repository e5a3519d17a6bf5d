import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { spoken } from "../../../src/ceremony/index.ts"
import type { DaemonRepository } from "../../../src/cli/daemon-types.ts"
import { showRoot } from "../../../src/cli/sign-root.ts"
import {
    assembleFile,
    canonicalKeyIdOf,
    differenceCode,
    diffMetadata,
    encodeRoot,
    nextRoot,
    parseSigned,
    ROOT,
    type RootDocument,
    type SignedMetadata,
} from "../../../src/tuf/index.ts"
import { makeRootKey } from "../../support/repository-builder.ts"
import { GUN, LATER, makeKeys, makeRoot } from "../tuf/make.ts"
import { fakeDaemon, sampleKey } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const [alice, bob] = [makeRootKey(GUN, new Date()), makeRootKey(GUN, new Date())]
const bodyOf = (root: RootDocument): SignedMetadata => parseSigned(encodeRoot(root), ROOT)
const first = { ...nextRoot(makeRoot(makeKeys()), { rootKeys: { keys: [alice.key], threshold: 1 }, expires: LATER }), version: 1 }
const second = nextRoot(first, { rootKeys: { keys: [bob.key], threshold: 1 }, expires: LATER })

function daemonThatKnows(root: RootDocument | undefined) {
    const content = root === undefined ? undefined : assembleFile(bodyOf(root), [alice.sign(bodyOf(root))])
    const documents = content === undefined ? [] : [{ role: "root", content }]
    return fakeDaemon({
        showTrust: async () => ({ state: root === undefined ? "none" : "active", documents }) as unknown as DaemonRepository,
    })
}

type Person = { readonly typed?: readonly string[]; readonly confirm?: boolean }

async function shown(known: RootDocument | undefined, next: SignedMetadata, { typed, confirm }: Person = {}) {
    const terminal = fakeTerminal(typed === undefined ? {} : { typed })
    const cli = fakeCli(terminal)
    const keys = [alice, bob, makeRootKey(GUN, new Date())].map(({ key }) => sampleKey({ id: canonicalKeyIdOf(key), purpose: "root" }))
    const left = await showRoot(cli, daemonThatKnows(known), GUN, next, keys, { confirm })
    return { text: terminal.remarks(), asked: terminal.shown(), left: left.map(({ id }) => id) }
}

describe("a root that somebody sent to be signed", () => {
    test("is shown as its sender sees it, with the code that both have; keys that count for neither root are left out", async () => {
        const next = bodyOf(second)
        const { text, left } = await shown(first, next, { confirm: true })
        const difference = diffMetadata(bodyOf(first), next)
        const { hex, words } = spoken(differenceCode(GUN, next, difference).toString("hex"))
        for (const part of [...difference, hex, words]) assert.ok(text.includes(part), text)
        assert.deepEqual(
            left,
            [alice, bob].map(({ key }) => canonicalKeyIdOf(key)),
        )
    })

    test("is signed at a terminal when a person who has compared the code says yes, and not before", async () => {
        const next = bodyOf(second)
        const { hex } = spoken(differenceCode(GUN, next, diffMetadata(bodyOf(first), next)).toString("hex"))
        for (const no of ["n", "", hex]) await assert.rejects(shown(first, next, { typed: [no] }), { code: "declined" })
        await assert.rejects(shown(first, next, { typed: [] }), { code: "declined" })
        const { asked, left } = await shown(first, next, { typed: ["y"] })
        assert.ok(asked.includes(`Sign this root of ${GUN} (${hex})?`), asked)
        assert.equal(left.length, 2)
        assert.deepEqual(await shown(first, next, { typed: ["n"], confirm: true }).then((seen) => [seen.asked, seen.left]), ["", left])
    })

    test("is signed for nobody who can't be asked and didn't say beforehand that it was compared", async () => {
        await assert.rejects(shown(first, bodyOf(second)), { code: "no_terminal", message: /use --confirm/ })
    })

    test("for the first time of a new repository is shown whole", async () => {
        const { text, left } = await shown(undefined, bodyOf(first), { confirm: true })
        assert.match(text, /version 1, expires/)
        assert.deepEqual(left, [canonicalKeyIdOf(alice.key)])
    })

    test("is refused when the daemon has not seen the one before it, with how it gets to see it", async () => {
        const third = bodyOf(nextRoot(second, { expires: LATER }))
        await assert.rejects(shown(first, third), {
            code: "root_rejected",
            message: /version 1 is the newest the daemon has seen; .*trust renew/,
        })
        await assert.rejects(shown(undefined, third), { code: "root_rejected", message: /seen none of it: trustkey trust adopt/ })
    })
})

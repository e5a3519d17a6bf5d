import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { canonicalKeyIdOf, parseFile, parseRoleName, type RootDocument } from "../../src/tuf/index.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

type Answer = {
    outcome: string
    published: { role: string; version: number }[]
    difference: string[]
    code: string
    oldKeys: { keyId: string; choice: string }[]
}

describe("keys rotated by trustkeyd, as the stock clients see it", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]

    async function rotate(role: string, gun: string, ...more: readonly string[]): Promise<Answer> {
        return JSON.parse(await rig.ok(["rotate", role, gun, ...unlocking(), "--confirm", "--json", ...more])) as Answer
    }

    async function rootOf(gun: string): Promise<RootDocument> {
        const { document } = parseFile(await rig.served(gun, "root"), parseRoleName("root")).signed
        return document.type === "root" ? document : assert.fail("no root")
    }

    async function keysOf(gun: string, role: "root" | "targets" | "snapshot" | "timestamp"): Promise<readonly string[]> {
        const root = await rootOf(gun)
        return (root.roles.get(role)?.keyIds ?? []).flatMap((id) => {
            const key = root.keys.get(id)
            return key === undefined ? [] : [canonicalKeyIdOf(key)]
        })
    }

    /** A repository with one signed tag, which the stock clients have seen at root version 1. */
    async function repository(name: string, ...more: readonly string[]): Promise<string> {
        const gun = `registry.example.com/rotate/${name}`
        await rig.init(gun, ...more)
        await rig.sign(`${gun}:v1`, "ab")
        await assertReadable(gun, ["v1"])
        return gun
    }

    async function assertReadable(gun: string, tags: readonly string[]): Promise<void> {
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            tags,
        )
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag }) => tag),
            tags,
        )
    }

    test("a new targets key takes over: root and targets are signed anew, tags stay, and the old key signs nothing more", async () => {
        const gun = await repository("targets")
        const [old = ""] = await keysOf(gun, "targets")
        const { outcome, published, difference, oldKeys } = await rotate("targets", gun, "--old-key", "unbind")
        assert.equal(outcome, "rotated")
        assert.deepEqual(published, [
            { role: "root", version: 2 },
            { role: "targets", version: 3 },
        ])
        const now = await keysOf(gun, "targets")
        assert.equal(now.length, 1)
        assert.notEqual(now[0], old)
        assert.ok(
            difference.some((line) => line.includes("role targets")),
            difference.join("\n"),
        )
        assert.deepEqual(oldKeys, [{ keyId: old, choice: "unbind" }])
        await assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await assertReadable(gun, ["v1", "v2"])
        assert.doesNotMatch(await rig.ok(["key", "show", old]), /bound to/)
    })

    test("targets can need two keys of two, and one of them can go again", async () => {
        const gun = await repository("threshold")
        const [first = ""] = await keysOf(gun, "targets")
        await rotate("targets", gun, "--keep", "--new-sealed", "--algorithm", "p384", "--threshold", "2")
        assert.equal((await rootOf(gun)).roles.get("targets")?.threshold, 2)
        assert.equal((await keysOf(gun, "targets")).length, 2)
        await assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await assertReadable(gun, ["v1", "v2"])
        await rig.refused(["rotate", "targets", gun, "--retire", first, "--confirm"], "root_rejected", 4)
        const { published } = await rotate("targets", gun, "--retire", first, "--threshold", "1", "--old-key", "remove")
        assert.deepEqual(
            published.map(({ role }) => role),
            ["root"],
        )
        await assertReadable(gun, ["v1", "v2"])
        assert.match(await rig.ok(["key", "show", first]), /removed/)
    })

    test("the snapshot key goes to the server, comes back, and changes where it is", async () => {
        const gun = await repository("snapshot", "--snapshot-key")
        const [ours = ""] = await keysOf(gun, "snapshot")
        await rotate("snapshot", gun, "--to-server", "--old-key", "remove")
        const [theirs = ""] = await keysOf(gun, "snapshot")
        assert.notEqual(theirs, ours)
        await assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        // Without a wish it stays where it is.
        await rotate("snapshot", gun)
        const [another = ""] = await keysOf(gun, "snapshot")
        assert.notEqual(another, theirs)
        await assertReadable(gun, ["v1", "v2"])
        await rotate("snapshot", gun, "--new-sealed")
        const held = JSON.parse(await rig.ok(["key", "list", "--gun", gun, "--json"])) as { keys: { id: string; purpose: string }[] }
        assert.deepEqual(
            held.keys.filter(({ purpose }) => purpose === "snapshot").map(({ id }) => id),
            await keysOf(gun, "snapshot"),
        )
        await rig.sign(`${gun}:v3`, "ef")
        await assertReadable(gun, ["v1", "v2", "v3"])
        await rotate("snapshot", gun, "--old-key", "remove")
        await assertReadable(gun, ["v1", "v2", "v3"])
    })

    test("the timestamp key is the server's, and changes with a new root", async () => {
        const gun = await repository("timestamp")
        const before = await keysOf(gun, "timestamp")
        const { published } = await rotate("timestamp", gun)
        assert.deepEqual(published, [{ role: "root", version: 2 }])
        assert.notDeepEqual(await keysOf(gun, "timestamp"), before)
        await assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await assertReadable(gun, ["v1", "v2"])
    })

    test("a dry run makes and publishes nothing, and says what it would", async () => {
        const gun = await repository("dry")
        const keys = await rig.ok(["key", "list"])
        const text = await rig.ok(["rotate", "targets", gun, "--dry-run", "--new-on-token", "root-token"])
        assert.match(text, /^Would rotate targets of /)
        assert.match(text, /takes away the key [0-9a-f]{12}/)
        assert.match(text, /makes a p256 key, on token root-token/)
        assert.equal(await rig.ok(["key", "list"]), keys)
        assert.equal((await rootOf(gun)).version, 1)
    })

    test("nobody to agree: nothing is signed, and the key that was made is taken by the next run", async () => {
        const gun = await repository("unasked")
        await rig.refused(["rotate", "targets", gun, ...unlocking()], "no_terminal", 2)
        const bound = async (): Promise<readonly string[]> => {
            const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", gun, "--json"])) as {
                keys: { id: string; purpose: string }[]
            }
            return keys.filter(({ purpose }) => purpose === "targets").map(({ id }) => id)
        }
        const made = await bound()
        assert.equal(made.length, 2)
        assert.equal((await rootOf(gun)).version, 1)
        await rotate("targets", gun)
        assert.deepEqual(await bound(), made)
        assert.equal((await rootOf(gun)).version, 2)
        await assertReadable(gun, ["v1"])
    })
})

import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { assembleFile, canonicalKeyIdOf, parseFile, parseRoleName, ROOT, type RootDocument } from "../../src/tuf/index.ts"
import type { ProxyRequest } from "../support/proxy.ts"
import { makeRootKey } from "../support/repository-builder.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const RELEASES = "targets/releases"
const isPublication = ({ method, path: name }: ProxyRequest): boolean => method === "POST" && name.endsWith("/_trust/tuf/")

type Answer = {
    outcome: string
    published: { role: string; version: number }[]
    difference: string[]
    code: string
    oldKeys: { keyId: string; choice: string }[]
    unsigned: { role: string; digits: string; reason: string }[]
}

describe("keys rotated by trustkeyd, as the stock clients see it", () => {
    let second: SoftHsm
    let rig: TrustRig
    before(async () => {
        second = await startSoftHsm({ label: "second" })
        rig = await openTrustRig({ tokens: { second } })
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await second?.[Symbol.asyncDispose]()
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
        await rig.assertReadable(gun, ["v1"])
        return gun
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
        await rig.assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
        assert.doesNotMatch(await rig.ok(["key", "show", old]), /bound to/)
    })

    test("TK-PIN-1 a targets key moves to a token, whose PIN is not tried on another", async () => {
        const gun = await repository("token")
        const pins = [path.join(rig.daemon.directory, "pin"), path.join(rig.daemon.directory, "second-pin")] as const
        await writeFile(pins[1], `${second.userPin}\n`, { mode: 0o600 })
        await rig.ok(["token", "logout", "root-token"])
        const onSecond = ["rotate", "targets", gun, "--new-on-token", "second", "--confirm", "--json"]
        const stderr = await rig.refused([...onSecond, "--pin-file", pins[0]], "usage", 2)
        assert.match(stderr, /second/)
        await rig.ok(["token", "login", "root-token", "--pin-file", pins[0]])
        await rig.ok([...onSecond, "--pin-file", pins[1]])
        const [id = ""] = await keysOf(gun, "targets")
        assert.match(await rig.ok(["key", "show", id]), /home +token:second/)
        await rig.assertReadable(gun, ["v1"])
        // From then on a new one is made there, unless something else is said.
        await rotate("targets", gun, "--old-key", "unbind")
        assert.match(await rig.ok(["key", "show", ...(await keysOf(gun, "targets"))]), /home +token:second/)
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
    })

    test("targets can need two keys of two, and one of them can go again", async () => {
        const gun = await repository("threshold")
        const [first = ""] = await keysOf(gun, "targets")
        await rotate("targets", gun, "--keep", "--new-sealed", "--algorithm", "p384", "--threshold", "2")
        assert.equal((await rootOf(gun)).roles.get("targets")?.threshold, 2)
        assert.equal((await keysOf(gun, "targets")).length, 2)
        await rig.assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
        await rig.refused(["rotate", "targets", gun, "--retire", first, "--confirm"], "root_rejected", 4)
        const { published } = await rotate("targets", gun, "--retire", first, "--threshold", "1", "--old-key", "remove")
        assert.deepEqual(
            published.map(({ role }) => role),
            ["root"],
        )
        await rig.assertReadable(gun, ["v1", "v2"])
        assert.match(await rig.ok(["key", "show", first]), /removed/)
    })

    test("the snapshot key goes to the server, comes back, and changes where it is", async () => {
        const gun = await repository("snapshot", "--snapshot-key")
        const [ours = ""] = await keysOf(gun, "snapshot")
        await rotate("snapshot", gun, "--to-server", "--old-key", "remove")
        const [theirs = ""] = await keysOf(gun, "snapshot")
        assert.notEqual(theirs, ours)
        await rig.assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        // Without a wish it stays where it is.
        await rotate("snapshot", gun)
        const [another = ""] = await keysOf(gun, "snapshot")
        assert.notEqual(another, theirs)
        await rig.assertReadable(gun, ["v1", "v2"])
        await rotate("snapshot", gun, "--new-sealed")
        const held = JSON.parse(await rig.ok(["key", "list", "--gun", gun, "--json"])) as { keys: { id: string; purpose: string }[] }
        assert.deepEqual(
            held.keys.filter(({ purpose }) => purpose === "snapshot").map(({ id }) => id),
            await keysOf(gun, "snapshot"),
        )
        await rig.sign(`${gun}:v3`, "ef")
        await rig.assertReadable(gun, ["v1", "v2", "v3"])
        await rotate("snapshot", gun, "--old-key", "remove")
        await rig.assertReadable(gun, ["v1", "v2", "v3"])
    })

    test("the timestamp key is the server's, and changes with a new root", async () => {
        const gun = await repository("timestamp")
        const before = await keysOf(gun, "timestamp")
        const { published } = await rotate("timestamp", gun)
        assert.deepEqual(published, [{ role: "root", version: 2 }])
        assert.notDeepEqual(await keysOf(gun, "timestamp"), before)
        await rig.assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
    })

    const isTimestamp = ({ method, path: name }: ProxyRequest): boolean => method === "GET" && name.endsWith("/timestamp.json")
    const FAILED = { status: 500, body: Buffer.from('{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":null}]}') }

    test("a server that has lost both its keys gets two new ones in one root, also when its last timestamp has expired", async () => {
        const gun = await repository("both")
        const ours = await repository("one", "--snapshot-key")
        await rig.notary.loseKeys()
        // Nothing can be published, and that is said before anything is promised.
        await rig.refused(["rotate", "targets", gun, ...unlocking(), "--confirm"], "not_found", 4)
        const stderr = await rig.refused(["rotate", "timestamp", gun, "--confirm"], "set_incomplete", 5)
        assert.match(stderr, /--with-snapshot/)
        assert.equal((await rootOf(gun)).version, 1)
        // From then on a server without a key for another one answers with an error: to us, until it has new keys.
        rig.proxy.intercept = (request) => {
            if (isPublication(request)) rig.proxy.intercept = undefined
            return isTimestamp(request) ? FAILED : undefined
        }
        await rig.refused(["trust", "renew", gun], "server_error", 6, { env: rig.throughProxy })
        const [timestamp, snapshot] = [await keysOf(gun, "timestamp"), await keysOf(gun, "snapshot")]
        const args = ["rotate", "timestamp", gun, "--with-snapshot", "--confirm", "--json"]
        const { published } = JSON.parse(await rig.ok(args, { env: rig.throughProxy })) as Answer
        assert.deepEqual(published, [{ role: "root", version: 2 }])
        assert.notDeepEqual(await keysOf(gun, "timestamp"), timestamp)
        assert.notDeepEqual(await keysOf(gun, "snapshot"), snapshot)
        await rig.assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
        // Where the snapshot key is here, one is enough.
        await rotate("timestamp", ours)
        await rig.sign(`${ours}:v2`, "cd")
        await rig.assertReadable(ours, ["v1", "v2"])
    })

    test("a snapshot key that goes to a server without a timestamp key brings it a timestamp key as well", async () => {
        const gun = await repository("handed-over", "--snapshot-key")
        await rig.notary.loseKeys()
        const timestamp = await keysOf(gun, "timestamp")
        await rotate("snapshot", gun, "--to-server")
        assert.notDeepEqual(await keysOf(gun, "timestamp"), timestamp)
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
    })

    /** A signer alice whose key is here, and a tag that she signed. */
    async function signedByAlice(name: string): Promise<{ readonly gun: string; readonly key: string }> {
        const gun = `registry.example.com/rotate/${name}`
        await rig.init(gun)
        const key = await newSigner(gun, "alice")
        await rig.sign(`${gun}:v1`, "ab", ...unlocking())
        await assertSigners(gun, "alice")
        return { gun, key }
    }

    async function newSigner(gun: string, name: string): Promise<string> {
        const create = ["key", "create", "--purpose", "delegation", "--label", name, "--json", ...unlocking()]
        const { id } = JSON.parse(await rig.ok(create)) as { id: string }
        await rig.ok(["trust", "signer", "add", "--key", await publicFile(id), name, gun, ...unlocking()])
        return id
    }

    async function publicFile(id: string): Promise<string> {
        const file = path.join(rig.daemon.directory, `${id.slice(0, 12)}.pub`)
        await writeFile(file, await rig.ok(["key", "public", id]))
        return file
    }

    /** That the one tag there is has this one signer, as docker and notary see it. */
    async function assertSigners(gun: string, ...signers: readonly string[]): Promise<void> {
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers }])
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["v1"],
        )
    }

    async function delegated(gun: string, role: string): Promise<readonly string[]> {
        const { document } = parseFile(await rig.served(gun, "targets"), parseRoleName("targets")).signed
        assert.ok(document.type === "targets")
        return document.delegations.roles.find(({ name }) => name === role)?.keyIds ?? []
    }

    test("a dry run of a delegation's rotation makes and publishes nothing, and says what it would", async () => {
        const { gun, key } = await signedByAlice("dry-signer")
        const keys = await rig.ok(["key", "list"])
        const before = await delegated(gun, "targets/alice")
        const text = await rig.ok(["rotate", "delegation", gun, "alice", "--dry-run", "--new-sealed"])
        assert.match(text, /^Would rotate targets\/alice of /)
        assert.ok(text.includes(`takes away the key ${key.slice(0, 12)}`), text)
        assert.match(text, /makes a p256 key, sealed under a passphrase/)
        assert.equal(await rig.ok(["key", "list"]), keys)
        assert.deepEqual(await delegated(gun, "targets/alice"), before)
        await rig.refused(["rotate", "delegation", "registry.example.com/rotate/unheard-of", "alice", "--dry-run"], "repository_unknown", 4)
    })

    test("a lost delegation key is replaced, and what it had signed is signed again by the new one", async () => {
        const { gun, key } = await signedByAlice("lost")
        await rig.ok(["key", "remove", key, "--confirm", `${key.slice(0, 8)} is still needed`])
        await rig.refused(["rotate", "delegation", gun, "alice", "--confirm"], "usage", 2)
        const answer = await rotate("delegation", gun, "alice", "--new-sealed")
        assert.deepEqual(
            answer.published.map(({ role }) => role),
            ["targets", "targets/alice", "targets/releases"],
        )
        assert.ok(!(await delegated(gun, "targets/alice")).includes(key))
        assert.deepEqual(await delegated(gun, "targets/releases"), await delegated(gun, "targets/alice"))
        await assertSigners(gun, "alice")
        await rig.sign(`${gun}:v1`, "ab", ...unlocking())
        await assertSigners(gun, "alice")
    })

    test("a signer's key changes in two steps, by her own new key: nobody ever misses a tag", async () => {
        const { gun, key } = await signedByAlice("steps")
        const create = ["key", "create", "--purpose", "delegation", "--label", "alice", "--json", ...unlocking()]
        const { id } = JSON.parse(await rig.ok(create)) as { id: string }
        await rotate("delegation", gun, "alice", "--keep", "--key", await publicFile(id))
        assert.deepEqual([...(await delegated(gun, "targets/alice"))].sort(), [id, key].sort())
        await assertSigners(gun, "alice")
        await rig.ok(["key", "bind", id, "--add", `targets/alice@${gun}`, "--add", `targets/releases@${gun}`])
        await rig.ok(["key", "unlock", id, ...unlocking()])
        await rig.ok([
            "trust",
            "renew",
            gun,
            ...["targets/alice", RELEASES].flatMap((role) => ["--role", role]),
            "--within",
            "1100d",
            ...unlocking(),
        ])
        await assertSigners(gun, "alice")
        const { oldKeys, published } = await rotate("delegation", gun, "alice", "--retire", key, "--old-key", "remove")
        assert.deepEqual(oldKeys, [{ keyId: key, choice: "remove" }])
        // What she had signed counts as it is.
        assert.deepEqual(
            published.map(({ role }) => role),
            ["targets"],
        )
        assert.deepEqual(await delegated(gun, "targets/releases"), [id])
        await assertSigners(gun, "alice")
    })

    test("a new key that is elsewhere leaves the signing to its holder, and says how", async () => {
        const { gun } = await signedByAlice("elsewhere")
        const theirs = path.join(rig.daemon.directory, "theirs.pub")
        await writeFile(theirs, generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" }))
        const { unsigned } = await rotate("delegation", gun, "alice", "--key", theirs)
        assert.deepEqual(
            unsigned.map(({ role }) => role),
            ["targets/alice", "targets/releases"],
        )
        assert.match(unsigned[0]?.reason ?? "", /trust renew .* --witness targets\/alice=[0-9a-f]{16}/)
        // Whoever pulls now finds nothing, and nothing false.
        assert.deepEqual(await rig.signedTags(gun), [])
        const again = await rotate("delegation", gun, "alice", "--new-sealed")
        assert.match(again.unsigned[0]?.reason ?? "", /--witness targets\/alice=/)
        const witnesses = unsigned.flatMap(({ role, digits }) => ["--witness", `${role}=${digits}`])
        await rig.ok(["trust", "renew", gun, ...witnesses, ...unlocking()])
        await assertSigners(gun, "alice")
    })

    test("with root keys in two places a targets key is rotated by both: passed on, signed there, published here", async () => {
        const gun = await repository("holders")
        const theirs = makeRootKey(gun, new Date())
        const place = (name: string): string => path.join(rig.daemon.directory, `holders-${name}`)
        await writeFile(place("theirs.pem"), theirs.key.public)
        const passed = async (): Promise<string> => {
            const body = parseFile(await readFile(place("root.json")), ROOT).signed
            await writeFile(place("signed.json"), assembleFile(body, [theirs.sign(body)]))
            return place("signed.json")
        }
        const args = ["--collect", place("root.json")]
        await rig.ok(["rotate", "root", gun, "--confirm", "--keep", "--root-certificate", place("theirs.pem"), "--threshold", "2", ...args])
        await rig.ok(["rotate", "root", gun, "--confirm", "--signature", await passed()])
        assert.equal((await rootOf(gun)).roles.get("root")?.threshold, 2)
        const [old = ""] = await keysOf(gun, "targets")

        const stderr = await rig.refused(["rotate", "targets", gun, ...unlocking(), "--confirm"], "set_incomplete", 5)
        assert.match(stderr, new RegExp(canonicalKeyIdOf(theirs.key).slice(0, 12)))
        const { outcome } = await rotate("targets", gun, ...args)
        assert.equal(outcome, "collecting")
        assert.deepEqual(await keysOf(gun, "targets"), [old])
        await rig.assertReadable(gun, ["v1"])
        // What was begun is gone on with, and nothing else of its version.
        await rig.refused(["rotate", "timestamp", gun, "--confirm", ...args], "equivocation_refused", 4)
        const { published } = await rotate("targets", gun, "--signature", await passed())
        assert.deepEqual(
            published.map(({ role }) => role),
            ["root", "targets"],
        )
        assert.notDeepEqual(await keysOf(gun, "targets"), [old])
        await rig.assertReadable(gun, ["v1"])
        await rig.sign(`${gun}:v2`, "cd")
        await rig.assertReadable(gun, ["v1", "v2"])
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
        await rig.assertReadable(gun, ["v1"])
    })
})

import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import {
    assembleFile,
    type BaseRole,
    canonicalKeyIdOf,
    encodeRoot,
    nextRoot,
    parseFile,
    parseSigned,
    ROOT,
    type RootChange,
    type RootDocument,
    rootOf,
    type SignedMetadata,
    type TufKey,
} from "../../src/tuf/index.ts"
import { makeRootKey } from "../support/repository-builder.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

describe("whoever may put something in the way of a rotation", () => {
    let rig: TrustRig
    /** The root key that repositories begin with. */
    let first: string
    before(async () => {
        rig = await openTrustRig()
        first = (JSON.parse(await rig.ok(["key", "list", "--json"])) as { keys: { id: string }[] }).keys[0]?.id ?? assert.fail()
    })
    after(() => rig?.[Symbol.asyncDispose]())

    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]
    const place = (name: string): string => path.join(rig.daemon.directory, name)
    const command = (role: string, gun: string, ...more: readonly string[]): readonly string[] => [
        ...["rotate", role, gun, "--confirm", "--json", "--old-key", "keep"],
        ...unlocking(),
        ...more,
    ]
    const rotate = (role: string, gun: string, ...more: readonly string[]): Promise<string> => rig.ok(command(role, gun, ...more))

    async function repository(name: string): Promise<string> {
        const gun = `registry.example.com/rotate-attacks/${name}`
        await rig.init(gun, "--root-key", first)
        await rig.sign(`${gun}:v1`, "ab")
        return gun
    }

    async function rootServed(gun: string): Promise<RootDocument> {
        return rootOf(parseFile(await rig.served(gun, "root"), ROOT).signed)
    }

    async function keysOf(gun: string, role: "root" | "targets"): Promise<readonly string[]> {
        const root = await rootServed(gun)
        return (root.roles.get(role)?.keyIds ?? []).map((id) => canonicalKeyIdOf(root.keys.get(id) ?? assert.fail()))
    }

    function strangersKey(): { readonly key: TufKey; readonly pem: string } {
        const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
        const key: TufKey = { keytype: "ecdsa", public: publicKey.export({ type: "spki", format: "der" }) }
        return { key, pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() }
    }

    async function next(gun: string, change: Omit<RootChange, "expires">): Promise<SignedMetadata> {
        const root = await rootServed(gun)
        return parseSigned(encodeRoot(nextRoot(root, { ...change, expires: root.expires })), ROOT)
    }

    test("gets no key of his taken for one that an interrupted run left: not one from a file", async () => {
        const gun = await repository("planted")
        const { key, pem } = strangersKey()
        await writeFile(place("planted.pem"), pem, { mode: 0o600 })
        await rig.ok(["key", "import", "--role", "targets", "--gun", gun, ...unlocking(), place("planted.pem")])
        assert.doesNotMatch(await rig.ok(["rotate", "targets", gun, "--dry-run"]), new RegExp(canonicalKeyIdOf(key).slice(0, 12)))
        await rotate("targets", gun)
        assert.ok(!(await keysOf(gun, "targets")).includes(canonicalKeyIdOf(key)))
    })

    test("gets no key back that was taken away before, although it never signed", async () => {
        const gun = await repository("retired")
        const [stays] = await keysOf(gun, "targets")
        await rotate("targets", gun, "--keep", "--new-sealed")
        const retired = (await keysOf(gun, "targets")).find((id) => id !== stays) ?? assert.fail()
        await rotate("targets", gun, "--retire", retired)
        await rotate("targets", gun, "--keep", "--new-sealed")
        assert.equal((await keysOf(gun, "targets")).length, 2)
        assert.ok(!(await keysOf(gun, "targets")).includes(retired))
    })

    /** Role root in two hands, both here: the one that signs `body` has begun it. */
    async function begin(gun: string, body: SignedMetadata): Promise<void> {
        await writeFile(place("begun.json"), body.bytes)
        await rig.ok([
            "sign",
            "--gun",
            gun,
            "--role",
            "root",
            "--confirm",
            "--key",
            first,
            "--out",
            place("signed.json"),
            place("begun.json"),
        ])
    }

    /** Keys beside those that a role has. */
    function joined(root: RootDocument, role: BaseRole, key: TufKey): { readonly keys: readonly TufKey[]; readonly threshold: number } {
        const { keyIds = [], threshold = 1 } = root.roles.get(role) ?? {}
        return { keys: [...keyIds.flatMap((id) => root.keys.get(id) ?? []), key], threshold }
    }

    test("has no root gone on with that changes more than what was asked for, or brings other keys", async () => {
        const gun = await repository("begun")
        await rotate("root", gun, "--keep", "--new-sealed", "--threshold", "2")
        const before = await rootServed(gun)
        const targets = new Map([["targets", joined(before, "targets", strangersKey().key)]] as const)
        const rootKeys = joined(before, "root", makeRootKey(gun, new Date()).key)
        await begin(gun, await next(gun, { roles: targets, rootKeys }))
        assert.match(await rig.refused(command("targets", gun), "equivocation_refused", 4), /it changes the keys of root, targets/)
        await rig.refused(command("targets", gun, "--keep", "--new-sealed"), "equivocation_refused", 4)
        await rig.ok(["journal", "void", gun, "root", "3", "--confirm", "void 3"])

        await begin(gun, await next(gun, { roles: targets }))
        const { id } = JSON.parse(await rig.ok(["key", "create", "--purpose", "targets", "--json", ...unlocking()])) as { id: string }
        for (const asked of [
            ["--key", id],
            ["--keep", "--key", id],
            ["--keep", "--new-sealed", "--threshold", "2"],
            ["--retire", (await keysOf(gun, "targets"))[0] ?? ""],
        ])
            await rig.refused(command("targets", gun, ...asked), "equivocation_refused", 4)
        await rig.ok(["journal", "void", gun, "root", "3", "--confirm", "void 3"])

        await begin(gun, await next(gun, { rootKeys }))
        const stderr = await rig.refused(command("root", gun, "--keep", "--new-sealed"), "equivocation_refused", 4)
        assert.match(stderr, /it brings the key [0-9a-f]{12}, which is not here/)
        assert.equal((await rootServed(gun)).version, 2)
    })

    test("has no root from elsewhere completed that changes other roles than the one that is named", async () => {
        const gun = await repository("passed")
        const thief = makeRootKey(gun, new Date())
        const before = await rootServed(gun)
        const targets = new Map([["targets", joined(before, "targets", strangersKey().key)]] as const)
        const body = await next(gun, { roles: targets, rootKeys: joined(before, "root", thief.key) })
        await writeFile(place("passed.json"), assembleFile(body, [thief.sign(body)]))
        for (const role of ["targets", "snapshot", "timestamp"]) {
            const stderr = await rig.refused(["rotate", role, gun, "--confirm", "--signature", place("passed.json")], "root_rejected", 4)
            assert.match(stderr, /the keys of root, targets/)
        }
        assert.doesNotMatch(await rig.ok(["journal", "show", gun]), /root +2/)
    })
})

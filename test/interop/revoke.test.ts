import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { pemToPublicKey } from "../../src/crypto/index.ts"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { encodeTargets, keyIdOf, parseFile, parseGun, parseRoleName, type TufKey, tufKey } from "../../src/tuf/index.ts"
import { makeKey, RepositoryBuilder, type TestKey } from "../support/repository-builder.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

describe("trust revoke beside the stock clients", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]
    const tagsSeen = async (gun: string): Promise<readonly string[]> => (await rig.signedTags(gun)).map(({ tag }) => tag)

    /** A delegation key of the daemon for these roles. */
    async function ourKey(gun: string, ...roles: readonly string[]): Promise<TufKey> {
        const bindings = roles.flatMap((role) => ["--bind", `${role}@${gun}`])
        const { id } = JSON.parse(await rig.ok(["key", "create", "--purpose", "delegation", "--json", ...bindings, ...unlocking()])) as {
            id: string
        }
        await rig.ok(["key", "unlock", id, ...unlocking()])
        return tufKey(pemToPublicKey(await rig.ok(["key", "public", id])))
    }

    /** Delegate on top of what targets hold now; `signed` are delegation files that go out together with it. */
    async function delegate(
        gun: string,
        delegations: Readonly<Record<string, TufKey>>,
        signed: Readonly<Record<string, { readonly by: TestKey; readonly tags: Readonly<Record<string, string>> }>> = {},
    ): Promise<void> {
        const { document } = parseFile(await rig.served(gun, "targets"), parseRoleName("targets")).signed
        assert.ok(document.type === "targets")
        const keys = Object.values(delegations)
        const body = encodeTargets({
            ...document,
            version: document.version + 1,
            delegations: {
                keys: new Map(keys.map((key) => [keyIdOf(key), key])),
                roles: Object.entries(delegations).map(([name, key]) => {
                    return { name: parseRoleName(name), keyIds: [keyIdOf(key)], threshold: 1, paths: [""] }
                }),
            },
        })
        const input = path.join(rig.daemon.directory, `targets-${randomBytes(4).toString("hex")}`)
        await writeFile(input, body)
        await rig.ok(["sign", "--gun", gun, "--role", "targets", "--out", `${input}.signed`, input])
        const builder = new RepositoryBuilder(parseGun(gun), new Date())
        const below = Object.entries(signed).map(([role, { by, tags }]) => ({
            role: parseRoleName(role),
            content: builder.targets({ role, version: 1, targets: tags, signers: [by] }).content,
        }))
        const reference = parseReference(gun)
        const server = await openTrustServer(
            reference,
            { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url },
            "push",
        )
        await server.post(reference.gun, [{ role: parseRoleName("targets"), content: await readFile(`${input}.signed`) }, ...below])
    }

    test("a tag is revoked in docker's words, and nobody sees it any more", async () => {
        const gun = "registry.example.com/revoke/plain"
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        await rig.sign(`${gun}:v2`, "cd")
        assert.equal(await rig.ok(["trust", "revoke", `${gun}:v1`]), `Successfully deleted signature for ${gun}:v1\n`)
        assert.deepEqual(await tagsSeen(gun), ["v2"])
        assert.equal(await rig.ok(["trust", "revoke", "-y", gun]), `Successfully deleted signature for ${gun}\n`)
        assert.deepEqual(await tagsSeen(gun), [])
    })

    test("what can't be revoked is refused in docker's words", async () => {
        const [gun, nothing] = ["registry.example.com/revoke/refused", "registry.example.com/revoke/nothing"]
        await rig.init(gun)
        const line = (text: string): string => (text.split("\n")[0] ?? "").replace(/^trustkey: /, "").replace(/ \[[a-z_]+\]$/, "")
        for (const [args, code, status] of [
            [["-y", gun], "target_unknown", 4],
            [[`${gun}:v1`], "target_unknown", 4],
            [["-y", nothing], "no_trust_data", 4],
            [[`${nothing}:v1`], "no_trust_data", 4],
            [[`${gun}@sha256:${"ab".repeat(32)}`], "usage", 2],
        ] as const) {
            const ours = await rig.refused(["trust", "revoke", ...args], code, status)
            const theirs = await rig.judge.run(["trust", "revoke", ...args])
            assert.equal(theirs.status, 1)
            assert.equal(line(ours), theirs.stderr.trimEnd(), args.join(" "))
        }
    })

    test("a tag signed in targets before there were signers is revoked there too, which docker forgets", async () => {
        const gun = "registry.example.com/revoke/both"
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        const [releases, alice] = [await ourKey(gun, "targets/releases"), await ourKey(gun, "targets/alice")]
        await delegate(gun, { "targets/alice": alice, "targets/releases": releases })
        await rig.sign(`${gun}:v1`, "cd")
        assert.deepEqual(await tagsSeen(gun), ["v1", "v1"])
        await rig.ok(["trust", "revoke", `${gun}:v1`])
        assert.deepEqual(await rig.listed(gun), [])
        assert.deepEqual(await tagsSeen(gun), [])
    })

    test("when a pull would still trust the tag somewhere else, nothing is changed and that place and its keys are named", async () => {
        const gun = "registry.example.com/revoke/elsewhere"
        const theirs = makeKey()
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        await delegate(gun, { "targets/releases": theirs.key }, { "targets/releases": { by: theirs, tags: { v1: "one" } } })
        const before = await rig.listed(gun)
        const stderr = await rig.refused(["trust", "revoke", `${gun}:v1`], "not_found", 4)
        assert.match(stderr, /^trustkey: could not remove signature for \S+:v1: no valid signing keys for delegation roles$/m)
        assert.match(stderr, new RegExp(`still be trusted in targets/releases, whose key ${theirs.id.slice(0, 12)}`))
        assert.deepEqual(await rig.listed(gun), before)
    })

    test("a signer's own delegation that holds the tag is told of: no pull trusts it there", async () => {
        const gun = "registry.example.com/revoke/signer"
        const theirs = makeKey()
        await rig.init(gun)
        const releases = await ourKey(gun, "targets/releases")
        await delegate(
            gun,
            { "targets/bob": theirs.key, "targets/releases": releases },
            { "targets/bob": { by: theirs, tags: { v1: "one" } } },
        )
        await rig.sign(`${gun}:v1`, "ab")
        const { status, stdout, stderr } = await rig.daemon.trustkey(["trust", "revoke", `${gun}:v1`], {
            env: { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url },
        })
        assert.equal(status, 0, stderr)
        assert.equal(stdout, `Successfully deleted signature for ${gun}:v1\n`)
        assert.match(stderr, new RegExp(`warning: still signed in targets/bob, whose key ${theirs.id.slice(0, 12)}`))
        assert.deepEqual(await tagsSeen(gun), [])
    })
})

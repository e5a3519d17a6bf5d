import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { pemToPublicKey } from "../../src/crypto/index.ts"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import {
    encodeRoot,
    encodeTargets,
    keyIdOf,
    parseFile,
    parseGun,
    parseRoleName,
    type RootDocument,
    type TargetsDocument,
    type TufKey,
    tufKey,
} from "../../src/tuf/index.ts"
import { makeKey, RepositoryBuilder, type TestKey } from "../support/repository-builder.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const DAY = 86_400_000
const SHORT_DAYS = 5000 / DAY
const RELEASES = "targets/releases"

type Dated = { readonly signed: { readonly version: number; readonly expires: string } }
type Plan = {
    repositories: {
        planned: { role: string; why: string }[]
        published: { role: string; version: number }[]
        left: { role: string; reason: string }[]
    }[]
}

describe("metadata renewed by trustkeyd, beside the stock clients", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const inDays = (days: number): Date => new Date(Math.floor((Date.now() + days * DAY) / 1000) * 1000)
    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]

    async function served(gun: string, role: string): Promise<{ version: number; days: number }> {
        const { signed } = JSON.parse((await rig.served(gun, role)).toString()) as Dated
        return { version: signed.version, days: Math.round((new Date(signed.expires).getTime() - Date.now()) / DAY) }
    }

    async function post(gun: string, files: readonly { role: string; content: Uint8Array }[]): Promise<void> {
        const reference = parseReference(gun)
        const server = await openTrustServer(
            reference,
            { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url },
            "push",
        )
        await server.post(
            reference.gun,
            files.map(({ role, content }) => ({ role: parseRoleName(role), content })),
        )
    }

    /** Have the daemon sign a body as it is. */
    async function signed(gun: string, role: string, body: Uint8Array): Promise<Buffer> {
        const [input, output] = ["in", "out"].map((name) => path.join(rig.daemon.directory, `${name}-${randomBytes(4).toString("hex")}`))
        assert.ok(input !== undefined && output !== undefined)
        await writeFile(input, body)
        await rig.ok(["sign", "--gun", gun, "--role", role, "--confirm", "--out", output, input])
        return await readFile(output)
    }

    async function targetsOf(gun: string): Promise<TargetsDocument> {
        const { document } = parseFile(await rig.served(gun, "targets"), parseRoleName("targets")).signed
        return document.type === "targets" ? document : assert.fail("no targets")
    }

    async function rootOf(gun: string): Promise<RootDocument> {
        const { document } = parseFile(await rig.served(gun, "root"), parseRoleName("root")).signed
        return document.type === "root" ? document : assert.fail("no root")
    }

    /** A delegation key of the daemon. */
    async function ourDelegationKey(gun: string): Promise<TufKey> {
        const create = ["key", "create", "--purpose", "delegation", "--json", "--bind", `${RELEASES}@${gun}`, ...unlocking()]
        const { id } = JSON.parse(await rig.ok(create)) as { id: string }
        await rig.ok(["key", "unlock", id, ...unlocking()])
        return tufKey(pemToPublicKey(await rig.ok(["key", "public", id])))
    }

    /** targets, one version on, delegating releases to these keys; made with the daemon's targets key. */
    async function delegating(gun: string, keys: readonly TufKey[]): Promise<Buffer> {
        const before = await targetsOf(gun)
        const delegations = {
            keys: new Map(keys.map((key) => [keyIdOf(key), key])),
            roles: [{ name: parseRoleName(RELEASES), keyIds: keys.map(keyIdOf), threshold: 1, paths: [""] }],
        }
        return await signed(gun, "targets", encodeTargets({ ...before, version: before.version + 1, expires: inDays(400), delegations }))
    }

    function releasesBy(gun: string, signer: TestKey, version: number, days: number, tags: Readonly<Record<string, string>>): Buffer {
        const builder = new RepositoryBuilder(parseGun(gun), new Date())
        return builder.targets({ role: RELEASES, version, days, targets: tags, signers: [signer] }).content
    }

    const tagsSeen = async (gun: string): Promise<readonly string[]> => (await rig.signedTags(gun)).map(({ tag }) => tag)
    const listed = async (gun: string): Promise<readonly string[]> => (await rig.listed(gun)).map(({ name }) => name)

    test("targets about to expire are signed again with their tags, and what is not due is left alone", async () => {
        const gun = "registry.example.com/renew/targets"
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        assert.match(await rig.ok(["trust", "renew", gun]), /^Nothing of .* expires within 90 days$/m)
        assert.equal((await served(gun, "targets")).version, 2)
        const document = await targetsOf(gun)
        await post(gun, [
            { role: "targets", content: await signed(gun, "targets", encodeTargets({ ...document, version: 3, expires: inDays(20) })) },
        ])
        assert.deepEqual(await served(gun, "targets"), { version: 3, days: 20 })

        assert.match(await rig.ok(["trust", "renew", gun, "--dry-run"]), /^Would renew targets of /)
        assert.deepEqual(await served(gun, "targets"), { version: 3, days: 20 })
        assert.match(await rig.ok(["trust", "renew", gun, "--within", "10d"]), /^Nothing of /)
        assert.match(await rig.ok(["trust", "renew", "--all"]), /^Renewed targets \(version 4\) of /m)
        assert.deepEqual(await served(gun, "targets"), { version: 4, days: 1095 })
        assert.deepEqual(await listed(gun), ["v1"])
        assert.deepEqual(await tagsSeen(gun), ["v1"])
    })

    test("a root about to expire gets its next version, with the same keys and certificate", async () => {
        const gun = "registry.example.com/renew/root"
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        assert.deepEqual(await listed(gun), ["v1"])
        const document = await rootOf(gun)
        const soon = await signed(gun, "root", encodeRoot({ ...document, version: 2, expires: inDays(20) }))
        await post(gun, [{ role: "root", content: soon }])
        assert.match(await rig.ok(["trust", "renew", gun, ...unlocking()]), /^Renewed root \(version 3\) of /)
        assert.equal((await served(gun, "root")).version, 3)
        assert.ok((await served(gun, "root")).days > 3600)
        assert.deepEqual((await rootOf(gun)).roles, document.roles)
        // The notary client walks from root 1; docker meets root 3.
        assert.deepEqual(await listed(gun), ["v1"])
        assert.deepEqual(await tagsSeen(gun), ["v1"])
    })

    test("a root whose certificate ends too is left, and said to need a rotation", async () => {
        const gun = "registry.example.com/renew/certificate"
        await rig.init(gun)
        const stderr = await rig.refused(["trust", "renew", gun, "--within", "3651d", "--role", "root"], "rotation_needed", 5)
        assert.match(stderr, /root certificate of .*: expires in \d+ days.*rotation of the root key/)
        assert.ok(!stderr.includes("key list"), stderr)
        assert.equal((await served(gun, "root")).version, 1)
    })

    test("a snapshot of ours is renewed with something else of ours", async () => {
        const gun = "registry.example.com/renew/snapshot"
        await rig.init(gun, "--snapshot-key")
        await rig.sign(`${gun}:v1`, "ab")
        const { version } = await served(gun, "snapshot")
        const { repositories } = JSON.parse(
            await rig.ok(["trust", "renew", gun, "--role", "snapshot", "--within", "1100d", "--json"]),
        ) as Plan
        assert.deepEqual(
            repositories[0]?.planned.map(({ role, why }) => [role, why]),
            [
                ["targets", "carrier"],
                ["snapshot", "due"],
            ],
        )
        assert.equal((await served(gun, "snapshot")).version, version + 1)
        assert.deepEqual(await listed(gun), ["v1"])
    })

    test("an expired delegation is signed again by a key of ours, and its tags can be pulled again", async () => {
        const gun = "registry.example.com/renew/expired"
        const theirs = makeKey()
        await rig.init(gun)
        const ours = await ourDelegationKey(gun)
        const targets = await delegating(gun, [theirs.key, ours])
        await post(gun, [
            { role: "targets", content: targets },
            { role: RELEASES, content: releasesBy(gun, theirs, 1, SHORT_DAYS, { v1: "one", v2: "two" }) },
        ])
        // The server takes nothing that has expired already.
        await sleep(SHORT_DAYS * DAY)
        assert.deepEqual(await tagsSeen(gun), [])
        assert.deepEqual(await listed(gun), [])
        assert.match(await rig.ok(["trust", "renew", gun]), /^Renewed targets\/releases \(version 2\) of /)
        assert.deepEqual(await tagsSeen(gun), ["v1", "v2"])
        assert.deepEqual(await listed(gun), ["v1", "v2"])
        assert.deepEqual(await served(gun, RELEASES), { version: 2, days: 1095 })
    })

    test("a delegation whose key was replaced is witnessed with its tags, when a person has looked at them", async () => {
        const gun = "registry.example.com/renew/replaced"
        const theirs = makeKey()
        await rig.init(gun)
        await post(gun, [
            { role: "targets", content: await delegating(gun, [theirs.key]) },
            { role: RELEASES, content: releasesBy(gun, theirs, 1, 400, { v1: "one" }) },
        ])
        assert.match(await rig.ok(["trust", "renew", gun]), /^Nothing of /)
        assert.deepEqual(await tagsSeen(gun), ["v1"])
        const ours = await ourDelegationKey(gun)
        await post(gun, [{ role: "targets", content: await delegating(gun, [ours]) }])
        assert.deepEqual(await tagsSeen(gun), [])
        const stderr = await rig.refused(["trust", "renew", gun], "set_incomplete", 5)
        const [, named = ""] = /don't count any more; it holds v1 [0-9a-f]{64}\. If that is right: --witness (\S+)/.exec(stderr) ?? []
        assert.match(await rig.ok(["trust", "renew", gun, "--witness", named]), /^Renewed targets\/releases \(version 2\) of /)
        assert.deepEqual(await tagsSeen(gun), ["v1"])
        assert.deepEqual(await listed(gun), ["v1"])
    })

    test("content nobody vouches for, and nobody here has seen valid, is signed only when a person names it", async () => {
        const gun = "registry.example.com/renew/planted"
        const theirs = makeKey()
        await rig.init(gun)
        const ours = await ourDelegationKey(gun)
        await post(gun, [
            { role: "targets", content: await delegating(gun, [theirs.key]) },
            { role: RELEASES, content: releasesBy(gun, theirs, 1, 400, { v1: "one" }) },
        ])
        await post(gun, [{ role: "targets", content: await delegating(gun, [ours]) }])
        const stderr = await rig.refused(["trust", "renew", gun], "set_incomplete", 5)
        const [, named = ""] = /targets\/releases of .*it holds v1 [0-9a-f]{64}\. If that is right: --witness (\S+)/.exec(stderr) ?? []
        await rig.refused(["trust", "renew", gun, "--witness", RELEASES], "usage", 2)
        await rig.refused(["trust", "renew", gun, "--witness", `${RELEASES}=0123456789abcdef`], "set_incomplete", 5)
        assert.deepEqual(await tagsSeen(gun), [])
        assert.match(await rig.ok(["trust", "renew", gun, "--witness", named]), /^Renewed targets\/releases \(version 2\) of /)
        assert.deepEqual(await tagsSeen(gun), ["v1"])
    })

    test("a server that can't be reached is asked for one repository, and named for all", async () => {
        const guns = ["registry.example.com/renew/one", "registry.example.com/renew/two"]
        for (const gun of guns) await rig.init(gun)
        let asked = 0
        const server = createServer((socket) => {
            asked += 1
            socket.on("error", () => {})
            socket.destroy()
        })
        server.listen(0, "127.0.0.1")
        await once(server, "listening")
        const address = server.address()
        assert.ok(address !== null && typeof address === "object")
        const env = { DOCKER_CONTENT_TRUST_SERVER: `https://127.0.0.1:${address.port}` }
        const connections = async (...args: readonly string[]): Promise<number> => {
            asked = 0
            const stderr = await rig.refused(["trust", "renew", ...args], "server_unreachable", 6, { env })
            for (const gun of args) assert.ok(args.length === 1 || stderr.includes(gun), stderr)
            return asked
        }
        const forOne = await connections(...guns.slice(0, 1))
        assert.ok(forOne > 0)
        assert.equal(await connections(...guns), forOne)
        server.close()
    })

    test("what is due and held elsewhere is named with its keys, and the exit code tells", async () => {
        const gun = "registry.example.com/renew/elsewhere"
        const theirs = makeKey()
        await rig.init(gun)
        await post(gun, [
            { role: "targets", content: await delegating(gun, [theirs.key]) },
            { role: RELEASES, content: releasesBy(gun, theirs, 1, 20, { v1: "one" }) },
        ])
        const stderr = await rig.refused(["trust", "renew", gun], "set_incomplete", 5)
        assert.match(stderr, new RegExp(`targets/releases of .*expires in (19|20) days.*held elsewhere: ${theirs.id.slice(0, 12)}`))
        // Seen by the daemon now, and shown by status and doctor.
        assert.match(await rig.ok(["status"]), new RegExp(`in (19|20) days +targets/releases +${gun}`))
        const { expiring } = JSON.parse(await rig.ok(["status", "--json"])) as { expiring: { gun: string; what: string }[] }
        assert.ok(expiring.some((each) => each.gun === gun && each.what === "targets"))
        assert.match(await rig.refused(["doctor"], "expires_soon", 5), /1 of \d+ checks failed: expiry/)
        await rig.ok(["doctor", "--expiry", "10d"])
    })
})

import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import {
    type CurrentRepository,
    type FetchOptions,
    fetchRepository,
    type HttpTimes,
    type ImageReference,
    openTrustCache,
    openTrustServer,
    parseReference,
    type TrustCache,
} from "../../../src/publish/index.ts"
import { parseFile, parseRoleName } from "../../../src/tuf/index.ts"
import { type FakeTrustServer, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { type BuiltFile, hashOf, makeKey, makeRootKey, TestRepository } from "../../support/repository-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const IMAGE = parseReference("registry.example.com/team/app:v1")
const PATIENT = { connectMs: 10_000, idleMs: 10_000, totalMs: 20_000 }
const HASTY = { connectMs: 2_000, idleMs: 400, totalMs: 900 }

type Scene = AsyncDisposable & {
    readonly server: FakeTrustServer
    readonly repository: TestRepository
    readonly cache: TrustCache
    readonly cacheDirectory: string
    /** How long the client waits; a busy machine is no attack. */
    times: HttpTimes
    fetch(options?: FetchOptions & { at?: Date; image?: ImageReference }): Promise<CurrentRepository | undefined>
    refused(code: ErrorCode, message?: RegExp, options?: FetchOptions & { at?: Date }): Promise<void>
    cached(role: string): Promise<string | undefined>
}

/** A server that serves a repository in order, and a client that has not seen it yet. */
async function start(): Promise<Scene> {
    const server = await startFakeTrustServer()
    const cacheDirectory = path.join(server.configDirectory, "trust")
    const cache = openTrustCache(cacheDirectory)
    const repository = new TestRepository(IMAGE.gun, NOW)
    server.serve(repository.files)
    const fetch: Scene["fetch"] = async ({ at = NOW, image = IMAGE, ...options } = {}) => {
        const place = { configDirectory: server.configDirectory, trustServer: server.url, times: scene.times }
        return await fetchRepository(await openTrustServer(image, place, "pull"), image.gun, cache, at, options)
    }
    const scene: Scene = {
        server,
        repository,
        cache,
        cacheDirectory,
        times: PATIENT,
        fetch,
        refused: async (code, message = /./, options = {}) => {
            await assert.rejects(fetch(options), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, code, error.message)
                assert.match(error.message, message)
                return true
            })
        },
        cached: async (role) => {
            const content = await cache.read(IMAGE.gun, parseRoleName(role))
            return content === undefined ? undefined : createHash("sha256").update(content).digest("hex")
        },
        [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
    }
    return scene
}

const versions = (current: CurrentRepository | undefined): unknown => {
    const { root, timestamp, snapshot, targets } = current?.verified ?? assert.fail("there is no repository")
    return [root, timestamp, snapshot, targets].map((file) => file.signed.document.version)
}

describe("fetching a repository", () => {
    test("takes the first root it meets on trust, and everything below it by hash", async () => {
        await using scene = await start()
        scene.repository.publish({ v1: "one" }).release({ v2: "two" })
        scene.server.serve(scene.repository.files)
        const current = await scene.fetch()
        assert.deepEqual(versions(current), [1, 3, 3, 2])
        assert.deepEqual([...(current?.verified.delegations.keys() ?? [])], ["targets/releases"])
        assert.deepEqual(
            current?.files.map(({ role }) => role),
            ["root", "timestamp", "snapshot", "targets", "targets/releases"],
        )
        const { snapshot, targets, delegations } = scene.repository
        assert.deepEqual(
            scene.server.requests.map((line) => line.replace(/^GET \/v2\/registry.example.com\/team\/app\/_trust\/tuf\//, "")),
            [
                "root.json",
                "timestamp.json",
                `snapshot.${hashOf(snapshot)}.json`,
                `targets.${hashOf(targets)}.json`,
                `targets/releases.${hashOf(delegations[0] ?? assert.fail())}.json`,
            ],
        )
    })

    test("leaves docker's files in the cache, private to the user, and asks for none of them again", async () => {
        await using scene = await start()
        scene.repository.release({ v1: "one" })
        scene.server.serve(scene.repository.files)
        await scene.fetch()
        const folder = path.join(scene.cacheDirectory, "tuf/registry.example.com/team/app/metadata")
        assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [
            "root.json",
            "snapshot.json",
            "targets",
            "targets.json",
            "targets/releases.json",
            "timestamp.json",
        ])
        assert.equal((await stat(path.join(folder, "targets/releases.json"))).mode & 0o777, 0o600)
        assert.equal((await stat(path.join(folder, "targets"))).mode & 0o777, 0o700)
        assert.deepEqual(await readFile(path.join(folder, "targets.json")), scene.repository.targets.content)
        scene.server.requests.length = 0
        await scene.fetch()
        assert.deepEqual(
            scene.server.requests.map((line) => path.basename(line)),
            ["2.root.json", "timestamp.json"],
        )
    })

    test("says nothing is there when nothing is and nothing was", async () => {
        await using scene = await start()
        scene.server.files.clear()
        assert.equal(await scene.fetch(), undefined)
        assert.equal(await scene.fetch({ wholeRootChain: true }), undefined)
        assert.equal(await scene.cached("root"), undefined)
    })

    test("finds it suspicious when everything is gone that was there before", async () => {
        await using scene = await start()
        await scene.fetch()
        scene.server.files.clear()
        await scene.refused("no_trust_data", /any more, although it had some before/)
        await scene.refused("no_trust_data", /any more, although it had some before/, { wholeRootChain: true })
    })

    test("tells a repository that can't give out its timestamp from one that isn't there", async () => {
        await using scene = await start()
        scene.server.files.delete("timestamp")
        await scene.refused("no_trust_data", /has a root .* but can't give out a timestamp/)
    })

    test("walks from root to root, the ones on the way being allowed to have expired", async () => {
        await using scene = await start()
        await scene.fetch()
        const { repository, server } = scene
        repository.rotate({ root: [repository.builder.rootKey()] })
        server.serve(repository.files)
        repository.rotate({ root: [repository.builder.rootKey()], targets: [makeKey()] })
        repository.publish({ v1: "one" })
        server.serve(repository.files)
        const current = await scene.fetch()
        assert.deepEqual(versions(current), [3, 4, 4, 2])
        assert.deepEqual(
            current?.roots.map(({ signed }) => signed.document.version),
            [1, 2, 3],
        )
        assert.equal(await scene.cached("root"), hashOf(repository.root))
    })

    test("brings the whole chain of roots when asked, and compares it with the root it trusts", async () => {
        await using scene = await start()
        const { repository, server } = scene
        repository.rotate({ root: [repository.builder.rootKey()] })
        server.serve(repository.files)
        await scene.fetch()
        const chain = await scene.fetch({ wholeRootChain: true })
        assert.deepEqual(
            chain?.roots.map(({ signed }) => signed.document.version),
            [1, 2],
        )
        const other = new TestRepository(IMAGE.gun, NOW)
        other.rotate()
        server.serve([...other.roots, ...other.files])
        await scene.refused("verification_failed", /root version 2 is served with other content/, { wholeRootChain: true })
        server.files.delete("2.root")
        await scene.refused("verification_failed", /root version 2 is served with other content/, { wholeRootChain: true })
        server.files.set("root", server.files.get("1.root") ?? assert.fail())
        await scene.refused("rollback_detected", /newest root has version 1, 2 is already trusted/, { wholeRootChain: true })
        server.files.delete("1.root")
        await scene.refused("verification_failed", /not its version 1/, { wholeRootChain: true })
    })

    test("starts from the root it is handed, whatever is cached", async () => {
        await using scene = await start()
        const trusted = parseFile(scene.repository.root.content, parseRoleName("root"))
        const other = new TestRepository(IMAGE.gun, NOW)
        scene.server.serve(other.files)
        await scene.refused("verification_failed", /./, { trusted })
        assert.equal(await scene.cached("root"), undefined)
        await scene.fetch()
        assert.equal(await scene.cached("root"), hashOf(other.root))
        scene.server.serve(scene.repository.files)
        assert.deepEqual(versions(await scene.fetch({ trusted })), [1, 1, 1, 1])
    })

    test("remembers a newer root than the one it is handed", async () => {
        await using scene = await start()
        const { repository, server } = scene
        const trusted = parseFile(repository.root.content, parseRoleName("root"))
        const before = new Map(server.files)
        repository.rotate({ snapshot: [makeKey()], timestamp: [makeKey()] })
        server.serve(repository.files)
        await scene.fetch()
        server.files.clear()
        for (const [name, content] of before) server.files.set(name, content)
        await scene.refused("rollback_detected", /newest root has version 1, 2 was seen before/, { trusted })
    })

    test("fetches the newest root by name and tries again when a server has no numbered ones", async () => {
        await using scene = await start()
        await scene.fetch()
        const { repository, server } = scene
        repository.rotate({ root: [repository.builder.rootKey()], timestamp: [makeKey()] })
        server.serve(repository.files)
        server.files.delete("2.root")
        assert.deepEqual(versions(await scene.fetch()), [2, 2, 2, 1])
    })

    test("takes a root that appears between two questions", async () => {
        await using scene = await start()
        await scene.fetch()
        const { repository, server } = scene
        let asked = 0
        server.handlers.set("2.root", (_, response) => {
            asked += 1
            if (asked > 1) return void response.end(repository.root.content)
            repository.rotate({ timestamp: [makeKey()] })
            server.serve(repository.files)
            response.writeHead(404).end()
        })
        assert.deepEqual(versions(await scene.fetch()), [2, 2, 2, 1])
        assert.equal(asked, 2)
    })

    test("leaves out a delegation that has expired or lacks signatures, and says so", async () => {
        await using scene = await start()
        const { repository, server } = scene
        repository.release({ v1: "one" }, { days: -1 })
        server.serve(repository.files)
        const expired = await scene.fetch()
        assert.equal(expired?.verified.delegations.size, 0)
        assert.match(expired?.warnings.join() ?? "", /targets\/releases is ignored: it expired/)
        assert.ok(expired?.files.some(({ role }) => role === "targets/releases"))
        assert.equal(await scene.cached("targets/releases"), undefined)
        repository.release({ v1: "evil" }, { signers: [makeKey()] })
        server.serve(repository.files)
        assert.match((await scene.fetch())?.warnings.join() ?? "", /targets\/releases is ignored: .*signatures/)
    })

    test("bears expired metadata for whoever is about to renew it", async () => {
        await using scene = await start()
        const at = new Date("2028-01-01T00:00:00Z")
        await scene.refused("metadata_expired", /./, { at })
        assert.deepEqual(versions(await scene.fetch({ at, ignoreExpiry: true })), [1, 1, 1, 1])
    })

    test("lets new keys bring a version number down that a thief ran up", async () => {
        await using scene = await start()
        const { repository, server } = scene
        const { builder, keys } = repository
        const snapshot = builder.snapshot({ version: 9_000, files: [repository.root, repository.targets], signers: keys.snapshot })
        server.serve([snapshot, builder.timestamp({ version: 9_000, snapshot, signers: keys.timestamp })])
        assert.deepEqual(versions(await scene.fetch()), [1, 9_000, 9_000, 1])
        repository.rotate({ snapshot: [makeKey()], timestamp: [makeKey()] })
        server.serve(repository.files)
        assert.deepEqual(versions(await scene.fetch()), [2, 2, 2, 1])
    })

    test("does not trust the next best root because the cached one is damaged", async () => {
        await using scene = await start()
        const folder = path.join(scene.cacheDirectory, "tuf/registry.example.com/team/app/metadata")
        await mkdir(folder, { recursive: true })
        await writeFile(path.join(folder, "root.json"), "{")
        await scene.refused("verification_failed", /cached root .* can't be read/)
        await writeFile(path.join(folder, "root.json"), "")
        await scene.refused("verification_failed", /cached root .* can't be read/)
    })

    test("forgets a repository completely, and no other", async () => {
        await using scene = await start()
        scene.repository.release({ v1: "one" })
        scene.server.serve(scene.repository.files)
        await scene.fetch()
        const below = parseReference("registry.example.com/team/app/metadata").gun
        await scene.cache.write(below, parseRoleName("root"), Buffer.from("another repository's"))
        await scene.cache.remove(IMAGE.gun)
        for (const role of ["root", "targets", "targets/releases", "snapshot", "timestamp"])
            assert.equal(await scene.cached(role), undefined)
        assert.equal(String(await scene.cache.read(below, parseRoleName("root"))), "another repository's")
        assert.deepEqual(versions(await scene.fetch()), [1, 2, 2, 1])
    })

    test("goes on without a cached file that is damaged", async () => {
        await using scene = await start()
        await scene.fetch()
        const folder = path.join(scene.cacheDirectory, "tuf/registry.example.com/team/app/metadata")
        for (const role of ["timestamp", "snapshot", "targets"]) await writeFile(path.join(folder, `${role}.json`), `{"signed":{`)
        assert.deepEqual(versions(await scene.fetch()), [1, 1, 1, 1])
        assert.equal(await scene.cached("targets"), hashOf(scene.repository.targets))
        await chmod(folder, 0o700)
    })
})

describe("a hostile trust server", () => {
    type Attack = {
        readonly name: string
        readonly code: ErrorCode
        readonly message?: RegExp
        /** What the server does after the client has seen the repository in order. */
        readonly attack: (scene: Scene) => void
        /** The client has not seen it: the attack meets first trust. */
        readonly firstContact?: boolean
        /** The attack is on its patience. */
        readonly slow?: boolean
    }

    const serveTimestampOver = ({ server, repository }: Scene, snapshot: BuiltFile, version = 50): void => {
        server.serve([snapshot, repository.builder.timestamp({ version, snapshot, signers: repository.keys.timestamp })])
    }

    const ATTACKS: readonly Attack[] = [
        {
            name: "serves the repository of somebody else's making under the same name",
            code: "verification_failed",
            attack: ({ server }) => {
                server.files.clear()
                server.serve(new TestRepository(IMAGE.gun, NOW).files)
            },
        },
        {
            name: "follows the trusted root up with one that only its own keys signed",
            code: "verification_failed",
            message: /^root .*signatures/,
            attack: ({ server }) => {
                const thief = new TestRepository(IMAGE.gun, NOW)
                server.serve(thief.rotate().files)
            },
        },
        {
            name: "follows the trusted root up with one that only the old keys signed",
            code: "verification_failed",
            attack: ({ server, repository }) => {
                const signers = repository.keys.root
                const keys = { ...repository.keys, root: [repository.builder.rootKey()] }
                server.serve([repository.builder.root({ version: 2, keys, signers })])
            },
        },
        {
            name: "cuts the threshold of a root that needs two keys",
            code: "verification_failed",
            message: /^root .*signatures .*2 are needed/,
            attack: ({ server, repository }) => {
                const { builder, keys } = repository
                const two = [...keys.root, builder.rootKey()]
                const strict = builder.root({ version: 2, keys: { ...keys, root: two }, thresholds: { root: 2 }, signers: two })
                const cut = builder.root({ version: 3, keys, signers: keys.root })
                server.serve([strict, cut])
            },
        },
        {
            name: "serves root 3 as root 2",
            code: "verification_failed",
            message: /root version 3 is served as version 2/,
            attack: ({ server, repository }) => {
                const { builder, keys } = repository
                server.files.set("2.root", builder.root({ version: 3, keys }).content)
            },
        },
        {
            name: "ends the walk with a root that has expired",
            code: "metadata_expired",
            attack: ({ server, repository }) => {
                const { builder, keys } = repository
                repository.root = builder.root({ version: 2, keys, days: -1 })
                server.serve(repository.seal().files)
            },
        },
        {
            name: "serves a root whose certificate names another repository",
            code: "verification_failed",
            message: /another repository/,
            firstContact: true,
            attack: ({ server, repository }) => {
                const keys = { ...repository.keys, root: [makeRootKey("registry.example.com/other/app", NOW)] }
                repository.root = repository.builder.root({ version: 1, keys })
                server.serve(repository.seal().files)
            },
        },
        {
            name: "serves a root whose certificate has expired",
            code: "verification_failed",
            message: /certificate expired/,
            firstContact: true,
            attack: ({ server, repository }) => {
                const keys = { ...repository.keys, root: [makeRootKey(IMAGE.gun, NOW, { notAfter: new Date(NOW.getTime() - 1000) })] }
                repository.root = repository.builder.root({ version: 1, keys })
                server.serve(repository.seal().files)
            },
        },
        {
            name: "serves a root that nobody signed as it is",
            code: "verification_failed",
            firstContact: true,
            attack: ({ server, repository }) => {
                const { builder, keys } = repository
                server.serve([builder.root({ version: 1, keys, signers: [builder.rootKey()] })])
            },
        },
        {
            name: "serves an older timestamp with all that belongs to it",
            code: "rollback_detected",
            message: /timestamp version 1 is older than 2/,
            attack: ({ server }) => {
                server.files.set("timestamp", server.files.get("old timestamp") ?? assert.fail())
            },
        },
        {
            name: "puts a new timestamp on an older snapshot",
            code: "rollback_detected",
            message: /snapshot version 1 is older than 2/,
            attack: (scene) => {
                const { builder, keys } = scene.repository
                const old = builder.snapshot({
                    version: 1,
                    files: [scene.repository.root, scene.repository.targets],
                    signers: keys.snapshot,
                })
                serveTimestampOver(scene, old)
            },
        },
        {
            name: "puts a new snapshot on older targets",
            code: "rollback_detected",
            message: /targets version 1 is older than 2/,
            attack: (scene) => {
                const { builder, keys, root } = scene.repository
                const targets = builder.targets({ version: 1, targets: { v1: "old" }, signers: keys.targets })
                scene.server.serve([targets])
                serveTimestampOver(scene, builder.snapshot({ version: 50, files: [root, targets], signers: keys.snapshot }))
            },
        },
        {
            name: "gives a version that was seen another content",
            code: "verification_failed",
            message: /targets version 2 was seen before with other content/,
            attack: (scene) => {
                const { builder, keys, root } = scene.repository
                const targets = builder.targets({ version: 2, targets: { v1: "evil" }, signers: keys.targets })
                scene.server.serve([targets])
                serveTimestampOver(scene, builder.snapshot({ version: 50, files: [root, targets], signers: keys.snapshot }))
            },
        },
        {
            name: "mixes a snapshot with targets it does not list",
            code: "verification_failed",
            message: /targets is not the file the snapshot lists/,
            attack: ({ server, repository }) => {
                const listed = repository.publish({ v9: "nine" })
                server.serve(listed.files)
                const { content } = repository.builder.targets({ version: 3, targets: { v9: "nice" }, signers: repository.keys.targets })
                server.files.set(`targets.${hashOf(listed.targets)}`, content)
            },
        },
        {
            name: "mixes a timestamp with a snapshot it does not list",
            code: "verification_failed",
            message: /snapshot is not the file the timestamp lists/,
            attack: ({ server, repository }) => {
                server.serve(repository.publish({ v9: "nine" }).files)
                const current = hashOf(repository.snapshot)
                const other = repository.builder.snapshot({
                    version: repository.snapshot.version + 1,
                    files: [repository.root, repository.targets],
                    signers: repository.keys.snapshot,
                })
                server.files.set(`snapshot.${current}`, other.content)
            },
        },
        {
            name: "signs the snapshot with the timestamp's key",
            code: "verification_failed",
            message: /^snapshot .*signatures/,
            attack: (scene) => {
                const { builder, keys, root, targets } = scene.repository
                serveTimestampOver(scene, builder.snapshot({ version: 50, files: [root, targets], signers: keys.timestamp }))
            },
        },
        {
            name: "freezes the client on a timestamp that has expired",
            code: "metadata_expired",
            message: /timestamp version 50 expired/,
            attack: ({ server, repository }) => {
                const { builder, keys, snapshot } = repository
                server.serve([builder.timestamp({ version: 50, snapshot, signers: keys.timestamp, days: -1 })])
            },
        },
        {
            name: "serves targets that have expired",
            code: "metadata_expired",
            message: /targets version 50 expired/,
            attack: (scene) => {
                const { builder, keys, root } = scene.repository
                const targets = builder.targets({ version: 50, signers: keys.targets, days: -1 })
                scene.server.serve([targets])
                serveTimestampOver(scene, builder.snapshot({ version: 50, files: [root, targets], signers: keys.snapshot }))
            },
        },
        {
            name: "serves the metadata of another repository, properly signed there",
            code: "verification_failed",
            firstContact: true,
            attack: ({ server }) => {
                server.files.clear()
                server.serve(new TestRepository(parseReference("registry.example.com/other/app").gun, NOW).files)
            },
        },
        {
            name: "hides a file its snapshot lists",
            code: "verification_failed",
            message: /lists a targets that https:.* doesn't have/,
            attack: ({ server, repository }) => {
                server.serve(repository.publish({ v9: "nine" }).files)
                server.files.delete(`targets.${hashOf(repository.targets)}`)
            },
        },
        {
            name: "serves a shorter file than it announced",
            code: "verification_failed",
            attack: ({ server, repository }) => {
                server.serve(repository.publish({ v9: "nine" }).files)
                server.files.set(`targets.${hashOf(repository.targets)}`, repository.targets.content.subarray(0, -1))
            },
        },
        {
            name: "serves one byte more than it announced",
            code: "verification_failed",
            message: /sent more than \d+ bytes/,
            attack: ({ server, repository }) => {
                server.serve(repository.publish({ v9: "nine" }).files)
                server.files.set(`targets.${hashOf(repository.targets)}`, Buffer.concat([repository.targets.content, Buffer.from(" ")]))
            },
        },
        {
            name: "announces a targets file of a gigabyte",
            code: "verification_failed",
            message: /announces 1073741824 bytes for targets, too many/,
            attack: (scene) => {
                const { builder, keys, root } = scene.repository
                const targets = { ...scene.repository.targets, announced: 2 ** 30 }
                serveTimestampOver(scene, builder.snapshot({ version: 50, files: [root, targets], signers: keys.snapshot }))
            },
        },
        {
            name: "never stops sending a timestamp",
            code: "verification_failed",
            message: /sent more than 1048576 bytes for timestamp/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => {
                    const chunk = Buffer.alloc(64 * 1024, " ")
                    const more = (): void => {
                        while (!response.destroyed && response.write(chunk)) {}
                    }
                    response.on("drain", more)
                    more()
                })
            },
        },
        {
            name: "announces a timestamp of a gigabyte",
            code: "verification_failed",
            message: /sent more than 1048576 bytes for timestamp/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => void response.writeHead(200, { "content-length": 2 ** 30 }).write("{"))
            },
        },
        {
            name: "lets the bytes trickle",
            code: "server_unreachable",
            slow: true,
            message: /did not finish within 0.9 s/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => {
                    const timer = setInterval(() => response.write(" "), 50)
                    response.on("close", () => clearInterval(timer))
                })
            },
        },
        {
            name: "lets the headers trickle",
            code: "server_unreachable",
            slow: true,
            message: /did not finish within 0.9 s/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (request) => {
                    request.socket.write("HTTP/1.1 200 OK\r\n")
                    const timer = setInterval(() => request.socket.write("X-A: b\r\n"), 50)
                    request.socket.on("close", () => clearInterval(timer))
                })
            },
        },
        {
            name: "takes the question and says nothing",
            code: "server_unreachable",
            slow: true,
            message: /sent nothing for 0.4 s/,
            attack: ({ server }) => server.handlers.set("timestamp", () => {}),
        },
        {
            name: "breaks off in the middle",
            code: "server_unreachable",
            message: /broke off/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => {
                    response.writeHead(200, { "content-length": 1000 }).write("{")
                    setTimeout(() => response.destroy(), 50)
                })
            },
        },
        {
            name: "sends gigantic headers",
            code: "server_error",
            message: /headers longer than any server needs/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => void response.writeHead(200, { "x-a": "b".repeat(60_000) }).end("{}"))
            },
        },
        {
            name: "speaks something that isn't HTTP",
            code: "server_error",
            message: /isn't HTTP/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (request) => void request.socket.end("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
            },
        },
        {
            name: "redirects in a circle",
            code: "server_error",
            message: /redirects more than 5 times/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (request, response) => void response.writeHead(302, { location: request.url }).end())
            },
        },
        {
            name: "redirects to a place without TLS",
            code: "server_error",
            message: /without TLS/,
            attack: ({ server }) => {
                server.handlers.set(
                    "timestamp",
                    (_, response) => void response.writeHead(302, { location: "http://localhost:1/timestamp.json" }).end(),
                )
            },
        },
        {
            name: "answers with a page instead of metadata",
            code: "verification_failed",
            attack: ({ server }) => void server.files.set("timestamp", Buffer.from("<html>please log in</html>")),
        },
        {
            name: "sends JSON as deep as the stack",
            code: "verification_failed",
            attack: ({ server }) => void server.files.set("timestamp", Buffer.from("[".repeat(500_000))),
        },
        {
            name: "fails",
            code: "server_error",
            message: /status 500: UNKNOWN/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => {
                    response.writeHead(500, { "content-type": "application/json" }).end('{"errors":[{"code":"UNKNOWN"}]}')
                })
            },
        },
        {
            name: "refuses",
            code: "server_refused",
            message: /status 404: INVALID_GUN/,
            attack: ({ server }) => {
                server.handlers.set("timestamp", (_, response) => {
                    response.writeHead(404, { "content-type": "application/json" }).end('{"errors":[{"code":"INVALID_GUN"}]}')
                })
            },
        },
        {
            name: "wants a login we can't give",
            code: "login_needed",
            attack: ({ server }) => {
                server.handlers.set(
                    "timestamp",
                    (_, response) => void response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end(),
                )
            },
        },
    ]

    for (const { name, code, message, attack, firstContact, slow } of ATTACKS) {
        test(`that ${name} is refused with ${code}, and nothing of it is kept`, async () => {
            await using scene = await start()
            scene.server.files.set("old timestamp", scene.repository.timestamp.content)
            scene.server.serve(scene.repository.publish({ v1: "one" }).files)
            const seen = scene.repository.files
            if (firstContact !== true) await scene.fetch()
            attack(scene)
            if (slow === true) scene.times = HASTY
            await scene.refused(code, message)
            for (const { role, content } of seen) {
                const kept = firstContact === true ? undefined : createHash("sha256").update(content).digest("hex")
                assert.equal(await scene.cached(role), kept, role)
            }
        })
    }
})

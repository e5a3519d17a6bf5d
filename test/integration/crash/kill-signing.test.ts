import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonRepository, WireFile } from "../../../src/cli/daemon-types.ts"
import { verify } from "../../../src/crypto/index.ts"
import {
    assembleFile,
    encodeTimestamp,
    fileMetaOf,
    lineageOf,
    parseFile,
    parseGun,
    parseRoleName,
    parseSigned,
    ROOT,
    TIMESTAMP,
} from "../../../src/tuf/index.ts"
import { TestRepository } from "../../support/repository-builder.ts"
import { inDays, targetsBody } from "../custody/rig.ts"
import { codeOf, journalOf, killAtEveryStep, type Operation, type State } from "./kill-steps.ts"
import { type Keys, type Scene, type SetRequest, WireRepository } from "./scene.ts"

const gunOf = (n: number): string => `registry.example.com/team/app-${n}`

async function repositoryOf(scene: Scene, gun: string): Promise<DaemonRepository | undefined> {
    return (await scene.client.listTrust()).find((repository) => repository.gun === gun)
}

async function markOf(scene: Scene, gun: string, role: string): Promise<number> {
    return (await repositoryOf(scene, gun))?.marks.find((mark) => mark.role === role)?.version ?? 0
}

/** Role and version of what waits. */
async function waiting(scene: Scene, gun: string): Promise<readonly string[]> {
    const files = (await repositoryOf(scene, gun)) === undefined ? [] : await scene.client.outbox(gun)
    return files.map(({ role, content }) => `${role} ${parseFile(content, parseRoleName(role)).signed.document.version}`)
}

/** Keeps what answers said, and holds every later answer to it. */
class Answers {
    readonly #kept = new Map<string, string>()

    same(name: string, files: readonly WireFile[]): void {
        const text = files.map(({ role, content }) => `${role} ${Buffer.from(content).toString("base64")}`).join("\n")
        assert.equal(text, this.#kept.get(name) ?? text, `${name}: another answer than before`)
        this.#kept.set(name, text)
    }
}

/** What the server would serve: what waits, and its timestamp. */
function served(repository: WireRepository, files: readonly WireFile[], version: number): readonly WireFile[] {
    const snapshot = files.find(({ role }) => role === "snapshot")
    assert.ok(snapshot)
    const meta = new Map([["snapshot", fileMetaOf(snapshot.content)]])
    const signed = parseSigned(encodeTimestamp({ type: "timestamp", version, expires: inDays(14), meta }), TIMESTAMP)
    return [...files, { role: "timestamp", content: assembleFile(signed, [repository.server.sign(signed)]) }]
}

/** One repository, its keys and its first set. */
class One {
    repository: WireRepository | undefined
    async begin(scene: Scene): Promise<void> {
        this.repository = await WireRepository.prepare(scene, await WireRepository.keysOf(scene), gunOf(0))
        await scene.client.signSet(this.repository.firstSet())
    }
    get it(): WireRepository {
        assert.ok(this.repository)
        return this.repository
    }
}

/** A repository for each number, with the same keys. */
class Many {
    keys: Keys | undefined
    readonly repositories = new Map<number, WireRepository>()
    async begin(scene: Scene): Promise<void> {
        this.keys = await WireRepository.keysOf(scene)
    }
    async make(scene: Scene, n: number): Promise<WireRepository> {
        assert.ok(this.keys)
        const repository = await WireRepository.prepare(scene, this.keys, gunOf(n))
        this.repositories.set(n, repository)
        return repository
    }
    at(n: number): WireRepository {
        const repository = this.repositories.get(n)
        assert.ok(repository)
        return repository
    }
}

function signing(tag: string): { readonly one: One; readonly operation: Operation } {
    const one = new One()
    const versionOf = (n: number): number => n + 2
    const operation: Operation = {
        begin: (scene) => one.begin(scene),
        async run(scene, n) {
            const { gun, keys } = one.it
            const signed = targetsBody({ version: versionOf(n), targets: { [tag]: "content" } })
            const { sig } = await scene.client.sign({ keyId: keys.targets.id, gun, role: "targets", signed })
            const publicKey = { keytype: "ecdsa" as const, bytes: keys.targets.publicKey }
            assert.ok(verify(publicKey, "ecdsa", signed, sig))
        },
        async state(scene, n): Promise<State> {
            const entry = (await journalOf(scene, gunOf(0), "targets")).find(({ version }) => version === versionOf(n))
            const mark = await markOf(scene, gunOf(0), "targets")
            assert.equal(mark >= versionOf(n), entry !== undefined, "mark and promise are on disk together")
            return entry === undefined ? "old" : entry.state === "signed" ? "done" : "promised"
        },
    }
    return { one, operation }
}

describe("killed at every writing step, and started again", () => {
    test("TK-JRN-3 signing: the promise is there or it is not, and the same content gets the same signature", async () => {
        await killAtEveryStep(signing("v1").operation)
    })

    test("TK-JRN-2 signing: other content is signed only if the first was never promised, and then the first never is", async () => {
        const first = signing("v1")
        const other = signing("v2")
        await killAtEveryStep({
            ...first.operation,
            async after(scene, n, state) {
                other.one.repository = first.one.it
                const expected = state === "old" ? [undefined, "equivocation_refused"] : ["equivocation_refused", undefined]
                const codes = [await codeOf(other.operation.run(scene, n)), await codeOf(first.operation.run(scene, n))]
                assert.deepEqual(codes, expected)
            },
        })
    })

    test("the first set of a repository: nothing, promises only, or all files; and always the same ones", async () => {
        const many = new Many()
        const answers = new Answers()
        const requests = new Map<number, SetRequest>()
        await killAtEveryStep({
            begin: (scene) => many.begin(scene),
            async prepare(scene, n) {
                requests.set(n, (await many.make(scene, n)).firstSet())
            },
            async run(scene, n) {
                const request = requests.get(n)
                assert.ok(request)
                answers.same(gunOf(n), await scene.client.signSet(request))
            },
            async state(scene, n) {
                const roles = await waiting(scene, gunOf(n))
                if (roles.length > 0) assert.deepEqual(roles, ["root 1", "targets 1", "snapshot 1"])
                const repository = await repositoryOf(scene, gunOf(n))
                return roles.length > 0 ? "done" : (repository?.marks.length ?? 0) > 0 ? "promised" : "old"
            },
        })
    })

    test("a later set: the outbox holds the files before it or those after it, never a mixture", async () => {
        const one = new One()
        const answers = new Answers()
        await killAtEveryStep({
            begin: (scene) => one.begin(scene),
            async run(scene, n) {
                const request = one.it.set({ targets: targetsBody({ version: n + 2, targets: { v1: String(n) } }) }, n + 2)
                answers.same(String(n), await scene.client.signSet(request))
            },
            async state(scene, n) {
                const [root, targets, snapshot, ...more] = await waiting(scene, gunOf(0))
                assert.deepEqual([root, more], ["root 1", []])
                assert.equal(targets?.split(" ")[1], snapshot?.split(" ")[1])
                if (targets === `targets ${n + 2}`) return "done"
                return (await markOf(scene, gunOf(0), "targets")) === n + 2 ? "promised" : "old"
            },
        })
    })

    test("a root certificate: one for each key and repository, the same ever after", async () => {
        let keyId = ""
        const kept = new Map<number, string>()
        await killAtEveryStep({
            async begin(scene) {
                keyId = (await scene.createKey("root", [])).id
            },
            async run(scene, n) {
                const { pem } = await scene.client.rootCertificate({ keyId, gun: gunOf(n) })
                assert.equal(pem, kept.get(n) ?? pem)
                kept.set(n, pem)
            },
            async state(scene, n) {
                const { bindings } = await scene.client.getKey(keyId)
                const bound = bindings.some(({ gun, role }) => gun === gunOf(n) && role === "root")
                const signed = (await journalOf(scene, gunOf(n), "root")).some(({ state }) => state === "signed")
                assert.ok(bound || !signed)
                // Whether the certificate is kept shows when it is asked for again.
                return kept.has(n) ? "done" : bound ? "promised" : "old"
            },
            // The answer was lost, but the next one is the last.
            async after(scene, n) {
                await this.run(scene, n)
                await this.run(scene, n)
            },
        })
    })

    test("TK-JRN-4 taking note of what is published: outbox and marks move together", async () => {
        const one = new One()
        const published = new Map<number, readonly WireFile[]>()
        let root: WireFile | undefined
        await killAtEveryStep({
            begin: (scene) => one.begin(scene),
            async prepare(scene, n) {
                if (n > 0)
                    await scene.client.signSet(one.it.set({ targets: targetsBody({ version: n + 1, targets: { v1: String(n) } }) }, n + 1))
                const files = await scene.client.outbox(gunOf(0))
                root ??= files.find(({ role }) => role === "root")
                assert.ok(root)
                const rest = files.filter(({ role }) => role !== "root")
                published.set(n, served(one.it, [root, ...rest], n + 1))
            },
            async run(scene, n) {
                await scene.client.observe({ gun: gunOf(0), files: published.get(n) ?? [] })
            },
            async state(scene, n) {
                const left = await waiting(scene, gunOf(0))
                const seen = (await markOf(scene, gunOf(0), "timestamp")) === n + 1
                assert.equal(left.length === 0, seen, left.join())
                return seen ? "done" : "old"
            },
        })
    })

    test("adopting: the repository is there with all its marks, or it is not there", async () => {
        const theirs = new Map<number, TestRepository>()
        await killAtEveryStep({
            async prepare(_scene, n) {
                theirs.set(n, new TestRepository(parseGun(gunOf(n)), new Date()).publish({ v1: "one" }).rotate())
            },
            async run(scene, n) {
                const { roots, files } = theirs.get(n) ?? assert.fail()
                const first = roots[0] ?? assert.fail()
                const confirm = lineageOf(parseFile(first.content, ROOT).signed).slice(0, 16)
                const all = [...roots, ...files.filter(({ role }) => role !== "root")]
                await scene.client.adopt({ gun: gunOf(n), files: all.map(({ role, content }) => ({ role, content })), confirm })
            },
            async state(scene, n) {
                const repository = await repositoryOf(scene, gunOf(n))
                if (repository === undefined) return "old"
                const marks = repository.marks.map(({ role, version }) => `${role} ${version}`).sort()
                assert.deepEqual([repository.state, marks], ["active", ["root 2", "snapshot 3", "targets 2", "timestamp 3"]])
                return "done"
            },
        })
    })

    test("a reset: the lineage goes on or has ended, and a new one can begin", async () => {
        const many = new Many()
        await killAtEveryStep({
            begin: (scene) => many.begin(scene),
            async prepare(scene, n) {
                await scene.client.signSet((await many.make(scene, n)).firstSet())
            },
            async run(scene, n) {
                await scene.client.reset({ gun: gunOf(n), confirm: gunOf(n) })
            },
            async state(scene, n) {
                const repository = await repositoryOf(scene, gunOf(n))
                const left = await waiting(scene, gunOf(n))
                assert.equal(left.length, repository?.state === "active" ? 3 : 0)
                return repository?.state === "active" ? "old" : "done"
            },
            again: "repository_unknown",
        })
    })

    test("voiding a root: it is promised or void, its version taken or free", async () => {
        const many = new Many()
        await killAtEveryStep({
            begin: (scene) => many.begin(scene),
            async prepare(scene, n) {
                const repository = await many.make(scene, n)
                const files = await scene.client.signSet(repository.firstSet())
                await scene.client.observe({ gun: gunOf(n), files: served(repository, files, 1) })
                await scene.client.signSet(repository.set({ root: repository.rootBody(2) }, 2))
            },
            async run(scene, n) {
                await scene.client.voidPromise({ gun: gunOf(n), role: "root", version: 2, confirm: "void 2" })
            },
            async state(scene, n) {
                const entries = await journalOf(scene, gunOf(n), "root")
                const isVoid = entries.some(({ version, state }) => version === 2 && state === "void")
                const left = await waiting(scene, gunOf(n))
                assert.deepEqual([await markOf(scene, gunOf(n), "root"), left.length], isVoid ? [1, 0] : [2, 2])
                return isVoid ? "done" : "old"
            },
            async after(scene, n, state) {
                const other = many.at(n).set({ root: many.at(n).rootBody(2, 100) }, 3)
                if (state === "old") {
                    assert.equal(await codeOf(scene.client.signSet(other)), "equivocation_refused")
                    await this.run(scene, n)
                }
                assert.equal(await codeOf(this.run(scene, n)), "not_found")
                await scene.client.signSet(other)
            },
        })
    })
})

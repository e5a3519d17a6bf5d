import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { verify } from "../../../src/crypto/index.ts"
import { grpcMessage, openHttp2, v1 } from "../../support/server.ts"
import { targetsBody } from "../custody/rig.ts"
import { journalOf } from "./kill-steps.ts"
import { Scene, WireRepository } from "./scene.ts"

const GUN = "registry.example.com/team/app"

async function begin(scene: Scene): Promise<WireRepository> {
    const repository = await WireRepository.prepare(scene, await WireRepository.keysOf(scene), GUN)
    await scene.client.signSet(repository.firstSet())
    return repository
}

/** The daemon's one signer: stopped, whatever is asked of it waits. */
async function signerOf(scene: Scene): Promise<number> {
    const { pid } = scene.daemon.service
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ")
    assert.equal(children.length, 1)
    return Number(children[0])
}

async function eventually(what: () => Promise<boolean>, name: string): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
        if (await what()) return
        await sleep(25)
    }
    assert.fail(`it did not happen: ${name}`)
}

const stateOf = async (scene: Scene, version: number): Promise<string | undefined> =>
    (await journalOf(scene, GUN, "targets")).find((entry) => entry.version === version)?.state

/** Send a request, and break the connection as soon as its promise is on disk. */
async function sendAndLeave(scene: Scene, method: string, message: Uint8Array, version: number): Promise<void> {
    const signer = await signerOf(scene)
    process.kill(signer, "SIGSTOP")
    {
        using client = openHttp2(scene.daemon.adminSocket)
        client.post(method).end(grpcMessage(message))
        await eventually(async () => (await stateOf(scene, version)) === "promised", "the promise")
    }
    // Time for the daemon to notice that nobody waits any more.
    await sleep(200)
    process.kill(signer, "SIGCONT")
}

describe("a client that goes away in the middle of a call", () => {
    test("loses no signature: it is made, kept and recorded, and a retry gets the same", async () => {
        await using scene = await Scene.withGroup()
        const { keys } = await begin(scene)
        const request = { keyId: keys.targets.id, gun: GUN, role: "targets", signed: targetsBody({ version: 2, targets: { v1: "one" } }) }
        const { path, requestSerialize } = v1.Signing.service.Sign
        await sendAndLeave(scene, path, requestSerialize(request), 2)
        await eventually(async () => (await stateOf(scene, 2)) === "signed", "the signature")
        const records = await scene.client.listAudit({ after: 0, limit: 10, newest: true })
        assert.equal(
            records.filter(({ action, outcome, keyId }) => action === "sign" && outcome === "ok" && keyId === keys.targets.id).length,
            1,
        )
        // ECDSA is randomised: only the kept signature can be the same after a restart.
        await scene.restart()
        const one = await scene.client.sign(request)
        const two = await scene.client.sign(request)
        assert.deepEqual(one, two)
        assert.ok(verify({ keytype: "ecdsa", bytes: keys.targets.publicKey }, "ecdsa", request.signed, one.sig))
    })

    test("loses no set: its files wait in the outbox, and a retry gets the same", async () => {
        await using scene = await Scene.withGroup()
        const repository = await begin(scene)
        const request = repository.set({ targets: targetsBody({ version: 2, targets: { v1: "one" } }) }, 2)
        const { path, requestSerialize } = v1.Signing.service.SignSet
        const bodies = request.bodies.map((body) => ({ ...body, keyIds: [...body.keyIds], signatures: [] }))
        const snapshot = request.snapshot === undefined ? null : { ...request.snapshot, keyIds: [...request.snapshot.keyIds] }
        await sendAndLeave(scene, path, requestSerialize({ gun: GUN, published: [], bodies, snapshot }), 2)
        const waiting = async () => (await scene.client.outbox(GUN)).filter(({ role }) => role !== "root")
        await eventually(async () => (await waiting()).some(({ content }) => Buffer.from(content).includes('"version":2')), "the outbox")
        const kept = await waiting()
        assert.deepEqual(await scene.client.signSet(request), kept)
        await scene.restart()
        assert.deepEqual(await scene.client.signSet(request), kept)
    })

    test("before its request is whole leaves no trace", async () => {
        await using scene = await Scene.withGroup()
        const { keys } = await begin(scene)
        const request = { keyId: keys.targets.id, gun: GUN, role: "targets", signed: targetsBody({ version: 2 }) }
        const { path, requestSerialize } = v1.Signing.service.Sign
        const message = grpcMessage(requestSerialize(request))
        for (const length of [0, 3, 5, 20, message.length - 1]) {
            using client = openHttp2(scene.daemon.adminSocket)
            const stream = client.post(path)
            await new Promise<void>((resolve) => stream.write(message.subarray(0, length), () => resolve()))
            await sleep(20)
        }
        await sleep(100)
        assert.equal(await stateOf(scene, 2), undefined)
        await scene.client.sign({ ...request, signed: targetsBody({ version: 2, targets: { v1: "other" } }) })
    })

    test("many times over leaves the daemon with one content per version", async () => {
        await using scene = await Scene.withGroup()
        const { keys } = await begin(scene)
        const { path, requestSerialize } = v1.Signing.service.Sign
        const bodyOf = (version: number, tag: string): Buffer => targetsBody({ version, targets: { [tag]: "content" } })
        for (let version = 2; version < 22; version += 1) {
            using client = openHttp2(scene.daemon.adminSocket)
            const signed = bodyOf(version, "first")
            const request = { keyId: keys.targets.id, gun: GUN, role: "targets", signed }
            client.post(path).end(grpcMessage(requestSerialize(request)))
            // Sometimes before it was read, sometimes while it is signed, sometimes after.
            await sleep(version % 5)
        }
        // What arrived is still being worked on.
        const count = async (): Promise<number> => (await journalOf(scene, GUN, "targets")).length
        for (let before = -1; before !== (await count()); await sleep(500)) before = await count()
        const contents = new Map<number, string>()
        for (const entry of await journalOf(scene, GUN, "targets")) {
            assert.ok(!contents.has(entry.version), `version ${entry.version} twice`)
            contents.set(entry.version, entry.sha256)
        }
        const last = Math.max(...contents.keys())
        const request = { keyId: keys.targets.id, gun: GUN, role: "targets" }
        if (last > 1)
            await assert.rejects(scene.client.sign({ ...request, signed: bodyOf(last, "second") }), { code: "equivocation_refused" })
        await scene.client.sign({ ...request, signed: bodyOf(30, "third") })
        assert.ok((await scene.client.verifyAudit()).intact)
    })
})

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonKey, WireFile } from "../../../src/cli/daemon-types.ts"
import { certificateKey, checkRootSuccession, parseFile, parseRoleName, parseSigned, ROOT, type TufKey } from "../../../src/tuf/index.ts"
import { makeRootKey } from "../../support/repository-builder.ts"
import { rootBody, targetsBody } from "../custody/rig.ts"
import { killAtEveryStep, type State } from "./kill-steps.ts"
import { type Keys, type Scene, type SetRequest, WireRepository } from "./scene.ts"

const gunOf = (n: number): string => `registry.example.com/team/rotated-${n}`
const EXPIRES = "2027-06-01T00:00:00Z"

/** Role and version of what waits to be published. */
async function waiting(scene: Scene, gun: string): Promise<readonly string[]> {
    const files = await scene.client.outbox(gun)
    return files.map(({ role, content }) => `${role} ${parseFile(content, parseRoleName(role)).signed.document.version}`)
}

/** Root 2 as it waits follows on root 1 as it waits: clients can walk. */
async function requireWalkable(scene: Scene, gun: string): Promise<void> {
    const roots = (await scene.client.outbox(gun)).filter(({ role }) => role === ROOT).map(({ content }) => parseFile(content, ROOT))
    const [one, two] = roots
    assert.ok(one !== undefined && two !== undefined)
    checkRootSuccession(one, two)
}

/** What a root that is begun says of itself has to be what was asked for. */
async function stateOf(scene: Scene, gun: string, body: Uint8Array, isKnownHere: boolean): Promise<State> {
    const begun = await scene.client.begunRoot({ gun, published: [] })
    if ((await waiting(scene, gun)).includes("root 2")) {
        assert.equal(begun, undefined)
        await requireWalkable(scene, gun)
        return "done"
    }
    if (begun === undefined) return "old"
    assert.equal(begun.version, 2)
    if (isKnownHere) assert.deepEqual(Buffer.from(begun.plan?.signed ?? []), Buffer.from(body))
    else assert.equal(begun.plan, undefined)
    return "promised"
}

describe("a rotation of the root, killed at every writing step, and started again", () => {
    test("by our keys: root and snapshot are both there or neither, and what was begun is the same when it is gone on with", async () => {
        let keys: Keys | undefined
        let next: DaemonKey | undefined
        const requests = new Map<number, SetRequest>()
        const answers = new Map<number, readonly WireFile[]>()
        const bodyOf = (n: number): Uint8Array => requests.get(n)?.bodies[0]?.signed ?? assert.fail()
        await killAtEveryStep({
            async begin(scene) {
                keys = await WireRepository.keysOf(scene)
                next = await scene.createKey("root", [])
            },
            async prepare(scene, n) {
                assert.ok(keys !== undefined && next !== undefined)
                const gun = gunOf(n)
                const repository = await WireRepository.prepare(scene, keys, gun)
                await scene.client.signSet(repository.firstSet())
                const { pem } = await scene.client.rootCertificate({ keyId: next.id, gun })
                const root = [...repository.roles.root, certificateKey(pem)]
                const signed = rootBody({ version: 2, keys: { ...repository.roles, root }, thresholds: { root: 2 } })
                const keyIds = [keys.root.id, next.id]
                requests.set(n, {
                    gun,
                    published: [],
                    bodies: [{ role: "root", signed, keyIds, signatures: [], base: "" }],
                    snapshot: { version: 2, expires: EXPIRES, keyIds: [keys.snapshot.id] },
                })
            },
            async run(scene, n) {
                const files = await scene.client.signSet(requests.get(n) ?? assert.fail())
                const before = answers.get(n) ?? files
                assert.deepEqual(files, before)
                answers.set(n, files)
            },
            async state(scene, n) {
                const state = await stateOf(scene, gunOf(n), bodyOf(n), true)
                const left = await waiting(scene, gunOf(n))
                assert.deepEqual(left.includes("snapshot 2"), state === "done")
                return state
            },
        })
    })

    test("by other holders: it is taken in or it is not, and the same signatures complete it", async () => {
        let keys: Keys | undefined
        const requests = new Map<number, SetRequest>()
        const bodyOf = (n: number): Uint8Array => requests.get(n)?.bodies[0]?.signed ?? assert.fail()
        await killAtEveryStep({
            async begin(scene) {
                keys = await WireRepository.keysOf(scene)
            },
            async prepare(scene, n) {
                assert.ok(keys !== undefined)
                const gun = gunOf(n)
                const repository = await WireRepository.prepare(scene, keys, gun)
                const holder = makeRootKey(gun, new Date())
                const root: readonly TufKey[] = [...repository.roles.root, holder.key]
                const first = rootBody({ version: 1, keys: { ...repository.roles, root } })
                await scene.client.signSet(repository.set({ root: first, targets: targetsBody({ version: 1 }) }, 1))
                const signed = rootBody({ version: 2, keys: { ...repository.roles, root: [holder.key] } })
                const { keyId, method, sig } = holder.sign(parseSigned(signed, ROOT))
                const signatures = [{ keyid: keyId, method, sig }]
                const bodies = [{ role: "root", signed, keyIds: [], signatures, base: "" }]
                requests.set(n, { gun, published: [], bodies, snapshot: undefined })
            },
            async run(scene, n) {
                const [file, ...more] = await scene.client.signSet(requests.get(n) ?? assert.fail())
                assert.deepEqual([file?.role, more], ["root", []])
            },
            state: (scene, n) => stateOf(scene, gunOf(n), bodyOf(n), false),
        })
    })
})

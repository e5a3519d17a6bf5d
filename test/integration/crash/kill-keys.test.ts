import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Binding, DaemonKey } from "../../../src/cli/daemon-types.ts"
import { generatePrivateKey } from "../../../src/crypto/index.ts"
import { buildKillSwitch, chosenSteps } from "../../support/kill-switch.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { targetsBody } from "../custody/rig.ts"
import { codeOf, killAtEveryStep, type State } from "./kill-steps.ts"
import { GROUP, PASSPHRASE, Scene, WireRepository } from "./scene.ts"

const bindingOf = (n: number): Binding => ({ gun: `registry.example.com/team/app-${n}`, role: "targets" })

async function keysCalled(scene: Scene, label: string): Promise<readonly DaemonKey[]> {
    return (await scene.client.listKeys({})).filter((key) => key.label === label)
}

/** Making a key twice makes two, so nobody asks again for one that is there. */
const making = {
    async state(scene: Scene, n: number): Promise<State> {
        const found = await keysCalled(scene, `key ${n}`)
        assert.ok(found.length <= 1)
        return found.length === 0 ? "old" : "done"
    },
}

async function login(scene: Scene, token: SoftHsm): Promise<void> {
    const sealed = await scene.seal("login", "token:root", token.userPin)
    const { state } = await scene.client.login({ token: "root", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
    assert.equal(state, "logged-in")
}

/**
 * Sealed before the run, so that asking for the challenge is none of its steps. One seal is good once and for one process: asked for
 * again, another is made.
 */
class Sealed {
    readonly #purpose: string
    #made: Awaited<ReturnType<Scene["seal"]>> | undefined
    constructor(purpose: string) {
        this.#purpose = purpose
    }
    async prepare(scene: Scene, subject: string, secret: string | Buffer): Promise<void> {
        this.#made = await scene.sealBytes(this.#purpose, subject, Buffer.from(secret))
    }
    async take(scene: Scene, subject: string, secret: string | Buffer): Promise<Awaited<ReturnType<Scene["seal"]>>> {
        const sealed = this.#made ?? (await scene.sealBytes(this.#purpose, subject, Buffer.from(secret)))
        this.#made = undefined
        return sealed
    }
}

describe("killed at every writing step, and started again", () => {
    test("making a key under a passphrase: it is there and opens, or it is not there", async () => {
        const create = new Sealed("create")
        await killAtEveryStep({
            ...making,
            prepare: (scene) => create.prepare(scene, "new", PASSPHRASE),
            async run(scene, n) {
                const home = { passphrase: await create.take(scene, "new", PASSPHRASE) }
                const wanted = { algorithm: "p256", purpose: "targets", label: `key ${n}`, home, bindings: [bindingOf(n)] } as const
                await scene.client.createKey(wanted)
            },
            async after(scene, n, state) {
                if (state === "old") await this.run(scene, n)
                const [key] = await keysCalled(scene, `key ${n}`)
                assert.ok(key)
                const sealed = await scene.seal("unlock", key.id, PASSPHRASE)
                await scene.client.unlock({ subject: { keyId: key.id }, sealed, ttlSeconds: 60, uses: 0 })
            },
        })
    })

    test("making a key in a group: it is there and signs, or it is not there", async () => {
        await killAtEveryStep({
            ...making,
            run: async (scene, n) => void (await scene.createKey("root", [], `key ${n}`)),
            async after(scene, n, state) {
                if (state === "old") await this.run(scene, n)
                const [key] = await keysCalled(scene, `key ${n}`)
                assert.ok(key)
                await scene.client.rootCertificate({ keyId: key.id, gun: bindingOf(n).gun })
            },
        })
    })

    test("TK-KEY-3 importing a key: it is there, imported, and signs, or it is not there", async () => {
        const given = new Sealed("import")
        const files = new Map<number, Buffer>()
        const fileOf = (n: number): Buffer => {
            const { pkcs8 } = generatePrivateKey("p256")
            const file = files.get(n) ?? pkcs8.reveal((bytes) => Buffer.from(bytes))
            files.set(n, file)
            return file
        }
        await killAtEveryStep({
            ...making,
            prepare: (scene, n) => given.prepare(scene, "new", fileOf(n)),
            async run(scene, n) {
                const wanted = { purpose: "root", label: `key ${n}`, home: { group: GROUP }, bindings: [] } as const
                await scene.client.importKey({ ...wanted, pkcs8: await given.take(scene, "new", fileOf(n)) })
            },
            async after(scene, n, state) {
                assert.equal(await codeOf(this.run(scene, n)), state === "old" ? undefined : "already_exists")
                const [key] = await keysCalled(scene, `key ${n}`)
                assert.equal(key?.origin, "imported")
                await scene.client.rootCertificate({ keyId: key.id, gun: bindingOf(n).gun })
            },
        })
    })

    test("TK-KEY-2 making a key on a token: it is there and signs, or it is not there; never elsewhere", async () => {
        await using token = await startSoftHsm()
        await killAtEveryStep(
            {
                ...making,
                reopen: (scene) => login(scene, token),
                async run(scene, n) {
                    const wanted = { algorithm: "p256", purpose: "root", label: `key ${n}`, home: { token: "root" }, bindings: [] } as const
                    await scene.client.createKey(wanted)
                },
                async after(scene, n, state) {
                    if (state === "old") await this.run(scene, n)
                    const [key] = await keysCalled(scene, `key ${n}`)
                    assert.equal(key?.home, "token:root")
                    await scene.client.rootCertificate({ keyId: key.id, gun: bindingOf(n).gun })
                },
            },
            { tokens: { root: token } },
        )
    })

    test("TK-PIN-1 a login: the right PIN is not taken for a refused one afterwards", async () => {
        await using token = await startSoftHsm()
        const pin = new Sealed("login")
        const stateOf = async (scene: Scene) => (await scene.client.listTokens())[0]
        await killAtEveryStep(
            {
                async prepare(scene) {
                    await scene.client.logout("root")
                    await pin.prepare(scene, "token:root", token.userPin)
                },
                async run(scene) {
                    const sealed = await pin.take(scene, "token:root", token.userPin)
                    await scene.client.login({ token: "root", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
                },
                async state(scene) {
                    const state = await stateOf(scene)
                    assert.equal(state?.tries, "ok")
                    return state.state === "logged-in" ? "done" : "old"
                },
                endsWithProcess: true,
            },
            { tokens: { root: token } },
        )
    })

    test("binding a key: both facts are changed or neither", async () => {
        let keyId = ""
        await killAtEveryStep({
            async begin(scene) {
                keyId = (await scene.createKey("targets", [bindingOf(999)])).id
            },
            async run(scene, n) {
                await scene.client.bindKey({ id: keyId, add: [bindingOf(n)], remove: [n === 0 ? bindingOf(999) : bindingOf(n - 1)] })
            },
            async state(scene, n) {
                const { bindings } = await scene.client.getKey(keyId)
                const guns = bindings.map(({ gun }) => gun)
                assert.equal(guns.length, 1)
                return guns[0] === bindingOf(n).gun ? "done" : "old"
            },
        })
    })

    test("changing a passphrase: the old one opens the key or the new one, never both, never none", async () => {
        let keyId = ""
        const opens = async (scene: Scene, passphrase: string): Promise<boolean> => {
            const sealed = await scene.seal("unlock", keyId, passphrase)
            const code = await codeOf(scene.client.unlock({ subject: { keyId }, sealed, ttlSeconds: 60, uses: 0 }))
            assert.ok(code === undefined || code === "open_failed", code)
            return code === undefined
        }
        const [before, next] = [new Sealed("passphrase-old"), new Sealed("passphrase-new")]
        const passphraseOf = (n: number): string => `passphrase number ${n}`
        await killAtEveryStep({
            async begin(scene) {
                const home = { passphrase: await scene.seal("create", "new", passphraseOf(-1)) }
                keyId = (await scene.client.createKey({ algorithm: "p256", purpose: "targets", label: "key", home, bindings: [] })).id
            },
            async prepare(scene, n) {
                await before.prepare(scene, keyId, passphraseOf(n - 1))
                await next.prepare(scene, keyId, passphraseOf(n))
            },
            async run(scene, n) {
                const oldSealed = await before.take(scene, keyId, passphraseOf(n - 1))
                const newSealed = await next.take(scene, keyId, passphraseOf(n))
                await scene.client.changePassphrase({ subject: { keyId }, oldSealed, newSealed })
            },
            async state(scene, n) {
                if (await opens(scene, passphraseOf(n))) return "done"
                assert.ok(await opens(scene, passphraseOf(n - 1)))
                return "old"
            },
            // Changed already: the old one is wrong now.
            again: "open_failed",
        })
    })

    test("removing a key: it signs or it is a tombstone, and its envelope goes with it", async () => {
        const ids = new Map<number, string>()
        await killAtEveryStep({
            async prepare(scene, n) {
                ids.set(n, (await scene.createKey("root", [], `key ${n}`)).id)
            },
            async run(scene, n) {
                const id = ids.get(n) ?? ""
                await scene.client.removeKey({ id, confirm: id.slice(0, 8) })
            },
            async state(scene, n) {
                const { state } = await scene.client.getKey(ids.get(n) ?? "")
                assert.ok(state === "removed" || state === "unlocked", state)
                return state === "removed" ? "done" : "old"
            },
            again: "denied",
        })
    })

    test("making a group: it is there and opens, or it is not there", async () => {
        const create = new Sealed("create")
        await killAtEveryStep({
            prepare: (scene, n) => create.prepare(scene, `group:group-${n}`, PASSPHRASE),
            async run(scene, n) {
                const sealed = await create.take(scene, `group:group-${n}`, PASSPHRASE)
                await scene.client.createGroup({ name: `group-${n}`, sealed, credential: "" })
            },
            async state(scene, n) {
                if (!(await scene.client.listGroups()).some(({ name }) => name === `group-${n}`)) return "old"
                const sealed = await scene.seal("unlock", `group:group-${n}`, PASSPHRASE)
                await scene.client.unlock({ subject: { group: `group-${n}` }, sealed, ttlSeconds: 60, uses: 0 })
                return "done"
            },
            again: "already_exists",
        })
    })

    test("changing a group's passphrase: the old one opens its keys or the new one, never both, never none", async () => {
        const subject = { group: "many" }
        const opens = async (scene: Scene, passphrase: string): Promise<boolean> => {
            const sealed = await scene.seal("unlock", "group:many", passphrase)
            const code = await codeOf(scene.client.unlock({ subject, sealed, ttlSeconds: 60, uses: 0 }))
            assert.ok(code === undefined || code === "open_failed", code)
            return code === undefined
        }
        const [before, next] = [new Sealed("passphrase-old"), new Sealed("passphrase-new")]
        const passphraseOf = (n: number): string => `passphrase number ${n}`
        await killAtEveryStep({
            async begin(scene) {
                const sealed = await scene.seal("create", "group:many", passphraseOf(-1))
                await scene.client.createGroup({ name: "many", sealed, credential: "" })
            },
            async prepare(scene, n) {
                await before.prepare(scene, "group:many", passphraseOf(n - 1))
                await next.prepare(scene, "group:many", passphraseOf(n))
            },
            async run(scene, n) {
                const oldSealed = await before.take(scene, "group:many", passphraseOf(n - 1))
                const newSealed = await next.take(scene, "group:many", passphraseOf(n))
                await scene.client.changePassphrase({ subject, oldSealed, newSealed })
            },
            async state(scene, n) {
                if (await opens(scene, passphraseOf(n))) return "done"
                assert.ok(await opens(scene, passphraseOf(n - 1)))
                return "old"
            },
            again: "open_failed",
        })
    })

    test("TK-KEY-3 bringing a key to a token: it is on record there or it is not; then what lies there is taken in", async () => {
        await using token = await startSoftHsm()
        const given = new Sealed("copy")
        const ids = new Map<number, string>()
        const idOf = (n: number): string => ids.get(n) ?? ""
        const place = { token: "root", serial: token.serial }
        await killAtEveryStep(
            {
                reopen: (scene) => login(scene, token),
                async prepare(scene, n) {
                    ids.set(n, (await scene.createKey("root", [], `key ${n}`)).id)
                    await given.prepare(scene, `${idOf(n)}:root`, PASSPHRASE)
                },
                async run(scene, n) {
                    const passphrase = await given.take(scene, `${idOf(n)}:root`, PASSPHRASE)
                    await scene.client.copyKey({ id: idOf(n), ...place, from: { passphrase } })
                },
                async state(scene, n) {
                    const { copies, state } = await scene.client.getKey(idOf(n))
                    assert.equal(state, "unlocked")
                    return copies.length === 0 ? "old" : "done"
                },
                async after(scene, n, state) {
                    const liesThere = (await scene.client.tokenObjects("root")).some(({ keyId }) => keyId === idOf(n))
                    const present = codeOf(scene.client.copyKey({ id: idOf(n), ...place, from: { present: true } }))
                    assert.equal(await present, state === "done" ? "already_exists" : liesThere ? undefined : "not_found")
                    if (state === "old" && !liesThere) await this.run(scene, n)
                    await scene.client.forgetSealed({ id: idOf(n), confirm: idOf(n).slice(0, 8) })
                    await scene.client.rootCertificate({ keyId: idOf(n), gun: bindingOf(n).gun })
                },
            },
            { tokens: { root: token } },
        )
    })

    test("TK-KEY-2 destroying what is sealed of a key: it signs where it was or on its token alone, and does sign", async () => {
        await using token = await startSoftHsm()
        const ids = new Map<number, string>()
        await killAtEveryStep(
            {
                reopen: (scene) => login(scene, token),
                async prepare(scene, n) {
                    const { id } = await scene.createKey("root", [], `key ${n}`)
                    ids.set(n, id)
                    const passphrase = await scene.seal("copy", `${id}:root`, PASSPHRASE)
                    await scene.client.copyKey({ id, token: "root", serial: token.serial, from: { passphrase } })
                },
                async run(scene, n) {
                    const id = ids.get(n) ?? ""
                    await scene.client.forgetSealed({ id, confirm: id.slice(0, 8) })
                },
                async state(scene, n) {
                    const id = ids.get(n) ?? ""
                    const { home } = await scene.client.getKey(id)
                    await scene.client.rootCertificate({ keyId: id, gun: bindingOf(n).gun })
                    assert.ok(home === `group:${GROUP}` || home === "token:root", home)
                    return home === "token:root" ? "done" : "old"
                },
                again: "key_unfit",
            },
            { tokens: { root: token } },
        )
    })

    test("TK-PIN-1 changing a PIN: the token has the old one or the new one, and the right one is not taken for refused", async () => {
        await using token = await startSoftHsm()
        const [before, next] = [new Sealed("pin-old"), new Sealed("pin-new")]
        const pinOf = (n: number): string => (n < 0 ? token.userPin : `${100_000 + n}`)
        const takes = async (scene: Scene, pin: string): Promise<boolean> => {
            const sealed = await scene.seal("login", "token:root", pin)
            const code = await codeOf(scene.client.login({ token: "root", sealed, evenFinalTry: true, ttlSeconds: 0, uses: 0 }))
            assert.ok(code === undefined || code === "pin_incorrect", code)
            return code === undefined
        }
        await killAtEveryStep(
            {
                async prepare(scene, n) {
                    await before.prepare(scene, "token:root", pinOf(n - 1))
                    await next.prepare(scene, "token:root", pinOf(n))
                },
                async run(scene, n) {
                    const oldSealed = await before.take(scene, "token:root", pinOf(n - 1))
                    const newSealed = await next.take(scene, "token:root", pinOf(n))
                    await scene.client.changePin({ token: "root", oldSealed, newSealed, evenFinalTry: true })
                },
                async state(scene, n) {
                    if (await takes(scene, pinOf(n))) return "done"
                    assert.ok(await takes(scene, pinOf(n - 1)))
                    return "old"
                },
                again: "pin_incorrect",
            },
            { tokens: { root: token } },
        )
    })

    test("locking everything: nothing is open after a start", async () => {
        await killAtEveryStep({
            prepare: (scene) => scene.openGroup(),
            run: (scene) => scene.client.lock("all"),
            // The group is opened after each start, as everywhere in these tests.
            async state(scene) {
                const [group] = await scene.client.listGroups()
                assert.equal(group?.name, GROUP)
                return group.unlocked ? "old" : "done"
            },
            endsWithProcess: true,
        })
    })
})

describe("killed while it stops, or while it starts again", () => {
    test("it has what it had", async () => {
        await using killSwitch = await buildKillSwitch()
        await using scene = await Scene.withGroup({ env: killSwitch.env })
        const repository = await WireRepository.prepare(scene, await WireRepository.keysOf(scene), "registry.example.com/team/app")
        const files = await scene.client.signSet(repository.firstSet())
        let version = 1
        const holds = async (where: string): Promise<void> => {
            assert.ok((await scene.client.verifyAudit()).intact, where)
            assert.deepEqual(
                (await scene.client.showTrust(repository.gun)).marks.map((mark) => mark.version).sort(),
                [1, 1, version],
                where,
            )
        }
        const last = async (): Promise<void> => {
            version += 1
            const signed = targetsBody({ version, targets: { v1: String(version) } })
            await scene.client.sign({ keyId: repository.keys.targets.id, gun: repository.gun, role: "targets", signed })
        }
        killSwitch.set()
        await scene.daemon.stop()
        const layout = killSwitch.read().steps
        await scene.restart()
        for (const step of chosenSteps(layout)) {
            await last()
            killSwitch.set(step)
            await scene.daemon.stop()
            // And at the same step of the next start, when the log is read back.
            killSwitch.set(step)
            await scene.daemon.restart().then(
                (daemon) => daemon.kill(),
                () => undefined,
            )
            killSwitch.set()
            await scene.restart()
            await holds(`${step.moment} write ${step.write} of row ${step.row} in ${layout}`)
        }
        assert.equal(files.length, 3)
    })
})

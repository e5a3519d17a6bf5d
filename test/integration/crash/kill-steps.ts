import assert from "node:assert/strict"
import { setTimeout as sleep } from "node:timers/promises"
import type { JournalEntry } from "../../../src/cli/daemon-types.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { DaemonOptions } from "../../support/daemon.ts"
import { buildKillSwitch, chosenSteps, everyStep, type KillSwitch } from "../../support/kill-switch.ts"
import { Scene } from "./scene.ts"

/** Every single write, at three moments. It takes an hour. */
const EVERY_STEP = process.env["TRUSTKEYD_TEST_EVERY_STEP"] === "1"

/** "done": an answer saying so would be true. "promised": it is not, but what was promised is kept. */
export type State = "old" | "promised" | "done"

/** Something a client can ask for again and again, each time with another number. */
export type Operation = {
    /** Once. */
    begin?(scene: Scene): Promise<void>
    /** What was lost with the process: called after each start. */
    reopen?(scene: Scene): Promise<void>
    /** What number `n` needs; nothing is killed here. */
    prepare?(scene: Scene, n: number): Promise<void>
    run(scene: Scene, n: number): Promise<void>
    /** Fails for anything between the states. */
    state(scene: Scene, n: number): Promise<State>
    /** How it ends, asked for again when it was done; absent: as if it were the first time. */
    readonly again?: string
    /** What it does ends with the process, so a daemon killed after its answer has forgotten it. */
    readonly endsWithProcess?: true
    /** Instead of asking for the same again. */
    after?(scene: Scene, n: number, state: State): Promise<void>
}

export async function killAtEveryStep(operation: Operation, options: DaemonOptions = {}): Promise<void> {
    await using killSwitch = await buildKillSwitch()
    await using scene = await Scene.withGroup({ ...options, env: { ...options.env, ...killSwitch.env } })
    await operation.reopen?.(scene)
    await operation.begin?.(scene)
    const witness = new Witness()
    const layout = await layoutOf(operation, scene, killSwitch)
    let n = UNDISTURBED
    const killedAt = new Set<string>()
    for (const step of EVERY_STEP ? everyStep(layout) : chosenSteps(layout)) {
        const where = `killed ${step.moment} write ${step.write} of row ${step.row} in ${layout}`
        await operation.prepare?.(scene, n)
        assert.equal(await operation.state(scene, n), "old", where)
        killSwitch.set(step)
        const code = await codeOf(operation.run(scene, n))
        // Pages of the database fill up, so it need not take the same steps each time.
        const { hit } = killSwitch.read()
        const wasKilled = hit !== undefined
        killSwitch.set()
        if (wasKilled) {
            killedAt.add(hit)
            await end(scene, where)
            await scene.restart()
            await operation.reopen?.(scene)
        }
        const state = await operation.state(scene, n)
        const isForgotten = wasKilled && operation.endsWithProcess === true
        if (code === undefined) assert.ok(state === "done" || isForgotten, `${where}: an answer was given`)
        else assert.ok(wasKilled && code === "daemon_unreachable", `${where}: ${code}`)
        await witness.check(scene, where)
        await again(operation, scene, n, state, where)
        await witness.check(scene, where)
        n += 1
    }
    assert.deepEqual([...killedAt].sort(), [...new Set(layout)].sort(), `of ${layout} it was not killed at each kind of step`)
}

/** The first run may do what no later one has to, and so may the first after a start: the killed ones are neither. */
const UNDISTURBED = 3

/** The steps of a run nobody disturbs. */
async function layoutOf(operation: Operation, scene: Scene, killSwitch: KillSwitch): Promise<string> {
    let layout = ""
    for (let n = 0; n < UNDISTURBED; n += 1) {
        await operation.prepare?.(scene, n)
        assert.equal(await operation.state(scene, n), "old")
        killSwitch.set()
        await operation.run(scene, n)
        layout = killSwitch.read().steps
        assert.equal(await operation.state(scene, n), "done")
        if (n > 0) continue
        await scene.restart()
        await operation.reopen?.(scene)
    }
    return layout
}

async function again(operation: Operation, scene: Scene, n: number, state: State, where: string): Promise<void> {
    if (operation.after !== undefined) {
        await operation.after(scene, n, state)
        return
    }
    const code = await codeOf(operation.run(scene, n))
    assert.equal(code, state === "done" ? operation.again : undefined, `${where}: asked for again`)
    assert.equal(await operation.state(scene, n), "done", `${where}: asked for again`)
}

async function end(scene: Scene, where: string): Promise<void> {
    for (let tries = 0; tries < 200 && scene.daemon.service.ended() === undefined; tries += 1) await sleep(10)
    assert.equal(scene.daemon.service.ended(), "was ended by SIGKILL", where)
}

/** What the operation was refused with; undefined: it was not. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
    try {
        await work
        return undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return error.code
        throw error
    }
}

/** Remembers everything ever promised, over all ends of the daemon. */
class Witness {
    readonly #contents = new Map<string, string>()
    #records = 0

    async check(scene: Scene, where: string): Promise<void> {
        const { intact, records } = await scene.client.verifyAudit()
        assert.ok(intact, `${where}: the audit chain is broken`)
        assert.ok(records >= this.#records, `${where}: records are gone`)
        this.#records = records
        const standing = new Set<string>()
        for (const entry of await journalOf(scene)) {
            if (entry.kind !== "notary-metadata") continue
            const { gun, lineage, role, version, sha256, sequence } = entry
            const place = `${gun} ${lineage} ${role} ${version}`
            // TK-JRN-2; a void keeps its record, and frees the version.
            if (entry.state === "void") continue
            const known = this.#contents.get(place)
            if (standing.has(place)) assert.equal(sha256, known, `${where}: two contents for ${place}, the second is ${sequence}`)
            standing.add(place)
            this.#contents.set(place, sha256)
        }
    }
}

export async function journalOf(scene: Scene, gun = "", role = ""): Promise<readonly JournalEntry[]> {
    const entries: JournalEntry[] = []
    for (;;) {
        const page = await scene.client.showJournal({ gun, role, after: entries.at(-1)?.sequence ?? 0, limit: 1000 })
        entries.push(...page)
        if (page.length < 1000) return entries
    }
}

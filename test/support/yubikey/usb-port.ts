import { randomBytes } from "node:crypto"
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { statusOnly } from "./apdu.ts"
import { type Outcome, PivCard } from "./card.ts"
import { type CardState, parseState } from "./state.ts"
import { type Insertion, insertCard } from "./vpcd.ts"

/** What a test may look at. */
export type Look = {
    readonly plugged: boolean
    readonly serial: number
    readonly pinLeft: number
    readonly pukLeft: number
    /** How many touches were waited for, the one now included. */
    readonly touchesAsked: number
    readonly waitingForTouch: boolean
    /** VERIFY commands that held a PIN: each could cost a try. */
    readonly pinsTried: number
    readonly apdus: number
}

type Spell = { readonly ins: number | undefined; times: number; readonly sw?: number; readonly delayMs?: number }

const CHAINING = 0x10
const VERIFY = 0x20
/** Reported of real keys: a missed touch ends after about 15 s. */
const TOUCH_TIMEOUT_MS = 15_000

/** pcscd looks for cards every 400 ms; one that is away for less than that may not be missed. */
const UNNOTICED_MS = 600

/** Where a card is plugged in: keeps its state in a file, moves its finger, and puts faults between it and the reader. */
export class UsbPort {
    readonly #readerPort: number
    #stateFile: string
    #card: PivCard
    #saved: CardState
    #insertion: Insertion | undefined
    #plugged = false
    #stays = 0
    #removedAt = Number.NEGATIVE_INFINITY
    #waiting: { readonly end: (how: "touched" | "missed" | "gone") => void } | undefined
    #watchers: (() => void)[] = []
    #spells: Spell[] = []
    #touchRule: { timeoutMs: number; missed: number } = { timeoutMs: TOUCH_TIMEOUT_MS, missed: 0x6982 }
    #handMs: number | undefined
    #counts = { touchesAsked: 0, pinsTried: 0, apdus: 0 }

    constructor(readerPort: number, stateFile: string) {
        this.#readerPort = readerPort
        this.#stateFile = stateFile
        this.#saved = parseState(readFileSync(stateFile, "utf8"))
        this.#card = openCard(this.#saved)
    }

    /** Resolves when programs can find the card in the reader. A reader that isn't there (yet, or any more) is waited for. */
    async plug(timeoutMs: number): Promise<void> {
        if (this.#plugged) throw new Error("the card is plugged in already")
        this.#plugged = true
        try {
            await Promise.race([new Promise<void>((resolve) => this.#stay(resolve)), overdue(performance.now() + timeoutMs)])
        } catch (error) {
            this.unplug()
            throw error
        }
    }

    /** pcscd may be stopped and started: the card is still in its place when it comes back. */
    async #stay(onNoticed: () => void): Promise<void> {
        this.#stays += 1
        const stay = this.#stays
        let pauseMs = this.#removedAt + UNNOTICED_MS - performance.now()
        for (let unnoticed = 0; ; ) {
            await sleep(Math.max(0, pauseMs))
            if (!this.#plugged || stay !== this.#stays) return
            pauseMs = 50
            const insertion = insertCard(this.#readerPort, { transmit: (apdu) => this.#transmit(apdu), powerOff: () => this.#powerOff() })
            this.#insertion = insertion
            // When a command found the link of the card before broken, the driver takes the next one without a word to pcscd. Such a
            // card is pulled out again, for long enough to be missed.
            const impatience = setTimeout(
                () => {
                    unnoticed += 1
                    pauseMs = UNNOTICED_MS
                    insertion.close()
                },
                2_000 * (unnoticed + 1),
            )
            insertion.noticed.then(
                () => {
                    clearTimeout(impatience)
                    onNoticed()
                },
                () => {},
            )
            await insertion.closed
            clearTimeout(impatience)
        }
    }

    unplug(): void {
        if (this.#plugged) this.#removedAt = performance.now()
        this.#plugged = false
        this.#insertion?.close()
        this.#insertion = undefined
        this.#powerOff()
    }

    /** Another card in its place; it has to be plugged in. */
    swap(stateFile: string): void {
        this.unplug()
        this.#stateFile = stateFile
        this.#saved = parseState(readFileSync(stateFile, "utf8"))
        this.#card = openCard(this.#saved)
    }

    #powerOff(): void {
        this.#waiting?.end("gone")
        this.#card.powerOff()
    }

    /** True if the card was waiting for it. */
    touch(): boolean {
        const waiting = this.#waiting
        waiting?.end("touched")
        return waiting !== undefined
    }

    /** From now on somebody touches the card that long after it asks; undefined: nobody does. */
    hand(afterMs: number | undefined): void {
        this.#handMs = afterMs
    }

    touchRule(timeoutMs: number, missed: number): void {
        this.#touchRule = { timeoutMs, missed }
    }

    /** Resolves when the card waits for a touch. */
    async awaitTouch(timeoutMs: number): Promise<void> {
        if (this.#waiting !== undefined) return
        await Promise.race([
            new Promise<void>((resolve) => this.#watchers.push(resolve)),
            overdue(performance.now() + timeoutMs, "the card asked for no touch"),
        ])
    }

    /** The next `times` commands with this instruction are not carried out but answered with `sw`. */
    answer(ins: number, sw: number, times: number): void {
        this.#spells.push({ ins, times, sw })
    }

    /** The next `times` commands (of any kind without `ins`) are carried out that much later. */
    delay(ins: number | undefined, delayMs: number, times: number): void {
        this.#spells.push({ ins, times, delayMs })
    }

    /** Takes back what `answer`, `delay`, `hand` and `touchRule` did. */
    calm(): void {
        this.#spells = []
        this.#handMs = undefined
        this.#touchRule = { timeoutMs: TOUCH_TIMEOUT_MS, missed: 0x6982 }
    }

    look(): Look {
        const { serial, pin, puk } = this.#card.state
        return {
            plugged: this.#plugged,
            serial,
            pinLeft: pin.left,
            pukLeft: puk.left,
            waitingForTouch: this.#waiting !== undefined,
            ...this.#counts,
        }
    }

    async #transmit(apdu: Buffer): Promise<Buffer | undefined> {
        const card = this.#card
        const insertion = this.#insertion
        this.#counts.apdus += 1
        if (apdu[1] === VERIFY && apdu.length > 5) this.#counts.pinsTried += 1
        const chained = ((apdu[0] ?? 0) & CHAINING) !== 0
        const spell = chained ? undefined : this.#takeSpell(apdu[1])
        if (spell?.delayMs !== undefined) await sleep(spell.delayMs)
        if (this.#insertion !== insertion) return undefined
        if (spell?.sw !== undefined) return statusOnly(spell.sw)
        const outcome = card.transmit(apdu)
        const answer = "answer" in outcome ? outcome.answer : await this.#waitForTouch(outcome)
        // Saved before anybody sees the answer: a try that was used up stays used up.
        this.#save()
        return answer
    }

    #takeSpell(ins: number | undefined): Spell | undefined {
        const spell = this.#spells.find((each) => each.ins === undefined || each.ins === ins)
        if (spell === undefined) return undefined
        spell.times -= 1
        if (spell.times <= 0) this.#spells = this.#spells.filter((each) => each !== spell)
        return spell
    }

    async #waitForTouch(outcome: Exclude<Outcome, { answer: Buffer }>): Promise<Buffer | undefined> {
        const { timeoutMs, missed } = this.#touchRule
        const { promise, resolve } = Promise.withResolvers<"touched" | "missed" | "gone">()
        this.#waiting = { end: resolve }
        this.#counts.touchesAsked += 1
        for (const watcher of this.#watchers.splice(0)) watcher()
        const timers = [setTimeout(() => resolve("missed"), timeoutMs)]
        if (this.#handMs !== undefined) timers.push(setTimeout(() => resolve("touched"), this.#handMs))
        const how = await promise
        for (const timer of timers) clearTimeout(timer)
        this.#waiting = undefined
        if (how === "gone") return undefined
        return how === "touched" ? outcome.touched() : outcome.missed(missed)
    }

    #save(): void {
        const { state } = this.#card
        if (state === this.#saved) return
        const unfinished = `${this.#stateFile}.new`
        writeFileSync(unfinished, JSON.stringify(state), { mode: 0o600 })
        renameSync(unfinished, this.#stateFile)
        this.#saved = state
    }
}

function openCard(state: CardState): PivCard {
    return new PivCard(state, { now: () => performance.now(), random: randomBytes })
}

async function overdue(deadline: number, what = "the reader noticed no card"): Promise<never> {
    await sleep(Math.max(0, deadline - performance.now()), undefined, { ref: false })
    throw new Error(`${what} in time`)
}

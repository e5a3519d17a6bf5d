import type { TouchNotice, TouchWatcher } from "./daemon-types.ts"
import { printable, shortId } from "./output.ts"

export type TouchDisplayOptions = {
    readonly stderr: NodeJS.WritableStream
    /** A terminal that can clear a line: then the seconds are counted down on it. */
    readonly counts: boolean
    /** Not even the request itself. */
    readonly silent: boolean
    readonly now: () => Date
}

const TICK_MS = 1_000
/** ECMA-48 EL: erase to the end of the line. */
const CLEAR_LINE = "\r\u001b[K"

/** Says on stderr which token wants to be touched, and what for. */
export class TouchDisplay implements TouchWatcher {
    readonly #options: TouchDisplayOptions
    /** When each that is waited for is over, by the wait's number. */
    readonly #deadlines = new Map<number, Date>()
    #timer: NodeJS.Timeout | undefined

    constructor(options: TouchDisplayOptions) {
        this.#options = options
    }

    notice(notice: TouchNotice): void {
        if (notice.kind !== "touch-awaited") this.#forget(notice.id)
        else if (!this.#deadlines.has(notice.id)) this.#ask(notice)
    }

    close(): void {
        for (const id of [...this.#deadlines.keys()]) this.#forget(id)
    }

    #ask(notice: TouchNotice): void {
        const { silent, stderr, now, counts } = this.#options
        if (silent) return
        this.#clear()
        const deadline = new Date(notice.deadline)
        this.#deadlines.set(notice.id, deadline)
        stderr.write(`${touchLines(notice, secondsUntil(deadline, now())).map(printable).join("\n")}\n`)
        if (!counts) return
        this.#count()
        this.#timer ??= setInterval(() => this.#count(), TICK_MS)
    }

    #forget(id: number): void {
        if (!this.#deadlines.delete(id)) return
        if (this.#deadlines.size > 0) return
        this.#clear()
        clearInterval(this.#timer)
        this.#timer = undefined
    }

    #count(): void {
        const first = [...this.#deadlines.values()].reduce((soonest, date) => (date < soonest ? date : soonest))
        this.#options.stderr.write(`${CLEAR_LINE}  ${secondsUntil(first, this.#options.now())} s left`)
    }

    #clear(): void {
        if (this.#timer !== undefined) this.#options.stderr.write(CLEAR_LINE)
    }
}

function secondsUntil(deadline: Date, now: Date): number {
    const seconds = Math.ceil((deadline.getTime() - now.getTime()) / 1000)
    return Number.isNaN(seconds) ? 0 : Math.max(0, seconds)
}

/** The request, then what the signature changes. */
export function touchLines(notice: TouchNotice, seconds: number): readonly string[] {
    const where = notice.slot === "" ? `token ${notice.token}` : `YubiKey ${notice.serial} (slot ${notice.slot})`
    // Where nobody knows what the key wants, it may just be slow.
    const when = notice.touchPolicy === "" ? `if it blinks, within ${seconds} s` : `within ${seconds} s`
    return [`Touch ${where} ${when}: ${purposeText(notice)}`, ...notice.difference.map((sentence) => `  ${sentence}`)]
}

function purposeText({ keyId, keyLabel, gun, role, version }: TouchNotice): string {
    const key = keyId === "" ? "the key" : `key ${shortId(keyId)}${keyLabel === "" ? "" : ` (${keyLabel})`}`
    if (role === "") return `${key} shows that it can sign`
    if (role === "ceremony") return `${key} signs the close of a ceremony`
    if (gun === "") return `${key} signs the certificate that the card shows`
    if (version === 0) return `${key} signs its ${role} certificate for ${gun}`
    return `${key} signs ${role} version ${version} of ${gun}`
}

import type { TouchPolicy } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import type { Gun, RoleName } from "../tuf/index.ts"

/** Who wants a signature and what for: what a person who is asked for a touch should know. */
export type Occasion = {
    readonly asker: Principal
    /** What the signature changes, a sentence for each change; worked out only when somebody is asked for a touch. Never throws. */
    readonly difference: () => readonly string[]
}

/** A key on a token, as the one who has to touch it knows it. Empty: not known yet. */
export type TouchedKey = {
    readonly token: string
    readonly serial: string
    /** Of a YubiKey: "9c". */
    readonly slot: string
    readonly keyId: string
    readonly label: string
    /** Undefined: not known, and a touch is a guess from how long it takes. */
    readonly touchPolicy: TouchPolicy | undefined
}

/** What is going to be signed. Without a repository: the certificate that a card shows, or the close of a ceremony. */
export type TouchPurpose = {
    readonly gun: Gun | ""
    readonly role: RoleName
    readonly version: number
    readonly closesCeremony?: boolean
}

export type TouchEvent = {
    /** The same for all events of one wait. */
    readonly id: number
    /** How a wait ends: "gone" is every other end, the token's or its process's. */
    readonly kind: "touch-awaited" | "touched" | "touch-timeout" | "gone"
    readonly key: TouchedKey
    /** Undefined: nothing but the proof that a new key can sign. */
    readonly purpose: TouchPurpose | undefined
    readonly difference: readonly string[]
    /** Whoever waits for this signature; the first one asked first. */
    readonly askers: readonly Principal[]
    /** The card waits about so long. */
    readonly deadline: Date
}

export type TouchListener = (event: TouchEvent) => void

/** What a token waits for, to whoever may know it. */
export function touchText({ key, purpose }: TouchEvent): string {
    if (purpose === undefined) return "waiting for touch of a new key, which shows that it can sign"
    const name = key.label === "" ? "" : ` (${key.label})`
    const ofItsKey = purpose.closesCeremony === true ? "the close of a ceremony" : "the card's own certificate"
    const what = purpose.gun === "" ? ofItsKey : `${purpose.gun} ${purpose.role}`
    return `waiting for touch of key ${key.keyId.slice(0, 12)}${name} for ${what}`
}

/** What a YubiKey gives a person. */
const TOUCH_WAIT_MS = 15_000
/** A card that had its touch within the last 15 seconds answers sooner. */
const CACHED_MS = 300
/** Longer than any card takes that does not wait for somebody. */
const GUESS_MS = 1_000

/** Who waits for a touch now, and whoever wants to be told. */
export class Touches {
    readonly #listeners = new Set<TouchListener>()
    readonly #awaited = new Set<Touch>()
    readonly #hooks: Hooks
    #nextId = 1

    constructor(now: () => Date) {
        this.#hooks = {
            announce: (touch) => {
                this.#awaited.add(touch)
                const id = this.#nextId
                this.#nextId += 1
                return { id, deadline: new Date(now().getTime() + TOUCH_WAIT_MS) }
            },
            tell: (event) => {
                for (const listener of this.#listeners) listener(event)
            },
            forget: (touch) => this.#awaited.delete(touch),
        }
    }

    /** @returns ends it. What is awaited already is told at once. */
    watch(listener: TouchListener): () => void {
        this.#listeners.add(listener)
        for (const touch of this.#awaited) listener(touch.event("touch-awaited"))
        return () => this.#listeners.delete(listener)
    }

    /** A touch that may be needed: see `Touch.begin`. */
    expect(key: TouchedKey, purpose: TouchPurpose | undefined): Touch {
        return new Touch(key, purpose, this.#hooks)
    }
}

type Hooks = {
    readonly announce: (touch: Touch) => Announced
    readonly tell: (event: TouchEvent) => void
    readonly forget: (touch: Touch) => void
}

type Announced = { readonly id: number; readonly deadline: Date }

/** One use of a key that may wait for a touch. Nobody hears of it unless it does. */
export class Touch {
    readonly key: TouchedKey
    readonly purpose: TouchPurpose | undefined
    readonly #hooks: Hooks
    readonly #occasions: Occasion[] = []
    #timer: NodeJS.Timeout | undefined
    #announced: Announced | undefined
    #difference: readonly string[] = []
    #hasEnded = false

    constructor(key: TouchedKey, purpose: TouchPurpose | undefined, hooks: Hooks) {
        this.key = key
        this.purpose = purpose
        this.#hooks = hooks
    }

    get isAwaited(): boolean {
        return this.#announced !== undefined && !this.#hasEnded
    }

    /** Somebody who waits for it; once for each user, however often he asks. */
    join(occasion: Occasion | undefined): void {
        if (occasion === undefined || this.#occasions.some(({ asker }) => asker.uid === occasion.asker.uid)) return
        this.#occasions.push(occasion)
        if (this.isAwaited) this.#hooks.tell(this.event("touch-awaited"))
    }

    /** The token begins with it now. */
    begin(alwaysAuthenticate: boolean): void {
        const delay = patience(this.key.touchPolicy, alwaysAuthenticate)
        if (delay === 0) this.#announce()
        else if (delay !== undefined) this.#timer = setTimeout(() => this.#announce(), delay)
    }

    /** Its outcome is known. */
    end(kind: "touched" | "touch-timeout" | "gone"): void {
        clearTimeout(this.#timer)
        const wasAwaited = this.isAwaited
        this.#hasEnded = true
        if (!wasAwaited) return
        this.#hooks.forget(this)
        this.#hooks.tell(this.event(kind))
    }

    event(kind: TouchEvent["kind"]): TouchEvent {
        const { id, deadline } = this.#announced ?? { id: 0, deadline: new Date(0) }
        const { key, purpose } = this
        const askers = this.#occasions.map(({ asker }) => asker)
        return { id, kind, key, purpose, difference: this.#difference, askers, deadline }
    }

    #announce(): void {
        if (this.#hasEnded) return
        this.#announced = this.#hooks.announce(this)
        this.#difference = this.#occasions[0]?.difference() ?? []
        this.#hooks.tell(this.event("touch-awaited"))
    }
}

/** Whether a person may have to touch the token for it. */
export function mayWaitForTouch(policy: TouchPolicy | undefined, alwaysAuthenticate: boolean): boolean {
    return patience(policy, alwaysAuthenticate) !== undefined
}

/** How long it may take, in milliseconds, before a touch must be what it waits for; undefined: it never is. */
function patience(policy: TouchPolicy | undefined, alwaysAuthenticate: boolean): number | undefined {
    switch (policy) {
        case "always":
            return 0
        case "cached":
            return CACHED_MS
        case "never":
            return undefined
        case undefined:
            // A key that asks for the PIN each time often asks for a touch as well.
            return alwaysAuthenticate ? GUESS_MS : undefined
    }
}

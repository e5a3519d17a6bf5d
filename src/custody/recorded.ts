import { TrustkeyError } from "../errors.ts"
import type { Action, Principal } from "../policy/index.ts"
import type { Rooms } from "./rooms.ts"

/** What a record says besides who, what and how it ended. */
export type Subject = { gun?: string; role?: string; keyId?: string; detail?: Record<string, string | number | boolean> }

/**
 * Run an operation and record how it ended; TK-AUD-1: if the record can't be written there is no answer. An operation may
 * complete `subject` while it runs.
 */
export async function recorded<T>(rooms: Rooms, principal: Principal, action: Action, subject: Subject, run: () => Promise<T>): Promise<T> {
    try {
        const answer = await run()
        await record(rooms, principal, action, subject, "ok")
        return answer
    } catch (error) {
        const code = error instanceof TrustkeyError ? error.code : "internal"
        await record(rooms, principal, action, subject, code)
        throw error
    }
}

/** One record, on disk when this resolves. Refusals of strangers are gathered, so that they can't fill the disk. */
export async function record(rooms: Rooms, principal: Principal, action: Action, subject: Subject, outcome: string): Promise<void> {
    const event = {
        at: rooms.now(),
        who: principal.name,
        action,
        outcome,
        gun: subject.gun ?? "",
        role: subject.role ?? "",
        keyId: subject.keyId ?? "",
        detail: subject.detail ?? {},
    }
    if (outcome === "denied") await rooms.audit.denied(event)
    else await rooms.audit.append(event)
}

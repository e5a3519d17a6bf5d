import { TrustkeyError } from "../errors.ts"

/** What `act` does; a refusal of ours gets `place` in front of its message, unless it stands there, and keeps its code. */
export async function located<T>(place: string, act: () => T | Promise<T>): Promise<T> {
    try {
        return await act()
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.message.startsWith(place)) throw error
        throw new TrustkeyError(error.code, `${place}: ${error.message}`, { cause: error.cause })
    }
}

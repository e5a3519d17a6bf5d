import type { Cli } from "../context.ts"

/**
 * What `act` returns; after it, however it ended, the vault's daemon holds no key open. A holder's PIN is for the step it was typed at: whoever sits at
 * the keyboard afterwards must not sign with a token that still lies there, nor with a key that only its passphrase opens.
 */
export async function lockedAfter<T>(cli: Cli, act: () => Promise<T>): Promise<T> {
    let done: T
    try {
        done = await act()
    } catch (error) {
        // What went wrong is what people have to hear of.
        await lockAll(cli).catch(() => undefined)
        throw error
    }
    await lockAll(cli)
    return done
}

async function lockAll(cli: Cli): Promise<void> {
    await (await cli.daemon("admin")).lock("all")
}

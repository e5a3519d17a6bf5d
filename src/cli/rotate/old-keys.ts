import { TrustkeyError } from "../../errors.ts"
import type { RoleName } from "../../tuf/index.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { needText } from "../key-needs.ts"
import { shortId } from "../output.ts"
import { changeBindings } from "../trust/bind-key.ts"
import { isBound } from "../trust/our-keys.ts"
import type { TrustSession } from "../trust/session.ts"
import { OLD_KEY_CHOICES, type OldKeyChoice } from "./options.ts"

export type LetGo = { readonly keyId: string; readonly choice: OldKeyChoice }

/**
 * What becomes of keys that count no more, after what replaces them was published and read back. Without a choice a person is asked; with
 * nobody to ask they are kept.
 *
 * @param ids canonical IDs; those that are not here, or not bound to these roles, are passed over
 * @throws denied, daemon_unreachable, declined and others: the message is the command that does it
 */
export async function letGo(
    session: TrustSession,
    daemon: Daemon,
    roles: readonly RoleName[],
    ids: readonly string[],
    given: OldKeyChoice | undefined,
): Promise<readonly LetGo[]> {
    const { cli, gun } = session
    const bound = (await daemon.listKeys({ gun })).filter(
        (key) => ids.includes(key.id) && key.state !== "removed" && roles.some((role) => isBound(key, gun, role)),
    )
    const done: LetGo[] = []
    for (const key of bound) {
        const choice = given ?? (await ask(session, daemon, key, roles))
        const remove = roles.filter((role) => isBound(key, gun, role)).map((role) => ({ gun, role }))
        if (choice !== "keep") await changeBindings(cli, daemon, key, { remove })
        if (choice === "remove") await removeKey(session, key, remove.length)
        done.push({ keyId: key.id, choice })
    }
    return done
}

async function ask({ cli, gun }: TrustSession, daemon: Daemon, key: DaemonKey, roles: readonly RoleName[]): Promise<OldKeyChoice> {
    const prompts = await cli.prompts()
    const what = `The key ${shortId(key.id)} counts no more for ${roles.join(", ")} of ${gun}`
    if (!prompts.possible) {
        cli.output.note(`${what}, and is kept. ${lettingGo(key, roles, gun)}`)
        return "keep"
    }
    // Who still has something to do with it, before anybody decides.
    for (const need of (await daemon.getKey(key.id)).needs)
        cli.output.note(`  ${need.needed ? "needed by" : "not needed"}  ${needText(need)}`)
    const answer = (await prompts.line(`${what}. Keep it, unbind it, or remove it for ever? [keep/unbind/remove] `, "--old-key")).trim()
    const choice = OLD_KEY_CHOICES.find((candidate) => candidate === answer.toLowerCase())
    const none = choice === undefined && answer !== "" ? `That is none of them; ${shortId(key.id)} is kept. ` : ""
    if ((choice ?? "keep") === "keep") cli.output.note(`${none}${lettingGo(key, roles, gun)}`)
    return choice ?? "keep"
}

/** Once its successor is published, the same command with `--old-key` would be the next rotation. */
function lettingGo(key: DaemonKey, roles: readonly RoleName[], gun: string): string {
    const places = roles.filter((role) => isBound(key, gun, role)).map((role) => `--remove ${role}@${gun}`)
    const id = shortId(key.id)
    return `To let it go later: trustkey key bind ${id} ${places.join(" ")}, or for ever: trustkey key remove ${id}`
}

async function removeKey({ cli, gun }: TrustSession, key: DaemonKey, unbound: number): Promise<void> {
    if (key.bindings.length > unbound) {
        const elsewhere = [...new Set(key.bindings.filter((place) => place.gun !== gun).map((place) => place.gun))]
        const where = elsewhere.length === 0 ? `other roles of ${gun}` : elsewhere.join(", ")
        cli.output.warn(`the key ${shortId(key.id)} is not removed: it is still bound to ${where}`)
        return
    }
    try {
        await (await cli.daemon("admin")).removeKey({ id: key.id, confirm: key.id.slice(0, 8) })
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        const message = `key ${shortId(key.id)} could not be removed (${error.message}); an administrator does it with: trustkey key remove ${shortId(key.id)}`
        throw new TrustkeyError(error.code, message, { cause: error })
    }
    cli.output.note(`Removed the key ${shortId(key.id)}.`)
}

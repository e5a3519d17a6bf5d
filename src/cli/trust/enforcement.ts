import type { ImageReference } from "../../publish/index.ts"
import type { Cli } from "../context.ts"
import type { Engine } from "../engine/engine.ts"
import { type Arguments, type Flag, parseBool, switchValue, writtenWithout } from "../engine/flags.ts"
import { Ended } from "../terminal.ts"
import { familiarName, familiarTagged } from "./familiar.ts"
import { resolveTrusted } from "./resolve-tag.ts"
import { openSession } from "./session.ts"

/** An image named by a tag, and what was signed under it. */
export type TrustedImage = {
    /** `alpine:3.20` */
    readonly tagged: string
    /** `alpine@sha256:…` */
    readonly pinned: string
}

/**
 * Whether trust is to be checked. Who calls us and not docker wants that: it takes --disable-content-trust, or DOCKER_CONTENT_TRUST with a
 * value that Go reads as false, to do without. The flag wins.
 */
export function isTrustOn(cli: Cli, flags: readonly Flag[]): boolean {
    const disabled = switchValue(flags, "disable-content-trust")
    if (disabled !== undefined) return !disabled
    return parseBool(cli.context.env["DOCKER_CONTENT_TRUST"] ?? "") !== false
}

/** What the trust server has signed for the reference's tag. @throws what resolveTrusted throws */
export async function trustedImage(cli: Cli, reference: ImageReference): Promise<TrustedImage> {
    const tag = reference.tag ?? "latest"
    const session = await openSession(cli, `${reference.gun}:${tag}`, "pull")
    const { digest } = await resolveTrusted(session, tag)
    return { tagged: familiarTagged(reference), pinned: `${familiarName(reference)}@${digest}` }
}

/** Give what was fetched by digest the name under which it was asked for, as docker does. */
export async function tagTrusted(cli: Cli, engine: Engine, { pinned, tagged }: TrustedImage): Promise<void> {
    cli.context.terminal.stderr.write(`Tagging ${pinned} as ${tagged}\n`)
    await engine.tag(pinned, tagged)
}

/** The command line as it was, without flags of ours; docker's exit code is ours. @throws Ended */
export async function passOn(engine: Engine, command: string, { flags, operands }: Arguments, ours: readonly string[] = []): Promise<void> {
    const written = writtenWithout(flags, ["disable-content-trust", ...ours])
    await runInstead(engine, [command, ...written, "--", ...operands])
}

/** @throws Ended: unless it ended well */
export async function runInstead(engine: Engine, args: readonly string[]): Promise<void> {
    const code = await engine.run(args)
    if (code !== 0) throw new Ended(code)
}

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { type Daemon, type DaemonToken, startDaemon, type TrustkeyOptions } from "../../support/daemon.ts"
import { mustRun } from "../../support/process.ts"
import { writeSecret } from "../../support/temp.ts"

export const GROUP = "release"
const PASSPHRASE = "correct horse battery"

export type Identity = { readonly file: string; readonly recipient: string }

/** A daemon whose configuration names a recipient, and who has what opens its backups. */
export type BackupRig = AsyncDisposable & {
    readonly daemon: Daemon
    readonly identity: Identity
    /** Opens keys and groups. */
    readonly passphraseFile: string
    readonly place: (name: string) => string
    /** A key of the group, or with a passphrase of its own; its ID. */
    key(purpose: string, ...more: readonly string[]): Promise<string>
    /** A backup; its file and fingerprint. */
    backUp(name: string, ...more: readonly string[]): Promise<{ readonly file: string; readonly fingerprint: string }>
    /** `trustkey` that has to refuse; its stderr. */
    refused(args: readonly string[], code: string, options?: TrustkeyOptions): Promise<string>
}

export async function openBackupRig(options: { readonly tokens?: Readonly<Record<string, DaemonToken>> } = {}): Promise<BackupRig> {
    await using opened = new AsyncDisposableStack()
    // Its directory is the identity's first.
    const early = opened.use(await startDaemon(options))
    const identity = await makeIdentity(early.directory, "identity.txt")
    await early.stop()
    const daemon = await startDaemon({ ...options, directory: early.directory, rules: rulesFor([identity.recipient]) })
    opened.defer(() => daemon.stop())
    const passphraseFile = await writeSecret(daemon.directory, "passphrase", PASSPHRASE)
    await daemon.ok(["key", "group", "create", GROUP, "--passphrase-file", passphraseFile])
    await daemon.ok(["key", "unlock", "--group", GROUP, "--passphrase-file", passphraseFile])
    const place = (name: string): string => path.join(daemon.directory, name)
    const everything = opened.move()
    return {
        daemon,
        identity,
        passphraseFile,
        place,
        key: async (purpose, ...more) => {
            const args = more.length > 0 ? more : ["--group", GROUP]
            return (JSON.parse(await daemon.ok(["key", "create", "--purpose", purpose, "--json", ...args])) as { id: string }).id
        },
        backUp: async (name, ...more) => {
            const { file, fingerprint } = JSON.parse(await daemon.ok(["backup", "create", "--json", "--out", place(name), ...more])) as {
                file: string
                fingerprint: string
            }
            return { file, fingerprint }
        },
        refused: async (args, code, given = {}) => {
            const { status, stdout, stderr } = await daemon.trustkey(args, given)
            assert.match(stderr, new RegExp(`\\[${code}\\]`), `${stdout}${stderr}`)
            assert.notEqual(status, 0)
            return stderr
        },
        [Symbol.asyncDispose]: () => everything.disposeAsync(),
    }
}

/** As age's own program makes one. */
export async function makeIdentity(directory: string, name: string): Promise<Identity> {
    const file = path.join(directory, name)
    await mustRun("age-keygen", ["-o", file])
    const [recipient] = /age1[0-9a-z]+/.exec(await readFile(file, "utf8")) ?? assert.fail("age-keygen wrote no recipient")
    return { file, recipient }
}

/** Whoever runs the test may do everything, and backups are for these. */
export function rulesFor(recipients: readonly string[]): string {
    const names = recipients.map((recipient) => JSON.stringify(recipient)).join(", ")
    return `[backup]\nrecipients = [${names}]\n[[allow]]\nwho = ["uid:${process.getuid?.() ?? 0}"]\ndo = ["*"]\n`
}

import type { KeyFileEntry, OpenedKey } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyLoadOptions } from "./commands/trust-key-load.ts"
import type { Cli } from "./context.ts"
import { FilePassphrases } from "./file-passphrases.ts"
import { daemonToImportInto, importedId, importOpened } from "./import-key.ts"
import { checkFit, type ImportPlan, planImport } from "./import-plan.ts"
import { readPrivateKeys, weaknessOf } from "./key-files.ts"
import { checkKeyName } from "./key-name.ts"
import { located } from "./located.ts"
import { printable, shortId } from "./output.ts"

/** `docker trust key load`, with its words. What it says in addition goes to stderr. */
export async function loadKey(cli: Cli, file: string, options: KeyLoadOptions): Promise<void> {
    if (options.name !== undefined) checkKeyName(options.name)
    cli.output.line(`Loading key from "${printable(file)}"...`)
    using disposables = new DisposableStack()
    const entry = disposables.use(await readOne(cli, file))
    const plan = await located(`error importing key from ${file}`, () => planOf(entry, options))
    const daemon = await daemonToImportInto(cli)
    const opened = await openOne(cli, file, entry, plan, options)
    disposables.use(opened.pkcs8)
    const id = importedId(opened)
    const known = (await daemon.listKeys({ includeRemoved: true })).find((key) => key.id === id)
    if (known !== undefined && known.state !== "removed" && known.purpose === plan.purpose && known.label === plan.label) {
        // docker writes it anew. Here its passphrase stays, for there is a command that changes it.
        cli.output.note(`Key ${shortId(id)} was here already, under the passphrase it has: trustkey key passphrase ${shortId(id)}`)
    } else {
        await located(`error importing key from ${file}`, () => importOpened(cli, daemon, opened, { ...options, ...plan }))
    }
    cli.output.line(`Successfully imported key from ${printable(file)}`)
    const weakness = weaknessOf(entry)
    if (weakness !== undefined) cli.output.warn(`${file}: ${weakness}; here it is sealed with Argon2id`)
    cli.output.warn(`${file}: the old copy still lies there. When a signature of the new key was accepted, remove it: shred -u FILE`)
}

/** A root or repository key keeps its purpose. For a signer's the name that was given counts, then the file's, then docker's default. */
function planOf(entry: KeyFileEntry, { name }: KeyLoadOptions): ImportPlan {
    const plan = planImport(entry, { roleOtherwise: "signer", ...(name === undefined ? {} : { name }) })
    return plan.purpose === "delegation" ? plan : { ...plan, label: "" }
}

async function readOne(cli: Cli, file: string): Promise<KeyFileEntry> {
    let entries: readonly KeyFileEntry[]
    try {
        entries = await readPrivateKeys(file)
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        if (error.code === "not_found")
            throw new TrustkeyError("not_found", `refusing to load key from ${file}: stat ${file}: no such file or directory`)
        if (error.code !== "key_file_invalid")
            throw new TrustkeyError(error.code, `refusing to load key from ${file}: ${error.message}`, { cause: error.cause })
        cli.output.note(`${file}: ${error.message}`)
        const supported = `provided file ${file} is not a supported private key - to add a signer's public key use docker trust signer add`
        throw new TrustkeyError("key_file_invalid", `error importing key from ${file}: ${supported}`)
    }
    const [only, ...more] = entries
    if (only !== undefined && more.length === 0) return only
    for (const entry of entries) entry[Symbol.dispose]()
    throw new TrustkeyError(
        "invalid_request",
        `error importing key from ${file}: there are ${entries.length} private keys in it; trustkey key import ${file} takes them all`,
    )
}

async function openOne(cli: Cli, file: string, entry: KeyFileEntry, plan: ImportPlan, options: KeyLoadOptions): Promise<OpenedKey> {
    using passphrases = new FilePassphrases(cli, options)
    return await located(`error importing key from ${file}: cannot load key from provided file ${file}`, async () => {
        const opened = await passphrases.open(entry, plan.purpose, "encrypted key").catch(inDockersWords)
        checkFit(opened.algorithm, plan)
        return opened
    })
}

function inDockersWords(error: unknown): never {
    const wrong = error instanceof TrustkeyError && error.code === "open_failed"
    throw wrong ? new TrustkeyError("open_failed", "could not decrypt key") : error
}

import path from "node:path"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { ownFileMode } from "../../storage/index.ts"
import type { KeyImportOptions } from "../commands/key-import.ts"
import type { Cli } from "../context.ts"
import { FilePassphrases } from "../file-passphrases.ts"
import { daemonToImportInto, unlockGroup } from "../import-key.ts"
import { shellWord } from "../shell-word.ts"
import { askForPassphrases, type Done, Taking } from "./act.ts"
import { type LookedAt, lookAtRepositories, openKeys, ownDirectory, type PlannedKey, planKeys, readCopies } from "./look.ts"
import { readNotaryServer } from "./notary-config.ts"
import type { Places } from "./plan.ts"
import { planJson, printCopies, printLeftOut, printPlan, printWeakness } from "./report.ts"
import { type Found, type LeftOut, scanTrustDirectory } from "./scan.ts"

/** What is to come over, and what can't. */
export type Look = {
    readonly keys: readonly PlannedKey[]
    readonly repositories: readonly LookedAt[]
    readonly places: Places
    readonly leftOut: readonly LeftOut[]
    readonly neighbours: readonly string[]
    /** Why the admin socket can't be used; undefined: it can, or nothing is to be adopted. */
    readonly withoutAdmin: TrustkeyError | undefined
}

/**
 * `trustkey key import --from-docker-trust`: everything is read and shown, one question asked, and then taken in. What is here already stays
 * as it is, so whatever interrupts it, the same command goes on from there. The directories are only read.
 *
 * @throws no_terminal, declined, daemon_unreachable, denied; and, when something could not come over, that, after all the rest has
 */
export async function comeOver(cli: Cli, directories: readonly string[], options: KeyImportOptions): Promise<void> {
    using disposables = new DisposableStack()
    const found = await scanAll(cli, directories)
    const look = await lookAtAll(cli, found, options, disposables)
    if (options.json !== true) printPlan(cli.output, look)
    const work = countWork(look)
    if (options.dryRun === true || work === undefined) {
        finish(cli, look, [], options)
        return
    }
    if (options.yes !== true && !(await (await cli.prompts()).confirm(work, "--yes")))
        throw new TrustkeyError("declined", "nothing was taken in")
    await takeIn(cli, look, options, disposables)
}

async function scanAll(cli: Cli, given: readonly string[]): Promise<readonly Found[]> {
    const directories = given.length > 0 ? given : await defaultDirectories(cli)
    const found: Found[] = []
    for (const directory of new Set(directories.map((name) => path.resolve(name)))) found.push(await scanTrustDirectory(directory))
    return found
}

async function defaultDirectories(cli: Cli): Promise<readonly string[]> {
    const usual = [ownDirectory(cli), path.join(cli.context.home, ".notary")]
    const there: string[] = []
    for (const directory of usual) if ((await ownFileMode(directory)) !== undefined) there.push(directory)
    if (there.length === 0) throw new TrustkeyError("not_found", `there is no ${usual.join(" and no ")}: name the trust directory`)
    return there
}

async function lookAtAll(cli: Cli, found: readonly Found[], options: KeyImportOptions, disposables: DisposableStack): Promise<Look> {
    const leftOut = found.flatMap((each) => each.leftOut)
    const copies = await readCopies(
        found.flatMap(({ files }) => files),
        leftOut,
        disposables,
    )
    const daemon = await daemonToImportInto(cli)
    if (options.group !== undefined && !(await daemon.listGroups()).some(({ name }) => name === options.group))
        throw new TrustkeyError("not_found", `there is no key group ${options.group}`)
    const known = new Map((await daemon.listKeys({ includeRemoved: true })).map((key) => [key.id, key]))
    const adopted = new Map((await daemon.listTrust()).map((repository) => [repository.gun, repository]))
    const passphrases = disposables.use(new FilePassphrases(cli, options))
    const keys = await openKeys(cli, copies, known, passphrases, leftOut, disposables)
    const repositories = await lookAtRepositories(
        cli,
        found.flatMap((each) => each.repositories),
        adopted,
        leftOut,
    )
    await hintAtServer(cli, found, leftOut)
    const { planned, places } = planKeys(keys, repositories, leftOut)
    const withoutAdmin = repositories.some(({ here }) => !here) ? await whyNoAdmin(cli) : undefined
    const neighbours = [...new Set(found.flatMap((each) => each.neighbours))]
    return { keys: planned, repositories, places, leftOut, neighbours, withoutAdmin }
}

/** notary's server is named in its configuration; our commands, as docker's, ask the registry's host unless they are told another. */
async function hintAtServer({ context, output }: Cli, found: readonly Found[], leftOut: readonly LeftOut[]): Promise<void> {
    if ((context.env["DOCKER_CONTENT_TRUST_SERVER"] ?? "") !== "") return
    for (const { directory, repositories } of found) {
        if (!repositories.some(({ gun }) => leftOut.some(({ what, code }) => what === gun && code !== undefined))) continue
        const server = await readNotaryServer(directory)
        if (server === undefined) continue
        output.note(`${path.join(directory, "config.json")} names another trust server. To ask that one:`)
        output.note(`  export DOCKER_CONTENT_TRUST_SERVER=${shellWord(server.url)}`)
        if (server.authority !== undefined)
            output.note(`Its certificate authority belongs into docker's tls/${new URL(server.url).host}/ca.crt: ${server.authority}`)
    }
}

async function whyNoAdmin(cli: Cli): Promise<TrustkeyError | undefined> {
    try {
        await (await cli.daemon("admin")).status()
        return undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return error
        throw error
    }
}

/** The question. Undefined: there is nothing to do. */
function countWork({ keys, repositories, withoutAdmin }: Look): string | undefined {
    const imports = keys.filter(({ known }) => known === undefined).length
    const binds = keys.filter(({ known, plan }) => known !== undefined && plan.bindings.length > 0).length
    const adoptions = withoutAdmin === undefined ? repositories.filter(({ here }) => !here).length : 0
    const parts = [
        adoptions === 0 ? "" : `adopt ${counted(adoptions, "repository", "repositories")}`,
        imports === 0 ? "" : `import ${counted(imports, "key", "keys")}`,
        binds === 0 ? "" : `bind ${counted(binds, "key that is here", "keys that are here")}`,
    ].filter((part) => part !== "")
    if (parts.length === 0) return undefined
    const text = parts.join(", ")
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}?`
}

function counted(count: number, one: string, many: string): string {
    return `${count} ${count === 1 ? one : many}`
}

async function takeIn(cli: Cli, look: Look, options: KeyImportOptions, disposables: DisposableStack): Promise<void> {
    const daemon = await cli.daemon()
    if (options.group !== undefined) await unlockGroup(cli, daemon, options.group, options)
    const passphrases = await askForPassphrases(cli, look.keys, options, disposables)
    const done: Done[] = []
    const taking = new Taking(cli, daemon, options, passphrases, done)
    try {
        for (const repository of look.repositories) await taking.adopt(repository, look.withoutAdmin)
        for (const key of look.keys) await taking.take(key)
    } catch (error) {
        report(cli, look, done, options)
        throw error
    }
    finish(cli, look, done, options)
}

function finish(cli: Cli, look: Look, done: readonly Done[], options: KeyImportOptions): void {
    report(cli, look, done, options)
    const failures = [...look.leftOut, ...done.flatMap(({ failure }) => failure ?? [])].flatMap(({ what, code }) =>
        code === undefined ? [] : [{ what, code }],
    )
    const worst = failures.find(({ code }) => ATTACKS.includes(code)) ?? failures[0]
    if (worst === undefined) return
    const what = failures.length === 1 ? worst.what : `${failures.length} things`
    const among = failures.length === 1 ? "" : `, ${worst.what} among them`
    const message =
        options.dryRun === true
            ? `${what} would not come over${among}`
            : `${what} did not come over${among}; what did is kept, and the same command goes on from there`
    throw new TrustkeyError(worst.code, message)
}

/** What may be an attack is what the exit code has to say, whatever else went wrong. */
const ATTACKS: readonly ErrorCode[] = ["verification_failed", "rollback_detected", "pin_mismatch", "metadata_expired"]

function report(cli: Cli, look: Look, done: readonly Done[], options: KeyImportOptions): void {
    if (options.json === true) cli.output.json(planJson(look, done, options.dryRun === true))
    printWeakness(cli.output, look.keys)
    if (options.json !== true && options.dryRun !== true) printCopies(cli.output, look, done)
    // The plan has said it; after all that was done it is far away.
    if (options.json === true || done.length > 0) printLeftOut(cli.output, look, done)
}

import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { pino } from "pino"
import { openAuditLog, openBackupEvidence } from "../audit/index.ts"
import { openCustody } from "../custody/index.ts"
import { TrustkeyError } from "../errors.ts"
import { openJournal } from "../journal/index.ts"
import { openKeyStore } from "../keys/index.ts"
import { type Log, type RunningServer, serve } from "../server/index.ts"
import { closeOnExec, forbidDumps, openBootClock } from "../signer/index.ts"
import { lockStateDirectory, type NameLookup, openSqliteStore, readNameDatabase, type Store } from "../storage/index.ts"
import { type LoadedConfig, loadConfig, readAttestationRoots, reload } from "./load-config.ts"
import { startProblems } from "./start-problems.ts"
import { watchSleep } from "./suspend-watch.ts"
import { passedSockets } from "./systemd/activation.ts"
import { openNotify } from "./systemd/notify.ts"
import { type ServiceManager, serviceManager } from "./systemd/service-manager.ts"
import { VERSION } from "./version.ts"

const USAGE = `Usage: trustkeyd [--config FILE] [--check-config]

  --config FILE    default /etc/trustkeyd/trustkeyd.toml
  --check-config   say every mistake in the configuration, and end
  --version        say the version, and end
  --help           say this, and end
`
const DEFAULT_CONFIG = "/etc/trustkeyd/trustkeyd.toml"
const EXIT = { failed: 1, usage: 2, /** sysexits.h EX_CONFIG: only a person can help, so the unit does not restart it. */ config: 78 }
/** Before the unit's TimeoutStopSec: a token that waits for a touch must not make the end a violent one. */
const GRACE_MILLISECONDS = 20_000
const LAST_RECORDS_MILLISECONDS = 2_000
const SLEEP_WATCH_MILLISECONDS = 1_000
/** As systemctl status shows it. */
const SERVING = "Serving"
/** What the signers run with, too. SIGUSR1 must not open the inspector. */
const NODE_FLAGS = ["--jitless", "--disable-sigusr1", "--disable-proto=delete"]

type Options = { readonly config: string; readonly checkConfig: boolean }

async function main(): Promise<void> {
    const options = parseOptions(process.argv.slice(2))
    if (options.checkConfig) {
        await readAttestationRoots(await loadConfig(options.config))
        process.stdout.write(`${options.config}: ok\n`)
        return
    }
    process.umask(0o077)
    forbidDumps()
    const passed = passedSockets(process.env, process.pid, ["sign", "admin"])
    closeOnExec([...passed.values()])
    const names = await readNameDatabase()
    const config = await loadConfig(options.config, names)
    await run(options, config, names, openLog(config.logLevel), passed)
}

const manager: ServiceManager = serviceManager(process.env, process.pid, openNotify(process.env["NOTIFY_SOCKET"]), (milliseconds, work) => {
    setInterval(work, milliseconds).unref()
})

async function run(
    options: Options,
    first: LoadedConfig,
    names: NameLookup,
    log: Log,
    passed: ReadonlyMap<"sign" | "admin", number>,
): Promise<void> {
    const startedAt = new Date()
    const now = (): Date => new Date()
    const attestationRoots = await readAttestationRoots(first)
    const lock = await lockStateDirectory(first.stateDirectory)
    const store = endOnFailure(await openSqliteStore({ directory: first.stateDirectory, workerFile: beside("database-worker.cjs") }), log)
    const audit = await openAuditLog(store, now)
    const evidence = await openBackupEvidence(store)
    const journal = await openJournal(store, now)
    const keys = await openKeyStore({
        store,
        now,
        monotonic: openBootClock(),
        execPath: process.execPath,
        signerFiles: { file: beside("signer-file.cjs"), pkcs11: beside("signer-pkcs11.cjs") },
        nodeFlags: NODE_FLAGS,
        tokens: first.tokens,
        credentialsDirectory: process.env["CREDENTIALS_DIRECTORY"],
        cost: first.argon2,
        defaultTtlSeconds: first.unlock.defaultTtlSeconds,
        quirksDirectory: path.join(first.stateDirectory, "quirks"),
        attestationRoots,
        log: (record) => log({ level: "info", message: "signer", ...record }),
    })
    let config = first
    const custody = openCustody({
        policy: () => config.policy,
        journal,
        keys,
        audit,
        evidence,
        backup: () => config.backupSettings,
        now,
        maxPayloadBytes: first.limits.maxPayloadBytes,
        maxTtlSeconds: first.unlock.maxTtlSeconds,
        version: VERSION,
        startedAt,
    })
    // Signals come from the first connection on, and before it.
    let server: RunningServer | undefined
    const served = Promise.withResolvers<void>()
    let stopping: Promise<void> | undefined
    const stop = (signal: string): void => {
        stopping ??= (async () => {
            log({ level: "info", message: "stopping: what is promised is finished, new requests are refused", signal })
            manager.stopping("Finishing what is promised")
            const until = performance.now() + GRACE_MILLISECONDS
            const drained = custody.drain()
            await Promise.race([drained, sleep(GRACE_MILLISECONDS)])
            await server?.close(Math.max(0, until - performance.now()))
            await keys.close()
            // What still waited for a key has its refusal now, and puts it on record.
            await Promise.race([drained, sleep(LAST_RECORDS_MILLISECONDS)])
            await audit.close()
            await store.close()
            await lock.release()
            log({ level: "info", message: "stopped" })
            process.exit(0)
        })()
        stopping.catch((error: unknown) => endWith(log, error))
    }
    process.on("SIGTERM", stop)
    process.on("SIGINT", stop)
    const lockAll = (who: string): void => {
        log({ level: "info", message: "locking everything", who })
        custody.lockAll(who).catch((error: unknown) => log({ level: "error", message: "locking everything failed", error }))
    }
    process.on("SIGUSR2", () => lockAll("signal:SIGUSR2"))
    // Who has the machine when it wakes need not be who left it.
    const slept = watchSleep({ boot: openBootClock(), awake: () => performance.now() })
    setInterval(() => {
        if (slept() > 0) lockAll("resume")
    }, SLEEP_WATCH_MILLISECONDS).unref()
    // One after the other, or the older of two readings could be the one that stays.
    let reloading = served.promise
    process.on("SIGHUP", () => {
        reloading = reloading.then(async () => {
            manager.reloading()
            let status = serving
            try {
                const { next, ignored } = await reload(options.config, config)
                config = next
                // A reload is over when no request holds a permit of the old policy.
                await custody.settled()
                log({ level: "info", message: ignored.length === 0 ? "reloaded" : "reloaded; some changes need a restart", ignored })
            } catch (error) {
                log({ level: "error", message: "the configuration was not reloaded; the old one stays", error })
                status = `${serving}; the configuration was not reloaded: ${messageOf(error)}`
            }
            manager.ready(status)
        })
    })
    // Stays true when somebody has mended it since.
    const atStart = startProblems({ keys, tokens: first.tokens, credentialsDirectory: process.env["CREDENTIALS_DIRECTORY"] })
    for (const problem of atStart) log({ level: "warn", message: "not everything works", problem })
    const serving = atStart.length === 0 ? SERVING : `${SERVING}; at the start: ${atStart.join("; ")}`
    server = await serve({
        sockets: (["sign", "admin"] as const).map((kind) => {
            const fd = passed.get(kind)
            return { kind, ...first.sockets[kind], ...(fd === undefined ? {} : { fd }) }
        }),
        custody,
        names,
        limits: first.limits,
        log,
        version: VERSION,
        now,
    })
    log({ level: "info", message: "ready", version: VERSION })
    if (stopping === undefined) manager.ready(serving)
    served.resolve()
}

/** JSON lines on stderr, synchronous: the last words of a process that ends are not lost. */
function openLog(level: LoadedConfig["logLevel"]): Log {
    const destination = pino.destination({ fd: 2, sync: true })
    const serializers = { error: pino.stdSerializers.err }
    const lines = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: "message", serializers }, destination)
    return ({ level: of, ...record }) => lines[of](record)
}

function parseOptions(argv: readonly string[]): Options {
    try {
        const { values } = parseArgs({
            args: [...argv],
            options: {
                config: { type: "string", default: DEFAULT_CONFIG },
                "check-config": { type: "boolean", default: false },
                version: { type: "boolean", default: false },
                help: { type: "boolean", default: false },
            },
        })
        if (values.version || values.help) {
            process.stdout.write(values.help ? USAGE : `trustkeyd ${VERSION}\n`)
            process.exit(0)
        }
        return { config: values.config, checkConfig: values["check-config"] }
    } catch (error) {
        throw new TrustkeyError("usage", `${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    }
}

/** After a failed write the state on disk is unknown: the next start finds out. The refusals still go out first. */
function endOnFailure(store: Store, log: Log): Store {
    const watch = async <T>(work: Promise<T>): Promise<T> => {
        try {
            return await work
        } catch (error) {
            if (error instanceof TrustkeyError && error.code === "storage_failed") void sleep(200).then(() => endWith(log, error))
            throw error
        }
    }
    return {
        commit: (changes) => watch(store.commit(changes)),
        read: (query) => watch(store.read(query)),
        close: () => store.close(),
    }
}

function endWith(log: Log, error: unknown): void {
    log({ level: "error", message: "trustkeyd ends", error })
    manager.failed(messageOf(error))
    process.exit(EXIT.failed)
}

function beside(file: string): string {
    return fileURLToPath(new URL(file, import.meta.url))
}

/** At the start a disk that is damaged, is full or can't be written is so again a second later. */
const FOR_A_PERSON: readonly string[] = [
    "config_invalid",
    "state_in_use",
    "state_newer",
    "file_unsafe",
    "not_found",
    "storage_failed",
    "audit_broken",
]

function exitCode(error: unknown): number {
    if (!(error instanceof TrustkeyError)) return EXIT.failed
    if (error.code === "usage") return EXIT.usage
    return FOR_A_PERSON.includes(error.code) ? EXIT.config : EXIT.failed
}

function messageOf(error: unknown): string {
    return error instanceof TrustkeyError ? `${error.message} [${error.code}]` : String(error)
}

main().catch((error: unknown) => {
    const text = error instanceof Error && !(error instanceof TrustkeyError) ? error.stack : messageOf(error)
    process.stderr.write(`trustkeyd: ${text}\n`)
    manager.failed(messageOf(error))
    process.exit(exitCode(error))
})

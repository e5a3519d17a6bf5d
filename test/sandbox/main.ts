import { once } from "node:events"
import { rm } from "node:fs/promises"
import path from "node:path"
import { parseArgs } from "node:util"
import { demonstrate } from "./demonstration.ts"
import type { RunLine } from "./lines.ts"
import { type Parts, startParts, TAG } from "./parts.ts"
import { claim, endRunning, isReady, markReady, release } from "./running.ts"
import { Steps } from "./steps.ts"
import { lineRunner } from "./tools.ts"
import { STEP_NAMES, tour } from "./tour.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")

const USAGE = `usage: npm run sandbox                      bring everything up, show what it does, and wait for Ctrl-C
       npm run sandbox -- --once            bring everything up, show what it does, and end
       npm run sandbox -- tour              walk through docs/sandbox.md, waiting for Enter before each step;
                                            in the sandbox that is running, or else in one of its own
       npm run sandbox -- tour --yes        the same without waiting
       npm run sandbox -- tour STEP         one step alone: ${STEP_NAMES.join(", ")}
       npm run sandbox -- down              end a sandbox that runs elsewhere, and remove everything
options: --in DIRECTORY                     where .sandbox is or will be; default: this checkout
`

type Wish = { readonly action: "up" | "tour" | "down"; readonly once: boolean; readonly yes: boolean; readonly step: string | undefined }

const { wish, directory: DIRECTORY } = readArguments()

function readArguments(): { wish: Wish; directory: string } {
    try {
        const { values, positionals } = parseArgs({
            allowPositionals: true,
            options: {
                once: { type: "boolean" },
                yes: { type: "boolean", short: "y" },
                in: { type: "string" },
                help: { type: "boolean", short: "h" },
            },
        })
        if (values.help) {
            process.stdout.write(USAGE)
            process.exit(0)
        }
        const [action = "up", step, ...rest] = positionals
        const known = action === "up" || action === "tour" || action === "down"
        if (!known || rest.length > 0 || (step !== undefined && action !== "tour")) throw new Error(`unknown: ${positionals.join(" ")}`)
        if (step !== undefined && !STEP_NAMES.includes(step)) throw new Error(`there is no step ${step}`)
        if (values.once && action !== "up") throw new Error(`--once does not go with ${action}`)
        if (values.yes && action !== "tour") throw new Error(`--yes goes with tour only`)
        const directory = path.join(path.resolve(values.in ?? ROOT), ".sandbox")
        return { wish: { action, once: values.once ?? false, yes: values.yes ?? false, step }, directory }
    } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
        process.exit(2)
    }
}

async function down(): Promise<number> {
    const ended = await endRunning(DIRECTORY)
    await rm(DIRECTORY, { recursive: true, force: true, maxRetries: 3 })
    process.stdout.write(`${ended ? "sandbox ended" : "no sandbox was running"}; .sandbox is removed\n`)
    return 0
}

/** From here on a signal means: end in good order. One from the terminal also comes through npm, so it may come twice. */
function endOnSignals(): AbortSignal {
    const asked = new AbortController()
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => asked.abort())
    return asked.signal
}

/** Everything up, `work` done with it, and everything ended. */
async function withSandbox(signal: AbortSignal, work: (parts: Parts, steps: Steps) => Promise<void>): Promise<number> {
    await claim(DIRECTORY)
    const steps = new Steps((text) => process.stdout.write(text), signal)
    try {
        steps.title(`Bringing up the sandbox in ${path.relative(process.cwd(), DIRECTORY)}`)
        await using parts = await startParts(DIRECTORY, steps)
        await work(parts, steps)
        return 0
    } catch (error) {
        // Ctrl-C reaches the parts as well; that one of them ended is then no news.
        if (signal.aborted) return 130
        process.stderr.write("\nThe parts' logs are under .sandbox, in a directory for each.\n")
        throw error
    } finally {
        await release(DIRECTORY)
    }
}

async function up(stay: boolean): Promise<number> {
    const signal = endOnSignals()
    return withSandbox(signal, async (parts, steps) => {
        await demonstrate(parts, steps)
        steps.title(`Everything went as it must. ${steps.total()} in all.`)
        if (!stay) return
        process.stdout.write(whatToTry(parts))
        await markReady(DIRECTORY)
        // A promise alone does not keep the process: the parts' children are not waited for.
        const stayAlive = setInterval(() => {}, 3_600_000)
        if (!signal.aborted) await once(signal, "abort")
        clearInterval(stayAlive)
        process.stdout.write("\nending\n")
    })
}

async function walkThrough({ yes, step }: Wish): Promise<number> {
    const signal = endOnSignals()
    const walk = async (run: RunLine, steps: Steps): Promise<void> => {
        const waits = step === undefined && !yes && process.stdin.isTTY === true
        await tour({ directory: DIRECTORY, run, steps, signal, only: step, goOn: () => (waits ? waitForEnter(signal) : Promise.resolve()) })
        steps.title(`Everything went as it must. ${steps.total()} in all.`)
    }
    if (!(await isReady(DIRECTORY, signal))) return withSandbox(signal, ({ tools }, steps) => walk(tools.run, steps))
    const steps = new Steps((text) => process.stdout.write(text), signal)
    try {
        await walk(lineRunner(DIRECTORY), steps)
        return 0
    } catch (error) {
        if (signal.aborted) return 130
        throw error
    }
}

async function waitForEnter(signal: AbortSignal): Promise<void> {
    process.stdout.write("  Enter to go on, Ctrl-C to end: ")
    try {
        // The end of what is typed is an answer too: nobody is there who could go on.
        const answer = once(process.stdin, "data", { signal })
        const end = once(process.stdin, "end", { signal }).then(() => {
            throw new Error("ended before the last step")
        })
        process.stdin.resume()
        await Promise.race([answer, end])
    } finally {
        // Waited for no longer, it would keep us from ending.
        process.stdin.pause()
    }
}

function whatToTry({ tools, notary, registry, proxy, gun, daemon, engine, token, image }: Parts): string {
    const within = (file: string): string => path.relative(ROOT, file)
    return `
Go on by hand, in another terminal:

  cd '${ROOT}'
  . ${within(tools.envFile)}

the second of which is these lines:

${tools.exports.map((line) => `  ${line}`).join("\n")}

and then, for example:

  trustkey status
  trustkey key list
  docker trustkey sign ${gun}:v2 --digest ${image.digest}
  docker trustkey revoke ${gun}:${TAG}
  trustkey rotate targets ${gun} --dry-run
  trustkey audit list
  notary list ${gun}
  docker trust inspect --pretty ${gun}
  trustkey --help

or walk through docs/sandbox.md, by hand or with: npm run sandbox -- tour

What is where:

  notary-server  ${notary.url}, its log ${within(notary.serverLogFile)}; the proxy in front ${proxy.url}
  registry       ${registry.url}, its disk ${within(registry.storage)}
  trustkeyd      ${within(daemon.configFile)}, its log ${within(daemon.service.logFile)}
  docker engine  ${engine === undefined ? "none" : `${engine.host}, its log ${within(engine.logFile)}`}
  token          SOFTHSM2_CONF=${within(token.conf)}, label ${token.label}
  PIN            .sandbox/secrets/token-pin
  passphrase     .sandbox/secrets/repository-passphrase
  programs       .sandbox/bin: trustkey, docker, notary, fetch-image, layer-file

Ctrl-C ends it. The token, the registry and the ports stay for the next time; npm run sandbox -- down removes all.
`
}

async function main(): Promise<number> {
    try {
        if (wish.action === "down") return await down()
        return await (wish.action === "tour" ? walkThrough(wish) : up(!wish.once))
    } catch (error) {
        process.stderr.write(`\nsandbox: ${error instanceof Error ? error.message : String(error)}\n`)
        return 1
    }
}

process.exitCode = await main()

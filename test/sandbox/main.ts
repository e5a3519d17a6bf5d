import { once } from "node:events"
import { rm } from "node:fs/promises"
import path from "node:path"
import { parseArgs } from "node:util"
import { demonstrate } from "./demonstration.ts"
import { type Parts, startParts, TAG } from "./parts.ts"
import { claim, endRunning, release } from "./running.ts"
import { Steps } from "./steps.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")
const DIRECTORY = path.join(ROOT, ".sandbox")

const USAGE = `usage: npm run sandbox                bring everything up, show what it does, and wait for Ctrl-C
       npm run sandbox -- --once      bring everything up, show what it does, and end
       npm run sandbox -- down        end a sandbox that runs elsewhere, and remove everything
`

type Wish = { readonly action: "up" | "down"; readonly once: boolean }

function readArguments(): Wish {
    try {
        const { values, positionals } = parseArgs({
            allowPositionals: true,
            options: { once: { type: "boolean" }, help: { type: "boolean", short: "h" } },
        })
        if (values.help) {
            process.stdout.write(USAGE)
            process.exit(0)
        }
        const [action = "up", ...rest] = positionals
        if ((action !== "up" && action !== "down") || rest.length > 0) throw new Error(`unknown: ${positionals.join(" ")}`)
        if (values.once && action !== "up") throw new Error("--once does not go with down")
        return { action, once: values.once ?? false }
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

async function up(stay: boolean): Promise<number> {
    // From here on a signal means: end in good order. One from the terminal also comes through npm, so it may come twice.
    const asked = new AbortController()
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => asked.abort())
    const { signal } = asked

    await claim(DIRECTORY)
    const steps = new Steps((text) => process.stdout.write(text), signal)
    try {
        steps.title("Bringing up the sandbox in .sandbox")
        await using parts = await startParts(DIRECTORY, steps)
        await demonstrate(parts, steps)
        steps.title(`Everything went as it must. ${steps.total()} in all.`)
        if (!stay) return 0
        process.stdout.write(whatToTry(parts))
        // A promise alone does not keep the process: the parts' children are not waited for.
        const stayAlive = setInterval(() => {}, 3_600_000)
        if (!signal.aborted) await once(signal, "abort")
        clearInterval(stayAlive)
        process.stdout.write("\nending\n")
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

function whatToTry({ tools, notary, registry, proxy, gun, daemon, token, image }: Parts): string {
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
  trustkey trust sign ${gun}:v2 --digest ${image.digest} --passphrase-file .sandbox/secrets/repository-passphrase
  trustkey trust revoke ${gun}:${TAG}
  trustkey audit list
  notary list ${gun}
  docker trust inspect --pretty ${gun}
  trustkey --help

What is where:

  notary-server  ${notary.url}, its log ${within(notary.serverLogFile)}; the proxy in front ${proxy.url}
  registry       ${registry.url}, its disk ${within(registry.storage)}
  trustkeyd      ${within(daemon.configFile)}, its log ${within(daemon.service.logFile)}
  token          SOFTHSM2_CONF=${within(token.conf)}, label ${token.label}
  PIN            .sandbox/secrets/token-pin
  passphrase     .sandbox/secrets/repository-passphrase
  programs       .sandbox/bin: trustkey, notary, docker, fetch-image

Ctrl-C ends it. The token, the registry and the ports stay for the next time; npm run sandbox -- down removes all.
`
}

async function main(): Promise<number> {
    const { action, once: onlyOnce } = readArguments()
    try {
        return action === "down" ? await down() : await up(!onlyOnce)
    } catch (error) {
        process.stderr.write(`\nsandbox: ${error instanceof Error ? error.message : String(error)}\n`)
        return 1
    }
}

process.exitCode = await main()

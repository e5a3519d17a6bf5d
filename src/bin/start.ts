// All that is loaded to answer what docker asks its plugins before anything else. A launcher of ours answers it without us.
import path from "node:path"
import { VERSION } from "./version.ts"

export type Program = "trustkey" | "docker-trustkey" | "docker-trust"

const SHORT_DESCRIPTIONS: Readonly<Record<Exclude<Program, "trustkey">, string>> = {
    "docker-trustkey": "Sign and verify images with the keys in trustkeyd",
    "docker-trust": "Manage trust on Docker images",
}

/** One of our three names. The client behind them is loaded from a file of its own. */
export async function start(program: Program): Promise<void> {
    const args = process.argv.slice(2)
    if (program !== "trustkey" && args[0] === "docker-cli-plugin-metadata") {
        const ShortDescription = SHORT_DESCRIPTIONS[program]
        process.stdout.write(`${JSON.stringify({ SchemaVersion: "0.1.0", Vendor: "trustkeyd", Version: VERSION, ShortDescription })}\n`)
        return
    }
    const { runCompiled } = await import("./compiled.ts")
    const { runClient } = runCompiled(path.join(import.meta.dirname, "client.cjs"), kindOf(args))
    if (typeof runClient !== "function") throw new Error("client.cjs is not the client")
    await runClient(program)
}

/** Those whose functions are worth being kept apart: what a command compiles is of little use to another. */
const KINDS: readonly string[] = ["build", "create", "inspect", "pull", "push", "revoke", "run", "sign", "status"]
const NO_WORK = /^(?:-h|--help|help|__complete.*)$/

function kindOf(args: readonly string[]): string {
    if (args.some((arg) => NO_WORK.test(arg))) return "other"
    return args.find((arg) => KINDS.includes(arg)) ?? "other"
}

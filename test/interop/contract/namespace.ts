import { chmod, writeFile } from "node:fs/promises"
import path from "node:path"
import { type Service, startService } from "../../support/process.ts"

/** A mount namespace: what is mounted in it is seen by nobody else. */
export type Namespace = AsyncDisposable & {
    /** Runs a signer inside, in place of Node. */
    readonly execPath: string
    /** A command line inside. */
    enter(program: readonly string[]): readonly [command: string, args: readonly string[]]
}

/** As root. `prepare`: a shell script that mounts; $1 is the directory. `kinds`: what else to keep apart, by unshare's names. */
export async function startNamespace(directory: string, prepare: string, kinds: readonly string[] = []): Promise<Namespace> {
    const script = `${prepare}\necho ready\nexec setpriv --pdeathsig KILL -- sleep infinity`
    const holder: Service = await startService({
        name: "namespace",
        command: "unshare",
        args: ["--mount", ...kinds.map((kind) => `--${kind}`), "sh", "-euc", script, "sh", directory],
        directory,
        ready: async (service) => service.log().endsWith("ready\n"),
    })
    const inside = ["--target", String(holder.pid), "--mount", ...kinds.map((kind) => `--${kind}`), "--root", "--"]
    const execPath = path.join(directory, "node-inside")
    await writeFile(execPath, `#!/bin/sh\nexec /usr/bin/nsenter ${inside.join(" ")} ${process.execPath} "$@"\n`)
    await chmod(execPath, 0o755)
    return {
        execPath,
        enter: (program) => ["nsenter", [...inside, ...program]],
        [Symbol.asyncDispose]: () => holder.stop(),
    }
}

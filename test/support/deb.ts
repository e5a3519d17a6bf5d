import { cp, mkdir } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "./process.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")

export type DebOptions = {
    /** Where the package goes. */
    readonly output: string
    readonly version?: string
    readonly maintainer?: string
    /** The checkout it is built in; default: this one. */
    readonly checkout?: string
    readonly umask?: string
    readonly timeZone?: string
    /** Seconds; default: the last commit's. */
    readonly date?: string
}

/** Build the package, less compressed than a released one; the file. */
export async function buildDeb(options: DebOptions): Promise<string> {
    await mkdir(options.output, { recursive: true })
    const args = ["packaging/deb/build.ts", "--quick", "--output", options.output]
    if (options.version !== undefined) args.push("--version", options.version)
    if (options.maintainer !== undefined) args.push("--maintainer", options.maintainer)
    const printed = await mustRun("sh", ["-c", `umask ${options.umask ?? "022"}; exec "$@"`, "sh", process.execPath, ...args], {
        cwd: options.checkout ?? ROOT,
        env: {
            PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
            TZ: options.timeZone ?? "UTC",
            ...(options.date === undefined ? {} : { SOURCE_DATE_EPOCH: options.date }),
        },
        timeoutMs: 170_000,
    })
    return path.join(options.output, path.basename(printed.split("  ")[0] ?? ""))
}

/** The checkout once more, elsewhere: what a build takes, and nothing else. */
export async function copyCheckout(directory: string): Promise<void> {
    const kept = ["src", "proto", "packaging", "systemd", "docs", "package.json", "package-lock.json", "tsconfig.json"]
    const pages = ["README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"]
    const isBuilt = (file: string): boolean => file === path.join(ROOT, "packaging/build")
    for (const name of [...kept, ...pages])
        await cp(path.join(ROOT, name), path.join(directory, name), { recursive: true, filter: (file) => !isBuilt(file) })
    await mustRun("cp", ["-a", path.join(ROOT, "node_modules"), directory])
    await mustRun(process.execPath, ["packaging/bundle.ts"], { cwd: directory })
}

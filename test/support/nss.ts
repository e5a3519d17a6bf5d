import { randomInt } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun, runCommand } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

/** NSS has no serials: every token says this. */
export const NSS_SERIAL = "0000000000000000"

export type Nss = AsyncDisposable & {
    /** The PKCS#11 module of the distribution. */
    readonly module: string
    /** What C_Initialize has to be told. */
    readonly libraryParameters: string
    readonly label: string
    readonly serial: string
    readonly userPin: string
}

/** A fresh NSS database, whose token is called `label`: letters, digits and dashes. */
export async function startNss(options: { readonly label?: string } = {}): Promise<Nss> {
    const directory = await makeWorkingDirectory("nss")
    try {
        const label = options.label ?? "nss-test"
        const database = path.join(directory.path, "db")
        const pinFile = path.join(directory.path, "pin")
        const userPin = String(randomInt(10_000_000, 100_000_000))
        await mkdir(database, { mode: 0o700 })
        await writeFile(pinFile, `${userPin}\n`, { mode: 0o600 })
        await mustRun("certutil", ["-N", "-d", `sql:${database}`, "-f", pinFile])
        const place = `configdir='sql:${database}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`
        return {
            module: await findModule(),
            // Without quotes and at the end: a character lost on the way is missed.
            libraryParameters: `${place} dbTokenDescription=${label}`,
            label,
            serial: NSS_SERIAL,
            userPin,
            [Symbol.asyncDispose]: directory.remove,
        }
    } catch (error) {
        await directory.remove()
        throw error
    }
}

/** libsoftokn3.so lies in the processor's own directory, or in one called nss below it. */
async function findModule(): Promise<string> {
    const known = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .flatMap((machine) => [`/usr/lib/${machine}/libsoftokn3.so`, `/usr/lib/${machine}/nss/libsoftokn3.so`])
        .find((file) => existsSync(file))
    if (known !== undefined) return known
    const listed = await runCommand("dpkg-query", ["-L", "libnss3"])
    const found = listed.stdout.split("\n").find((file) => file.endsWith("/libsoftokn3.so"))
    if (found === undefined) throw new Error("libsoftokn3.so not found; install it: apt-get install libnss3")
    return found
}

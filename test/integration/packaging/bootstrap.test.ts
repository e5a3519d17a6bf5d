import assert from "node:assert/strict"
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { test } from "node:test"
import { runCommand } from "../../support/process.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"

const PROJECT = path.resolve(import.meta.dirname, "../../..")

type Checkout = WorkingDirectory & { run(): ReturnType<typeof runCommand> }

/** A checkout where nothing is installed, on a machine that has no package; with this instead of sudo. */
async function checkout(sudo: string): Promise<Checkout> {
    const directory = await makeWorkingDirectory("bootstrap")
    const place = (...names: readonly string[]): string => path.join(directory.path, ...names)
    await mkdir(place("packaging"))
    await mkdir(place("bin"))
    await copyFile(path.join(PROJECT, "packaging/bootstrap.cjs"), place("packaging/bootstrap.cjs"))
    await writeFile(place("bin/dpkg-query"), "#!/bin/sh\nexit 1\n", { mode: 0o755 })
    await writeFile(place("bin/sudo"), `#!/bin/sh\n${sudo}\n`, { mode: 0o755 })
    // In a user namespace without a mapping nobody is root, and what is root's still belongs to the caller.
    const args = ["--user", process.execPath, place("packaging/bootstrap.cjs"), "sandbox"]
    const env = { PATH: `${place("bin")}:/usr/bin:/bin`, LOG: place("sudo.log") }
    return { ...directory, run: () => runCommand("/usr/bin/unshare", args, { env }) }
}

test("who may not install packages is told the line to type, and nothing else happens", async () => {
    await using nobody = await checkout("exit 1")
    const { status, stderr } = await nobody.run()
    assert.equal(status, 1)
    assert.match(
        stderr,
        /^bootstrap: Debian packages are missing and this user may not install them\. Run this, then try again:\n {4}sudo apt-get update && sudo apt-get install -y --no-install-recommends softhsm2 notary docker\.io docker-registry [a-z0-9+. -]+\n$/,
    )
})

test("with sudo they are installed by that, without a question", async () => {
    await using somebody = await checkout('[ "$2" = true ] && exit 0; echo "$1 $2 $3" > "$LOG"; shift 5; echo "$@" >> "$LOG"; exit 1')
    const { status, stderr } = await somebody.run()
    assert.equal(status, 1)
    assert.match(stderr, /installing Debian packages with sudo .*softhsm2 notary/)
    const [command, packages] = (await readFile(path.join(somebody.path, "sudo.log"), "utf8")).split("\n").filter((line) => line !== "")
    assert.equal(command, "-n sh -c")
    assert.match(packages ?? "", /\bsofthsm2 notary docker\.io\b/)
})

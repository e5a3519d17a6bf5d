import assert from "node:assert/strict"
import { mkdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { test } from "node:test"
import { demonstrate } from "../sandbox/demonstration.ts"
import { startParts } from "../sandbox/parts.ts"
import { Steps } from "../sandbox/steps.ts"
import { tamperBlob } from "../support/image.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

type Run = { readonly printed: string; readonly error: unknown }

/** What `npm run sandbox -- --once` does, in another directory. `meddle` gets a hand in before the demonstration. */
async function run(
    directory: string,
    meddle: (parts: Awaited<ReturnType<typeof startParts>>) => Promise<void> = async () => {},
): Promise<Run> {
    let printed = ""
    const steps = new Steps((text) => {
        printed += text
    }, new AbortController().signal)
    try {
        await using parts = await startParts(directory, steps)
        await meddle(parts)
        await demonstrate(parts, steps)
        return { printed, error: undefined }
    } catch (error) {
        return { printed, error }
    }
}

test("the sandbox's demonstration goes as it must, the first time and the next", async () => {
    await using above = await makeWorkingDirectory("sandbox")
    const directory = path.join(above.path, ".sandbox")
    await mkdir(directory)
    const first = await run(directory)
    assert.equal(first.error, undefined, first.printed)
    assert.match(first.printed, /key create --purpose root/)
    for (const code of ["digest_mismatch", "verification_failed", "rollback_refused", "equivocation_refused"]) {
        assert.ok(first.printed.includes(`[${code}]`), code)
    }
    const secrets = ["token-pin", "repository-passphrase"].map((name) => path.join(directory, "secrets", name))
    for (const file of secrets) {
        assert.equal((await stat(file)).mode & 0o777, 0o600)
        assert.ok(!first.printed.includes((await readFile(file, "utf8")).trim()), "no secret is printed")
    }
    const ports = await readFile(path.join(directory, "registry-ports"), "utf8")

    const next = await run(directory)
    assert.equal(next.error, undefined, next.printed)
    assert.match(next.printed, /key enroll --token/)
    assert.equal(await readFile(path.join(directory, "registry-ports"), "utf8"), ports)
})

test("the sandbox's demonstration fails loudly when something is not as it must be", async () => {
    await using above = await makeWorkingDirectory("sandbox")
    const directory = path.join(above.path, ".sandbox")
    await mkdir(directory)
    const tampered = await run(directory, async ({ registry, image }) => tamperBlob(registry, image.digest, 40))
    assert.match(String(tampered.error), /had to succeed/)
    assert.match(tampered.printed, /FAIL/)
    // A notary that takes everything for good: what has to be refused is not.
    const gullible = await run(directory, async () => {
        const notary = path.join(directory, "bin", "notary")
        const real = await readFile(notary, "utf8")
        await writeFile(notary, real.replace(/^exec (.*)$/m, "$1; exit 0"))
    })
    assert.match(String(gullible.error), /THIS HAD TO BE REFUSED/)
})

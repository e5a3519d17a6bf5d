import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { demonstrate } from "../sandbox/demonstration.ts"
import { missingIn, type PageLine, parsePage } from "../sandbox/page.ts"
import { startParts } from "../sandbox/parts.ts"
import { Steps } from "../sandbox/steps.ts"
import { lineRunner } from "../sandbox/tools.ts"
import { STEP_NAMES } from "../sandbox/tour.ts"
import { tamperBlob } from "../support/image.ts"
import { type CommandResult, runCommand } from "../support/process.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")
const MAIN = path.join(ROOT, "test/sandbox/main.ts")
const sections = parsePage(await readFile(path.join(ROOT, "docs/sandbox.md"), "utf8"))

type Run = { readonly printed: string; readonly error: unknown; readonly upMs: number }

/** What `npm run sandbox -- --once` does, in another directory. `meddle` gets a hand in before the demonstration. */
async function run(
    directory: string,
    meddle: (parts: Awaited<ReturnType<typeof startParts>>) => Promise<void> = async () => {},
): Promise<Run> {
    let printed = ""
    let upMs = Number.POSITIVE_INFINITY
    const steps = new Steps((text) => {
        printed += text
    }, new AbortController().signal)
    try {
        const began = performance.now()
        await using parts = await startParts(directory, steps)
        upMs = performance.now() - began
        await meddle(parts)
        await demonstrate(parts, steps)
        return { printed, error: undefined, upMs }
    } catch (error) {
        return { printed, error, upMs }
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
    // A few seconds on a machine with nothing else to do.
    assert.ok(next.upMs < 30_000, `${next.upMs} ms`)
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

describe("docs/sandbox.md", () => {
    let above: WorkingDirectory
    let upEnded: Promise<number | null> | undefined
    let printed = ""

    before(async () => {
        above = await makeWorkingDirectory("sandbox")
    })
    after(async () => {
        await sandbox(["down"])
        await above.remove()
    })

    /** `npm run sandbox -- …`, in another directory. */
    function sandbox(args: readonly string[]): Promise<CommandResult> {
        return runCommand(process.execPath, [MAIN, ...args, "--in", above.path], { timeoutMs: 170_000 })
    }

    /** `npm run sandbox`, which stays. */
    async function up(): Promise<CommandResult> {
        const child = spawn(process.execPath, [MAIN, "--in", above.path], { stdio: ["ignore", "pipe", "inherit"] })
        child.stdout.on("data", (chunk: Buffer) => {
            printed += chunk.toString()
        })
        let ended = false
        upEnded = new Promise((resolve) => child.on("exit", resolve)).then((code) => {
            ended = true
            return typeof code === "number" ? code : null
        })
        while (!ended && !existsSync(path.join(above.path, ".sandbox/ready"))) await sleep(100)
        assert.ok(!ended, printed)
        return { status: 0, stdout: printed, stderr: "" }
    }

    async function type({ line, status }: PageLine): Promise<string> {
        const ours = /^npm run sandbox(?: -- (.*))?$/.exec(line)
        const typed =
            ours === null ? lineRunner(path.join(above.path, ".sandbox"))(line) : ours[1] === undefined ? up() : sandbox(ours[1].split(" "))
        const result = await typed
        assert.equal(result.status, status, `${line}\n${result.stdout}${result.stderr}`)
        return result.stdout
    }

    async function typeAll(title: string): Promise<void> {
        for (const block of sections.find((section) => section.title === title)?.blocks ?? []) {
            if (block.kind === "text") continue
            let shown = ""
            for (const line of block.lines) shown += `${await type(line)}\n`
            assert.equal(missingIn(shown, block.prints), undefined, shown)
        }
    }

    test("has the steps of the tour, in their order", () => {
        assert.deepEqual(
            sections.flatMap(({ step }) => step ?? []),
            STEP_NAMES,
        )
    })

    for (const { title } of sections.slice(0, -1)) {
        test(`every line does what the page says: ${title}`, () => typeAll(title))
    }

    test("README.md's first signature is made as it stands there", async () => {
        const readme = await readFile(path.join(ROOT, "README.md"), "utf8")
        const [section] = parsePage(/^## A first signature\n[\s\S]*?(?=^## )/m.exec(readme)?.[0] ?? "")
        const lines = section?.blocks.find((block) => block.kind === "lines")?.lines ?? []
        assert.ok(lines.length > 5)
        // In place of a person who types one.
        const passphrase = "export DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=correct-horse-battery"
        for (const { line, status } of lines) await type({ line: `${passphrase}\n${line}`, status })
    })

    test("each step alone brings about what it needs, or clears away what is in its way", async () => {
        const without = async (step: string): Promise<string> => {
            const { status, stdout, stderr } = await sandbox(["tour", step])
            assert.equal(status, 0, `${stdout}${stderr}`)
            return stdout
        }
        // The last line before us was tour clean.
        assert.match(await without("signers"), /ok {4}first sign, which this step needs/)
        assert.doesNotMatch(await without("tamper"), /ok {4}first/)
        assert.doesNotMatch(await without("rotate"), /ok {4}first/)
        // As somebody leaves it who ends it midway.
        await writeFile(path.join(above.path, ".sandbox/try/plan.toml"), "")
        assert.match(await without("ceremony"), /ok {4}first clean, as it is not as this step needs it/)
        assert.doesNotMatch(await without("revoke"), /ok {4}first/)
        assert.match(await without("sign"), /ok {4}first clean, as it is not as this step needs it/)
        assert.doesNotMatch(await without("unsigned"), /ok {4}first/)
        await without("clean")
        assert.equal((await sandbox(["tour", "nonsense"])).status, 2)
    })

    test("the tour fails when something is not as it must be", async () => {
        const program = path.join(above.path, ".sandbox/bin/docker")
        const real = await readFile(program, "utf8")
        // A docker that takes everything for good.
        await writeFile(program, real.replace(/^exec (.*)$/m, "$1; exit 0"))
        const { status, stderr } = await sandbox(["tour", "unsigned"])
        await writeFile(program, real)
        assert.equal(status, 1)
        assert.match(stderr, /had to end with exit code 1, and ended with 0: docker trustkey pull/)
    })

    test(`down ends it, and leaves no process and no file: ${sections.at(-1)?.title}`, async () => {
        assert.notDeepEqual(await processesOf(above.path), [])
        await typeAll(sections.at(-1)?.title ?? "")
        assert.equal(await upEnded, 0, printed)
        assert.match(printed, /\nending\n$/)
        assert.deepEqual(await readdir(above.path), [])
        assert.deepEqual(await processesOf(above.path), [])
    })
})

/** The command lines of processes that were started with something of the directory. */
async function processesOf(directory: string): Promise<readonly string[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")))
    return lines.filter((line) => line.includes(directory)).map((line) => line.replaceAll("\0", " "))
}

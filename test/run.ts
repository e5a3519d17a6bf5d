import { globSync } from "node:fs"
import { availableParallelism } from "node:os"
import path from "node:path"
import { run } from "node:test"
import { spec } from "node:test/reporters"
import { parseArgs } from "node:util"

type Suite = { readonly name: string; readonly timeoutMs: number; readonly concurrency: number }

// Parts of the real suites wait for each other's processes, so two at a time suit even two cores; more would only make
// their deadlines miss.
const cores = availableParallelism()
const SUITES: readonly Suite[] = [
    { name: "unit", timeoutMs: 30_000, concurrency: cores },
    { name: "integration", timeoutMs: 120_000, concurrency: Math.min(cores, 2) },
    { name: "interop", timeoutMs: 180_000, concurrency: Math.min(cores, 2) },
]

const USAGE = `usage: npm test -- [SUITE ...] [-t PATTERN ...]
    SUITE       ${SUITES.map(({ name }) => name).join(", ")}; all of them when none is named
    -t PATTERN  only tests whose title matches this regular expression
`

type Result = { readonly passed: number; readonly failed: number; readonly problems: readonly string[] }

async function runSuite(suite: Suite, patterns: readonly RegExp[], signal: AbortSignal): Promise<Result> {
    const files = globSync(`test/${suite.name}/**/*.test.ts`).sort()
    if (files.length === 0) return { passed: 0, failed: 0, problems: [`${suite.name}: no test files under test/${suite.name}`] }
    process.stdout.write(`\n${suite.name}: ${files.length} ${files.length === 1 ? "file" : "files"}\n`)
    let passed = 0
    let failed = 0
    const problems: string[] = []
    // The timeout ends a test, not a file whose process stays because something was left open in it.
    const silence = new AbortController()
    const silenceMs = suite.timeoutMs + 30_000
    const watchdog = setTimeout(() => {
        problems.push(`${suite.name}: ended after ${silenceMs / 1000} s without a result: a test file does not end by itself`)
        silence.abort()
    }, silenceMs)
    const stream = run({
        files,
        concurrency: suite.concurrency,
        timeout: suite.timeoutMs,
        signal: AbortSignal.any([signal, silence.signal]),
        ...(patterns.length === 0 ? {} : { testNamePatterns: patterns }),
    })
    stream.on("data", () => watchdog.refresh())
    stream.on("test:pass", (event) => {
        if (isFile(event.name, files)) {
            // With a pattern it may just hold none of those wanted.
            if (patterns.length > 0) return
            failed += 1
            problems.push(`${suite.name}: ${event.name} holds no test`)
            return
        }
        // A test put off is not a test passed: we don't skip.
        const putOff = event.skip !== undefined ? "skipped" : event.todo !== undefined ? "todo" : undefined
        if (putOff !== undefined) {
            failed += 1
            problems.push(`${suite.name}: ${putOff}, which counts as failed: ${event.name}`)
        } else if (event.details.type !== "suite") passed += 1
    })
    stream.on("test:fail", (event) => {
        // A suite fails with its tests, which are counted already, or by itself, in a hook for instance.
        const onlyByItsTests = event.details.type === "suite" && failureType(event.details.error) === "subtestsFailed"
        if (!onlyByItsTests) failed += 1
    })
    await new Promise<void>((resolve, reject) => {
        const report = stream.compose(new spec())
        report.on("error", reject)
        report.on("end", resolve)
        report.pipe(process.stdout, { end: false })
    })
    clearTimeout(watchdog)
    if (patterns.length === 0 && passed + failed === 0) problems.push(`${suite.name}: no test ran`)
    return { passed, failed, problems }
}

/** A file that registers no test is reported as one test named after the file. */
function isFile(name: string, files: readonly string[]): boolean {
    return files.some((file) => name === file || path.resolve(name) === path.resolve(file))
}

function failureType(error: unknown): unknown {
    return typeof error === "object" && error !== null && "failureType" in error ? error.failureType : undefined
}

function readArguments(): { suites: readonly Suite[]; patterns: readonly RegExp[] } {
    try {
        const { values, positionals } = parseArgs({
            allowPositionals: true,
            options: { pattern: { type: "string", short: "t", multiple: true }, help: { type: "boolean", short: "h" } },
        })
        if (values.help) {
            process.stdout.write(USAGE)
            process.exit(0)
        }
        const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name))
        if (unknown !== undefined) throw new Error(`there is no suite ${unknown}`)
        return {
            suites: SUITES.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
            patterns: (values.pattern ?? []).map((pattern) => new RegExp(pattern)),
        }
    } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
        process.exit(2)
    }
}

async function main(): Promise<number> {
    const { suites, patterns } = readArguments()
    process.chdir(path.resolve(import.meta.dirname, ".."))
    const abort = new AbortController()
    let interruptedBy: number | undefined
    for (const [signal, status] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
        process.on(signal, () => {
            interruptedBy ??= status
            abort.abort()
        })
    }
    let passed = 0
    let failed = 0
    const problems: string[] = []
    for (const suite of suites) {
        if (interruptedBy !== undefined) break
        const result = await runSuite(suite, patterns, abort.signal)
        passed += result.passed
        failed += result.failed
        problems.push(...result.problems)
    }
    if (passed + failed === 0) problems.push(patterns.length === 0 ? "no test ran" : "no test has a title that matches the pattern")
    process.stdout.write(`\n${problems.map((problem) => `${problem}\n`).join("")}`)
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
    return interruptedBy ?? (failed > 0 || problems.length > 0 ? 1 : 0)
}

process.exitCode = await main()

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { run } from "node:test"
import { spec } from "node:test/reporters"
import { parseArgs } from "node:util"
import { type Column, MATRIX_FILE, MODULE_NAMES, type ModuleName, parseMatrix, replaceMatrix } from "./interop/contract/matrix.ts"

const USAGE = `usage: npm run test:tokens -- [--long] [--write] [-t PATTERN ...]
    --long      also the modules that are not in every run; installs what they need (Debian, as root)
    --write     write docs/tokens-matrix.md from this run, instead of comparing with it
    -t PATTERN  only tests whose title matches this regular expression; nothing is written then
`

const CONTRACT = "test/interop/contract"
const TEST_TIMEOUT_MS = 120_000

type Arguments = { readonly long: boolean; readonly write: boolean; readonly patterns: readonly RegExp[] }

function readArguments(): Arguments {
    try {
        const { values } = parseArgs({
            options: {
                long: { type: "boolean", default: false },
                write: { type: "boolean", default: false },
                pattern: { type: "string", short: "t", multiple: true },
                help: { type: "boolean", short: "h" },
            },
        })
        if (values.help) {
            process.stdout.write(USAGE)
            process.exit(0)
        }
        return { long: values.long, write: values.write, patterns: (values.pattern ?? []).map((pattern) => new RegExp(pattern)) }
    } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
        process.exit(2)
    }
}

/** The contract's files, one after the other so that no module waits for another's processes; true when all passed. */
async function runContract({ long, patterns }: Arguments): Promise<boolean> {
    const files = readdirSync(CONTRACT)
        .filter((file) => file.endsWith(".test.ts") || (long && file.endsWith(".long.ts")))
        .map((file) => path.join(CONTRACT, file))
    let failed = false
    const stream = run({
        files,
        concurrency: 1,
        timeout: TEST_TIMEOUT_MS,
        ...(patterns.length === 0 ? {} : { testNamePatterns: [...patterns] }),
    })
    stream.on("test:fail", () => {
        failed = true
    })
    await new Promise<void>((resolve, reject) => {
        const report = stream.compose(new spec())
        report.on("error", reject)
        report.on("end", resolve)
        report.pipe(process.stdout, { end: false })
    })
    return !failed
}

function readColumns(directory: string): Map<ModuleName, Column> {
    const read = readdirSync(directory).map((file) => parseResult(readFileSync(path.join(directory, file), "utf8")))
    return new Map(read.map(({ module, column }) => [module, column]))
}

/** Written by the run that has just ended. */
function parseResult(text: string): { readonly module: ModuleName; readonly column: Column } {
    return JSON.parse(text) as { readonly module: ModuleName; readonly column: Column }
}

/** Columns of modules that were not run stay as they are. */
function writeMatrix(columns: ReadonlyMap<ModuleName, Column>): void {
    const before = readFileSync(MATRIX_FILE, "utf8")
    const all = new Map([...columnsOf(before), ...columns])
    writeFileSync(MATRIX_FILE, replaceMatrix(before, new Map(MODULE_NAMES.flatMap((name) => entryOf(all, name)))))
    process.stdout.write(`docs/tokens-matrix.md: ${[...columns.keys()].join(", ")}\n`)
}

/** None when the contract has other cases by now: then every module has to run. */
function columnsOf(markdown: string): ReadonlyMap<ModuleName, Column> {
    try {
        return parseMatrix(markdown)
    } catch (error) {
        process.stdout.write(`docs/tokens-matrix.md is begun anew: ${error instanceof Error ? error.message : String(error)}\n`)
        return new Map()
    }
}

function entryOf(columns: ReadonlyMap<ModuleName, Column>, name: ModuleName): [ModuleName, Column][] {
    const column = columns.get(name)
    return column === undefined ? [] : [[name, column]]
}

async function main(): Promise<number> {
    const args = readArguments()
    process.chdir(path.resolve(import.meta.dirname, ".."))
    if (!args.write || args.patterns.length > 0) return (await runContract(args)) ? 0 : 1
    const directory = mkdtempSync(path.join(tmpdir(), "trustkeyd-matrix-"))
    try {
        process.env["TRUSTKEYD_MATRIX_DIRECTORY"] = directory
        const passed = await runContract(args)
        // A module whose run failed has written no column.
        writeMatrix(readColumns(directory))
        return passed ? 0 : 1
    } finally {
        rmSync(directory, { recursive: true, force: true })
    }
}

process.exitCode = await main()

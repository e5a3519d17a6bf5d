import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { mustRun } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

type Call = { readonly name: string; readonly argument: string; readonly result: string }

/** The system calls in the order of their return, each put together from its two halves where threads interleave. */
function parseTrace(text: string): Call[] {
    const begun = new Map<string, string>()
    const calls: Call[] = []
    for (const line of text.split("\n")) {
        const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? []
        const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest)
        if (unfinished !== null) begun.set(thread, unfinished[1] ?? "")
        const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
        const whole = resumed === null ? rest : `${begun.get(thread) ?? ""}${resumed[1]}`
        const call = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(whole)
        if (call !== null && unfinished === null) calls.push({ name: call[1] ?? "", argument: call[2] ?? "", result: call[3] ?? "" })
    }
    return calls
}

async function traceCommits(commits: number): Promise<Call[]> {
    await using directory = await makeWorkingDirectory("strace")
    const trace = path.join(directory.path, "trace")
    const script = path.join(import.meta.dirname, "commit-once.ts")
    const options = ["-f", "-y", "-s", "200", "-e", "trace=fsync,fdatasync,pwrite64,write", "-o", trace]
    const state = path.join(directory.path, "state")
    await mustRun("strace", [...options, process.execPath, script, state, String(commits)])
    const calls = parseTrace(readFileSync(trace, "utf8"))
    const said = (marker: string): number =>
        calls.findIndex(({ name, argument }) => name === "write" && argument.includes(`"${marker}\\n"`))
    assert.ok(said("calling commit") >= 0 && said("commit resolved") > said("calling commit"))
    return calls.slice(said("calling commit"), said("commit resolved"))
}

const onLog = ({ argument }: Call): boolean => argument.includes("trustkeyd.db-wal")
const isSync = ({ name }: Call): boolean => name === "fsync" || name === "fdatasync"

describe("durability, seen from the kernel", () => {
    test("TK-JRN-3 a commit resolves after its log is written and the kernel has confirmed the sync", async () => {
        const calls = await traceCommits(1)
        const written = calls.findLastIndex((call) => call.name === "pwrite64" && onLog(call))
        const synced = calls.findIndex((call, index) => index > written && isSync(call) && onLog(call))
        assert.ok(written >= 0, "the log is written")
        assert.ok(synced > written, "the log is synced after its last write and before the commit resolves")
        assert.equal(calls[synced]?.result, "0")
    })

    test("two hundred commits in flight share a few syncs", async () => {
        const calls = await traceCommits(200)
        const syncs = calls.filter((call) => isSync(call) && onLog(call)).length
        assert.ok(syncs >= 1 && syncs <= 4, `${syncs} syncs`)
    })
})

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { targetsBody } from "../custody/rig.ts"
import { Scene, WireRepository } from "./scene.ts"

const GUN = "registry.example.com/team/app"

type Call = { readonly name: string; readonly argument: string; readonly result: string; readonly begun: number; readonly ended: number }

/** Each system call with the lines of the trace at which it began and returned: threads interleave. */
function parseTrace(text: string): Call[] {
    const open = new Map<string, { readonly head: string; readonly begun: number }>()
    const calls: Call[] = []
    for (const [line, content] of text.split("\n").entries()) {
        const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(content) ?? []
        const head = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1]
        if (head !== undefined) {
            open.set(thread, { head, begun: line })
            continue
        }
        const tail = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
        const first = tail === undefined ? undefined : open.get(thread)
        const [, name, argument, result] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(`${first?.head ?? ""}${tail ?? rest}`) ?? []
        if (name === undefined || argument === undefined || result === undefined) continue
        calls.push({ name, argument, result, begun: first?.begun ?? line, ended: line })
    }
    return calls
}

const isOnLog = ({ argument }: Call): boolean => argument.includes("trustkeyd.db-wal>")
const isSync = ({ name }: Call): boolean => name === "fdatasync" || name === "fsync"
const isSocket = ({ argument }: Call): boolean => /^\d+<(UNIX|socket)/.test(argument)
/** strace writes what is no printable text as \1 or \x01; the kind of a sign request is the fifth byte. */
const isSignFrame = (call: Call): boolean => isSocket(call) && /"(\\[0-7]+|\\x[0-9a-f]{2}|.){4}\\0*2\\/.test(call.argument)

describe("the order in which the kernel sees it", () => {
    test("TK-JRN-3 the journal's sync has returned before the request reaches the signer, each time", async () => {
        await using directory = await makeWorkingDirectory("trace")
        const trace = path.join(directory.path, "trace")
        const calls = ["fdatasync", "fsync", "pwrite64", "pwritev", "write", "writev", "sendmsg", "sendto"]
        const wrapper = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-yy",
            "-s",
            "6000",
            "-e",
            `trace=${calls.join(",")}`,
            "-e",
            "signal=none",
            "-o",
            trace,
        ]
        const markers = ["unmistakable-one", "unmistakable-two", "unmistakable-three", "unmistakable-four"]
        {
            await using scene = await Scene.withGroup({ wrapper })
            const repository = await WireRepository.prepare(scene, await WireRepository.keysOf(scene), GUN)
            await scene.client.signSet(repository.firstSet())
            const keyId = repository.keys.targets.id
            const sign = (marker: string, version: number) =>
                scene.client.sign({ keyId, gun: GUN, role: "targets", signed: targetsBody({ version, targets: { [marker]: "content" } }) })
            for (const [index, marker] of markers.slice(0, 3).entries()) await sign(marker, index + 2)
            await scene.client.signSet(
                repository.set({ targets: targetsBody({ version: 5, targets: { "unmistakable-four": "content" } }) }, 5),
            )
            await scene.daemon.stop()
        }
        const made = parseTrace(readFileSync(trace, "utf8"))
        for (const marker of markers) {
            const about = made.filter(({ argument }) => argument.includes(marker))
            const promised = about.filter((call) => call.name === "pwrite64" && isOnLog(call))
            const frames = about.filter(isSignFrame)
            assert.equal(frames.length, 1, `${marker}: ${frames.length} requests to a signer`)
            const frame = frames[0]
            const first = promised[0]
            assert.ok(frame && first, `${marker}: not found in the log's writes`)
            const sync = made.find((call) => isSync(call) && isOnLog(call) && call.begun > first.ended && call.result === "0")
            assert.ok(sync, `${marker}: no sync after the promise was written`)
            assert.ok(
                sync.ended < frame.begun,
                `${marker}: the sync returned at line ${sync.ended}, the request left at line ${frame.begun}`,
            )
            // Whatever left for a signer or a client before that said nothing of it.
            const early = about.filter((call) => isSocket(call) && call.begun < sync.ended && call !== frame)
            assert.deepEqual(early, [])
        }
    })

    test("TK-AUD-1 the record's sync has returned before the answer leaves", async () => {
        await using directory = await makeWorkingDirectory("trace")
        const trace = path.join(directory.path, "trace")
        const calls = ["fdatasync", "fsync", "pwrite64", "write", "writev", "sendmsg"]
        const wrapper = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-yy",
            "-s",
            "6000",
            "-e",
            `trace=${calls.join(",")}`,
            "-e",
            "signal=none",
            "-o",
            trace,
        ]
        let id = ""
        {
            await using scene = await Scene.withGroup({ wrapper })
            id = (await scene.createKey("targets", [{ gun: GUN, role: "targets" }])).id
            await scene.daemon.stop()
        }
        const made = parseTrace(readFileSync(trace, "utf8"))
        // The answer and the record both name the key.
        const answer = made.find((call) => isSocket(call) && call.argument.includes(id))
        const record = made.find(
            (call) => call.name === "pwrite64" && isOnLog(call) && /create-key/.test(call.argument) && call.argument.includes(id),
        )
        assert.ok(answer && record)
        const sync = made.find((call) => isSync(call) && isOnLog(call) && call.begun > record.ended)
        assert.ok(sync && sync.ended < answer.begun)
    })
})

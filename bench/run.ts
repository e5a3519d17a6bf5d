import { cpus } from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { type Daemon, startDaemon } from "../test/support/daemon.ts"
import { mustRun } from "../test/support/process.ts"
import { type SoftHsm, startSoftHsm } from "../test/support/softhsm.ts"
import { makeWorkingDirectory } from "../test/support/temp.ts"
import { benchBackups } from "./backups.ts"
import { benchIdle } from "./idle.ts"
import { durableWrite, emptyNode, opensslSpeed, tokenLoop } from "./limits.ts"
import { type Job, startLoad } from "./load.ts"
import { fillState, GROUP } from "./many-keys.ts"
import { memoryOf, processorTime } from "./processes.ts"
import { Report } from "./report.ts"
import { makeRepositories } from "./repositories.ts"
import { startOnce } from "./start-up.ts"
import { benchTouch } from "./touch.ts"
import { benchWorkflow } from "./workflow.ts"

const USAGE = `Usage: npm run bench -- [--quick] [--rounds N] [--json]

  --quick      under a minute: three short rounds, 10,000 keys instead of 100,000
  --rounds N   default 5
  --json       the figures as JSON on stdout, nothing else
`

type Plan = {
    readonly rounds: number
    readonly milliseconds: number
    readonly manyKeys: number
    readonly manyBackedUp: number
    readonly starts: number
}

const CREDENTIAL = "the secret of the bench's key group"
/** As a team has them: the patterns are what each signature's permission costs. */
const RULES = `
[[allow]]
who = ["uid:${process.getuid?.() ?? 0}"]
do = ["sign"]
gun = ["registry.example.com/**"]
role = ["targets", "targets/*", "snapshot"]

[[allow]]
who = ["uid:${process.getuid?.() ?? 0}"]
do = ["*"]
`
/** The stream's depth that the goals are stated for. */
const DEPTH = 32
const CALLERS = [1, 10, 100]
/** A token each, as a loop on one has to know which key to use. */
const TOKEN_ALGORITHMS = ["p256", "rsa2048", "rsa4096"] as const
const FEW_KEYS = 10
const PLUGIN_ROUNDS = 21
const WORKFLOW_ROUNDS = 15

function readOptions(): { readonly plan: Plan; readonly json: boolean } {
    const options = {
        quick: { type: "boolean" },
        rounds: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean" },
    } as const
    const { values } = parseArgs({ options })
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (values.help === true || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
        process.stdout.write(USAGE)
        process.exit(values.help === true ? 0 : 2)
    }
    const plan =
        values.quick === true
            ? { milliseconds: 500, manyKeys: 10_000, manyBackedUp: 1_000, starts: 2 }
            : { milliseconds: 1000, manyKeys: 100_000, manyBackedUp: 100_000, starts: 3 }
    return { plan: { ...plan, rounds: rounds ?? (values.quick === true ? 3 : 5) }, json: values.json === true }
}

/** Signatures: in every round each shape once, and the limits it is held against. */
async function benchSignatures(report: Report, plan: Plan): Promise<void> {
    await using stack = new AsyncDisposableStack()
    const tokens = new Map<(typeof TOKEN_ALGORITHMS)[number], SoftHsm>()
    for (const algorithm of TOKEN_ALGORITHMS) tokens.set(algorithm, stack.use(await startSoftHsm()))
    const pins = Array.from(tokens, ([name, { userPin }]): [string, string] => [`${name}-pin`, userPin])
    const credentials = { [GROUP]: CREDENTIAL, ...Object.fromEntries(pins) }
    await using daemon = await startDaemon({ tokens: Object.fromEntries(tokens), rules: RULES, credentials })
    await using load = startLoad()
    await daemon.ok(["key", "group", "create", GROUP, "--credential", GROUP, "--no-passphrase"])
    await daemon.ok(["key", "unlock", "--group", GROUP])
    const sealed = await makeRepositories(daemon.adminSocket, "sealed", 25, GROUP)
    const onTokens: (readonly [string, Job])[] = []
    for (const algorithm of TOKEN_ALGORITHMS) {
        const { places } = await makeRepositories(daemon.adminSocket, algorithm, 2, GROUP, { name: algorithm, algorithm })
        onTokens.push([`${algorithm} stream`, { kind: "stream", depth: DEPTH, places }])
    }

    const jobs: readonly (readonly [string, Job])[] = [
        ...CALLERS.map((callers) => [`unary ${callers}`, { kind: "unary", callers, places: sealed.places }] as const),
        ["stream", { kind: "stream", depth: DEPTH, places: sealed.places }],
        ["set", { kind: "set", callers: 8, sets: sealed.sets }],
        ...onTokens,
    ]
    for (const [, job] of jobs) await load.run(daemon.signSocket, plan.milliseconds / 2, job)
    for (let round = 1; round <= plan.rounds; round++) {
        report.progress(`round ${round} of ${plan.rounds}`)
        const { sign, verify } = await opensslSpeed()
        report.add("openssl sign", sign)
        report.add("openssl verify", verify)
        report.add("durable write", await durableWrite(daemon.directory, plan.milliseconds / 2))
        for (const [algorithm, token] of tokens) {
            report.add(`${algorithm} loop`, await tokenLoop(token, algorithm !== "p256", plan.milliseconds))
        }
        for (const [name, job] of jobs) {
            const before = await processorTime(daemon.service.pid)
            const { signatures, seconds, p50, p99 } = await load.run(daemon.signSocket, plan.milliseconds, job)
            const after = await processorTime(daemon.service.pid)
            report.add(name, signatures / seconds)
            report.add(`${name} custodian`, (after.custodianUs - before.custodianUs) / signatures)
            report.add(`${name} signers`, (after.signersUs - before.signersUs) / signatures)
            report.add(`${name} p50`, p50)
            report.add(`${name} p99`, p99)
        }
    }
    report.add("memory after load", await memoryOf(daemon.service.pid))
    const audit = await daemon.ok(["audit", "verify"])
    report.progress(audit.trim())
}

/** Start-up and memory on two states: one with few keys, one with many. Locked, and opened by a credential. */
async function benchStartUp(report: Report, plan: Plan): Promise<void> {
    await using few = await makeState(report, FEW_KEYS)
    await using many = await makeState(report, plan.manyKeys)
    const states = [
        [FEW_KEYS, few],
        [plan.manyKeys, many],
    ] as const
    for (let round = 1; round <= plan.starts; round++) {
        report.progress(`start ${round} of ${plan.starts}`)
        report.add("node -e 0", await emptyNode())
        for (const [count, daemon] of states) {
            const { milliseconds, megabytes } = await startOnce(daemon, undefined)
            report.add(`start ${count}`, milliseconds)
            report.add(`memory ${count}`, megabytes)
        }
        const unattended = await startOnce(few, path.join(few.directory, "credentials"))
        report.add("start unattended", unattended.milliseconds)
    }
}

/** As docker starts it: through the launcher that plugin install writes. */
async function benchPlugin(report: Report): Promise<void> {
    await using directory = await makeWorkingDirectory("bench-plugin")
    const trustkey = path.resolve(import.meta.dirname, "../dist/trustkey.cjs")
    await mustRun(process.execPath, [trustkey, "plugin", "install", "--directory", directory.path])
    report.progress("the plugin's metadata")
    for (let round = 0; round < PLUGIN_ROUNDS; round++) {
        report.add("node -e 0, beside the plugin", await emptyNode())
        const start = performance.now()
        await mustRun(path.join(directory.path, "docker-trustkey"), ["docker-cli-plugin-metadata"])
        report.add("plugin metadata", performance.now() - start)
    }
}

/** A stopped daemon whose state has so many sealed keys in one group. */
async function makeState(report: Report, keys: number): Promise<Daemon> {
    report.progress(`making ${keys} sealed keys`)
    const daemon = await startDaemon({ credentials: { [GROUP]: CREDENTIAL } })
    await daemon.stop()
    await fillState(daemon.stateDirectory, keys, CREDENTIAL)
    return daemon
}

const { plan, json } = readOptions()
const report = new Report(`${cpus().length} cores, Node ${process.version}, ${plan.rounds} rounds of ${plan.milliseconds} ms`)
await benchSignatures(report, plan)
await benchTouch(report, plan.rounds)
await benchStartUp(report, plan)
await benchIdle(report)
await benchPlugin(report)
await benchWorkflow(report, WORKFLOW_ROUNDS)
// 100,000 keys take some four minutes.
const backups = [100, 1_000, 10_000, 100_000].filter((count) => count <= plan.manyBackedUp)
await benchBackups(report, backups)
process.stdout.write(
    json ? `${report.json()}\n` : report.text({ callers: CALLERS, keys: [FEW_KEYS, plan.manyKeys], depth: DEPTH, backups }),
)

import { cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
import { openDaemon } from "../src/cli/daemon.ts"
import { Secret, sealSecret } from "../src/crypto/index.ts"
import { startDaemon } from "../test/support/daemon.ts"
import { startSoftHsm } from "../test/support/softhsm.ts"
import { durableWrite } from "./limits.ts"
import { GROUP } from "./many-keys.ts"
import { descriptorsOf, ownMemoryOf } from "./processes.ts"
import { makeRepositories } from "./repositories.ts"
import { SoakLoad, type SoakScene } from "./soak-load.ts"
import { judge, type Sample, type Verdict, verdictText } from "./soak-verdict.ts"
import { percentile } from "./statistics.ts"

const USAGE = `Usage: npm run soak -- [--minutes N] [--samples]

  --minutes N   default 60
  --samples     every quiet moment as a line of JSON on stdout

Ends with 1 when memory or descriptors grow, p99 does not stay, or anything is answered that should not be.
`

export type SoakOptions = {
    readonly minutes: number
    /** Load, then quiet: connections end, and what a request left is collected. */
    readonly stretchMs: number
    readonly settleMs: number
    /** So many quiet moments, even if that takes longer. */
    readonly least: number
    readonly onSample: (sample: Sample) => void
}

export type SoakResult = {
    readonly verdict: Verdict
    readonly signatures: number
    readonly others: number
    readonly refused: ReadonlyMap<string, number>
    readonly audit: string
    readonly log: string
}

const CREDENTIAL = "the secret of the soak's key group"
const PASSPHRASE = "the passphrase of one person"
const RULES = `
[[allow]]
who = ["uid:${process.getuid?.() ?? 0}"]
do = ["*"]
gun = ["registry.example.com/sealed/**", "registry.example.com/hsm/**"]

[[allow]]
who = ["uid:${process.getuid?.() ?? 0}"]
do = ["status", "create-group", "unlock", "lock", "login", "list", "audit"]
`

/** One daemon with a token and sealed keys under mixed load, looked at in the quiet moments between. */
export async function soak({ minutes, stretchMs, settleMs, least, onSample }: SoakOptions): Promise<SoakResult> {
    await using hsm = await startSoftHsm()
    const credentials = { [GROUP]: CREDENTIAL, "hsm-pin": hsm.userPin }
    await using daemon = await startDaemon({ tokens: { hsm }, credentials, rules: RULES })
    await daemon.ok(["key", "group", "create", GROUP, "--credential", GROUP, "--no-passphrase"])
    await daemon.ok(["key", "unlock", "--group", GROUP])
    const sealed = await makeRepositories(daemon.adminSocket, "sealed", 4, GROUP)
    const onToken = await makeRepositories(daemon.adminSocket, "hsm", 1, GROUP, { name: "hsm", algorithm: "p256" })
    const scene: SoakScene = { daemon, sealed, onToken, personal: await makePersonal(daemon.adminSocket) }
    using load = new SoakLoad(scene)
    const samples: Sample[] = []
    const refused = new Map<string, number>()
    let [signatures, others] = [0, 0]
    const start = performance.now()
    while (performance.now() - start < minutes * 60_000 || samples.length < least) {
        const stretch = await load.run(stretchMs)
        signatures += stretch.signatures
        others += stretch.others
        for (const [code, count] of stretch.refused) refused.set(code, (refused.get(code) ?? 0) + count)
        const quiet = durableWrite(daemon.directory, settleMs)
        const sample = {
            durableWrite: await quiet,
            seconds: (performance.now() - start) / 1000,
            megabytes: await ownMemoryOf(daemon.service.pid),
            descriptors: await descriptorsOf(daemon.service.pid),
            p99: percentile(stretch.latencies, 0.99),
        }
        samples.push(sample)
        onSample(sample)
    }
    return { verdict: judge(samples), signatures, others, refused, audit: await daemon.ok(["audit", "verify"]), log: daemon.service.log() }
}

async function makePersonal(adminSocket: string): Promise<SoakScene["personal"]> {
    const client = openDaemon("admin", adminSocket)
    try {
        const { signerPublic, nonce, subject } = await client.challenge("create", "new")
        using secret = new Secret(Buffer.from(PASSPHRASE))
        const passphrase = sealSecret(signerPublic, nonce, { purpose: "create", subject }, secret)
        const bindings = [{ gun: "registry.example.com/sealed/of-one", role: "targets" }]
        const { id } = await client.createKey({ algorithm: "p256", purpose: "targets", label: "", home: { passphrase }, bindings })
        return { id, passphrase: PASSPHRASE }
    } finally {
        client.close()
    }
}

async function main(): Promise<void> {
    const { values } = parseArgs({
        options: { minutes: { type: "string", default: "60" }, samples: { type: "boolean" }, help: { type: "boolean" } },
    })
    const minutes = Number(values.minutes)
    if (values.help === true || !(minutes >= 1)) {
        process.stdout.write(USAGE)
        process.exit(values.help === true ? 0 : 2)
    }
    const before = loadavg()
    const result = await soak({
        minutes,
        stretchMs: 8_000,
        settleMs: 1_500,
        least: 18,
        onSample: (sample) => {
            if (values.samples === true) process.stdout.write(`${JSON.stringify(sample)}\n`)
            process.stderr.write(
                `${Math.round(sample.seconds)} s: ${sample.megabytes.toFixed(1)} MB, ${sample.descriptors} descriptors, p99 ${sample.p99.toFixed(1)} ms\n`,
            )
        },
    })
    const { verdict, signatures, others, refused, audit } = result
    const loads = [...before, ...loadavg()].map((value) => value.toFixed(1)).join(" ")
    process.stdout.write(
        `${cpus().length} cores, Node ${process.version}, ${minutes} minutes; load of the machine before and after: ${loads}\n`,
    )
    process.stdout.write(
        `${signatures} signatures, ${others} other requests, refused as they had to be: ${[...refused].map(([code, count]) => `${code} ${count}`).join(", ")}\n`,
    )
    process.stdout.write(`${audit}${verdictText(verdict)}`)
    process.exitCode = verdict.memory.flat && verdict.descriptors.flat && verdict.p99.stable ? 0 : 1
}

if (process.argv[1] === import.meta.filename) await main()

import { openDaemon } from "../src/cli/daemon.ts"
import { startDaemon } from "../test/support/daemon.ts"
import { mustRun } from "../test/support/process.ts"
import { startYubikeyRig } from "../test/support/yubikey/rig.ts"
import type { Place } from "./load.ts"
import { GROUP } from "./many-keys.ts"
import type { Report } from "./report.ts"
import { makeRepositories } from "./repositories.ts"
import { median } from "./statistics.ts"

const SIGNATURES = 1_000
const PIN = "123456"
/** Longer than the signatures take, shorter than the daemon waits for a token. */
const TOUCH_MS = 28_000

/** What a signature of a sealed key takes while a token waits for a touch, against the same when nothing else happens; turn by turn. */
export async function benchTouch(report: Report, rounds: number): Promise<void> {
    await using rig = await startYubikeyRig()
    const policies = ["--pin-policy=always", "--touch-policy=always"]
    await mustRun("yubico-piv-tool", ["-a", "generate", "-s", "9c", "-A", "ECCP256", ...policies], { env: rig.env })
    const credentials = { "yubikey-pin": PIN, [GROUP]: "the secret of the bench's key group" }
    await using daemon = await startDaemon({ tokens: { yubikey: await rig.card.token() }, credentials })
    await daemon.ok(["key", "group", "create", GROUP, "--credential", GROUP, "--no-passphrase"])
    await daemon.ok(["key", "unlock", "--group", GROUP])
    const { places } = await makeRepositories(daemon.adminSocket, "touch", 1, GROUP)
    const [place] = places
    if (place === undefined) throw new Error("a repository has keys")
    const admin = openDaemon("admin", daemon.adminSocket)
    await rig.card.hand(20)
    const home = { token: "yubikey", uri: "pkcs11:serial=12345678;id=%02" }
    const { id } = await admin.enrollKey({ ...home, purpose: "root", label: "root", bindings: [] })
    await rig.card.hand()
    await rig.card.touchRule({ timeoutMs: TOUCH_MS, missed: 0x6982 })
    const next = signer(daemon.signSocket, place)
    await next()
    for (let round = 1; round <= rounds; round++) {
        report.progress(`signatures beside a touch, round ${round} of ${rounds}`)
        report.add("sign p50, idle", await next())
        const certificate = admin.rootCertificate({ keyId: id, gun: `registry.example.com/touch/root-${round}` })
        await rig.card.awaitTouch()
        report.add("sign p50, beside a touch", await next())
        if (!(await rig.card.look()).waitingForTouch) throw new Error("the touch was over before the signatures were")
        await rig.card.touch()
        await certificate
    }
    admin.close()
}

/** Each call makes that many signatures, one after the other, and tells the median of what they took, in milliseconds. */
function signer(socket: string, { keyId, gun, role, body }: Place): () => Promise<number> {
    const daemon = openDaemon("sign", socket)
    let version = 1
    return async () => {
        const times: number[] = []
        for (let made = 0; made < SIGNATURES; made += 1) {
            version += 1
            const signed = Buffer.from(`${body}${version}}`)
            const start = performance.now()
            await daemon.sign({ keyId, gun, role, signed })
            times.push(performance.now() - start)
        }
        return median(times)
    }
}

import assert from "node:assert/strict"
import { readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openDaemon } from "../../src/cli/daemon.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { makeWorkingDirectory, writeSecret } from "../support/temp.ts"
import { openTrustRig, signArgs, signedPart, type TrustRig } from "../support/trust-rig.ts"
import { type Namespace, startNamespace } from "./contract/namespace.ts"

const GUN = "registry.example.com/team/app"

type Made = { readonly file: string; readonly fingerprint: string }
type Mark = { readonly role: string; readonly version: number; readonly sha256: string }

describe("when state directory and token are destroyed", () => {
    const stack = new AsyncDisposableStack()
    let rig: TrustRig
    /** What is not lost: backups and shares, in a directory of their own. */
    let safe: string
    let namespace: Namespace
    let older: Made
    let newer: Made
    let marks: readonly Mark[]
    let env: Readonly<Record<string, string>>

    before(
        async () => {
            rig = stack.use(await openTrustRig())
            safe = stack.use(await makeWorkingDirectory("safe")).path
            const passphraseFile = await writeSecret(safe, "passphrase", "correct horse battery")
            const shares = await rig.ok([
                "backup",
                "shares",
                "create",
                "--threshold",
                "2",
                "--shares",
                "3",
                "--out",
                path.join(safe, "shares"),
            ])
            const recipient = /age1[0-9a-z]+/.exec(shares)?.[0] ?? assert.fail(shares)
            const backUp = async (name: string): Promise<Made> => {
                const args = ["backup", "create", "--json", "--recipient", recipient, "--out", path.join(safe, name)]
                return JSON.parse(await rig.ok(args)) as Made
            }
            await rig.init(GUN)
            await rig.sign(`${GUN}:v1`, "ab", "--passphrase-file", passphraseFile)
            older = await backUp("older.age")
            await rig.sign(`${GUN}:v2`, "cd", "--passphrase-file", passphraseFile)
            newer = await backUp("newer.age")
            marks = await marksOf(rig.daemon)
            env = { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url }
            await rig.daemon.kill()
            await rm(rig.daemon.stateDirectory, { recursive: true })
            await rig.token.stop()
            // Nothing of the old machine is seen there, whatever is left of it.
            const place = stack.use(await makeWorkingDirectory("machine")).path
            namespace = stack.use(await startNamespace(place, `mount -t tmpfs tmpfs '${rig.daemon.directory}'`))
        },
        { timeout: 110_000 },
    )
    after(() => stack.disposeAsync())

    const withShares = (...which: readonly number[]): readonly string[] =>
        which.flatMap((index) => ["--share", path.join(safe, `shares/share-${index}-of-3.txt`)])

    /** A daemon that never had anything. */
    async function emptyMachine(): Promise<Daemon> {
        const [command, args] = namespace.enter([])
        return stack.use(await startDaemon({ wrapper: [command, ...args] }))
    }

    async function restore(machine: Daemon, { file, fingerprint }: Made): Promise<string> {
        return await machine.ok(["backup", "restore", file, ...withShares(1, 3), "--confirm", fingerprint.slice(0, 16)], {
            timeoutMs: 100_000,
        })
    }

    async function sign(machine: Daemon, tag: string, pair: string): Promise<void> {
        await machine.ok(signArgs(`${GUN}:${tag}`, pair, "--passphrase-file", path.join(safe, "passphrase")), { env, timeoutMs: 100_000 })
    }

    test("TK-JRN-4 two shares and the backup bring it back on an empty machine, marks intact, and the next tag is signed", {
        timeout: 115_000,
    }, async () => {
        const machine = await emptyMachine()
        assert.match(await restore(machine, newer), /^Restored the backup of /m)
        assert.deepEqual(await marksOf(machine), marks)
        await sign(machine, "v3", "ef")
        assert.deepEqual(
            (await rig.listed(GUN)).map(({ name }) => name),
            ["v1", "v2", "v3"],
        )
        await machine.ok(["audit", "verify"])
    })

    test("TK-JRN-4 an old backup knows nothing of what was signed since, and refuses it as soon as it is shown what is published", {
        timeout: 115_000,
    }, async () => {
        const machine = await emptyMachine()
        await restore(machine, older)
        const versionOf = async (): Promise<number | undefined> => (await marksOf(machine)).find(({ role }) => role === "targets")?.version
        const published = (JSON.parse(signedPart(await rig.served(GUN, "targets"))) as { version: number }).version
        assert.equal(await versionOf(), published - 2)
        const daemon = openDaemon("sign", machine.signSocket)
        const roles = ["root", "targets", "snapshot", "timestamp"]
        const files = await Promise.all(roles.map(async (role) => ({ role, content: await rig.served(GUN, role) })))
        await daemon.observe({ gun: GUN, files })
        daemon.close()
        assert.equal(await versionOf(), published)
        await machine.ok(["key", "unlock", await targetsKey(machine), "--passphrase-file", path.join(safe, "passphrase")])
        for (const [version, code] of [
            [published - 1, "rollback_refused"],
            [published, "equivocation_refused"],
        ] as const) {
            const body = { ...(JSON.parse(signedPart(await rig.served(GUN, "targets"))) as object), version, targets: {} }
            const file = path.join(safe, `${version}.json`)
            await writeFile(file, JSON.stringify({ signed: body, signatures: [] }))
            const { status, stderr } = await machine.trustkey(["sign", "--gun", GUN, "--role", "targets", file])
            assert.match(stderr, new RegExp(`\\[${code}\\]`))
            assert.notEqual(status, 0)
        }
        await sign(machine, "v4", "01")
        assert.deepEqual(
            (await rig.listed(GUN)).map(({ name }) => name),
            ["v1", "v2", "v3", "v4"],
        )
        // The newer backup adds nothing that would lower anything.
        const before = await marksOf(machine)
        await machine.ok(["backup", "restore", newer.file, ...withShares(2, 3), "--confirm", newer.fingerprint])
        assert.deepEqual(await marksOf(machine), before)
    })

    test("one share opens nothing, and one that was altered is named", async () => {
        const machine = await emptyMachine()
        const alone = await machine.trustkey(["backup", "restore", newer.file, ...withShares(2)])
        assert.match(alone.stderr, /2 of set .* are needed, and there are 1 \[invalid_request\]/)
        const text = await readFile(path.join(safe, "shares/share-1-of-3.txt"), "utf8")
        const altered = await writeSecret(
            safe,
            "altered.txt",
            text.replace(/\w(?=\s*$)/, (last) => (last === "Q" ? "P" : "Q")),
        )
        const { status, stderr } = await machine.trustkey(["backup", "restore", newer.file, "--share", altered, ...withShares(2)])
        assert.match(stderr, /altered\.txt: .*\[share_invalid\]/)
        assert.equal(status, 7)
    })
})

async function marksOf(daemon: Daemon): Promise<readonly Mark[]> {
    const listed = JSON.parse(await daemon.ok(["trust", "list", "--json"])) as { repositories: readonly { marks: readonly Mark[] }[] }
    assert.equal(listed.repositories.length, 1)
    return (listed.repositories[0]?.marks ?? []).toSorted((one, other) => (one.role < other.role ? -1 : 1))
}

async function targetsKey(daemon: Daemon): Promise<string> {
    const { keys } = JSON.parse(await daemon.ok(["key", "list", "--json"])) as { keys: readonly { id: string; purpose: string }[] }
    return keys.find(({ purpose }) => purpose === "targets")?.id ?? assert.fail("no targets key")
}

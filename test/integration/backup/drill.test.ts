import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { createHash, createPublicKey, verify } from "node:crypto"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { PROJECT } from "../../support/daemon.ts"
import { mustRun } from "../../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { writeSecret } from "../../support/temp.ts"
import { type BackupRig, GROUP, makeIdentity, openBackupRig } from "./backup-rig.ts"

const TIMEOUT = { timeoutMs: 110_000 }

describe("a drill", () => {
    const stack = new AsyncDisposableStack()
    let rig: BackupRig
    let hsm: SoftHsm
    let own: string
    let grouped: string
    let onToken: string
    let exported: string
    let filePassphrase: string
    let backup: { readonly file: string; readonly fingerprint: string }

    before(
        async () => {
            hsm = stack.use(await startSoftHsm())
            rig = stack.use(await openBackupRig({ tokens: { hsm } }))
            grouped = await rig.key("targets")
            own = await rig.key("snapshot", "--passphrase-file", rig.passphraseFile)
            onToken = await rig.key("root", "--passphrase-file", rig.passphraseFile)
            exported = rig.place("root.pem")
            filePassphrase = await writeSecret(rig.daemon.directory, "file-passphrase", "of the exported file")
            const passphrase = ["--passphrase-file", rig.passphraseFile]
            const file = ["--out", exported, "--file-passphrase-file", filePassphrase, "--confirm", onToken.slice(0, 8)]
            await rig.daemon.ok(["key", "export", onToken, "--format", "pkcs8", ...passphrase, ...file])
            await rig.daemon.ok(["token", "login", "hsm", "--pin-file", await writeSecret(rig.daemon.directory, "pin", hsm.userPin)])
            await rig.daemon.ok(["key", "copy", onToken, "--token", "hsm", "--serial", hsm.serial, ...passphrase])
            await rig.daemon.ok(["key", "forget-sealed", onToken, "--confirm", onToken.slice(0, 8)])
            backup = await rig.backUp("backup.age")
        },
        { timeout: 110_000 },
    )
    after(() => stack.disposeAsync())

    const drill = (receipt: string, ...more: readonly string[]): readonly string[] => [
        ...["backup", "drill", backup.file, "--identity", rig.identity.file, "--receipt", rig.place(receipt)],
        ...more,
    ]
    const withPassphrase = (): readonly string[] => ["--key-passphrase-file", rig.passphraseFile]

    test("has every key that can leave sign its receipt, which the daemon keeps, and leaves nothing behind", {
        timeout: 115_000,
    }, async () => {
        const before = scratchDirectories()
        const { status, stdout, stderr } = await rig.daemon.trustkey(drill("good", ...withPassphrase()), TIMEOUT)
        assert.equal(status, 0, stderr)
        assert.match(stdout, /^signed and verified +2 of 3 keys$/m)
        assert.match(stdout, /^on tokens +1 key,/m)
        assert.deepEqual(scratchDirectories(), before)
        assert.deepEqual(daemonsIn(/trustkey-\w{6}\/trustkeyd\.toml/.exec(stderr)?.[0] ?? "/dev/shm/trustkey-"), [])
        const state = (JSON.parse(await rig.daemon.ok(["status", "--json"])) as { backup: { lastDrill: object; drillOverdue: boolean } })
            .backup
        assert.deepEqual(state.lastDrill, {
            fingerprint: backup.fingerprint,
            at: JSON.parse(linesOf(rig.place("good"))[0] ?? "").at,
            keys: 2,
            without: 1,
            receipt: createHash("sha256")
                .update(readFileSync(rig.place("good")))
                .digest("hex"),
        })
        assert.equal(state.drillOverdue, false)
    })

    test("leaves a receipt that others than us can check, from its page alone", () => {
        const [statement = "", ...keys] = linesOf(rig.place("good"))
        const message = Buffer.concat([Buffer.from("trustkeyd canary v1\n"), createHash("sha256").update(`${statement}\n`).digest()])
        const lines = keys.map((line) => JSON.parse(line) as { key: string; publicKey?: string; signature?: string; noProof?: string })
        assert.deepEqual(
            lines.map(({ key, noProof }) => [key, noProof]),
            [own, grouped, onToken].toSorted().map((id) => [id, id === onToken ? "on-token" : undefined]),
        )
        for (const { publicKey, signature } of lines) {
            if (publicKey === undefined || signature === undefined) continue
            const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" })
            assert.ok(verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64")))
        }
        const listed = keys.map((line) => line.replace(/,"signature":"[^"]*"/, "")).map((line) => `${line}\n`)
        assert.equal(createHash("sha256").update(listed.join("")).digest("hex"), JSON.parse(statement).keysSha256)
    })

    const asCeremonyExports = async (): Promise<string> => {
        const file = rig.place("root.age")
        const lines = 'openssl pkey -in "$1" -passin "file:$2" | age --recipient "$3" --output "$4"'
        await mustRun("/bin/sh", ["-c", lines, "sh", exported, filePassphrase, rig.identity.recipient, file])
        return file
    }
    const EXPORTS: readonly (readonly [form: string, flags: () => Promise<readonly string[]>])[] = [
        ["in a key file", async () => ["--export", exported, "--file-passphrase-file", filePassphrase]],
        ["in an age file", async () => ["--export", await asCeremonyExports(), "--export-identity", rig.identity.file]],
    ]
    for (const [form, flags] of EXPORTS)
        test(`has a key that can't leave its token sign from another token, out of its export ${form}`, { timeout: 115_000 }, async () => {
            const receipt = `all ${form}`
            const args = drill(receipt, ...withPassphrase(), ...(await flags()), "--json")
            const { status, stdout, stderr } = await rig.daemon.trustkey(args, TIMEOUT)
            assert.equal(status, 0, stderr)
            const { proven, keys, onTokens } = JSON.parse(stdout)
            assert.deepEqual([proven, keys, onTokens], [3, 3, []])
            const places = linesOf(rig.place(receipt)).map((line) => (JSON.parse(line) as { place?: string }).place)
            assert.deepEqual(places.filter((place) => place !== undefined).toSorted(), ["envelope", "envelope", "token"])
        })

    test("with a key that nobody opens is none, unless it is said to be a partial one, which the daemon doesn't take", {
        timeout: 115_000,
    }, async () => {
        const list = await writeSecret(rig.daemon.directory, "list", `group:${GROUP} correct horse battery`)
        const { status, stderr } = await rig.daemon.trustkey(drill("part", "--key-passphrases", list), TIMEOUT)
        assert.match(stderr, new RegExp(`nobody opened 1 of 3 keys: ${own.slice(0, 12)}.*\\[key_locked\\]`, "s"))
        assert.equal(status, 5)
        assert.ok(!existsSync(rig.place("part")))
        const before = await rig.daemon.ok(["status", "--json"])
        await rig.daemon.ok(drill("part", "--key-passphrases", list, "--partial"), TIMEOUT)
        await rig.daemon.ok(["backup", "receipt", "verify", rig.place("part")])
        await rig.refused(["backup", "receipt", "record", rig.place("part")], "verification_failed")
        assert.deepEqual(JSON.parse(await rig.daemon.ok(["status", "--json"])).backup.lastDrill, JSON.parse(before).backup.lastDrill)
    })

    test("with a wrong passphrase, the identity of others, or a file that was changed proves nothing and writes nothing", {
        timeout: 115_000,
    }, async () => {
        const wrong = await writeSecret(rig.daemon.directory, "wrong", "not the passphrase")
        await rig.refused(drill("no", "--key-passphrase-file", wrong), "key_locked", TIMEOUT)
        const others = await makeIdentity(rig.daemon.directory, "others.txt")
        const changed = readFileSync(backup.file)
        changed[changed.length - 20] = (changed.at(-20) ?? 0) ^ 1
        writeFileSync(rig.place("changed.age"), changed)
        for (const [file, identity, code] of [
            [backup.file, others.file, "open_failed"],
            [rig.place("changed.age"), rig.identity.file, "backup_invalid"],
        ] as const) {
            const more = ["--identity", identity, "--receipt", rig.place("no"), ...withPassphrase()]
            await rig.refused(["backup", "drill", file, ...more], code, TIMEOUT)
        }
        assert.ok(!existsSync(rig.place("no")))
        await rig.refused(drill(path.basename(exported), ...withPassphrase()), "already_exists")
    })

    for (const signal of ["SIGINT", "SIGTERM"] as const)
        test(`that is ended by ${signal} leaves nothing behind`, { timeout: 115_000 }, async () => {
            const before = scratchDirectories()
            const args = [path.join(PROJECT, "dist/trustkey.cjs"), ...drill("interrupted", ...withPassphrase())]
            // A group of its own, which a Ctrl-C reaches as a whole.
            const child = spawn(process.execPath, args, {
                detached: true,
                stdio: ["ignore", "ignore", "pipe"],
                env: { PATH: "/usr/bin:/bin", HOME: rig.daemon.directory },
            })
            const ended = once(child, "exit")
            let text = ""
            for await (const piece of child.stderr) {
                text += String(piece)
                if (!text.includes("which goes afterwards")) continue
                const [scratch = ""] = /\/\S*\/trustkey-\w+/.exec(text) ?? []
                while (!existsSync(path.join(scratch, "state"))) await new Promise((resolve) => setTimeout(resolve, 20))
                process.kill(signal === "SIGINT" ? -(child.pid ?? 0) : (child.pid ?? 0), signal)
                break
            }
            const [code] = await ended
            assert.equal(code, signal === "SIGINT" ? 130 : 143)
            assert.deepEqual(scratchDirectories(), before)
            assert.deepEqual(daemonsIn("/dev/shm/trustkey-"), [])
            assert.ok(!existsSync(rig.place("interrupted")))
        })
})

/** Those of this test's user; others may hold drills beside it. */
function scratchDirectories(): readonly string[] {
    return readdirSync("/dev/shm").filter(
        (name) => /^trustkey-\w{6}$/.test(name) && statSync(path.join("/dev/shm", name)).uid === process.getuid?.(),
    )
}

function daemonsIn(directory: string): readonly string[] {
    return readdirSync("/proc").flatMap((pid) => {
        try {
            const command = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : ""
            return command.includes("trustkeyd.cjs") && command.includes(directory) ? [command] : []
        } catch {
            return []
        }
    })
}

function linesOf(file: string): readonly string[] {
    return readFileSync(file, "utf8").trimEnd().split("\n")
}

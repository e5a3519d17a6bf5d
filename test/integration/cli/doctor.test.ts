import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { mkdir, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { type CommandResult, mustRun, runCommand } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const TRUSTKEY = fileURLToPath(new URL("../../../dist/trustkey.cjs", import.meta.url))

type Report = { checks: { name: string; verdict: string; findings: string[] }[] }

function doctor(home: string, form: readonly string[] = ["--json"]): Promise<CommandResult> {
    const nowhere = path.join(home, "nowhere.sock")
    return runCommand(process.execPath, [TRUSTKEY, "doctor", ...form], {
        env: { PATH: "/usr/bin:/bin", HOME: home, TRUSTKEYD_SOCKET: nowhere, TRUSTKEYD_ADMIN_SOCKET: nowhere },
    })
}

describe("trustkey doctor on a machine without a daemon", () => {
    test("says so with the daemon's exit code, and still looks at the key files that lie around", async () => {
        await using home = await makeWorkingDirectory("doctor")
        const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
        const form = { type: "pkcs8", format: "pem" } as const
        // 2048 rounds: what OpenSSL writes when nobody says otherwise, and docker always.
        const encrypted = privateKey.export({ ...form, cipher: "aes-256-cbc", passphrase: "password" })
        const put = async (name: string, content: string | Buffer, mode: number): Promise<void> => {
            await mkdir(path.dirname(path.join(home.path, name)), { recursive: true })
            await writeFile(path.join(home.path, name), content, { mode })
        }
        const empty = await doctor(home.path)
        assert.equal(empty.status, 6, empty.stderr)
        assert.match(empty.stderr, /1 of \d+ checks failed: sign socket \[daemon_unreachable\]/)

        const { stdout: shown } = await doctor(home.path, [])
        assert.equal(shown.split("there is no socket").length - 1, 2, shown)
        assert.match(
            shown,
            /^warning {2}not checked +versions, signers, tokens, unattended groups, unpublished files, expiry, last backup, last drill, token firmware: see sign socket\n +→ .+\nwarning {2}not checked +audit chain: see admin socket\n/m,
        )

        await put(".docker/trust/private/ab.key", encrypted, 0o600)
        await put(".notary/private/tuf_keys/registry.example.com/app/cd_targets.key", encrypted, 0o640)
        await put(".notary/private/ef.key", privateKey.export(form), 0o600)
        await put(".notary/private/12.key", "no key at all\n", 0o600)
        await put(".notary/private/README", "not a key file\n", 0o644)
        const { stdout, stderr } = await doctor(home.path)
        assert.match(stderr, /2 of \d+ checks failed: sign socket, key files \[file_unsafe\]/)
        const found = (JSON.parse(stdout) as Report).checks.find(({ name }) => name === "key files")
        assert.equal(found?.verdict, "failure")
        assert.deepEqual(
            found.findings.map((line) => line.split(", such as ")[0]),
            [
                "4 private key files of docker or notary",
                "1 can be read or written by others",
                "1 are not encrypted",
                "2 are encrypted, but a guess at the passphrase costs next to nothing",
                "1 could not be read",
            ],
        )
    })

    test("looks into a home that was arranged for it, and comes back: links in circles, FIFOs and endless directories", async () => {
        await using home = await makeWorkingDirectory("doctor")
        const place = (name: string): string => path.join(home.path, ".notary/private", name)
        await mkdir(place("deep"), { recursive: true })
        await mustRun("mkfifo", [place("fifo.key")])
        await symlink(place("fifo.key"), place("linked.key"))
        await symlink("/dev/zero", place("zero.key"))
        for (let link = 0; link < 40; link += 1) await symlink(place("."), place(`circle-${link}`))
        await writeFile(place("deep/real.key"), "no key at all\n", { mode: 0o644 })
        const { stdout } = await doctor(home.path)
        const found = (JSON.parse(stdout) as Report).checks.find(({ name }) => name === "key files")
        assert.deepEqual([found?.verdict, found?.findings[0]?.split(",")[0]], ["failure", "1 private key files of docker or notary"])
    })
})

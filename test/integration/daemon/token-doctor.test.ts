import assert from "node:assert/strict"
import { chmod, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type Daemon, startDaemon } from "../../support/daemon.ts"
import { type Nss, startNss } from "../../support/nss.ts"
import { startSoftHsm } from "../../support/softhsm.ts"

const EVERYTHING = `[[allow]]\nwho = ["uid:${process.getuid?.() ?? 0}"]\ndo = ["*"]\n`

function nssToken(nss: Nss): string {
    const uri = `pkcs11:token=${nss.label}`
    return `[[token]]\nname = "nss"\nmodule = "${nss.module}"\nuri = "${uri}"\nlibrary_parameters = "${nss.libraryParameters}"\n${EVERYTHING}`
}

async function login(daemon: Daemon, token: string, pin: string): Promise<void> {
    await daemon.ok(["token", "login", token, "--pin-fd", "0"], { input: `${pin}\n` })
}

type Report = {
    readonly verdict: string
    readonly family: string
    readonly ways: readonly { readonly way: string; readonly outcome: string; readonly proven: boolean }[]
    readonly algorithms: readonly { readonly algorithm: string; readonly makes: string; readonly signs: string }[]
    readonly findings: readonly { readonly weight: string; readonly found: string }[]
    readonly quirks: { readonly serial: string; readonly quirks: Record<string, unknown> }
    readonly written: string
}

async function examine(daemon: Daemon, args: readonly string[], status: number): Promise<Report> {
    const result = await daemon.trustkey(["token", "doctor", ...args, "--json"])
    assert.equal(result.status, status, result.stderr)
    return JSON.parse(result.stdout) as Report
}

describe("trustkey token doctor", () => {
    test("tries what a token can do on keys of its own, and leaves nothing there", async () => {
        await using hsm = await startSoftHsm()
        await using daemon = await startDaemon({ tokens: { hsm } })
        // Without a login nothing is tried, no PIN is asked for, and nothing can be written down.
        const before = await examine(daemon, ["hsm"], 5)
        assert.equal(before.verdict, "incomplete")
        assert.deepEqual(before.ways, [])
        const early = await daemon.trustkey(["token", "doctor", "hsm", "--write"])
        assert.match(early.stderr, /\[login_required\]/)
        await login(daemon, "hsm", hsm.userPin)
        const report = await examine(daemon, [`pkcs11:serial=${hsm.serial}`], 0)
        assert.deepEqual([report.verdict, report.family], ["fit", "softhsm"])
        const tried = report.algorithms.filter(({ makes }) => makes === "yes")
        assert.deepEqual(
            tried.map(({ algorithm, signs }) => [algorithm, signs]),
            [
                ["p256", "yes"],
                ["p384", "yes"],
                ["ed25519", "yes"],
                ["rsa2048", "yes"],
            ],
        )
        const wraps = report.ways.filter(({ way }) => way.startsWith("CKM_AES_KEY_WRAP"))
        assert.ok(wraps.length >= 2 && wraps.every(({ outcome, proven }) => outcome === "refused" && proven))
        assert.deepEqual(JSON.parse(await daemon.ok(["token", "objects", "hsm", "--json"])), { objects: [] })
    })

    test("finds that NSS gives keys away, writes it down, and the daemon goes by what is written", async () => {
        await using nss = await startNss()
        await using daemon = await startDaemon({ rules: nssToken(nss) })
        await login(daemon, "nss", nss.userPin)
        const report = await examine(daemon, ["nss", "--write"], 4)
        assert.equal(report.verdict, "unfit")
        const opened = report.ways.filter(({ outcome, proven }) => outcome === "came-out" && proven).map(({ way }) => way)
        assert.ok(opened.includes("CKM_AES_KEY_WRAP_KWP") && opened.includes("CKM_AES_CBC_PAD"), JSON.stringify(report.ways))
        const file = path.join(daemon.stateDirectory, "quirks", "nss.json")
        assert.equal(report.written, file)
        assert.deepEqual(JSON.parse(await readFile(file, "utf8")), report.quirks)
        assert.equal(report.quirks.quirks["wrapOut"], "leaves")
        assert.equal((await stat(file)).mode & 0o777, 0o600)
        // Its signer was started anew, with what was written.
        await login(daemon, "nss", nss.userPin)
        const refused = await daemon.trustkey(["key", "create", "--token", "nss", "--purpose", "targets", "--label", "x"])
        assert.equal(refused.status, 4)
        assert.match(refused.stderr, /its quirks file says so.*\[token_unfit\]/)
        const audit = await daemon.ok(["audit", "list", "--json"])
        assert.match(audit, /quirks\\":\\"written\\",\\"token\\":\\"nss/)
    })

    test("a quirks file with a mistake, or that others may write, puts its token out of use and no other", async () => {
        await using hsm = await startSoftHsm()
        await using other = await startSoftHsm({ label: "other" })
        await using daemon = await startDaemon({ tokens: { hsm, other } })
        await login(daemon, "hsm", hsm.userPin)
        const { written } = await examine(daemon, ["hsm", "--write"], 0)
        const good = await readFile(written, "utf8")
        for (const [text, mode, expected] of [
            [good.replace("{", '{ "wrapOut": "leaves",'), 0o600, /there is no field "wrapOut"/],
            [good.replace("libsofthsm2.so", "libsofthsm3.so"), 0o600, /another module/],
            [good, 0o666, /can be written by others/],
        ] as const) {
            await daemon.stop()
            await writeFile(written, text)
            await chmod(written, mode)
            await using again = await daemon.restart()
            const tokens = JSON.parse(await again.ok(["token", "list", "--json"])) as {
                tokens: { name: string; state: string; detail: string }[]
            }
            assert.deepEqual(
                tokens.tokens.map(({ name, state }) => [name, state]),
                [
                    ["hsm", "failed"],
                    ["other", "present"],
                ],
            )
            assert.match(tokens.tokens[0]?.detail ?? "", expected)
            await login(again, "hsm", hsm.userPin)
            const refused = await again.trustkey(["key", "create", "--token", "hsm", "--purpose", "targets", "--label", "x"])
            assert.match(refused.stderr, /quirks\/hsm\.json is not used.*\[module_invalid\]/)
            assert.equal(refused.status, 78)
            // The way out that the message names.
            assert.equal((await examine(again, ["hsm", "--write"], 0)).verdict, "fit")
            await login(again, "hsm", hsm.userPin)
            await again.ok(["key", "create", "--token", "hsm", "--purpose", "targets", "--label", `made with ${mode}`])
        }
    })

    test("a URI that fits no token, or several, is answered with the tokens there are", async () => {
        await using hsm = await startSoftHsm({ label: "trust" })
        await using twin = await startSoftHsm({ label: "trust" })
        await using daemon = await startDaemon({ tokens: { a: hsm, b: twin } })
        const ask = (uri: string) => daemon.trustkey(["token", "doctor", uri])
        const several = await ask("pkcs11:token=trust")
        assert.equal(several.status, 4)
        assert.match(several.stderr, /\[object_ambiguous\]/)
        for (const { serial } of [hsm, twin]) assert.ok(several.stderr.includes(serial))
        const none = await ask("pkcs11:token=trust;serial=00")
        assert.match(none.stderr, /no configured token fits.*a \(label.*b \(label.*\[not_found\]/)
        assert.match((await ask("c")).stderr, /no token is configured as "c".*\[not_found\]/)
        for (const uri of ["pkcs11:token=trust;object=x", "pkcs11:token=trust;slot-id=1", "pkcs11:token=trust?pin-value=123456"]) {
            const bad = await ask(uri)
            assert.match(bad.stderr, /\[invalid_request\]/)
            assert.ok(!bad.stderr.includes("123456"))
        }
    })

    test("is answered on the admin socket only", async () => {
        await using hsm = await startSoftHsm()
        await using daemon = await startDaemon({ tokens: { hsm } })
        const asked = await daemon.trustkey(["token", "doctor", "hsm"], { env: { TRUSTKEYD_ADMIN_SOCKET: daemon.signSocket } })
        assert.equal(asked.status, 3)
        assert.match(asked.stderr, /\[denied\]/)
    })
})

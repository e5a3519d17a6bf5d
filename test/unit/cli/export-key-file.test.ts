import assert from "node:assert/strict"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { after, describe, test } from "node:test"
import type { KeyExportOptions } from "../../../src/cli/commands/key-export.ts"
import type { Daemon, DaemonKey } from "../../../src/cli/daemon-types.ts"
import { exportKeyFile } from "../../../src/cli/export-key-file.ts"
import { sealedSecretHash } from "../../../src/crypto/index.ts"
import { fakeDaemon, fakeSigner, refuse, sampleKey } from "./fake-daemon.ts"
import { type FakeTerminal, fakeCli, fakeTerminal } from "./fake-terminal.ts"

const GUN = "registry.example.com/team/app"

describe("key export", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "trustkeyd-export-"))
    after(() => rmSync(directory, { recursive: true }))

    type Given = { readonly key?: DaemonKey; readonly env?: Readonly<Record<string, string>>; readonly challenge?: Daemon["challenge"] }

    async function run(
        typed: readonly string[],
        options: Partial<KeyExportOptions>,
        given: Given = {},
    ): Promise<{ readonly terminal: FakeTerminal; readonly opened: readonly string[]; readonly out: string }> {
        const { key = sampleKey({ purpose: "targets", bindings: [{ role: "targets", gun: GUN }] }), env = {} } = given
        const signer = fakeSigner()
        const opened: string[] = []
        const daemon = fakeDaemon({
            challenge: given.challenge ?? signer.challenge,
            getKey: () => Promise.resolve(key),
            exportKeyFile: ({ id, format, confirm, filePassphrase, passphrase }) => {
                const subject = `${id}:${format}`
                const old = signer.open("export-file", `${subject}:${sealedSecretHash(filePassphrase)}`, passphrase)
                opened.push(confirm, old, signer.open("file-passphrase", subject, filePassphrase))
                return Promise.resolve(Buffer.from("the file"))
            },
        })
        const out = options.out ?? path.join(directory, `${opened.length}-${Math.floor(performance.now() * 1000)}.key`)
        const terminal = fakeTerminal({ typed })
        const cli = Object.assign(fakeCli(terminal, env), { daemon: () => Promise.resolve(daemon) })
        await exportKeyFile(cli, key.id, { format: "notary", ...options, out })
        return { terminal, opened, out }
    }

    test("TK-SEC-2 asks whose key leaves, for its passphrase and twice for the file's, and seals each for this key, form and file", async () => {
        const { opened, out } = await run(["3fa9c2d1", "correct horse", "for the file", "for the file"], {})
        assert.deepEqual(opened, ["3fa9c2d1", "correct horse", "for the file"])
        assert.equal(readFileSync(out, "utf8"), "the file")
        assert.equal(statSync(out).mode & 0o777, 0o600)
    })

    test("asks nothing when the key can't leave, the file is there already, or Notary's file would not say of which repository it is", async () => {
        const taken = path.join(directory, "taken.key")
        writeFileSync(taken, "somebody's")
        const out = path.join(directory, "never.key")
        const unbound = sampleKey({ purpose: "targets", bindings: [] })
        for (const [options, given, code] of [
            [{ out: taken }, {}, "already_exists"],
            [{ out }, { challenge: () => refuse("key_unfit") }, "key_unfit"],
            [{ out }, { key: unbound }, "usage"],
            [{ out, gun: GUN, format: "pkcs8" }, {}, "usage"],
        ] as const)
            await assert.rejects(run([], options, given), { code })
        assert.equal(readFileSync(taken, "utf8"), "somebody's")
        assert.equal(existsSync(out), false)
    })

    test("ends when something else is typed than the key's first digits", async () => {
        await assert.rejects(run(["3fa9c2d2"], {}), { code: "declined" })
    })

    test("docker's variable opens the key, and never becomes the file's passphrase", async () => {
        const env = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "correct horse" }
        const { opened } = await run(["3fa9c2d1", "for the file", "for the file"], {}, { env })
        assert.deepEqual(opened, ["3fa9c2d1", "correct horse", "for the file"])
    })
})

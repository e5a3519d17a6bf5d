import assert from "node:assert/strict"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { after, describe, test } from "node:test"
import type { Daemon, DaemonKey } from "../../../src/cli/daemon-types.ts"
import { importKeyFiles } from "../../../src/cli/import-files.ts"
import { weaknessOf } from "../../../src/cli/key-files.ts"
import { publicKeyOf, Secret } from "../../../src/crypto/index.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"
import { only, pbes2, pem } from "../crypto/key-file-make.ts"
import { fakeDaemon, fakeSigner, refuse, sampleKey } from "./fake-daemon.ts"
import { type FakeTerminal, fakeCli, fakeTerminal } from "./fake-terminal.ts"

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/notary/keys")
const ROOT = "272a4ce45883091949908cec2867abf5bc7acbbf198ca898db606b049acf1434"
const ALICE = "afa0927fa7218d5a9fdc3c1c00c0742f5d7ad5f03911f13595c979d5fc4bb61a"
const TARGETS = "d1bdf5bfca8c362a0848aa8974fc49f6b1bbc7b74d6c5c463b15f86506985aa8"

type Imported = { readonly id: string; readonly purpose: string; readonly label: string; readonly home: string; readonly bindings: unknown }

describe("key import", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "trustkeyd-import-"))
    after(() => rmSync(directory, { recursive: true }))

    /** A file nobody else can read. */
    function place(name: string, content: Uint8Array | string = readFileSync(path.join(VECTORS, name)), mode = 0o600): string {
        const file = path.join(directory, name)
        writeFileSync(file, content, { mode })
        return file
    }

    /** A daemon that takes in keys, with a real signer's cryptography behind it. */
    function keeper(known: readonly DaemonKey[] = []): {
        readonly daemon: Daemon
        readonly imported: Imported[]
        readonly wire: unknown[]
    } {
        const inbox = fakeSigner()
        const imported: Imported[] = []
        const wire: unknown[] = []
        const daemon = fakeDaemon({
            challenge: inbox.challenge,
            listKeys: () => Promise.resolve(known),
            listGroups: () => Promise.resolve([]),
            importKey: (request) => {
                wire.push(request)
                const { purpose, label, bindings, home } = request
                using pkcs8 = new Secret(Buffer.from(inbox.openBytes("import", "new", request.pkcs8)))
                const id = canonicalKeyIdOf(tufKey(publicKeyOf(pkcs8)))
                const place = "group" in home ? `group:${home.group}` : "token"
                const under = "passphrase" in home ? inbox.open("create", "new", home.passphrase) : place
                imported.push({ id, purpose, label, bindings, home: under })
                return Promise.resolve(sampleKey({ id, purpose, label, bindings, origin: "imported" }))
            },
        })
        return { daemon, imported, wire }
    }

    async function run(
        daemon: Daemon,
        files: readonly string[],
        options: Parameters<typeof importKeyFiles>[2],
        terminal: FakeTerminal,
        env: Readonly<Record<string, string>> = {},
    ): Promise<void> {
        const cli = Object.assign(fakeCli(terminal, env), { daemon: () => Promise.resolve(daemon) })
        await importKeyFiles(cli, files, options)
    }

    test("TK-SEC-2 a key leaves the client only sealed for the signer, and the signer gets the key of the file", async () => {
        const { daemon, imported, wire } = keeper()
        const terminal = fakeTerminal({ descriptors: { 3: "sample-delegation-pass\n", 4: "correct horse\n" } })
        await run(daemon, [place(`${ALICE}.key`)], { filePassphraseFd: 3, passphraseFd: 4 }, terminal)
        assert.deepEqual(imported, [{ id: ALICE, purpose: "delegation", label: "alice", bindings: [], home: "correct horse" }])
        assert.ok(!JSON.stringify(wire).includes("correct"))
        assert.match(terminal.printed(), /^Imported alice key afa0927fa721 from .*\.key\n$/)
        assert.match(terminal.remarks(), /PBKDF2 with 2048 rounds: guessable at about 1400 a second on one processor core/)
        assert.match(terminal.remarks(), /the old copy still lies there.*shred -u FILE/)
    })

    test("an export with keys under several passphrases: each asked for once, new ones once for each role, all imported", async () => {
        const { daemon, imported } = keeper()
        const file = place("export-all.pem")
        const entries = readFileSync(file, "utf8").match(/^role: .*$/gm) ?? []
        const vectors = (
            JSON.parse(readFileSync(path.join(VECTORS, "../vectors.json"), "utf8")) as {
                key_files: { key_id: string; passphrase: string }[]
            }
        ).key_files
        // What was typed for one key is tried for the next: every passphrase is typed when the first key needs it.
        const needed = [...readFileSync(file, "utf8").matchAll(/^path: (.*)$/gm)].map(
            ([, id]) => vectors.find(({ key_id: known }) => known === id)?.passphrase ?? "",
        )
        const words = new Set(entries.map((line) => (/role: (targets|snapshot)/.test(line) ? "repository" : line)))
        const typed = [...new Set(needed), ...[...words].flatMap(() => ["correct horse", "correct horse"])]
        const terminal = fakeTerminal({ typed })
        await run(daemon, [file], {}, terminal)
        assert.equal(imported.length, entries.length)
        assert.match(terminal.shown(), /Enter passphrase for root key with ID 272a4ce in .*export-all\.pem, key 1 of \d+: /)
        assert.equal(terminal.printed().split("\n").length - 1, entries.length)
    })

    test("everything is read, opened and checked before the first key is imported", async () => {
        const good = place(`${ALICE}.key`)
        const world = place("world.key", readFileSync(path.join(VECTORS, `${ALICE}.key`)), 0o644)
        const garbage = place("garbage.key", Buffer.from([1, 2, 3, 0xff]))
        const clear = place("alice-sec1-unencrypted.pem")
        const other = place(`${TARGETS}.key`)
        const cases: readonly (readonly [string, Parameters<typeof importKeyFiles>[2], string, RegExp])[] = [
            [world, {}, "file_unsafe", /world\.key must not be readable or writable by others/],
            [garbage, {}, "key_file_invalid", /garbage\.key: there is no private key here/],
            [place("empty.key", ""), {}, "key_file_invalid", /empty file/],
            [place("alice.pub"), {}, "key_file_invalid", /it is a public key/],
            [place("huge.key", Buffer.alloc(2 ** 20 + 1)), {}, "payload_too_large", /huge\.key is over/],
            [directory, {}, "file_unsafe", /./],
            [path.join(directory, "nothing"), {}, "not_found", /nothing does not exist/],
            [clear, {}, "usage", /alice-sec1-unencrypted\.pem: the file does not say what the key is for/],
            [other, {}, "open_failed", /the passphrase is wrong/],
            [good, { name: "both" }, "usage", /--name is for one key, and there are 2/],
            [good, { bind: ["root@example.test/app"] }, "key_unfit", /a delegation key can't be bound to root/],
        ]
        for (const [bad, options, code, message] of cases) {
            const { daemon, imported } = keeper()
            const terminal = fakeTerminal({ descriptors: { 3: "sample-delegation-pass", 4: "correct horse" } })
            await assert.rejects(run(daemon, [good, bad], { filePassphraseFd: 3, passphraseFd: 4, ...options }, terminal), {
                code,
                message,
            })
            assert.deepEqual(imported, [], bad)
            assert.equal(terminal.printed(), "")
        }
    })

    test("a key that is here is not asked for again; one that was removed, or is something else here, is refused", async () => {
        const file = place(`${ALICE}.key`)
        const options = { filePassphraseFd: 3 }
        const attempt = async (key: Partial<DaemonKey>, more = {}): Promise<FakeTerminal> => {
            const { daemon, imported } = keeper([sampleKey({ id: ALICE, purpose: "delegation", bindings: [], ...key })])
            const terminal = fakeTerminal({ descriptors: { 3: "sample-delegation-pass" } })
            await run(daemon, [file], { ...options, ...more }, terminal)
            assert.deepEqual(imported, [])
            return terminal
        }
        assert.match((await attempt({})).printed(), /^Here already: alice key afa0927fa721 from/)
        await assert.rejects(attempt({ state: "removed" }), { code: "already_exists", message: /does not come back/ })
        await assert.rejects(attempt({ purpose: "root" }), { code: "already_exists", message: /as a root key/ })
        await assert.rejects(attempt({}, { bind: ["targets/alice@example.test/app"] }), {
            code: "already_exists",
            message: /trustkey key bind afa0927fa721 --add targets\/alice@example\.test\/app$/,
        })
    })

    test("the same key in two files is imported once", async () => {
        const { daemon, imported } = keeper()
        const terminal = fakeTerminal({ descriptors: { 3: "sample-delegation-pass", 4: "correct horse" } })
        const files = [place(`${ALICE}.key`), place("again.key", readFileSync(path.join(VECTORS, `${ALICE}.key`)))]
        await run(daemon, files, { filePassphraseFd: 3, passphraseFd: 4 }, terminal)
        assert.equal(imported.length, 1)
    })

    test("one new passphrase from a descriptor serves keys of several roles", async () => {
        const { daemon, imported } = keeper()
        const clear = readFileSync(path.join(VECTORS, "alice-sec1-unencrypted.pem"), "utf8")
        const [alice, bob] = ["alice", "bob"].map((name, index) => {
            const content = index === 0 ? clear : pem("ED25519 PRIVATE KEY", notaryEd25519())
            return place(`${name}.pem`, content.replace("KEY-----\n", `KEY-----\nrole: ${name}\n\n`))
        })
        await run(daemon, [alice ?? "", bob ?? ""], { passphraseFd: 4 }, fakeTerminal({ descriptors: { 4: "correct horse\n" } }))
        assert.deepEqual(
            imported.map(({ label, home }) => `${label} ${home}`),
            ["alice correct horse", "bob correct horse"],
        )
    })

    test("docker's variable is tried once with a warning, then a person is asked", async () => {
        const { daemon, imported } = keeper()
        const terminal = fakeTerminal({ typed: ["wrong one", "sample-root-pass"] })
        const env = { DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "not that one" }
        await run(daemon, [place(`${ROOT}.key`)], {}, terminal, env)
        assert.equal(imported[0]?.purpose, "root")
        assert.match(terminal.remarks(), /warning: the passphrase comes from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE/)
        assert.match(terminal.remarks(), /Passphrase incorrect\. Please retry\./)
        await assert.rejects(run(keeper().daemon, [place(`${ROOT}.key`)], {}, fakeTerminal(), env), { code: "open_failed" })
    })

    test("a passphrase is typed three times at most; without a terminal the flag is named", async () => {
        const file = place(`${ALICE}.key`)
        const terminal = fakeTerminal({ typed: ["one", "two", "three", "sample-delegation-pass"] })
        await assert.rejects(run(keeper().daemon, [file], {}, terminal), { code: "open_failed" })
        await assert.rejects(run(keeper().daemon, [file], {}, fakeTerminal()), {
            code: "no_terminal",
            message: /--file-passphrase-fd or --file-passphrase-file/,
        })
    })

    test("who may not import is told before anything is asked", async () => {
        const terminal = fakeTerminal({ typed: ["sample-delegation-pass"] })
        const daemon = fakeDaemon({ challenge: () => refuse("denied") })
        await assert.rejects(run(daemon, [place(`${ALICE}.key`)], {}, terminal), { code: "denied" })
        assert.equal(terminal.shown(), "")
    })

    test("when the daemon refuses in the middle, what was imported before is printed", async () => {
        const { daemon, imported } = keeper()
        const importKey = daemon.importKey.bind(daemon)
        const failing = fakeDaemon({
            challenge: daemon.challenge,
            listKeys: daemon.listKeys,
            importKey: (request) => (imported.length === 1 ? refuse("storage_failed", "the disk is full") : importKey(request)),
        })
        const files = [
            place(`${ALICE}.key`),
            place("alice-sec1-unencrypted.pem", pem("ED25519 PRIVATE KEY", notaryEd25519(), ["role: bob"])),
        ]
        const terminal = fakeTerminal({ descriptors: { 3: "sample-delegation-pass", 4: "correct horse" } })
        const options = { filePassphraseFd: 3, passphraseFd: 4, json: true }
        await assert.rejects(run(failing, files, options, terminal), {
            code: "storage_failed",
            message: /unencrypted\.pem: the disk is full/,
        })
        const { keys } = JSON.parse(terminal.printed()) as { keys: { key: { id: string } }[] }
        assert.deepEqual(
            keys.map(({ key }) => key.id),
            [ALICE],
        )
    })
})

/** public ‖ seed ‖ public of RFC 8032's first test. */
function notaryEd25519(): Buffer {
    const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    const half = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    return Buffer.from(half + seed + half, "hex")
}

describe("how a file kept its key", () => {
    test("is told in figures when it is weak, and not at all when it is strong", () => {
        const weakness = (iterations: number): string | undefined =>
            weaknessOf(
                only(Buffer.from(pem("ENCRYPTED PRIVATE KEY", pbes2(Buffer.alloc(32), "x", { iterations, ciphertext: Buffer.alloc(48) })))),
            )
        assert.match(weakness(2048) ?? "", /2048 rounds: guessable at about 1400 a second/)
        assert.match(weakness(200_000) ?? "", /about 15 a second/)
        assert.equal(weakness(600_000), undefined)
        assert.match(weaknessOf(only(readFileSync(path.join(VECTORS, "alice-legacy-dek.pem")))) ?? "", /MD5 once/)
        assert.match(weaknessOf(only(readFileSync(path.join(VECTORS, "alice-sec1-unencrypted.pem")))) ?? "", /not encrypted/)
    })
})

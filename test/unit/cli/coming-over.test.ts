import assert from "node:assert/strict"
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { after, describe, test } from "node:test"
import { comeOver } from "../../../src/cli/coming-over/come-over.ts"
import { keyFileOf } from "../../../src/cli/coming-over/layout.ts"
import { readNotaryServer } from "../../../src/cli/coming-over/notary-config.ts"
import { planKey, planKnown } from "../../../src/cli/coming-over/plan.ts"
import { scanTrustDirectory } from "../../../src/cli/coming-over/scan.ts"
import type { Daemon, DaemonKey } from "../../../src/cli/daemon-types.ts"
import { shellWord } from "../../../src/cli/shell-word.ts"
import { publicKeyOf, Secret } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"
import { fakeDaemon, fakeSigner, refuse, sampleKey } from "./fake-daemon.ts"
import { type FakeTerminal, fakeCli, fakeTerminal } from "./fake-terminal.ts"

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/notary/keys")
const ROOT = "272a4ce45883091949908cec2867abf5bc7acbbf198ca898db606b049acf1434"
const ALICE = "afa0927fa7218d5a9fdc3c1c00c0742f5d7ad5f03911f13595c979d5fc4bb61a"
const TARGETS = "d1bdf5bfca8c362a0848aa8974fc49f6b1bbc7b74d6c5c463b15f86506985aa8"
const APP = "registry.example.com/app"
const OTHER = "registry.example.com/other"
const ID = "a".repeat(64)

describe("the names of key files", () => {
    for (const [name, said] of [
        [`${ID}.key`, { id: ID, role: "", gun: "" }],
        [`root_keys/${ID}_root.key`, { id: ID, role: "root", gun: "" }],
        [`tuf_keys/example.com:5000/a/b/${ID}_targets.key`, { id: ID, role: "targets", gun: "example.com:5000/a/b" }],
        [`tuf_keys/${ID}_alice.key`, { id: ID, role: "alice", gun: "" }],
        [`tuf_keys/example.com/a/${ID}_targets/releases.key`, { id: ID, role: "targets/releases", gun: "example.com/a" }],
        ["imported-under-a-name.key", { id: "", role: "", gun: "" }],
        [`${ID}.key.bak`, undefined],
        [`${ID}.pub`, undefined],
    ] as const) {
        test(`${name}: ${said === undefined ? "no key file" : JSON.stringify(said)}`, () => {
            assert.deepEqual(keyFileOf(name), said)
        })
    }
})

describe("what a key becomes", () => {
    const at = (role: string, gun = APP) => ({ role, gun })
    const verified = new Set([APP, OTHER])

    test("what is published counts before what the file says, and a key gets all its places", () => {
        const plan = planKey({ role: "alice", gun: "" }, [at("targets/alice"), at("targets/releases"), at("targets/al", OTHER)], verified)
        assert.deepEqual(plan, {
            purpose: "delegation",
            label: "alice",
            bindings: [at("targets/alice"), at("targets/releases"), at("targets/al", OTHER)],
            retired: [],
            besides: [],
        })
        assert.equal(planKey({ role: "", gun: "" }, [at("targets/releases"), at("targets/bob")], verified).label, "bob")
        assert.equal(planKey({ role: "alice", gun: "" }, [at("root")], verified).purpose, "root")
    })

    test("a key has one purpose: the file's if it is published so; the other places are named", () => {
        const both = [at("targets"), at("targets/alice", OTHER)]
        const alices = planKey({ role: "alice", gun: "" }, both, verified)
        assert.deepEqual([alices.purpose, alices.bindings, alices.besides], ["delegation", [both[1]], [both[0]]])
        const unsaid = planKey({ role: "", gun: "" }, both, verified)
        assert.deepEqual([unsaid.purpose, unsaid.bindings, unsaid.besides], ["targets", [both[0]], [both[1]]])
    })

    test("of no known repository: by the file, and a repository that is published without the key is named", () => {
        assert.deepEqual(planKey({ role: "targets", gun: APP }, [], new Set()).bindings, [at("targets")])
        assert.deepEqual(planKey({ role: "targets", gun: APP }, [], verified).retired, [APP])
        const nobodys = planKey({ role: "", gun: "" }, [], verified)
        assert.deepEqual([nobodys.purpose, nobodys.label, nobodys.bindings], ["delegation", "", []])
        for (const role of ["targets", "timestamp"]) assert.throws(() => planKey({ role, gun: "" }, [], verified), TrustkeyError)
    })

    test("a key that is here gets the places it lacks, in roles it can have", () => {
        const known = sampleKey({ purpose: "targets", bindings: [at("targets")] })
        const plan = planKnown(known, [at("targets"), at("targets", OTHER), at("snapshot")])
        assert.deepEqual(plan, { bindings: [at("targets", OTHER)], besides: [at("snapshot")] })
    })
})

test("a file's name is quoted as a shell reads it", () => {
    assert.equal(shellWord("/home/kim/.docker/a.key"), "/home/kim/.docker/a.key")
    assert.equal(shellWord("/home/it's me/$(x).key"), "'/home/it'\\''s me/$(x).key'")
})

describe("a trust directory", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "trustkeyd-over-"))
    after(() => rmSync(directory, { recursive: true }))

    function trustDirectory(name: string, ...keys: readonly string[]): string {
        const made = path.join(directory, name)
        mkdirSync(path.join(made, "private"), { recursive: true })
        for (const id of keys) place(made, `${id}.key`, readFileSync(path.join(VECTORS, `${id}.key`)))
        return made
    }

    function place(trust: string, name: string, content: Uint8Array | string, mode = 0o600): string {
        const file = path.join(trust, "private", name)
        writeFileSync(file, content, { mode })
        return file
    }

    /** A daemon that takes in keys, with a real signer's cryptography behind it. */
    function keeper(here: readonly DaemonKey[] = []): {
        readonly daemon: Daemon
        readonly imported: { id: string; label: string; under: string }[]
    } {
        const inbox = fakeSigner()
        const imported: { id: string; label: string; under: string }[] = []
        const daemon = fakeDaemon({
            challenge: inbox.challenge,
            listKeys: () => Promise.resolve(here),
            listTrust: () => Promise.resolve([]),
            listGroups: () => Promise.resolve([]),
            importKey: ({ pkcs8, purpose, label, bindings, home }) => {
                using key = new Secret(Buffer.from(inbox.openBytes("import", "new", pkcs8)))
                const id = canonicalKeyIdOf(tufKey(publicKeyOf(key)))
                imported.push({
                    id,
                    label,
                    under: "passphrase" in home ? inbox.open("create", "new", home.passphrase) : "group" in home ? home.group : home.token,
                })
                return Promise.resolve(sampleKey({ id, purpose, label, bindings, origin: "imported" }))
            },
        })
        return { daemon, imported }
    }

    async function run(
        daemon: Daemon,
        trust: string,
        terminal: FakeTerminal,
        options: Parameters<typeof comeOver>[2] = {},
        env: Readonly<Record<string, string>> = {},
    ): Promise<void> {
        await comeOver(Object.assign(fakeCli(terminal, env), { daemon: () => Promise.resolve(daemon) }), [trust], options)
    }

    const refused = (code: string) => (error: unknown) => error instanceof TrustkeyError && error.code === code

    test("every key is asked for as docker does, the plan is shown, one question, one new passphrase for all", async () => {
        const { daemon, imported } = keeper()
        const trust = trustDirectory("asked", ROOT, ALICE, TARGETS)
        const typed = [
            "wrong",
            "sample-root-pass",
            "sample-delegation-pass",
            "sample-targets-pass",
            "y",
            "new passphrase",
            "new passphrase",
        ]
        const terminal = fakeTerminal({ typed })
        await run(daemon, trust, terminal)
        assert.deepEqual(terminal.shown().split("\n").slice(0, 6), [
            "Enter passphrase for root key with ID 272a4ce: ",
            "Enter passphrase for root key with ID 272a4ce: ",
            "Enter passphrase for alice key with ID afa0927: ",
            "Enter passphrase for repository key with ID d1bdf5b: ",
            "Import 3 keys? [y/N] Enter passphrase for new keys: ",
            "Repeat passphrase for new keys: ",
        ])
        assert.deepEqual(imported.map(({ id }) => id).sort(), [ALICE, ROOT, TARGETS].sort())
        assert.deepEqual(new Set(imported.map(({ under }) => under)), new Set(["new passphrase"]))
        assert.match(terminal.printed(), /^afa0927fa721 +delegation \(alice\) +p256 +2048 rounds +- +import$/m)
        assert.match(terminal.printed(), new RegExp(`^ {2}shred -u -- ${trust}/private/${ALICE}.key$`, "m"))
        assert.equal(readdirSync(path.join(trust, "private")).length, 3)
    })

    test("a passphrase that opened one key is tried on the others; an empty answer and three wrong ones leave a key out", async () => {
        const trust = trustDirectory("reused", ROOT, ALICE, TARGETS)
        place(trust, `${ID}.key`, readFileSync(path.join(VECTORS, `${ALICE}.key`)))
        const once = keeper()
        // In the order of the names: the root, the copy of alice's under another name, alice's, the repository's.
        const terminal = fakeTerminal({ typed: ["", "sample-delegation-pass", "no", "no", "no", "y", "new passphrase", "new passphrase"] })
        await assert.rejects(run(once.daemon, trust, terminal), refused("open_failed"))
        assert.deepEqual(
            once.imported.map(({ id }) => id),
            [ALICE],
        )
        assert.match(terminal.remarks(), /named after another key than is in it, afa0927fa721/)
        assert.match(terminal.remarks(), /no passphrase was given for the root key with ID 272a4ce\n/)
        assert.match(terminal.remarks(), new RegExp(`${TARGETS}.key: the passphrase is wrong, or the file is damaged \\[open_failed\\]`))
        assert.doesNotMatch(terminal.printed(), new RegExp(`shred.*(${ROOT}|${TARGETS})`))
    })

    test("no: nothing is taken in. Nobody to ask: the flag is named, before anything happens", async () => {
        const trust = trustDirectory("declined", ALICE)
        const { daemon, imported } = keeper()
        await assert.rejects(run(daemon, trust, fakeTerminal({ typed: ["sample-delegation-pass", "n"] })), refused("declined"))
        await assert.rejects(run(daemon, trust, fakeTerminal()), (error) => /--file-passphrase-fd/.test(String(error)))
        const descriptors = { 3: "sample-delegation-pass\n", 4: "new passphrase\n" }
        const silent = fakeTerminal({ descriptors })
        await assert.rejects(run(daemon, trust, silent, { filePassphraseFd: 3 }), (error) => /use --yes/.test(String(error)))
        assert.deepEqual(imported, [])
        await run(daemon, trust, fakeTerminal({ descriptors }), { filePassphraseFd: 3, passphraseFd: 4, yes: true })
        assert.deepEqual(imported, [{ id: ALICE, label: "alice", under: "new passphrase" }])
    })

    test("a key that is here is neither opened nor imported; one that was removed here stays out", async () => {
        const trust = trustDirectory("here", ALICE, TARGETS)
        const alice = sampleKey({ id: ALICE, purpose: "delegation", label: "alice", bindings: [] })
        const terminal = fakeTerminal()
        const { daemon, imported } = keeper([alice, sampleKey({ id: TARGETS, state: "removed" })])
        await assert.rejects(run(daemon, trust, terminal), refused("already_exists"))
        assert.deepEqual(imported, [])
        assert.match(terminal.printed(), /^afa0927fa721 .* here already$/m)
        assert.match(terminal.printed(), /was removed here, and a removed key does not come back \[already_exists\]/)
        assert.match(terminal.printed(), new RegExp(`what their names say:\n {2}shred -u -- ${trust}/private/${ALICE}.key\n`))
        assert.doesNotMatch(terminal.printed(), new RegExp(`shred.*${TARGETS}`))
    })

    test("a file with a key that is not here is none to remove", async () => {
        const trust = trustDirectory("two-in-one", ALICE)
        appendFileSync(path.join(trust, "private", `${ALICE}.key`), readFileSync(path.join(VECTORS, `${TARGETS}.key`)))
        const { daemon, imported } = keeper()
        const terminal = fakeTerminal({ typed: ["sample-delegation-pass", ""], descriptors: { 4: "new passphrase\n" } })
        await run(daemon, trust, terminal, { yes: true, passphraseFd: 4 })
        assert.deepEqual(
            imported.map(({ id }) => id),
            [ALICE],
        )
        assert.doesNotMatch(terminal.printed(), /shred/)
    })

    test("a key the daemon refuses does not keep the others out; a daemon that went away ends the run, with what was done", async () => {
        const trust = trustDirectory("refused", ROOT, ALICE)
        const options = { yes: true, passphraseFd: 4 }
        const typed = ["sample-root-pass", "sample-delegation-pass"]
        const picky = keeper()
        const terminal = fakeTerminal({ typed, descriptors: { 4: "new passphrase\n" } })
        const withoutRoots: Daemon["importKey"] = (request) =>
            request.purpose === "root" ? refuse("denied") : picky.daemon.importKey(request)
        const daemon = new Proxy(picky.daemon, {
            get: (target, name) => (name === "importKey" ? withoutRoots : Reflect.get(target, name)),
        })
        await assert.rejects(run(daemon, trust, terminal, options), refused("denied"))
        assert.deepEqual(
            picky.imported.map(({ id }) => id),
            [ALICE],
        )
        assert.match(terminal.remarks(), /root key 272a4ce45883: no \[denied\]/)

        let calls = 0
        const leaving: Daemon["importKey"] = (request) => {
            calls += 1
            return calls === 1 ? picky.daemon.importKey(request) : refuse("daemon_unreachable")
        }
        const gone = new Proxy(picky.daemon, { get: (target, name) => (name === "importKey" ? leaving : Reflect.get(target, name)) })
        const second = fakeTerminal({ typed, descriptors: { 4: "new passphrase\n" } })
        await assert.rejects(run(gone, trust, second, options), refused("daemon_unreachable"))
        assert.match(second.printed(), /^Imported root key/m)
        assert.equal([...second.printed().matchAll(/shred/g)].length, 1)
    })

    test("links are named and not followed, wherever they are; other people's repositories' names too", async () => {
        const trust = trustDirectory("links", ALICE)
        symlinkSync(path.join(VECTORS, `${ROOT}.key`), path.join(trust, "private", `${ROOT}.key`))
        symlinkSync(VECTORS, path.join(trust, "private", "tuf_keys"))
        mkdirSync(path.join(trust, "tuf", "bad name", "metadata"), { recursive: true })
        writeFileSync(path.join(trust, "tuf", "bad name", "metadata", "root.json"), "{}")
        mkdirSync(path.join(trust, "tuf", APP), { recursive: true })
        symlinkSync(VECTORS, path.join(trust, "tuf", APP, "metadata"))
        cpSync(trust, `${trust}.old`, { recursive: true, verbatimSymlinks: true })
        const found = await scanTrustDirectory(trust)
        assert.deepEqual(
            found.files.map(({ id }) => id),
            [ALICE],
        )
        assert.deepEqual(found.repositories, [])
        assert.deepEqual(found.neighbours, [`${trust}.old`])
        assert.deepEqual(found.leftOut.map(({ what, code }) => [path.relative(trust, what), code]).slice(0, 3), [
            [`private/${ROOT}.key`, undefined],
            ["private/tuf_keys", undefined],
            [path.relative(trust, "bad name"), "invalid_request"],
        ])
        assert.deepEqual(found.leftOut.at(-1)?.what, path.join(trust, "tuf", APP, "metadata"))
        await assert.rejects(scanTrustDirectory(directory), refused("not_found"))
        await assert.rejects(scanTrustDirectory(path.join(directory, "nowhere")), refused("not_found"))
    })

    test("notary's own configuration names its server, and whatever else it may hold is no obstacle", async () => {
        const trust = trustDirectory("configured")
        for (const [text, server] of [
            [
                `{"remote_server":{"url":"https://notary.example.com:4443","root_ca":"root-ca.crt"}}`,
                { url: "https://notary.example.com:4443", authority: path.join(trust, "root-ca.crt") },
            ],
            [`{"remote_server":{"url":"https://notary.example.com"}}`, { url: "https://notary.example.com", authority: undefined }],
            [`{"remote_server":{"url":"http://notary.example.com"}}`, undefined],
            [`{"remote_server":"none"}`, undefined],
            ["null", undefined],
            ["not JSON", undefined],
        ] as const) {
            writeFileSync(path.join(trust, "config.json"), text)
            assert.deepEqual(await readNotaryServer(trust), server, text)
        }
    })
})

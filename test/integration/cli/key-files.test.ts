import assert from "node:assert/strict"
import { createPublicKey } from "node:crypto"
import { chmod, copyFile, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { type FrontEnd, runCli } from "../../../src/cli/index.ts"
import { type Daemon, startDaemon } from "../../support/daemon.ts"
import { runCommand } from "../../support/process.ts"
import { fakeContext, fakeTerminal } from "../../unit/cli/fake-terminal.ts"

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/notary/keys")
const ALICE = "afa0927fa7218d5a9fdc3c1c00c0742f5d7ad5f03911f13595c979d5fc4bb61a"

type Key = { id: string; label: string; purpose: string; origin: string; home: string; bindings: unknown[] }

describe("keys in files, with the real daemon", () => {
    let daemon: Daemon
    let passphrase: string

    before(async () => {
        daemon = await startDaemon()
        passphrase = await place("passphrase", "correct horse battery\n")
    })
    after(async () => {
        await daemon?.[Symbol.asyncDispose]()
    })

    async function place(name: string, content?: string | Uint8Array, mode = 0o600): Promise<string> {
        const file = path.join(daemon.directory, name)
        await writeFile(file, content ?? (await readFile(path.join(VECTORS, name))), { mode })
        await chmod(file, mode)
        return file
    }

    async function keys(): Promise<readonly Key[]> {
        return (JSON.parse(await daemon.ok(["key", "list", "--json"])) as { keys: Key[] }).keys
    }

    type Said = { readonly code: number; readonly stdout: string; readonly stderr: string; readonly shown: string }

    /** A command under one of our names; `typed` at the terminal. */
    async function say(
        frontEnd: FrontEnd,
        argv: readonly string[],
        typed?: readonly string[],
        env: Record<string, string> = {},
    ): Promise<Said> {
        const terminal = fakeTerminal(typed === undefined ? {} : { typed })
        const context = fakeContext(terminal, { TRUSTKEYD_SOCKET: daemon.signSocket, TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket, ...env })
        const code = await runCli(argv, { ...context, frontEnd })
        return { code, stdout: terminal.printed(), stderr: terminal.remarks(), shown: terminal.shown() }
    }

    const trust = (frontEnd: FrontEnd): readonly string[] => (frontEnd === "trustkey" ? ["trust"] : [])

    test("key load asks for the old passphrase and the new one, says docker's lines, and the key opens under the new one", async () => {
        const file = await place("alice-legacy-dek.pem")
        const typed = ["wrong", "sample-legacy-pass", "correct horse battery", "correct horse battery"]
        const { code, stdout, shown, stderr } = await say("docker trust", ["key", "load", file, "--name", "alice"], typed)
        assert.equal(code, 0, stderr)
        assert.equal(stdout, `Loading key from "${file}"...\nSuccessfully imported key from ${file}\n`)
        assert.match(shown, /^Enter passphrase for encrypted key: \nEnter passphrase for encrypted key: \n/)
        assert.match(shown, /new alice key with ID afa0927: /)
        assert.match(stderr, /MD5 once/)
        const key = (await keys()).find(({ id }) => id === ALICE)
        assert.deepEqual(
            [key?.label, key?.purpose, key?.origin, key?.home, key?.bindings],
            ["alice", "delegation", "imported", "sealed", []],
        )
        await daemon.ok(["key", "unlock", ALICE, "--passphrase-file", passphrase])
        assert.equal((JSON.parse(await daemon.ok(["key", "show", ALICE, "--json"])) as { state: string }).state, "unlocked")
        await daemon.ok(["key", "lock", ALICE])

        // Once more, from another form of the same key: docker would write it anew.
        const again = await say("docker trust", ["key", "load", await place(`${ALICE}.key`)], ["sample-delegation-pass"])
        assert.equal(again.code, 0, again.stderr)
        assert.match(again.stdout, /Successfully imported key from/)
        assert.match(again.stderr, /was here already, under the passphrase it has/)
    })

    test("what key load refuses, in docker's words, under each name; nothing is imported", async () => {
        const open = await place("open.key", await readFile(path.join(VECTORS, `${ALICE}.key`)), 0o640)
        const publicKey = await place("alice.pub")
        const encrypted = await place("31d6a2ac876ee4d2698414a51e99b416707bad65fd072b5d80bb417348715fd7.key")
        const two = await place("two.pem", `${await readFile(path.join(VECTORS, "alice-sec1-unencrypted.pem"), "utf8")}`.repeat(2))
        const linked = path.join(daemon.directory, "linked.key")
        await symlink(open, linked)
        const nothing = path.join(daemon.directory, "nothing.key")
        const folder = path.join(daemon.directory, "folder.key")
        await mkdir(folder, { mode: 0o700 })
        const garbage = await place("garbage.key", Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 7) & 0xff)))
        const fifo = path.join(daemon.directory, "fifo.key")
        assert.equal((await runCommand("/usr/bin/mkfifo", ["-m", "600", fifo], {})).status, 0)
        const notSupported = (file: string): string =>
            `error importing key from ${file}: provided file ${file} is not a supported private key - to add a signer's public key use docker trust signer add\n`
        const readable = (file: string): string =>
            `refusing to load key from ${file}: private key file ${file} must not be readable or writable by others\n`
        const cases: readonly (readonly [file: string, exit: number, code: string, said: string])[] = [
            [open, 4, "file_unsafe", readable(open)],
            [linked, 4, "file_unsafe", readable(linked)],
            [VECTORS, 4, "file_unsafe", readable(VECTORS)],
            [folder, 4, "file_unsafe", `refusing to load key from ${folder}: ${folder} is not a regular file\n`],
            [fifo, 4, "file_unsafe", `refusing to load key from ${fifo}: ${fifo} is not a regular file\n`],
            [nothing, 4, "not_found", `refusing to load key from ${nothing}: stat ${nothing}: no such file or directory\n`],
            [publicKey, 4, "key_file_invalid", notSupported(publicKey)],
            [garbage, 4, "key_file_invalid", notSupported(garbage)],
            [await place("empty.key", ""), 4, "key_file_invalid", notSupported(path.join(daemon.directory, "empty.key"))],
            [
                encrypted,
                5,
                "open_failed",
                `error importing key from ${encrypted}: cannot load key from provided file ${encrypted}: could not decrypt key\n`,
            ],
            [
                two,
                4,
                "invalid_request",
                `error importing key from ${two}: there are 2 private keys in it; trustkey key import ${two} takes them all\n`,
            ],
            [
                await place("huge.key", Buffer.alloc(2 ** 20 + 1)),
                4,
                "payload_too_large",
                `refusing to load key from ${path.join(daemon.directory, "huge.key")}: huge.key is over 1048576 bytes\n`,
            ],
        ]
        const before = await keys()
        for (const frontEnd of ["trustkey", "docker trustkey", "docker trust"] as const) {
            for (const [file, exit, code, said] of cases) {
                const result = await say(frontEnd, [...trust(frontEnd), "key", "load", file], ["one", "two", "three"])
                assert.equal(result.code, frontEnd === "trustkey" ? exit : 1, result.stderr)
                assert.equal(result.stdout, `Loading key from "${file}"...\n`)
                assert.ok(result.stderr.includes(frontEnd === "trustkey" ? `trustkey: ${said.trimEnd()} [${code}]` : said), result.stderr)
                assert.ok(result.stderr.includes(`[${code}]`), result.stderr)
            }
            const named = await say(frontEnd, [...trust(frontEnd), "key", "load", publicKey, "--name", "Foo"])
            assert.equal(named.stdout, "")
            assert.match(
                named.stderr,
                /key name "Foo" must start with lowercase alphanumeric characters and can include "-" or "_" after the first/,
            )
        }
        assert.deepEqual(await keys(), before)
        assert.match((await say("trustkey", ["trust", "key", "load", publicKey])).stderr, /it is a public key/)
    })

    test("a symbolic link to a private file is followed, as docker follows it", async () => {
        const linked = path.join(daemon.directory, "link-to-carol.key")
        const carol = "cd2f1d883c70b95e5d60f09df3ed99ffec9e0e59209a3130e0f8caecba8724df.key"
        await symlink(await place(carol), linked)
        const old = await place("old-delegation", "sample-delegation-pass")
        await daemon.ok(["trust", "key", "load", linked, "--file-passphrase-file", old, "--passphrase-file", passphrase])
        assert.equal((await keys()).find(({ id }) => carol.startsWith(id))?.label, "carol")
    })

    test("key load keeps a root key a root key, and takes docker's variables", async () => {
        const file = await place("272a4ce45883091949908cec2867abf5bc7acbbf198ca898db606b049acf1434.key")
        const env = { DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "sample-root-pass" }
        const { code, stderr } = await say("docker trustkey", ["key", "load", file, "--name", "ignored"], undefined, env)
        assert.equal(code, 0, stderr)
        assert.match(stderr, /warning: the passphrase comes from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE/)
        const key = (await keys()).find(({ id }) => id.startsWith("272a4ce4"))
        assert.deepEqual([key?.purpose, key?.label], ["root", ""])
    })

    test("key generate makes a key in the daemon and writes docker's NAME.pub", async () => {
        const directory = path.join(daemon.directory, "pubs")
        await mkdir(directory)
        for (const [frontEnd, name] of [
            ["docker trust", "dora"],
            ["trustkey", "emil"],
        ] as const) {
            const file = path.join(directory, `${name}.pub`)
            const typed = ["correct horse battery", "correct horse battery"]
            const { code, stdout, stderr } = await say(frontEnd, [...trust(frontEnd), "key", "generate", name, "--dir", directory], typed)
            assert.equal(code, 0, stderr)
            assert.equal(
                stdout,
                `Generating key for ${name}...\nSuccessfully generated and loaded private key. Corresponding public key available: ${file}\n`,
            )
            const text = await readFile(file, "utf8")
            // docker's own, but for the 91 bytes of the key.
            assert.match(
                text,
                new RegExp(`^-----BEGIN PUBLIC KEY-----\nrole: ${name}\n\n[\\w+/=]{64}\n[\\w+/=]{60}\n-----END PUBLIC KEY-----\n$`),
            )
            assert.equal((await stat(file)).mode & 0o777, 0o600)
            const key = (await keys()).find(({ label }) => label === name) ?? assert.fail()
            assert.deepEqual([key.purpose, key.origin, key.home, key.bindings], ["delegation", "generated", "sealed", []])
            const der = createPublicKey(text.replace(/^role: .*\n\n/m, "")).export({ type: "spki", format: "der" })
            assert.equal(await daemon.ok(["key", "public", key.id, "--format", "base64"]), `${der.toString("base64")}\n`)
        }
    })

    test("key generate looks before it makes anything", async () => {
        const before = await keys()
        await place("taken.pub", "somebody's", 0o644)
        await place("file", "no directory")
        await symlink("/nonexistent/elsewhere", path.join(daemon.directory, "dangling.pub"))
        const cases: readonly (readonly [argv: readonly string[], code: string, message: string])[] = [
            [["Foo"], "invalid_request", 'key name "Foo" must start with lowercase alphanumeric characters'],
            [["../up"], "invalid_request", 'key name "../up" must start with'],
            [["dora", "--dir", "/nonexistent"], "not_found", 'public key path does not exist: "/nonexistent"'],
            [["dora", "--dir", path.join(daemon.directory, "file")], "not_found", "public key path does not exist"],
            [
                ["taken", "--dir", daemon.directory],
                "already_exists",
                `public key file already exists: "${path.join(daemon.directory, "taken.pub")}"`,
            ],
            [["dangling", "--dir", daemon.directory], "already_exists", "public key file already exists"],
        ]
        for (const [argv, code, message] of cases) {
            const { stdout, stderr, code: exit } = await say("docker trust", ["key", "generate", ...argv], ["correct horse battery"])
            assert.equal(exit, 1)
            assert.equal(stdout, "")
            assert.ok(stderr.startsWith(message) && stderr.includes(`[${code}]`), stderr)
        }
        assert.deepEqual(await keys(), before)
        assert.equal(await readFile(path.join(daemon.directory, "taken.pub"), "utf8"), "somebody's")
    })

    test("when NAME.pub can't be written in the end, the key's ID is said and how to get the file", async () => {
        // A directory in which nobody can make a file, root neither.
        const args = ["trust", "key", "generate", "gina", "--dir", "/proc", "--passphrase-file", passphrase]
        const { status, stderr } = await daemon.trustkey(args)
        assert.equal(status, 1, stderr)
        const key = (await keys()).find(({ label }) => label === "gina") ?? assert.fail()
        assert.match(stderr, new RegExp(`key ${key.id} was made.*trustkey key public ${key.id.slice(0, 12)} --out FILE`))
        const file = path.join(daemon.directory, "gina.pub")
        await daemon.ok(["key", "public", key.id.slice(0, 12), "--out", file])
        assert.match(await readFile(file, "utf8"), /BEGIN PUBLIC KEY/)
    })

    test("key import of docker's whole private directory, in one go and again", async () => {
        const docker = path.resolve(VECTORS, "../docker/private")
        const directory = path.join(daemon.directory, "private")
        await mkdir(directory, { mode: 0o700 })
        const files = [
            "14128527e395bc2db7821efba600e9dc3a1536a67be8624629c7da5930abd065",
            "2bb95cea673b171b7355208c9254897dcd69c91e1de78a79c75bb0921ae2dc78",
        ]
        for (const id of files) {
            await copyFile(path.join(docker, `${id}.key`), path.join(directory, `${id}.key`))
            await chmod(path.join(directory, `${id}.key`), 0o600)
        }
        await daemon.ok(["key", "group", "create", "imported", "--passphrase-file", passphrase])
        const old = await place("old-repo", "sample-docker-repo")
        const args = ["key", "import", ...files.map((id) => path.join(directory, `${id}.key`)), "--file-passphrase-file", old]
        const first = await daemon.ok([...args, "--group", "imported", "--passphrase-file", passphrase])
        assert.match(
            first,
            /^Imported repository key 14128527e395 \(targets@localhost:21500\/sample\/img\) from .*\nImported dana key 2bb95cea673b from .*\n$/,
        )
        assert.match(await daemon.ok([...args, "--passphrase-file", passphrase]), /^Here already: .*\nHere already: .*\n$/)
        const imported = (await keys()).filter(({ id }) => files.includes(id))
        assert.deepEqual(
            imported.map(({ origin, home }) => `${origin} ${home}`),
            ["imported group:imported", "imported group:imported"],
        )
        assert.match(await daemon.ok(["audit", "list", "--json"]), /"import-key"/)
    })
})

import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { chmod, cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { startNotaryClient } from "../support/notary-client.ts"
import type { CommandResult } from "../support/process.ts"
import { openTrustRig, signArgs, type TrustRig } from "../support/trust-rig.ts"

/** What the rig's stock clients encrypt with, and what one repository's keys are encrypted with instead. */
const PASSPHRASE = "stock-client-passphrase"
const OTHER_PASSPHRASE = "another-teams-passphrase"

const APP = "registry.example.com/over/app"
const DEEP = "registry.example.com:5000/over/team/deep"
const LIB = "example.test/over/lib"
const GONE = "example.test/over/gone"
const STOLEN = "example.test/over/stolen"
const DAMAGED = "d".repeat(64)
const ELSEWHERE = "e".repeat(64)
const FOREIGN = "notes.txt"

type Report = {
    dryRun: boolean
    keys: {
        id: string
        purpose: string
        label: string
        algorithm: string
        outcome: string
        files: { path: string }[]
        places: { role: string; gun: string }[]
        key?: { origin: string; bindings: { role: string; gun: string }[] }
    }[]
    repositories: { gun: string; outcome: string; roles: string[]; fingerprint: string }[]
    leftOut: { what: string; why: string; code?: string }[]
    neighbours: string[]
}

/** Trust directories that docker and notary made, taken in whole; then the stock clients judge what is signed with those keys. */
describe("coming over from docker and notary", () => {
    let rig: TrustRig
    let dockerTrust: string
    /** The notary client's, with old file names and what does not belong there. */
    let notaryTrust: string
    let unsafe: string

    before(async () => {
        rig = await openTrustRig()
        dockerTrust = path.join(rig.docker.configDirectory, "trust")
        notaryTrust = path.join(rig.client.directory, "dot-notary")
        await makeDockersRepositories()
        await makeNotarysRepositories()
        await spoil()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    async function makeDockersRepositories(): Promise<void> {
        const directory = rig.docker.configDirectory
        await rig.dockerOk(["trust", "key", "generate", "alice", "--dir", directory])
        // P-384 and RSA, as OpenSSL makes them: docker encrypts its copy.
        for (const [name, args] of [
            ["carol", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]],
            ["bob", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]],
        ] as const) {
            const file = path.join(rig.client.directory, `${name}.pem`)
            execFileSync("openssl", [...args, "-out", file], { stdio: "ignore" })
            await chmod(file, 0o600)
            execFileSync("openssl", ["pkey", "-in", file, "-pubout", "-out", path.join(directory, `${name}.pub`)])
            await rig.dockerOk(["trust", "key", "load", "--name", name, file])
        }
        for (const name of ["alice", "bob"])
            await rig.dockerOk(["trust", "signer", "add", "--key", path.join(directory, `${name}.pub`), name, APP])
        const add = ["trust", "signer", "add", "--key", path.join(directory, "carol.pub"), "carol", DEEP]
        const other = await rig.docker.run(add, { env: { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: OTHER_PASSPHRASE } })
        assert.equal(other.status, 0, other.stderr)
    }

    async function makeNotarysRepositories(): Promise<void> {
        for (const gun of [LIB, GONE, STOLEN]) await rig.stock(["init", gun, "-p"])
        await cp(rig.client.trustDirectory, notaryTrust, { recursive: true })
        for (const gun of [GONE, STOLEN]) {
            const reference = parseReference(gun)
            const place = { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url }
            await (await openTrustServer(reference, place, "push")).remove(reference.gun)
        }
        // Whoever has the server makes the repository anew, with a root of theirs.
        const passphrases = { root: "thief-thief", targets: "thief-thief", snapshot: "thief-thief", delegation: "thief-thief" }
        await using thief = await startNotaryClient({ notary: rig.notary, passphrases })
        assert.equal((await thief.run(["init", STOLEN, "-p"])).status, 0)
    }

    async function spoil(): Promise<void> {
        const keys = path.join(notaryTrust, "private")
        for (const name of await readdir(keys)) {
            const text = await readFile(path.join(keys, name), "utf8")
            const role = /^role: (.*)$/m.exec(text)?.[1]
            const gun = /^gun: (.*)$/m.exec(text)?.[1]
            const id = path.basename(name, ".key")
            const old = role === "root" ? `root_keys/${id}_root.key` : gun === LIB ? `tuf_keys/${gun}/${id}_${role}.key` : undefined
            if (old === undefined) continue
            const file = path.join(keys, old)
            await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
            await rename(path.join(keys, name), file)
        }
        const dockers = path.join(dockerTrust, "private")
        await writeFile(path.join(dockers, `${DAMAGED}.key`), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqG\n", { mode: 0o600 })
        await symlink("/etc/hostname", path.join(dockers, `${ELSEWHERE}.key`))
        await writeFile(path.join(dockers, FOREIGN), "not a key")
        unsafe = path.join(dockers, `${"a".repeat(64)}.key`)
        await writeFile(unsafe, "a key that everybody could read", { mode: 0o644 })
        await chmod(unsafe, 0o644)
    }

    const env = (): Record<string, string> => ({
        DOCKER_CONFIG: rig.docker.configDirectory,
        DOCKER_CONTENT_TRUST_SERVER: rig.notary.url,
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: OTHER_PASSPHRASE,
    })

    async function argsFor(daemon: Daemon, directories: readonly string[]): Promise<readonly string[]> {
        const old = path.join(daemon.directory, "old-passphrase")
        await writeFile(old, `${PASSPHRASE}\n`, { mode: 0o600 })
        const secrets = ["--file-passphrase-file", old, "--passphrase-file", rig.passphraseFile]
        return ["key", "import", "--from-docker-trust", ...directories, ...secrets]
    }

    async function comeOver(
        daemon: Daemon,
        directories: readonly string[],
        more: readonly string[],
        moreEnv: Readonly<Record<string, string>> = {},
    ): Promise<CommandResult> {
        return await daemon.trustkey([...(await argsFor(daemon, directories)), ...more], { env: { ...env(), ...moreEnv } })
    }

    async function reported(
        daemon: Daemon,
        directories: readonly string[],
        status: number,
        more: readonly string[] = [],
        moreEnv: Readonly<Record<string, string>> = {},
    ): Promise<Report> {
        const result = await comeOver(daemon, directories, ["--json", "--yes", ...more], moreEnv)
        assert.equal(result.status, status, `${result.stdout}${result.stderr}`)
        return JSON.parse(result.stdout) as Report
    }

    /** Every file below a directory, and what is in it. */
    async function contentOf(directory: string): Promise<ReadonlyMap<string, string>> {
        const content = new Map<string, string>()
        for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
            const file = path.join(entry.parentPath, entry.name)
            if (entry.isFile())
                content.set(
                    file,
                    createHash("sha256")
                        .update(await readFile(file))
                        .digest("hex"),
                )
        }
        return content
    }

    const outcomes = ({ keys, repositories }: Report): readonly string[] => [
        ...new Set([...keys, ...repositories].map(({ outcome }) => outcome)),
    ]

    /** Signed in all of them, by the daemon alone; the stock clients see it. */
    async function signEverywhere(daemon: Daemon, tag: string): Promise<void> {
        for (const gun of [APP, DEEP, LIB]) {
            const args = signArgs(`${gun}:${tag}`, "ab", "--passphrase-file", rig.passphraseFile)
            await daemon.ok(args, { env: { ...env(), DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "" } })
        }
        const signers = async (gun: string) => (await rig.signedTags(gun)).find((signed) => signed.tag === tag)?.signers.toSorted()
        assert.deepEqual(await signers(APP), ["alice", "bob"])
        assert.deepEqual(await signers(DEEP), ["carol"])
        assert.deepEqual(await signers(LIB), ["Repo Admin"])
        for (const gun of [APP, DEEP, LIB])
            assert.ok(
                (await rig.listed(gun)).some(({ name }) => name === tag),
                gun,
            )
    }

    test("a dry run shows the plan, takes in nothing and leaves everything as it is", async () => {
        await using daemon = await startDaemon()
        const before = [await contentOf(dockerTrust), await contentOf(notaryTrust)]
        const { status, stdout, stderr } = await comeOver(daemon, [dockerTrust, notaryTrust], ["--dry-run"])
        assert.equal(status, 7, stderr)
        assert.match(stdout, /REPOSITORY +FINGERPRINT/)
        assert.match(
            stdout,
            new RegExp(`${APP} +${await rig.fingerprint(APP)} +root, targets, targets/alice, targets/bob, targets/releases +adopt`),
        )
        assert.match(stdout, /delegation \(carol\) +p384 +2048 rounds/)
        assert.match(stdout, new RegExp(`^ {2}${STOLEN}: root version 1 is served with other content.*\\[verification_failed\\]$`, "m"))
        assert.match(stderr, new RegExp(`4 things would not come over, ${STOLEN} among them \\[verification_failed\\]`))
        assert.deepEqual(JSON.parse(await daemon.ok(["key", "list", "--json"])), { keys: [] })
        assert.deepEqual([await contentOf(dockerTrust), await contentOf(notaryTrust)], before)
    })

    test("both directories in one go: every key signs where it is trusted, what can't come over is named, and a second run does nothing", async () => {
        await using daemon = await startDaemon()
        const home = path.join(daemon.directory, ".notary")
        await cp(notaryTrust, home, { recursive: true })
        const before = new Map([...(await contentOf(dockerTrust)), ...(await contentOf(home))])
        // The usual places: docker's by DOCKER_CONFIG, notary's in HOME.
        const report = await reported(daemon, [], 7)

        const of = (gun: string) => report.repositories.find((repository) => repository.gun === gun)
        assert.deepEqual(of(APP)?.roles, ["root", "targets", "targets/alice", "targets/bob", "targets/releases"])
        assert.deepEqual(of(DEEP)?.roles, ["root", "targets", "targets/carol", "targets/releases"])
        assert.deepEqual(of(LIB)?.roles, ["root", "snapshot", "targets"])
        assert.deepEqual(
            report.repositories.map(({ outcome }) => outcome),
            ["adopted", "adopted", "adopted"],
        )
        for (const key of report.keys) {
            assert.equal(key.outcome, "imported")
            assert.equal(key.key?.origin, "imported")
            assert.deepEqual(key.key?.bindings, key.places)
        }
        const named = (label: string) => report.keys.find((key) => key.label === label)
        assert.equal(named("alice")?.algorithm, "p256")
        assert.equal(named("bob")?.algorithm, "rsa2048")
        assert.equal(named("carol")?.algorithm, "p384")
        // One root key for both of docker's repositories, another for notary's.
        const roots = report.keys.filter(({ purpose }) => purpose === "root").map(({ places }) => places.map(({ gun }) => gun))
        assert.deepEqual(
            roots.toSorted((a, b) => a.length - b.length).map((guns) => guns.toSorted()),
            [[LIB], [APP, DEEP].toSorted()],
        )

        const why = (what: string) => report.leftOut.find((left) => left.what.endsWith(what))
        assert.equal(why(`${DAMAGED}.key`)?.code, "key_file_invalid")
        assert.match(why(`${ELSEWHERE}.key`)?.why ?? "", /symbolic link/)
        assert.equal(why(FOREIGN)?.code, undefined)
        assert.equal(why(unsafe)?.code, "file_unsafe")
        assert.match(why(unsafe)?.why ?? "", new RegExp(`chmod 600 ${unsafe}$`))
        assert.equal(why(GONE)?.code, "no_trust_data")
        assert.equal(why(STOLEN)?.code, "verification_failed")

        // In docker's directory our own commands remember the repositories of the other; what was there is as it was.
        const after = new Map([...(await contentOf(dockerTrust)), ...(await contentOf(home))])
        for (const [file, hash] of before) assert.equal(after.get(file), hash, file)
        for (const file of after.keys()) assert.ok(before.has(file) || file.startsWith(path.join(dockerTrust, "tuf", LIB)), file)

        await signEverywhere(daemon, "first")
        const again = await reported(daemon, [], 7)
        assert.deepEqual(outcomes(again), ["here"])
        // The way back: the stock client still has its keys, and both build on what the other published.
        await rig.stock(["addhash", LIB, "by-notary", "1234", "--sha256", "cd".repeat(32), "-p"])
        await signEverywhere(daemon, "second")
        const tags = (await rig.listed(LIB)).map(({ name }) => name)
        for (const tag of ["first", "by-notary", "second"]) assert.ok(tags.includes(tag), `${tag} of ${tags.join(", ")}`)
        const audit = JSON.parse(await daemon.ok(["audit", "list", "--json"])) as { records: { action: string }[] }
        assert.equal(audit.records.filter(({ action }) => action === "import-key").length, report.keys.length)
    })

    test("without the admin socket the keys come over, and what an administrator types is printed; it does the rest", async () => {
        await using daemon = await startDaemon()
        const directories = [dockerTrust, notaryTrust]
        const first = await comeOver(daemon, directories, ["--yes", "--admin-socket", path.join(daemon.directory, "none.sock")])
        assert.equal(first.status, 7, first.stderr)
        assert.match(first.stdout, /^Imported root key [0-9a-f]{12} for root@/m)
        const lines = [...first.stderr.matchAll(/(trust adopt \S+ --confirm [0-9a-f]{16})/g)].map(([line]) => line)
        assert.deepEqual(lines.map((line) => line.split(" ")[2]).toSorted(), [APP, DEEP, LIB].toSorted())
        for (const line of lines) await daemon.ok(line.split(" "), { env: env() })
        await signEverywhere(daemon, "by-hand")
        assert.deepEqual(outcomes(await reported(daemon, directories, 7)), ["here"])
    })

    test("with the trust server down the keys come over by what their files say; a later run adopts and binds the rest", async () => {
        await using daemon = await startDaemon()
        const directories = [dockerTrust, notaryTrust]
        const down = await reported(daemon, directories, 4, [], { DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:9" })
        assert.deepEqual(down.repositories, [])
        assert.deepEqual(
            down.leftOut
                .filter(({ code }) => code === "server_unreachable")
                .map(({ what }) => what)
                .toSorted(),
            [APP, DEEP, GONE, LIB, STOLEN].toSorted(),
        )
        const targets = down.keys.filter(({ purpose }) => purpose === "targets")
        assert.deepEqual(targets.map(({ key }) => key?.bindings[0]?.gun).toSorted(), [APP, DEEP, GONE, LIB, STOLEN].toSorted())
        const later = await reported(daemon, directories, 7)
        assert.deepEqual(
            later.repositories.map(({ outcome }) => outcome),
            ["adopted", "adopted", "adopted"],
        )
        assert.deepEqual(later.keys.find(({ label }) => label === "alice")?.outcome, "bound")
        await signEverywhere(daemon, "later")
    })

    test("killed after the first key: the next run takes in the others", async () => {
        await using daemon = await startDaemon()
        const directories = [dockerTrust, notaryTrust]
        const args = [...(await argsFor(daemon, directories)), "--yes"]
        const client = spawn(process.execPath, [path.resolve(import.meta.dirname, "../../dist/trustkey.cjs"), ...args], {
            env: { ...env(), HOME: daemon.directory, TRUSTKEYD_SOCKET: daemon.signSocket, TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket },
            stdio: ["ignore", "pipe", "ignore"],
        })
        const ended = new Promise<NodeJS.Signals | null>((resolve) => client.on("exit", (_, signal) => resolve(signal)))
        client.stdout.on("data", (chunk: Buffer) => {
            if (chunk.toString().includes("Imported")) client.kill("SIGKILL")
        })
        assert.equal(await ended, "SIGKILL")
        const rest = await reported(daemon, directories, 7)
        assert.deepEqual(outcomes(rest).toSorted(), ["here", "imported"])
        await signEverywhere(daemon, "after-kill")
    })

    test("where notary's configuration names a server that was not asked, it is named", async () => {
        await using daemon = await startDaemon()
        const trust = path.join(daemon.directory, "configured")
        const metadata = path.join(trust, "tuf/127.0.0.1:9/over/lib/metadata")
        await cp(path.join(notaryTrust, "tuf", LIB, "metadata"), metadata, { recursive: true })
        await writeFile(path.join(trust, "config.json"), JSON.stringify({ remote_server: { url: rig.notary.url, root_ca: "ca.crt" } }))
        const { status, stderr } = await comeOver(daemon, [trust], ["--yes"], { DOCKER_CONTENT_TRUST_SERVER: "" })
        assert.equal(status, 6, stderr)
        assert.match(stderr, new RegExp(`^ {2}export DOCKER_CONTENT_TRUST_SERVER=${rig.notary.url}$`, "m"))
        assert.match(stderr, /tls\/localhost:\d+\/ca\.crt: .*configured\/ca\.crt$/m)
    })

    test("what is in order comes over with exit 0; then there is nothing to do", async () => {
        await using daemon = await startDaemon()
        const clean = path.join(daemon.directory, "clean")
        await cp(path.join(notaryTrust, "private/root_keys"), path.join(clean, "private/root_keys"), { recursive: true })
        await cp(path.join(notaryTrust, "private/tuf_keys"), path.join(clean, "private/tuf_keys"), { recursive: true })
        await cp(path.join(notaryTrust, "tuf", LIB), path.join(clean, "tuf", LIB), { recursive: true })
        await mkdir(`${clean}.bak`)
        const first = await comeOver(daemon, [clean], ["--yes"])
        assert.equal(first.status, 0, first.stderr)
        assert.match(first.stdout, /^Adopted example\.test\/over\/lib, fingerprint [0-9a-f]{16}, root version 1$/m)
        assert.equal([...first.stdout.matchAll(/^ {2}shred -u -- .*\.key$/gm)].length, 3)
        assert.match(first.stdout, /^ {2}ls -lR .*clean\.bak$/m)
        assert.match(first.stderr, /keys .*: PBKDF2 with 2048 rounds: guessable at about [0-9]+ a second/)
        assert.match(first.stderr, /Whoever ever had a copy/)
        // Nobody is asked, so no terminal is missed.
        const second = await daemon.trustkey(["key", "import", "--from-docker-trust", clean], { env: env() })
        assert.equal(second.status, 0, second.stderr)
        assert.match(second.stdout, /here already/)
        assert.match(second.stdout, /These were not opened now/)
        await rm(clean, { recursive: true })
        const gone = await daemon.trustkey(["key", "import", "--from-docker-trust", clean], { env: env() })
        assert.equal(gone.status, 4)
    })
})

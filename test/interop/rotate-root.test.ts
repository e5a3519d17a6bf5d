import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, afterEach, before, describe, test } from "node:test"
import { canonicalKeyIdOf, checkRootSuccession, encodeRoot, parseFile, ROOT, type RootDocument, rootOf } from "../../src/tuf/index.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import type { ProxyAnswer, ProxyRequest } from "../support/proxy.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { issueRootCertificate } from "./root-certificate.ts"

const OK: ProxyAnswer = { status: 200, body: Buffer.alloc(0) }
const FAILED: ProxyAnswer = { status: 500, body: Buffer.from('{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":null}]}') }
const isPublication = ({ method, path: asked }: ProxyRequest): boolean => method === "POST" && asked.endsWith("/_trust/tuf/")

type ListedKey = { id: string; home: string; bindings: { gun: string; role: string }[] }
type Answer = {
    outcome: string
    published: { version: number }[]
    difference: string[]
    code: string
    lacking: string[]
    signers: string[]
}

describe("a root key rotated by trustkeyd, beside the stock clients", () => {
    let rig: TrustRig
    /** The root key that repositories begin with. */
    let first: string
    before(async () => {
        rig = await openTrustRig()
        first = (await listKeys())[0]?.id ?? assert.fail("no root key")
    })
    after(() => rig?.[Symbol.asyncDispose]())
    afterEach(() => {
        rig.proxy.intercept = undefined
        rig.proxy.alter = undefined
    })

    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]
    const through = (): { env: Readonly<Record<string, string>> } => ({ env: rig.throughProxy })
    const command = (gun: string, ...more: readonly string[]): readonly string[] => [
        ...["rotate", "root", gun, "--confirm", "--json", "--old-key", "keep"],
        ...unlocking(),
        ...more,
    ]
    const rotate = async (gun: string, ...more: readonly string[]): Promise<Answer> =>
        JSON.parse(await rig.ok(command(gun, ...more), through())) as Answer
    const place = (name: string): string => path.join(rig.daemon.directory, `${name}-${randomBytes(4).toString("hex")}`)

    async function rootServed(gun: string): Promise<RootDocument> {
        return rootOf(parseFile(await rig.served(gun, "root"), ROOT).signed)
    }

    function holders(root: RootDocument): readonly string[] {
        return (root.roles.get("root")?.keyIds ?? []).flatMap((id) => {
            const key = root.keys.get(id)
            return key === undefined ? [] : [canonicalKeyIdOf(key)]
        })
    }

    async function repository(name: string): Promise<string> {
        const gun = `registry.example.com/rotate-root/${name}`
        await rig.init(gun, "--root-key", first)
        await rig.sign(`${gun}:v1`, "ab")
        await isReadable(gun)
        return gun
    }

    /** For clients that met root 1. */
    async function isReadable(gun: string): Promise<void> {
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["v1"],
        )
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag }) => tag),
            ["v1"],
        )
    }

    async function listKeys(): Promise<readonly ListedKey[]> {
        return (JSON.parse(await rig.ok(["key", "list", "--json"])) as { keys: ListedKey[] }).keys
    }

    async function rootKeys(gun: string): Promise<readonly ListedKey[]> {
        return (await listKeys()).filter(({ bindings }) => bindings.some((place) => place.gun === gun && place.role === "root"))
    }

    test("without anybody to agree nothing is signed, and the key that was made is the one the next run takes", async () => {
        const gun = await repository("unagreed")
        const asking = command(gun, "--new-sealed").filter((word) => word !== "--confirm")
        await rig.refused(asking, "no_terminal", 2, through())
        await isReadable(gun)
        const made = await rootKeys(gun)
        assert.equal(made.length, 2)
        const { outcome, difference, code } = await rotate(gun, "--new-sealed")
        assert.equal(outcome, "rotated")
        assert.match(code, /^[0-9a-f]{64}$/)
        assert.ok(difference.some((line) => line.startsWith("role root loses ")))
        assert.deepEqual((await rootKeys(gun)).map(({ id }) => id).sort(), made.map(({ id }) => id).sort())
        await isReadable(gun)
    })

    test("a dry run makes nothing and says what would be done", async () => {
        const gun = await repository("dry")
        const before = await rootKeys(gun)
        const said = await rig.ok(["rotate", "root", gun, "--dry-run", "--keep", "--new-sealed", "--threshold", "2"])
        assert.match(
            said,
            /^Would rotate root of .*:\n {2}root: makes a p256 key, sealed under a passphrase\n {2}root: asks for 2 signatures instead of 1\n$/,
        )
        assert.deepEqual(await rootKeys(gun), before)
        assert.equal((await rootServed(gun)).version, 1)
    })

    test("what can't be a root is refused before anything is made or promised", async () => {
        const gun = await repository("refused")
        const before = await rootKeys(gun)
        await rig.refused(command(gun, "--keep"), "usage", 2)
        const [only] = before
        assert.match(await rig.refused(command(gun, "--key", only?.id.slice(0, 12) ?? ""), "usage", 2), /all root keys would stay/)
        await rig.refused(command(gun, "--threshold", "2"), "root_rejected", 4)
        await rig.refused(command(gun, "--retire", "0123456789"), "not_found", 4)
        // One PIN, tried on another token, would cost that a try.
        const two = ["--new-on-token", "root-token", "--new-on-token", "vault", "--pin-file", rig.passphraseFile]
        assert.match(await rig.refused(command(gun, "--keep", ...two), "usage", 2), /root-token, vault each want their own/)
        const other = await issueRootCertificate(rig.daemon.directory, "registry.example.com/other")
        await rig.refused(command(gun, "--root-certificate", other.chain), "root_rejected", 4)
        assert.deepEqual(await rootKeys(gun), before)
        assert.doesNotMatch(await rig.ok(["journal", "show", gun]), /root +2/)
        await isReadable(gun)
    })

    for (const { name, answer, code, status } of [
        { name: "the connection breaks", answer: "cut", code: "server_unreachable", status: 6 },
        { name: "the server fails", answer: FAILED, code: "server_error", status: 6 },
        { name: "the server says yes and keeps nothing", answer: OK, code: "publish_unconfirmed", status: 7 },
    ] as const) {
        test(`when ${name}, the repository stays readable and the same command finishes`, async () => {
            const gun = await repository(code)
            rig.proxy.intercept = (request) => (isPublication(request) ? answer : undefined)
            await rig.refused(command(gun, "--new-sealed"), code, status, through())
            await rig.refused(command(gun, "--new-sealed"), code, status, through())
            await isReadable(gun)
            rig.proxy.intercept = undefined
            const { outcome, published } = await rotate(gun, "--new-sealed")
            assert.equal(outcome, "finished")
            assert.deepEqual(
                published.map(({ version }) => version),
                [2],
            )
            // Nobody made a third key on the way.
            assert.equal((await rootKeys(gun)).length, 2)
            assert.equal((await rootServed(gun)).version, 2)
            await isReadable(gun)
        })
    }

    test("when the answer is lost and the server has it, that is success", async () => {
        const gun = await repository("lost")
        rig.proxy.alter = (request, answer) => (isPublication(request) ? "cut" : answer)
        assert.equal((await rotate(gun, "--new-sealed")).outcome, "rotated")
        await isReadable(gun)
    })

    test("a root that was signed and can't be published is taken back with journal void, and another takes its place", async () => {
        const gun = await repository("void")
        const [old] = holders(await rootServed(gun))
        rig.proxy.intercept = (request) => (isPublication(request) ? FAILED : undefined)
        await rig.refused(command(gun, "--new-sealed"), "server_error", 6, through())
        await rig.ok(["journal", "void", gun, "root", "2", "--confirm", "void 2"])
        rig.proxy.intercept = undefined
        assert.equal((await rootServed(gun)).version, 1)
        const { outcome } = await rotate(gun, "--keep", "--new-sealed", "--algorithm", "p384", "--threshold", "2")
        assert.equal(outcome, "rotated")
        const root = await rootServed(gun)
        assert.deepEqual([root.version, root.roles.get("root")?.threshold], [2, 2])
        assert.ok(holders(root).includes(old ?? ""))
        await isReadable(gun)
    })

    test("a key that has signed a root already is not counted twice when it is gone on with", async () => {
        const gun = await repository("twice")
        const { chain } = await issueRootCertificate(rig.daemon.directory, gun)
        await rotate(gun, "--keep", "--new-sealed", "--root-certificate", chain, "--threshold", "2")
        const root = await rootServed(gun)
        const sealed = (await rootKeys(gun)).find(({ id }) => id !== first)
        assert.ok(sealed !== undefined)
        const [input, output] = [place("root-3.json"), place("signed-3.json")]
        await writeFile(input, encodeRoot({ ...root, version: 3, expires: new Date(root.expires.getTime() - 86_400_000) }))
        await rig.ok(["sign", "--gun", gun, "--role", "root", "--confirm", "--key", first, "--out", output, input])
        await rig.ok(["key", "lock", sealed.id])
        assert.equal((await rotate(gun)).outcome, "rotated")
        const { signatures } = parseFile(await rig.served(gun, "root"), ROOT)
        assert.equal(signatures.length, 2)
        await isReadable(gun)
    })

    test("killed at any moment, the repository stays readable, and the next run takes up what is there", async () => {
        const gun = await repository("killed")
        const env = { ...rig.docker.env, TRUSTKEYD_SOCKET: rig.daemon.signSocket, TRUSTKEYD_ADMIN_SOCKET: rig.daemon.adminSocket }
        const program = path.resolve(import.meta.dirname, "../../dist/trustkey.cjs")
        let interrupted = 0
        for (let delay = 100; delay <= 1300; delay += 120) {
            const { version } = await rootServed(gun)
            const child = spawn(process.execPath, [program, ...command(gun, "--new-sealed")], { env, stdio: "ignore" })
            const ended = once(child, "exit")
            const timer = setTimeout(() => child.kill("SIGKILL"), delay)
            const [status] = (await ended) as [number | null]
            clearTimeout(timer)
            if (status === null) interrupted += 1
            await isReadable(gun)
            await rotate(gun, "--new-sealed")
            await isReadable(gun)
            // When it was killed after the publication, the second run is a rotation of its own.
            const now = (await rootServed(gun)).version
            assert.ok(now === version + 1 || now === version + 2, `after ${delay} ms: from ${version} to ${now}`)
        }
        assert.ok(interrupted >= 5, String(interrupted))
        // No key was made that did not become a root key.
        const { keys } = await rootServed(gun)
        const certified = [...keys.values()].filter(({ keytype }) => keytype.endsWith("-x509")).map(canonicalKeyIdOf)
        assert.deepEqual((await rootKeys(gun)).map(({ id }) => id).sort(), [...certified].map(String).sort())
    })

    describe("by holders with daemons of their own", () => {
        let bob: Daemon
        before(async () => {
            bob = await startDaemon()
        })
        after(() => bob?.[Symbol.asyncDispose]())

        const bobs = async (...args: readonly string[]): Promise<{ stdout: string; stderr: string }> => {
            const env = { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url }
            const { status, stdout, stderr } = await bob.trustkey(args, { env })
            assert.equal(status, 0, `${args.join(" ")}: ${stdout}${stderr}`)
            return { stdout, stderr }
        }

        /** Bob takes the repository in and makes a root key for it; the certificate is an authority's. */
        async function bobsKey(gun: string): Promise<{ readonly id: string; readonly certificate: string }> {
            await bobs("trust", "adopt", gun, "--confirm", await rig.fingerprint(gun))
            const made = await bobs("key", "create", "--purpose", "root", "--bind", `root@${gun}`, "--json", ...unlocking())
            const { id } = JSON.parse(made.stdout) as { id: string }
            const { stdout: pem } = await bobs("key", "public", id)
            return { id, certificate: (await issueRootCertificate(rig.daemon.directory, gun, pem)).chain }
        }

        test("one begins and signs, the other compares the code and signs, and the first publishes", async () => {
            const gun = await repository("two-daemons")
            const [alice = ""] = holders(await rootServed(gun))
            const { id, certificate } = await bobsKey(gun)
            const wish = ["--keep", "--root-certificate", certificate, "--threshold", "2"]
            const [passed, signed] = [place("root-2.json"), place("from-bob.json")]

            const stderr = await rig.refused(command(gun, ...wish), "set_incomplete", 5)
            assert.match(stderr, new RegExp(`1 more of its own keys \\(${id.slice(0, 12)}\\)`))
            assert.doesNotMatch(await rig.ok(["journal", "show", gun]), /root +2/)

            const begun = await rotate(gun, ...wish, "--collect", passed)
            assert.deepEqual([begun.outcome, begun.signers], ["collecting", [alice]])
            await isReadable(gun)
            // Another of that version can't be signed now, and how to go on is said.
            const other = await rig.refused(command(gun, "--new-sealed"), "equivocation_refused", 4)
            assert.match(
                other,
                /begun before, and it asks for 2 signatures, not 1; go on with it: trustkey rotate root .*journal void .* root 2/s,
            )

            // Once more, as after an interruption: the same root with the same signature.
            const again = place("again.json")
            await rotate(gun, "--collect", again)
            assert.deepEqual(await readFile(again), await readFile(passed))

            const shown = (await bobs("sign", "--gun", gun, "--role", "root", "--confirm", "--out", signed, ...unlocking(), passed)).stderr
            const digits = begun.code.slice(0, 16).replaceAll(/(.{4})(?=.)/g, "$1 ")
            assert.ok(shown.includes(digits), shown)
            assert.match(shown, /role root needs 2 of 2 keys instead of 1 of 1/)

            const { outcome, code } = await rotate(gun, "--signature", signed)
            assert.deepEqual([outcome, code], ["rotated", begun.code])
            const root = await rootServed(gun)
            assert.deepEqual([...holders(root)].sort(), [alice, id].sort())
            await isReadable(gun)
            await rig.refused(command(gun, "--signature", signed), "repository_moved_on", 4)
        })

        test("the other publishes what the first has signed, and the first learns of it", async () => {
            const gun = await repository("other-publishes")
            const { id, certificate } = await bobsKey(gun)
            const passed = place("root-2.json")
            await rotate(gun, "--keep", "--root-certificate", certificate, "--threshold", "2", "--collect", passed)
            const { stdout } = await bobs(...command(gun, "--signature", passed))
            assert.equal((JSON.parse(stdout) as Answer).outcome, "rotated")
            assert.ok(holders(await rootServed(gun)).includes(id))
            await isReadable(gun)
            // Two of two: the first alone can't take the second away again.
            const stderr = await rig.refused(command(gun, "--retire", id.slice(0, 12), "--threshold", "1"), "set_incomplete", 5)
            assert.match(stderr, /root needs 2 signatures, and here are keys for 1; held elsewhere, or lost: .*--collect FILE/)
            const known = (await listKeys()).length
            await rig.refused(command(gun, "--retire", id.slice(0, 12), "--new-sealed"), "set_incomplete", 5)
            assert.equal((await listKeys()).length, known, "no key is made in vain")
            const [third, back] = [place("root-3.json"), place("back.json")]
            await rotate(gun, "--retire", id.slice(0, 12), "--threshold", "1", "--collect", third)
            await bobs("trust", "renew", gun, "--dry-run")
            await bobs("sign", "--gun", gun, "--role", "root", "--confirm", "--out", back, ...unlocking(), third)
            assert.equal((await rotate(gun, "--signature", back)).outcome, "rotated")
            const [two, three] = [await rig.served(gun, "2.root"), await rig.served(gun, "3.root")].map((file) => parseFile(file, ROOT))
            assert.ok(two !== undefined && three !== undefined)
            checkRootSuccession(two, three)
            await isReadable(gun)
        })

        test("what comes back altered, or of another root, counts for nothing", async () => {
            const gun = await repository("altered")
            const { certificate } = await bobsKey(gun)
            const passed = place("root-2.json")
            await rotate(gun, "--keep", "--root-certificate", certificate, "--threshold", "2", "--collect", passed)
            const text = await readFile(passed, "utf8")
            const altered = place("altered.json")
            await writeFile(altered, text.replace('"threshold":2', '"threshold":1'))
            const other = await rig.refused(command(gun, "--signature", altered), "equivocation_refused", 4)
            assert.match(other, /it is not the one in these files/)
            await rig.refused(command(gun, "--signature", passed, "--signature", altered), "usage", 2)
            await rig.refused(command(gun, "--signature", passed, "--keep"), "usage", 2)
            await rig.refused(command(gun, "--signature", passed), "set_incomplete", 5)
            assert.equal((await rootServed(gun)).version, 1)
            await isReadable(gun)
        })
    })
})

import assert from "node:assert/strict"
import { readFile, rm } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { parsePage } from "../sandbox/page.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { mustRun } from "../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { writeSecret } from "../support/temp.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { Typist } from "../support/typed-page.ts"

const GUN = "registry.example.com/team/app"
const DIGEST = "ef".repeat(32)
const page = await readFile(path.resolve(import.meta.dirname, "../../docs/recover.md"), "utf8")
const sections = parsePage(page).filter(({ blocks }) => blocks.some(({ kind }) => kind === "lines"))

/** A repository with two tags which stock clients have seen at root 1, and something of it really gone. */
type Loss = {
    readonly rig: TrustRig
    /** If it is not the rig's. */
    readonly daemon?: Daemon
    readonly names: Readonly<Record<string, string>>
    /** What the stock clients list when it is mended, their caches as they are; undefined: they refuse. */
    readonly tags: readonly string[] | undefined
}

async function withRepository(rig: TrustRig, ...init: readonly string[]): Promise<TrustRig> {
    await rig.init(GUN, ...init)
    await rig.sign(`${GUN}:v1`, "ab")
    await rig.sign(`${GUN}:v2`, "cd")
    assert.deepEqual(await tagsOf(rig), ["v1", "v2"])
    return rig
}

async function tagsOf(rig: TrustRig): Promise<readonly string[]> {
    const [listed, signed] = [await rig.listed(GUN), await rig.signedTags(GUN)]
    assert.deepEqual(
        signed.map(({ tag }) => tag),
        listed.map(({ name }) => name),
    )
    return listed.map(({ name }) => name)
}

async function keyOf(rig: TrustRig, purpose: string): Promise<string> {
    const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", GUN, "--json"])) as { keys: { id: string; purpose: string }[] }
    return keys.find((key) => key.purpose === purpose)?.id ?? assert.fail(`no ${purpose} key`)
}

async function login(rig: TrustRig, name: string, token: SoftHsm): Promise<void> {
    await rig.ok(["token", "login", name, "--pin-file", await writeSecret(rig.daemon.directory, `${name}-pin`, token.userPin)])
}

const LOSSES: Readonly<Record<string, (stack: AsyncDisposableStack) => Promise<Loss>>> = {
    "A holder of the root, and the others are enough": async (stack) => {
        const [bob, carol, dave] = [await holder(stack, "bob"), await holder(stack, "carol"), await holder(stack, "dave")]
        const rig = stack.use(await openTrustRig({ tokens: { bob, carol, dave } }))
        for (const [name, token] of Object.entries({ bob, carol, dave })) await login(rig, name, token)
        const roots: string[] = []
        for (const token of ["root-token", "bob", "carol"]) {
            const made = await rig.ok(["key", "create", "--purpose", "root", "--token", token, "--label", token, "--json"])
            roots.push((JSON.parse(made) as { id: string }).id)
        }
        await withRepository(rig, ...roots.flatMap((id) => ["--root-key", id]), "--root-threshold", "2")
        await carol.stop()
        return { rig, names: { LOST: (roots[2] ?? "").slice(0, 12), TOKEN: "dave" }, tags: ["v1", "v2"] }
    },
    "A token whose key lies on others too": async (stack) => {
        const [bob, carol, dave] = [await holder(stack, "bob"), await holder(stack, "carol"), await holder(stack, "dave")]
        const rig = stack.use(await openTrustRig({ tokens: { bob, carol, dave } }))
        for (const [name, token] of Object.entries({ bob, carol, dave })) await login(rig, name, token)
        const passphrase = ["--passphrase-file", rig.passphraseFile]
        const made = await rig.ok(["key", "create", "--purpose", "root", "--label", "brought", "--json", ...passphrase])
        const { id } = JSON.parse(made) as { id: string }
        for (const [name, { serial }] of Object.entries({ bob, carol }))
            await rig.ok(["key", "copy", id, "--token", name, "--serial", serial, ...passphrase])
        await rig.ok(["key", "forget-sealed", id, "--confirm", id.slice(0, 8)])
        await withRepository(rig, "--root-key", id)
        await bob.stop()
        return { rig, names: { KEY: id, TOKEN: "dave" }, tags: ["v1", "v2"] }
    },
    "Too many holders, and there is a copy": async (stack) => {
        const rig = stack.use(await openTrustRig())
        const place = (name: string): string => path.join(rig.daemon.directory, name)
        await mustRun("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", place("root.pem")])
        const imported = await rig.ok([
            "key",
            "import",
            place("root.pem"),
            "--role",
            "root",
            "--passphrase-file",
            rig.passphraseFile,
            "--json",
        ])
        const [, id = assert.fail(imported)] = /"id": "([0-9a-f]{64})"/.exec(imported) ?? []
        await withRepository(rig, "--root-key", id)
        const daemon = await anotherDaemon(stack, rig)
        const tokenPin = await writeSecret(daemon.directory, "pin", rig.token.userPin)
        await daemon.ok(["token", "login", "root-token", "--pin-file", tokenPin])
        const names = { FILE: place("root.pem"), FINGERPRINT: await rig.fingerprint(GUN), TOKEN: "root-token" }
        return { rig, daemon, names, tags: ["v1", "v2"] }
    },
    "Too many holders, and no copy": async (stack) => {
        const rig = await withRepository(stack.use(await openTrustRig()))
        const lost = await keyOf(rig, "root")
        await rig.ok(["key", "remove", lost, "--confirm", `${lost.slice(0, 8)} is still needed`])
        return { rig, names: { TOKEN: "root-token" }, tags: undefined }
    },
    "The repository key": async (stack) => {
        const rig = await withRepository(stack.use(await openTrustRig()))
        const lost = await keyOf(rig, "targets")
        await rig.ok(["key", "lock", lost])
        return { rig, names: { LOST: lost }, tags: ["v1", "v2"] }
    },
    "The daemon's disk": async (stack) => {
        const rig = await withRepository(stack.use(await openTrustRig()))
        const daemon = await anotherDaemon(stack, rig)
        const uri = `pkcs11:token=${rig.token.label};object=root`
        const names = { TOKEN: "root-token", FINGERPRINT: await rig.fingerprint(GUN), DIGEST, URI: uri }
        return { rig, daemon, names, tags: ["v1", "v2", "v3"] }
    },
    "A signer's key": async (stack) => {
        const rig = await withRepository(stack.use(await openTrustRig()))
        const create = ["key", "create", "--purpose", "delegation", "--label", "alice", "--json", "--passphrase-file", rig.passphraseFile]
        const { id } = JSON.parse(await rig.ok(create)) as { id: string }
        const file = path.join(rig.daemon.directory, "alice.pub")
        await rig.ok(["key", "public", id, "--out", file])
        await rig.ok(["trust", "signer", "add", "--key", file, "alice", GUN, "--passphrase-file", rig.passphraseFile])
        await rig.sign(`${GUN}:v3`, "ef", "--passphrase-file", rig.passphraseFile)
        await rig.ok(["key", "remove", id, "--confirm", `${id.slice(0, 8)} is still needed`])
        return { rig, names: {}, tags: ["v1", "v2", "v3"] }
    },
    "The keys of the trust server": async (stack) => {
        const rig = await withRepository(stack.use(await openTrustRig()))
        await rig.notary.loseKeys()
        await rig.refused(["trust", "sign", `${GUN}:v3`, "--digest", `sha256:${DIGEST}`, "--size", "1"], "not_found", 4)
        return { rig, names: { DIGEST }, tags: ["v1", "v2", "v3"] }
    },
}

async function holder(stack: AsyncDisposableStack, label: string): Promise<SoftHsm> {
    return stack.use(await startSoftHsm({ label }))
}

/** The old one and its disk are gone. */
async function anotherDaemon(stack: AsyncDisposableStack, rig: TrustRig): Promise<Daemon> {
    await rig.daemon.kill()
    await rm(rig.daemon.stateDirectory, { recursive: true })
    return stack.use(await startDaemon({ tokens: { "root-token": rig.token } }))
}

describe("docs/recover.md", () => {
    test("has lines for every loss that is rehearsed here", () => {
        assert.deepEqual(sections.map(({ title }) => title).sort(), Object.keys(LOSSES).sort())
    })

    test("leads to its sections", () => {
        const anchors = Array.from(page.matchAll(/\]\(#([^)]+)\)/g), ([, anchor]) => anchor)
        const titles = Array.from(page.matchAll(/^#+ (.*)$/gm), ([, title = ""]) =>
            title
                .toLowerCase()
                .replaceAll(/[^\w\s-]/g, "")
                .replaceAll(" ", "-"),
        )
        assert.ok(anchors.length > 6)
        for (const anchor of anchors) assert.ok(titles.includes(anchor ?? ""), anchor)
    })

    for (const { title, blocks } of sections) {
        describe(title, () => {
            const stack = new AsyncDisposableStack()
            let loss: Loss
            before(async () => {
                const happen = LOSSES[title] ?? assert.fail(`nothing is lost for ${title}`)
                loss = await happen(stack)
            })
            after(() => stack.disposeAsync())

            test("every line does what the page says, and the stock clients go on as it says", async () => {
                const { rig, names, tags, daemon = rig.daemon } = loss
                await (await Typist.open(rig, daemon, { GUN, ...names })).type(blocks)
                if (tags !== undefined) {
                    assert.deepEqual(await tagsOf(rig), tags)
                    return
                }
                const { status, stdout } = await rig.client.run(["list", GUN])
                assert.equal(status, 1)
                assert.match(stdout, /could not rotate trust to a new trusted root/)
            })
        })
    }
})

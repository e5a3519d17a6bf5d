import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { parsePage } from "../sandbox/page.ts"
import { withoutYubikey } from "../support/no-yubikey.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { Typist } from "../support/typed-page.ts"

const GUN = "registry.example.com/team/app"
const page = await readFile(path.resolve(import.meta.dirname, "../../docs/leaving.md"), "utf8")
const sections = parsePage(page).filter(({ blocks }) => blocks.some(({ kind }) => kind === "lines"))

type Key = { readonly id: string; readonly purpose: string }

describe("docs/leaving.md", () => {
    const stack = new AsyncDisposableStack()
    let rig: TrustRig
    let typist: Typist

    before(async () => {
        rig = stack.use(await openTrustRig())
        await rig.init(GUN)
        const sealed = ["--passphrase-file", rig.passphraseFile]
        const created = await rig.ok(["key", "create", "--purpose", "delegation", "--label", "alice", "--json", ...sealed])
        const { id: alice } = JSON.parse(created) as Key
        const file = path.join(rig.daemon.directory, "alice.pub")
        await rig.ok(["key", "public", alice, "--out", file])
        await rig.ok(["trust", "signer", "add", "--key", file, "alice", GUN, ...sealed])
        await rig.sign(`${GUN}:v1`, "ab", ...sealed)
        const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", GUN, "--json"])) as { keys: readonly Key[] }
        const keyOf = (wanted: string): string => keys.find(({ purpose }) => purpose === wanted)?.id ?? assert.fail(wanted)
        typist = await Typist.open(rig, rig.daemon, { GUN, TARGETS: keyOf("targets"), ALICE: alice, ROOT: keyOf("root") })
        for (const program of ["notary", "docker"]) {
            const { command, args } = withoutYubikey(`/usr/bin/${program}`, [])
            const line = [command, ...args].map((word) => `'${word}'`).join(" ")
            await writeFile(path.join(rig.daemon.directory, "bin", program), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o700 })
        }
    })
    after(() => stack.disposeAsync())

    for (const { title, blocks } of sections) test(`every line does what the page says: ${title}`, () => typist.type(blocks))

    test("then notary signs from the directory with the keys that left, and docker's has the signer's", async () => {
        const stock = path.join(rig.daemon.directory, "stock")
        await rig.stock(["-d", stock, "addhash", GUN, "v2", "1234", "--sha256", "cd".repeat(32), "-p"])
        const trust = path.join(rig.docker.configDirectory, "trust")
        const to = ["-r", "targets/alice", "-r", "targets/releases", "-p"]
        await rig.stock(["-d", trust, "addhash", GUN, "v3", "1234", "--sha256", "ef".repeat(32), ...to])
        assert.deepEqual(
            (await rig.signedTags(GUN)).map(({ tag }) => tag),
            ["v1", "v2", "v3"],
        )
        const [{ SignedTags: tags } = { SignedTags: [] }] = JSON.parse(
            await readFile(path.join(rig.daemon.directory, "signed.json"), "utf8"),
        ) as { SignedTags: readonly { SignedTag: string; Digest: string; Signers: readonly string[] }[] }[]
        assert.deepEqual(tags, [{ SignedTag: "v1", Digest: "ab".repeat(32), Signers: ["alice"] }])
    })
})

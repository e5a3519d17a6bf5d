import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { parsePage } from "../sandbox/page.ts"
import { startSoftHsm } from "../support/softhsm.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { Typist } from "../support/typed-page.ts"

const GUN = "registry.example.com/team/app"
const page = await readFile(path.resolve(import.meta.dirname, "../../docs/rotation.md"), "utf8")

describe("docs/rotation.md", () => {
    const stack = new AsyncDisposableStack()
    let rig: TrustRig
    let typist: Typist

    before(async () => {
        const tokens = {
            alice: await startSoftHsm({ label: "alice" }),
            bob: await startSoftHsm({ label: "bob" }),
            carol: await startSoftHsm({ label: "carol" }),
        }
        for (const token of Object.values(tokens)) stack.use(token)
        rig = stack.use(await openTrustRig({ tokens }))
        for (const [name, token] of Object.entries(tokens)) {
            const file = path.join(rig.daemon.directory, `${name}-pin`)
            await writeFile(file, `${token.userPin}\n`, { mode: 0o600 })
            await rig.ok(["token", "login", name, "--pin-file", file])
        }
        const [, old = assert.fail("no root key")] = /([0-9a-f]{64})/.exec(await rig.ok(["init", "--token", "root-token"])) ?? []
        await rig.init(GUN)
        await rig.sign(`${GUN}:v1`, "ab")
        await assertReadable()
        typist = await Typist.open(rig, rig.daemon, { GUN, OLD: old })
    })
    after(() => stack.disposeAsync())

    /** By stock clients that started at root 1, and have kept their caches since. */
    async function assertReadable(): Promise<void> {
        assert.deepEqual(
            (await rig.listed(GUN)).map(({ name }) => name),
            ["v1"],
        )
        assert.deepEqual(
            (await rig.signedTags(GUN)).map(({ tag }) => tag),
            ["v1"],
        )
    }

    for (const { title, blocks } of parsePage(page)) {
        test(`every line does what the page says, and stock clients follow: ${title}`, async () => {
            await typist.type(blocks)
            await assertReadable()
        })
    }
})

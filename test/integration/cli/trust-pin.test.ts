import assert from "node:assert/strict"
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { runCli } from "../../../src/cli/index.ts"
import { parseGun } from "../../../src/tuf/index.ts"
import { buildAuthority } from "../../support/certificate-builder.ts"
import { type FakeTrustServer, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { TestRepository } from "../../support/repository-builder.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"
import { type FakeTerminal, fakeContext, fakeTerminal } from "../../unit/cli/fake-terminal.ts"

const GUN = parseGun("registry.example.com/team/app")

describe("trust pin", () => {
    let server: FakeTrustServer
    let home: WorkingDirectory
    let administrator: string
    before(async () => {
        home = await makeWorkingDirectory("trust-pin")
        administrator = path.join(home.path, "administrator", "client.toml")
        server = await startFakeTrustServer()
        server.serve(new TestRepository(GUN, new Date()).files)
        const tls = path.join(home.path, ".docker", "tls", server.host)
        await mkdir(tls, { recursive: true })
        await copyFile(server.caFile, path.join(tls, "ca.crt"))
    })
    after(async () => {
        await server?.[Symbol.asyncDispose]()
        await home?.[Symbol.asyncDispose]()
    })

    async function run(...args: readonly string[]): Promise<{ code: number; terminal: FakeTerminal }> {
        const terminal = fakeTerminal()
        const context = fakeContext(terminal, { DOCKER_CONTENT_TRUST_SERVER: server.url }, home.path)
        const code = await runCli(["trust", ...args], { ...context, administratorConfig: administrator, now: () => new Date() })
        return { code, terminal }
    }
    async function ok(...args: readonly string[]): Promise<FakeTerminal> {
        const { code, terminal } = await run(...args)
        assert.equal(code, 0, terminal.remarks())
        return terminal
    }
    async function refused(exit: number, code: string, ...args: readonly string[]): Promise<void> {
        const { code: ended, terminal } = await run(...args)
        assert.equal(ended, exit, terminal.remarks())
        assert.ok(terminal.remarks().includes(`[${code}]`), terminal.remarks())
    }

    test("what is set decides from then on, and what is taken away doesn't", async () => {
        assert.match((await ok("pin", "show")).remarks(), /Nothing is pinned/)
        await refused(4, "not_found", "pin", "set", GUN, "--known")
        await ok("pin", "first-use", "forbid")
        await refused(5, "not_pinned", "inspect", GUN)
        const wrong = "ab".repeat(32)
        await ok("pin", "set", GUN, "--certificate", wrong)
        await refused(7, "pin_mismatch", "inspect", GUN)
        assert.match((await ok("pin", "show", GUN)).printed(), new RegExp(`^${GUN} +${wrong} +- +user$`, "m"))
        await ok("pin", "remove", GUN)
        await ok("pin", "first-use", "allow")
        await ok("inspect", GUN)

        assert.match((await ok("pin", "set", GUN, "--certificate", wrong)).remarks(), /verified here has other certificates: [0-9a-f]{64}/)
        await ok("pin", "set", GUN, "--known")
        await ok("inspect", GUN)
        const { pins, firstUse } = JSON.parse((await ok("pin", "show", "--json")).printed()) as { pins: unknown[]; firstUse: boolean }
        assert.deepEqual([pins.length, firstUse], [1, true])
    })

    test("the administrator's file decides before the user's, and who changes his own in vain is told", async () => {
        const other = "cd".repeat(32)
        await ok("pin", "set", "registry.example.com/**", "--certificate", other, "--administrator")
        assert.match(await readFile(administrator, "utf8"), /gun = \["registry\.example\.com\/\*\*"\]/)
        assert.match((await ok("pin", "set", GUN, "--known")).remarks(), /pinned by the administrator's file, .* that alone decides/)
        const shown = (await ok("pin", "show", GUN)).printed()
        assert.ok(shown.includes(other) && shown.includes("administrator") && !shown.includes("user"), shown)
        await refused(7, "pin_mismatch", "inspect", GUN)
        await ok("pin", "remove", "registry.example.com/**", "--administrator")
        await ok("inspect", GUN)
        await ok("pin", "first-use", "forbid", "--administrator")
        assert.match((await ok("pin", "first-use", "allow")).remarks(), /administrator's file forbids it all the same/)
        await ok("pin", "first-use", "allow", "--administrator")
    })

    test("by an authority that was named where the command was typed; one that isn't there is refused and changes nothing", async () => {
        const file = path.join(home.path, ".config", "trustkey", "client.toml")
        const before = await readFile(file, "utf8")
        await refused(78, "config_invalid", "pin", "set", GUN, "--authority", "nowhere.pem")
        assert.equal(await readFile(file, "utf8"), before)
        const pem = path.join(home.path, "authority.pem")
        await writeFile(pem, buildAuthority({ name: "Somebody" }).pem, { mode: 0o600 })
        await ok("pin", "set", GUN, "--authority", path.relative(process.cwd(), pem))
        assert.ok((await readFile(file, "utf8")).includes(`authority = "${pem}"`))
        await refused(7, "pin_mismatch", "inspect", GUN)
    })
})

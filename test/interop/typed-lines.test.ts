import assert from "node:assert/strict"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { fencedBlocks } from "../support/documented.ts"
import { type CommandResult, mustRun, runCommand } from "../support/process.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { type Namespace, startNamespace } from "./contract/namespace.ts"

const PROGRAM = path.resolve(import.meta.dirname, "../../dist/trustkey.cjs")
/** As the pages have it. */
const GUN = "registry.example.com/team/app"

/** An /etc of its own: what an administrator sets stays here. */
const PREPARE = `mkdir "$1/etc"; cp -a /etc/. "$1/etc"; mount --bind "$1/etc" /etc; mkdir -p /etc/trustkeyd`

describe("the lines of pages that have a few", () => {
    const stack = new AsyncDisposableStack()
    let rig: TrustRig
    let namespace: Namespace
    let env: Readonly<Record<string, string>>

    before(
        async () => {
            rig = stack.use(await openTrustRig())
            await rig.init(GUN)
            await rig.sign(`${GUN}:v1`, "ab")
            const { directory } = rig.daemon
            namespace = stack.use(await startNamespace(directory, PREPARE))
            const bin = path.join(directory, "bin")
            await mkdir(bin)
            await writeFile(path.join(bin, "trustkey"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, { mode: 0o755 })
            await writeFile(path.join(bin, "docker"), "#!/bin/sh\necho 'Docker version 29.1.0, build 0123456'\n", { mode: 0o755 })
            env = {
                PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
                HOME: directory,
                LC_ALL: "C.UTF-8",
                TRUSTKEYD_SOCKET: rig.daemon.signSocket,
                TRUSTKEYD_ADMIN_SOCKET: rig.daemon.adminSocket,
                DOCKER_CONFIG: rig.docker.configDirectory,
                DOCKER_CONTENT_TRUST_SERVER: rig.notary.url,
            }
        },
        { timeout: 120_000 },
    )
    after(() => stack.disposeAsync())

    function run(line: string): Promise<CommandResult> {
        const [command, args] = namespace.enter(["sh", "-uc", `cd '${rig.daemon.directory}'\n${line}`])
        return runCommand(command, args, { env })
    }

    async function ok(line: string): Promise<string> {
        const { status, stdout, stderr } = await run(line)
        assert.equal(status, 0, `${line}\n${stdout}${stderr}`)
        return `${stdout}${stderr}`
    }

    /** The lines of the only block of that language. */
    function linesOf(page: string, language = "sh"): readonly string[] {
        const [block, ...more] = fencedBlocks(page).filter((candidate) => candidate.language === language)
        assert.ok(block !== undefined && more.length === 0, page)
        return block.lines
    }

    test("docs/doctor.md: the doctor's report, in words and as a document", async () => {
        // Of a machine with other programs on it, more may be said; a person is needed for some of it.
        const [plain = "", json = ""] = linesOf("docs/doctor.md")
        const [said, document] = [await run(plain), await run(json)]
        for (const { status, stderr } of [said, document]) assert.ok([0, 5].includes(status), stderr)
        assert.match(said.stdout + said.stderr, /expiry/)
        const { checks }: { checks: { name: string; verdict: string }[] } = JSON.parse(document.stdout)
        assert.equal(checks.find(({ name }) => name === "expiry")?.verdict, "ok")
    })

    test("docs/operate-expiry.md: nothing is due, and cron hears of nothing that is expiring", async () => {
        for (const line of linesOf("docs/operate-expiry.md")) await ok(line)
        const [, watch = ""] = linesOf("docs/operate-expiry.md", "cron")
        assert.doesNotMatch(await ok(watch.replace(/^0 7 \* \* \* +/, "")), /expires_soon|metadata_expired/)
        // v1 is as it was.
        assert.deepEqual(
            (await rig.listed(GUN)).map(({ name }) => name),
            ["v1"],
        )
    })

    test("docs/trust-pinning.md: pins are set, shown and removed, and first use is forbidden", async () => {
        const { directory } = rig.daemon
        await mustRun("openssl", [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=root-ca",
            "-keyout",
            "/dev/null",
            "-out",
            path.join(directory, "root-ca.pem"),
        ])
        const lines = linesOf("docs/trust-pinning.md")
        assert.equal(lines.length, 6)
        const { signed }: { signed: { roles: { root: { keyids: string[] } } } } = JSON.parse((await rig.served(GUN, "1.root")).toString())
        const [certificate = assert.fail("no root key")] = signed.roles.root.keyids
        for (const line of lines) {
            await ok(line.replace("67c4e1a0...", certificate))
            const pins = await ok("trustkey trust pin show")
            if (/--certificate|--known/.test(line)) assert.ok(pins.includes(certificate), pins)
            if (line.includes("--authority")) assert.match(pins, /registry\.example\.com\/\*\*/)
        }
        assert.match(await ok("trustkey trust pin show"), /forbidden|forbid/)
        assert.match(await readFile(path.join(directory, "etc/trustkeyd/client.toml"), "utf8"), /registry\.example\.com\/\*\*/)
    })

    test("docs/docker-plugin.md: docker finds the plugins, where it has no docker trust of its own", async () => {
        for (const line of linesOf("docs/docker-plugin.md")) await ok(line)
        for (const name of ["docker-trustkey", "docker-trust"])
            assert.match(
                await ok(`${rig.docker.configDirectory}/cli-plugins/${name} docker-cli-plugin-metadata`),
                /"SchemaVersion":"0\.1\.0"/,
            )
    })
})

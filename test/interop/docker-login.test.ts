import assert from "node:assert/strict"
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, beforeEach, describe, test } from "node:test"
import { type Daemon, startDaemon, type TrustkeyOptions } from "../support/daemon.ts"
import { buildImage, type Image, pushImage } from "../support/image.ts"
import { type Notary, startNotary } from "../support/notary.ts"
import { startNotaryClient } from "../support/notary-client.ts"
import type { CommandResult } from "../support/process.ts"
import { runCommand } from "../support/process.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"
import { startAuthority } from "../support/tls.ts"
import { startTokenServer, type TokenServer } from "../support/token-server.ts"

const USER = "robot"
const PASSWORD = "a:password with a colon"
const SECRET = Buffer.from(`${USER}:${PASSWORD}`).toString("base64")

describe("a registry and a Notary that want a login", () => {
    let opened: AsyncDisposableStack
    let directory: WorkingDirectory
    let tokens: TokenServer
    let notary: Notary
    let registry: Registry
    let token: SoftHsm
    let daemon: Daemon
    let image: Image
    let configDirectory: string
    let passphrase: string

    before(async () => {
        opened = new AsyncDisposableStack()
        directory = opened.use(await makeWorkingDirectory("docker-login"))
        const authority = await startAuthority(path.join(directory.path, "tls"))
        tokens = opened.use(await startTokenServer(authority, { [USER]: PASSWORD }))
        notary = opened.use(await startNotary({ authority, auth: { type: "token", options: tokens.options } }))
        registry = opened.use(await startRegistry({ authority, directory: path.join(directory.path, "registry") }))
        image = buildImage("hello", "behind a login\n")
        await pushImage(registry, "demo/app", "v1", image)
        // Filled while it was open; what is asked of it from now on needs a token.
        const { port } = registry
        await registry.stop()
        const auth = { token: tokens.options }
        registry = opened.use(await startRegistry({ authority, auth, directory: path.join(directory.path, "registry"), port }))
        token = opened.use(await startSoftHsm())
        daemon = opened.use(await startDaemon({ tokens: { "root-token": token } }))
        const [pin, file] = [path.join(daemon.directory, "pin"), path.join(daemon.directory, "passphrase")]
        await writeFile(pin, token.userPin, { mode: 0o600 })
        await writeFile(file, "correct horse battery", { mode: 0o600 })
        passphrase = file
        await daemon.ok(["init", "--pin-file", pin])
    })
    after(async () => {
        await opened?.disposeAsync()
    })

    let count = 0
    beforeEach(async () => {
        count += 1
        configDirectory = path.join(directory.path, `docker-${count}`)
        for (const folder of [`tls/${notary.host}`, `certs.d/${registry.host}`]) {
            await mkdir(path.join(configDirectory, folder), { recursive: true })
            await copyFile(notary.caFile, path.join(configDirectory, folder, "ca.crt"))
        }
        tokens.given.length = 0
    })

    const env = (): Record<string, string> => ({
        PATH: `${directory.path}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        DOCKER_CONFIG: configDirectory,
        DOCKER_CONTENT_TRUST_SERVER: notary.url,
    })
    const gun = (name = "demo/app"): string => `${registry.host}/${name}`
    const writeConfig = (config: object): Promise<void> => writeFile(path.join(configDirectory, "config.json"), JSON.stringify(config))
    const ok = (args: readonly string[], options: TrustkeyOptions = {}): Promise<string> => daemon.ok(args, { ...options, env: env() })

    async function refused(args: readonly string[], code: string, status: number): Promise<string> {
        const result = await daemon.trustkey(args, { env: env() })
        assert.match(result.stderr, new RegExp(`\\[${code}\\]`), `${result.stdout}${result.stderr}`)
        assert.equal(result.status, status)
        return result.stderr
    }

    function docker(...args: readonly string[]): Promise<CommandResult> {
        return runCommand("/usr/bin/docker", args, { env: { ...env(), HOME: directory.path } })
    }

    const init = (name?: string): readonly string[] => ["trust", "init", gun(name), "--passphrase-file", passphrase]

    test("without a login trustkey asks for one, and nothing is made", async () => {
        await refused(init(), "login_needed", 5)
        assert.match((await ok(["trust", "list"])).trim(), /^$/)
        await refused(["trust", "show", gun()], "login_needed", 5)
    })

    test("a wrong password is a login that is needed", async () => {
        await writeConfig({ auths: { [registry.host]: { auth: Buffer.from(`${USER}:wrong`).toString("base64") } } })
        const said = await refused(init(), "login_needed", 5)
        assert.doesNotMatch(said, /wrong/)
    })

    test("the login docker wrote into config.json is used for both, with no more rights asked for than needed", async () => {
        await writeConfig({ auths: { [registry.host]: { auth: SECRET } } })
        await ok(init())
        await ok(["trust", "sign", `${gun()}:v1`, "--from-registry"])
        assert.match(await ok(["trust", "show", gun()]), new RegExp(`^v1 +${image.digest}`, "m"))
        assert.deepEqual(
            [...new Set(tokens.given)].sort(),
            [`${USER} repository:${gun()}:pull`, `${USER} repository:${gun()}:push,pull`, `${USER} repository:demo/app:pull`].sort(),
        )
        const seen = await docker("trust", "inspect", gun())
        assert.equal(seen.status, 0, seen.stderr)
        assert.match(seen.stdout, new RegExp(`"Digest": "${image.digest.slice("sha256:".length)}"`))

        await using client = await startNotaryClient({ notary })
        const listed = await client.run(["list", gun()], { env: { NOTARY_AUTH: SECRET } })
        assert.match(listed.stdout, new RegExp(`^v1 +${image.digest.slice("sha256:".length)} +${image.size} +targets`, "m"), listed.stderr)
        const stranger = await client.run(["list", gun("other")])
        assert.notEqual(stranger.status, 0)
    })

    for (const how of ["credHelpers", "credsStore"] as const) {
        test(`a credential helper (${how}) is asked for the registry's name, as docker asks it`, async () => {
            const log = path.join(configDirectory, "asked")
            const answer = JSON.stringify({ ServerURL: registry.host, Username: USER, Secret: PASSWORD })
            await mkdir(path.join(directory.path, "bin"), { recursive: true })
            const script = `#!/bin/sh\nread -r name\necho "$1 $name" >> '${log}'\necho '${answer}'\n`
            await writeFile(path.join(directory.path, "bin", "docker-credential-rig"), script, { mode: 0o755 })
            await writeConfig(how === "credHelpers" ? { credHelpers: { [registry.host]: "rig" } } : { credsStore: "rig" })
            const name = `helper/${how.toLowerCase()}`
            await ok(init(name))
            await ok(["trust", "sign", `${gun(name)}:v1`, "--digest", image.digest, "--size", "1"])
            const [asked, ...rest] = [...new Set((await readFile(log, "utf8")).trim().split("\n"))]
            assert.equal(asked, `get ${registry.host}`)
            assert.deepEqual(rest, [])
            const seen = await docker("trust", "inspect", gun(name))
            assert.equal(seen.status, 0, seen.stderr)
        })
    }

    test("a helper that fails is a login that is needed, and what it wrote stays with us", async () => {
        await mkdir(path.join(directory.path, "bin"), { recursive: true })
        const script = "#!/bin/sh\necho 'the secret is swordfish'\nexit 1\n"
        await writeFile(path.join(directory.path, "bin", "docker-credential-broken"), script, { mode: 0o755 })
        await writeConfig({ credHelpers: { [registry.host]: "broken" } })
        const said = await refused(["trust", "show", gun()], "login_needed", 5)
        assert.doesNotMatch(said, /swordfish/)
    })

    test("a trust server's certificate counts only by the CA that lies under its own name, on this machine too", async () => {
        await writeConfig({ auths: { [registry.host]: { auth: SECRET } } })
        const ca = path.join(configDirectory, "tls", notary.host, "ca.crt")
        const elsewhere = path.join(configDirectory, "tls", "localhost:1")
        await mkdir(elsewhere, { recursive: true })
        await copyFile(ca, path.join(elsewhere, "ca.crt"))
        const other = await startAuthority(path.join(directory.path, "other-tls"))
        await copyFile(other.caFile, ca)
        await refused(["trust", "show", gun()], "server_unreachable", 6)
        await copyFile(path.join(elsewhere, "ca.crt"), ca)
        await ok(["trust", "show", gun()])
    })

    test("a registry's certificate counts only by the CA in its certs.d", async () => {
        await writeConfig({ auths: { [registry.host]: { auth: SECRET } } })
        const other = await startAuthority(path.join(directory.path, "other-tls"))
        await copyFile(other.caFile, path.join(configDirectory, "certs.d", registry.host, "ca.crt"))
        await refused(["trust", "sign", `${gun()}:v2`, "--from-registry"], "registry_unreachable", 6)
    })
})

import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { createServer, type Server, type Socket } from "node:net"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { type DockerCli, findDockerClis } from "../support/docker-clis.ts"
import { type CommandResult, runCommand } from "../support/process.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const DIST = path.resolve(import.meta.dirname, "../../dist")
/** The first whose CLI asks plugins for completions, and has a socket for its end. */
const ASKS_PLUGINS = 25

const { clis } = await findDockerClis()
const newest = clis.toSorted((a, b) => b.major - a.major)[0]
assert.ok(newest !== undefined && newest.major >= ASKS_PLUGINS, "no docker CLI of 25 or later can be had here")

let directory: WorkingDirectory
let configDirectory: string
let env: Record<string, string>

before(async () => {
    directory = await makeWorkingDirectory("docker-plugin")
    configDirectory = path.join(directory.path, "docker")
    env = {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        LANG: "C.UTF-8",
        HOME: directory.path,
        DOCKER_CONFIG: configDirectory,
        DOCKER_HOST: `unix://${directory.path}/no-engine.sock`,
        TRUSTKEYD_SOCKET: path.join(directory.path, "nobody.sock"),
    }
    const { status, stdout, stderr } = await trustkey(["plugin", "install"])
    assert.equal(status, 0, stderr)
    assert.equal(stdout, `Installed ${configDirectory}/cli-plugins/docker-trustkey\n`)
})
after(async () => {
    await directory?.remove()
})

type Options = { readonly env?: Readonly<Record<string, string>> }

function trustkey(args: readonly string[], options: Options = {}): Promise<CommandResult> {
    return runCommand(process.execPath, [path.join(DIST, "trustkey.cjs"), ...args], { env: { ...env, ...options.env } })
}

/** A program of ours started by hand. */
function plugin(name: "docker-trust" | "docker-trustkey", args: readonly string[], options: Options = {}): Promise<CommandResult> {
    return runCommand(process.execPath, [path.join(DIST, `${name}.cjs`), ...args], { env: { ...env, ...options.env } })
}

for (const cli of clis) {
    describe(`docker ${cli.version}`, () => {
        const docker = (args: readonly string[], options: Options = {}): Promise<CommandResult> =>
            runCommand(cli.program, args, { env: { ...env, ...options.env } })

        test("lists the plugin and warns of nothing", async () => {
            const help = await docker(["--help"])
            assert.match(help.stdout, /^ +trustkey\* +Sign and verify images with the keys in trustkeyd/m)
            assert.doesNotMatch(help.stdout, /Invalid Plugins/)
            const info = await docker(["info"])
            assert.match(info.stdout, /^ +trustkey: Sign and verify images/m)
            assert.doesNotMatch(info.stdout + info.stderr, /WARNING/)
        })

        test("hands its arguments over, and takes the exit code and nothing else back", async () => {
            const expected: readonly (readonly [args: readonly string[], status: number, stderr: RegExp])[] = [
                [["trustkey"], 0, /^Usage: {2}docker trustkey /],
                [["trustkey", "frob"], 1, /^docker: unknown command: docker trustkey frob\n/],
                [["trustkey", "list", "--frob"], 125, /^unknown flag: --frob\n\nUsage: {2}docker trustkey list/],
                [["trustkey", "list"], 1, /^there is no socket at .*nobody\.sock.*\n {2}.* \[daemon_unreachable\]\n$/],
                // docker itself has something to say with -D.
                [["-D", "--tls=false", "-lerror", "trustkey", "--quiet", "list"], 1, /^there is no socket at /m],
            ]
            for (const [args, status, stderr] of expected) {
                const result = await docker(args)
                assert.match(result.stderr, stderr, args.join(" "))
                assert.equal(result.stdout, "", args.join(" "))
                assert.equal(result.status, status, args.join(" "))
            }
        })

        test("shows our help in each of its ways of asking", async () => {
            for (const args of [
                ["trustkey", "sign", "--help"],
                ["help", "trustkey", "sign"],
                ["--help", "trustkey", "sign"],
            ]) {
                const { status, stdout, stderr } = await docker(args)
                assert.equal(status, 0, args.join(" "))
                assert.match(stdout, /^Usage: {2}docker trustkey sign IMAGE:TAG\n/, args.join(" "))
                assert.equal(stderr, "")
            }
        })

        test("its --config is where we look for docker's things", async () => {
            const elsewhere = path.join(directory.path, `elsewhere-${cli.major}`)
            await mkdir(path.join(elsewhere, "cli-plugins"), { recursive: true })
            await symlink(path.join(configDirectory, "cli-plugins/docker-trustkey"), path.join(elsewhere, "cli-plugins/docker-trustkey"))
            await mkdir(path.join(elsewhere, "trust/tuf/registry.example.com/elsewhere/metadata"), { recursive: true })
            const ask = ["trustkey", "__complete", "sign", ""]
            assert.equal((await docker(["--config", elsewhere, ...ask])).stdout, "registry.example.com/elsewhere\n:4\n")
            assert.equal((await docker(ask)).stdout, ":4\n")
        })

        test("has a docker trust of its own and refuses ours, so we don't install it", async () => {
            assert.ok(cli.major < 29)
            const refused = await trustkey(["plugin", "install", "--docker-trust"], {
                env: { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: cli.program },
            })
            assert.equal(refused.status, 4)
            assert.match(refused.stderr, new RegExp(`^trustkey: docker ${cli.major}\\.\\S+ has a docker trust of its own`))
            const forced = path.join(directory.path, `forced-${cli.major}`)
            await mkdir(path.join(forced, "cli-plugins"), { recursive: true })
            const launcher = await readFile(path.join(configDirectory, "cli-plugins/docker-trustkey"), "utf8")
            await writeFile(path.join(forced, "cli-plugins/docker-trust"), launcher.replace("docker-trustkey.cjs", "docker-trust.cjs"), {
                mode: 0o755,
            })
            assert.match((await docker(["--config", forced, "info"])).stderr, /WARNING.*trust.*duplicates builtin command/)
        })

        if (cli.major >= ASKS_PLUGINS) {
            test("completes our commands, flags and values", async () => {
                const words = async (...args: readonly string[]): Promise<readonly string[]> =>
                    (await docker(["__complete", "trustkey", ...args])).stdout.trimEnd().split("\n")
                assert.deepEqual(await words("rev"), ["revoke\tRemove trust for an image", ":4"])
                assert.ok((await words("sign", "--dig")).some((line) => line.startsWith("--digest\t")))
                assert.deepEqual(await words("sign", "--passphrase-file", ""), [":0"])
            })
        }
    })
}

describe("cancelled by docker", () => {
    let silent: Server
    const connections = new Set<Socket>()
    let image: string

    before(async () => {
        // Takes connections and never says a word.
        silent = createServer((socket) => {
            connections.add(socket)
            socket.on("error", () => {})
        })
        silent.listen(0, "127.0.0.1")
        await once(silent, "listening")
        const address = silent.address()
        assert.ok(address !== null && typeof address === "object")
        image = `127.0.0.1:${address.port}/app`
    })
    after(async () => {
        for (const socket of connections) socket.destroy()
        silent.close()
    })

    const ended = async (child: ChildProcess): Promise<number | null> => {
        const timer = setTimeout(() => child.kill("SIGKILL"), 10_000)
        await once(child, "close")
        clearTimeout(timer)
        return child.exitCode
    }

    for (const cli of clis.filter(({ major }) => major >= ASKS_PLUGINS)) {
        test(`${cli.version}: a signal to docker ends us while a server keeps us waiting`, async () => {
            for (const signal of ["SIGTERM", "SIGINT"] as const) {
                const before = connections.size
                const child = spawn(cli.program, ["trustkey", "show", image], { env, stdio: ["ignore", "pipe", "pipe"] })
                const end = ended(child)
                while (connections.size === before) await sleep(20)
                const last = [...connections].at(-1)
                assert.ok(last !== undefined)
                last.resume()
                const closed = once(last, "close")
                child.kill(signal)
                assert.equal(await end, 143)
                // Ours has gone, not only docker.
                await closed
            }
        })
    }

    test("a program of ours gets no descriptor that was handed to us, and no standard input with a secret in it", async () => {
        const [seen, read] = [path.join(directory.path, "descriptors"), path.join(directory.path, "stdin")]
        const nosy = path.join(directory.path, "docker-nosy")
        const secret = path.join(directory.path, "handed-down")
        await writeFile(secret, "correct horse\n", { mode: 0o600 })
        await writeFile(nosy, `#!/bin/sh\ncat > ${read}\nls -l /proc/$$/fd > ${seen}\n`, { mode: 0o755 })
        const program = `'${process.execPath}' '${path.join(DIST, "docker-trustkey.cjs")}' push --disable-content-trust`
        for (const descriptor of [3, 12, 40, 200]) {
            const line = `${program} --passphrase-fd ${descriptor} localhost:1/app:v1 ${descriptor}<'${secret}' 99<'${secret}' <'${secret}'`
            const given = { env: { ...env, DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: nosy } }
            assert.equal((await runCommand("bash", ["-c", line], given)).status, 0)
            assert.equal(await readFile(read, "utf8"), "correct horse\n")
            assert.deepEqual((await readFile(seen, "utf8")).match(/\d+ -> .*handed-down/g), [`0 -> ${secret}`])
            assert.equal((await runCommand("bash", ["-c", line.replace(`fd ${descriptor}`, "fd 0")], given)).status, 0)
            assert.equal(await readFile(read, "utf8"), "")
        }
    })

    test("a program in the foreground is told too, and waited for", async () => {
        const slow = path.join(directory.path, "docker-slow")
        const [started, told] = [path.join(directory.path, "started"), path.join(directory.path, "told")]
        const lines = [
            "#!/bin/sh",
            `trap 'sleep 0.2; echo yes > ${told}; exit 0' TERM`,
            `echo > ${started}`,
            "while :; do sleep 0.05; done",
        ]
        await writeFile(slow, `${lines.join("\n")}\n`, { mode: 0o755 })
        const child = spawn(process.execPath, [path.join(DIST, "trustkey.cjs"), "plugin", "install", "--docker-trust"], {
            env: { ...env, DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: slow },
            stdio: "ignore",
        })
        const end = ended(child)
        while ((await stat(started).catch(() => undefined)) === undefined) await sleep(20)
        child.kill("SIGTERM")
        assert.equal(await end, 143)
        assert.equal(await readFile(told, "utf8"), "yes\n")
    })
})

describe("the plugin's programs", () => {
    test("say what they are in one line, and touch nothing", async () => {
        const home = path.join(directory.path, "untouched")
        await mkdir(home)
        for (const [name, description] of [
            ["docker-trustkey", "Sign and verify images with the keys in trustkeyd"],
            ["docker-trust", "Manage trust on Docker images"],
        ] as const) {
            const { stdout, stderr } = await plugin(name, ["docker-cli-plugin-metadata"], { env: { HOME: home } })
            assert.equal(stderr, "")
            assert.match(stdout, /^.+\n$/)
            const metadata: unknown = JSON.parse(stdout)
            const { version } = JSON.parse(await readFile(path.resolve(DIST, "../package.json"), "utf8")) as { version: string }
            assert.deepEqual(metadata, { SchemaVersion: "0.1.0", Vendor: "trustkeyd", Version: version, ShortDescription: description })
            assert.equal(await readFile(path.join(DIST, `${name}.metadata`), "utf8"), stdout)
        }
        assert.deepEqual(await readdir(home), [])
    })

    test("work without docker, with the plugin's name or not", async () => {
        for (const args of [["sign"], ["trust", "sign"], ["--config", "/dev/null/none", "trust", "sign"]]) {
            const { status, stderr } = await plugin("docker-trust", args)
            assert.equal(status, 1)
            assert.match(stderr, /^docker: 'docker trust sign' requires 1 argument\n/)
        }
        assert.match((await plugin("docker-trustkey", ["list"])).stderr, /^there is no socket at /)
    })

    test("are installed as docker trust where docker has none", async () => {
        const docker29 = path.join(directory.path, "docker-29")
        await writeFile(docker29, "#!/bin/sh\necho 'Docker version 29.1.0, build 0123456'\n", { mode: 0o755 })
        const place = path.join(directory.path, "plugins 'of 29'")
        const given = { env: { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: docker29 } }
        const { status, stderr } = await trustkey(["plugin", "install", "--docker-trust", "--directory", place], given)
        assert.equal(status, 0, stderr)
        for (const name of ["docker-trust", "docker-trustkey"] as const) {
            const { stdout } = await runCommand(path.join(place, name), ["docker-cli-plugin-metadata"], { env: { PATH: "/usr/bin:/bin" } })
            assert.match(stdout, /"SchemaVersion":"0\.1\.0"/)
            assert.equal(stdout, (await plugin(name, ["docker-cli-plugin-metadata"])).stdout)
        }
        // Again: a newer one takes the place of ours, and of nothing else.
        assert.equal((await trustkey(["plugin", "install", "--directory", place])).status, 0)
        await writeFile(path.join(place, "docker-trustkey"), "#!/bin/sh\nexit 7\n")
        const refused = await trustkey(["plugin", "install", "--directory", place])
        assert.equal(refused.status, 4)
        assert.match(refused.stderr, /\[already_exists\]/)
    })

    test("have a launcher that says what they are without a Node, or with it where nothing stands beside the program", async () => {
        const ask = async (changed: string, to: string): Promise<string> => {
            const text = await readFile(path.join(configDirectory, "cli-plugins/docker-trustkey"), "utf8")
            assert.ok(text.includes(changed))
            const launcher = path.join(directory.path, "changed-launcher")
            await writeFile(launcher, text.replaceAll(changed, to), { mode: 0o755 })
            const { status, stdout, stderr } = await runCommand(launcher, ["docker-cli-plugin-metadata"], { env })
            assert.equal(status, 0)
            assert.equal(stderr, "")
            return stdout
        }
        const { stdout } = await plugin("docker-trustkey", ["docker-cli-plugin-metadata"])
        assert.equal(await ask(process.execPath, "/nonexistent/node"), stdout)
        assert.equal(await ask(".metadata", ".nothing"), stdout)
    })

    test("keep compiled code where only their user can write, or nowhere", async () => {
        const compiled = async (prepare: (cache: string) => Promise<unknown>): Promise<readonly string[]> => {
            const home = path.join(directory.path, `home-${Math.round(performance.now() * 1000)}`)
            const cache = path.join(home, ".cache/trustkeyd/compiled")
            await mkdir(cache, { recursive: true, mode: 0o700 })
            await prepare(cache)
            assert.equal((await trustkey(["--version"], { env: { HOME: home } })).status, 0)
            return readdir(cache)
        }
        assert.equal((await compiled(async () => {})).length, 1)
        assert.deepEqual(await compiled((cache) => chmod(cache, 0o777)), [])
        assert.deepEqual(await compiled((cache) => chmod(path.dirname(cache), 0o770)), [])
        assert.deepEqual(await compiled((cache) => chmod(path.resolve(cache, "../../.."), 0o1777)).then((names) => names.length), 1)
    })

    test("make no directory for compiled code where others lead them", async () => {
        const others = path.join(directory.path, "others")
        await mkdir(others, { mode: 0o777 })
        await chmod(others, 0o777)
        const home = path.join(directory.path, "home-led-astray")
        await mkdir(home, { mode: 0o700 })
        await symlink(others, path.join(home, ".cache"))
        assert.equal((await trustkey(["--version"], { env: { HOME: home } })).status, 0)
        assert.equal((await trustkey(["--version"], { env: { HOME: home, XDG_CACHE_HOME: others } })).status, 0)
        assert.deepEqual(await readdir(others), [])
        const fresh = path.join(directory.path, "home-fresh")
        assert.equal((await trustkey(["--version"], { env: { HOME: fresh } })).status, 0)
        assert.equal((await readdir(path.join(fresh, ".cache/trustkeyd/compiled"))).length, 1)
    })

    test("don't run compiled code that was damaged, or that is of another program, and replace it", async () => {
        const home = path.join(directory.path, "home-damaged")
        const cache = path.join(home, ".cache/trustkeyd/compiled")
        const help = async (): Promise<Buffer> => {
            const { status, stdout, stderr } = await trustkey(["--help"], { env: { HOME: home } })
            assert.equal(status, 0, stderr)
            assert.match(stdout, /^Usage: trustkey /m)
            const [name, second] = await readdir(cache)
            assert.ok(name !== undefined && second === undefined)
            kept = path.join(cache, name)
            return readFile(kept)
        }
        let kept = ""
        const good = await help()
        for (const at of [0, 40, good.length >> 1, good.length - 1]) {
            const bad = Buffer.from(good)
            bad[at] = (bad[at] ?? 0) ^ 0xff
            await writeFile(kept, bad)
            assert.notDeepEqual(await help(), bad)
        }
        await writeFile(kept, good.subarray(0, good.length >> 1))
        assert.ok((await help()).length > good.length >> 1)
        await writeFile(path.join(cache, `${"0".repeat(64)}.other`), good)
        await rm(kept)
        await help()
        // What another run kept stays as it is.
        const again = await readFile(kept)
        assert.deepEqual(await help(), again)
    })
})

describe("docker trustkey at work", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
        await trustkey(["plugin", "install"], { env: { DOCKER_CONFIG: rig.docker.configDirectory } })
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const rigEnv = (): Record<string, string> => ({
        ...env,
        DOCKER_CONFIG: rig.docker.configDirectory,
        DOCKER_CONTENT_TRUST_SERVER: rig.notary.url,
        TRUSTKEYD_SOCKET: rig.daemon.signSocket,
        TRUSTKEYD_ADMIN_SOCKET: rig.daemon.adminSocket,
    })

    test("begins a repository and shows it, through docker", async () => {
        const cli = newest as DockerCli
        const args = ["trustkey", "init", "registry.example.com/plugin/app", "--passphrase-file", rig.passphraseFile]
        const init = await runCommand(cli.program, args, { env: rigEnv() })
        assert.equal(init.status, 0, init.stderr)
        const shown = await runCommand(cli.program, ["trustkey", "show", "--json", "registry.example.com/plugin/app"], { env: rigEnv() })
        assert.equal(shown.status, 0, shown.stderr)
        const { images } = JSON.parse(shown.stdout) as { images: { gun: string }[] }
        assert.deepEqual(
            images.map(({ gun }) => gun),
            ["registry.example.com/plugin/app"],
        )
    })

    test("Ctrl-C at a question leaves the shell a line of its own", async () => {
        const program = `'${process.execPath}' '${path.join(DIST, "docker-trustkey.cjs")}' revoke registry.example.com/plugin/app`
        const child = spawn("script", ["-qefc", `trap : INT; ${program}; echo "ended $?"`, "/dev/null"], {
            env: { ...rigEnv(), SHELL: "/bin/sh" },
            stdio: ["pipe", "pipe", "inherit"],
        })
        let shown = ""
        child.stdout.on("data", (piece: Buffer) => {
            shown += piece.toString()
        })
        const end = once(child, "close")
        const deadline = performance.now() + 30_000
        while (!shown.includes("[y/N] ") && performance.now() < deadline) await sleep(20)
        child.stdin.write("\x03")
        await end
        assert.match(shown, /\[y\/N\] (?:\^C)?\r\nended 130\r\n/)
    })

    test("cancelled at a passphrase prompt it leaves a terminal that echoes", async () => {
        const address = `docker_cli_test_${process.pid}`
        let called: Socket | undefined
        const server = createServer((socket) => {
            called = socket
            socket.on("error", () => {})
        })
        server.listen({ path: `\0${address}` })
        await once(server, "listening")
        const program = `'${process.execPath}' '${path.join(DIST, "docker-trustkey.cjs")}' init registry.example.com/plugin/cancelled`
        const child = spawn("script", ["-qefc", `${program}; echo "ended $?"; stty -a`, "/dev/null"], {
            env: { ...rigEnv(), SHELL: "/bin/sh", DOCKER_CLI_PLUGIN_SOCKET: `@${address}` },
            stdio: ["pipe", "pipe", "inherit"],
        })
        let shown = ""
        child.stdout.on("data", (piece: Buffer) => {
            shown += piece.toString()
        })
        const end = once(child, "close")
        const deadline = performance.now() + 30_000
        while (!/passphrase/i.test(shown) && performance.now() < deadline) await sleep(20)
        assert.match(shown, /passphrase/i)
        called?.end()
        await end
        server.close()
        assert.match(shown, /ended 143/)
        assert.match(shown, / echo /)
    })
})

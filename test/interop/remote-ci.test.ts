import assert from "node:assert/strict"
import { chmod, chown, cp, mkdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { parsePage } from "../sandbox/page.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { type DockerClient, startDockerClient } from "../support/docker.ts"
import { startNotary } from "../support/notary.ts"
import { type CommandResult, runCommand, startService } from "../support/process.ts"
import { relay } from "../support/relay.ts"
import { startSoftHsm } from "../support/softhsm.ts"
import { makeWorkingDirectory, writeSecret } from "../support/temp.ts"
import { type Namespace, startNamespace } from "./contract/namespace.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")
const EXAMPLES = path.join(ROOT, "docs/examples")
const page = await readFile(path.join(ROOT, "docs/remote-ci.md"), "utf8")
const sections = parsePage(page.replaceAll(/^```toml\n[\s\S]*?^```$/gm, ""))
const rules = /^```toml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? ""

/** The page's pipeline, and one that knows nothing of it. */
const PIPELINES = ["app", "web"] as const
type Pipeline = (typeof PIPELINES)[number]
const forPipeline = (text: string, pipeline: Pipeline): string =>
    text.replaceAll("ci-app", `ci-${pipeline}`).replaceAll("team/app", `team/${pipeline}`)
const gun = (pipeline: Pipeline): string => `registry.example.com/team/${pipeline}`

/** One network and one /etc for both hosts; the machine's own are as they were. */
const PREPARE = `
ip link set lo up
for place in etc doc run home; do mkdir -p "$1/$place"; done
cp -a /etc/. "$1/etc"
mkdir -p "$1/run/sshd" "$1/run/trustkeyd"
mount --bind "$1/etc" /etc
mount --bind "$1/doc" /usr/share/doc
mount --bind "$1/run" /run
echo '127.0.0.1 localhost keys.example.com' > /etc/hosts
groupadd --force --system trustkey-sign
ssh-keygen -q -A
`

type Given = { readonly env?: Readonly<Record<string, string>> }

/** The host with the keys and a runner, as processes of one network namespace; only the trust server is outside. */
class Hosts {
    readonly directory: string
    readonly daemon: Daemon
    readonly judge: DockerClient
    readonly #namespace: Namespace
    readonly #env: Readonly<Record<string, string>>

    private constructor(
        directory: string,
        daemon: Daemon,
        judge: DockerClient,
        namespace: Namespace,
        env: Readonly<Record<string, string>>,
    ) {
        this.directory = directory
        this.daemon = daemon
        this.judge = judge
        this.#namespace = namespace
        this.#env = env
    }

    static async open(stack: AsyncDisposableStack): Promise<Hosts> {
        const { path: directory } = stack.use(await makeWorkingDirectory("remote"))
        const place = (name: string): string => path.join(directory, name)
        const [notary, token] = [stack.use(await startNotary()), stack.use(await startSoftHsm())]
        const passphrases = { rootPassphrase: "a-passphrase", repositoryPassphrase: "a-passphrase" }
        const judge = stack.use(await startDockerClient({ notary, ...passphrases }))
        await cp(path.join(ROOT, "docs"), place("doc/trustkeyd/docs"), { recursive: true })
        const namespace = stack.use(await startNamespace(directory, PREPARE, ["net"]))

        stack.use(await relay(place("notary.sock"), String(notary.ports.server)))
        const env = await Hosts.#environment(directory, notary)
        const inside = async (name: string, program: readonly string[], isReady: (log: string) => boolean): Promise<void> => {
            const [command, args] = namespace.enter(program)
            const ready = async (service: { log(): string }): Promise<boolean> => isReady(service.log())
            stack.use(await startService({ name, command, args, directory, env, ready }))
        }
        const door = [process.execPath, path.join(ROOT, "test/support/relay.ts"), String(notary.ports.server), place("notary.sock")]
        await inside("door", door, (log) => log.includes("ready\n"))

        const enter = async (script: string): Promise<void> => {
            const { status, stderr } = await runCommand(...commandIn(namespace, directory, script), { env })
            assert.equal(status, 0, `${script}\n${stderr}`)
        }
        for (const { lines } of blocksOf("The host with the keys")) await enter(lines)
        assert.equal(await readFile(place("systemctl-asked"), "utf8"), "reload ssh\n")
        await inside("sshd", ["/usr/sbin/sshd", "-D", "-e"], (log) => log.includes("Server listening on 0.0.0.0 port 22."))
        const [account] = blocksOf("An account for each pipeline")
        for (const pipeline of PIPELINES) {
            await mkdir(place(pipeline))
            await enter(`cd ${pipeline}\n${forPipeline(account?.lines ?? "", pipeline)}`)
        }

        const daemon = stack.use(
            await startDaemon({
                socketDirectory: place("run/trustkeyd"),
                tokens: { "root-token": token },
                credentials: { "ci-group": "c2VjcmV0LW9mLXRoZS1jaS1ncm91cA" },
                rules: `[[allow]]\nwho = ["user:root"]\ndo = ["*"]\n${PIPELINES.map((pipeline) => forPipeline(rules, pipeline)).join("\n")}`,
                // Where the accounts have names.
                wrapper: [namespace.enter([])[0], ...namespace.enter([])[1]],
            }),
        )
        // As the units have it.
        const [, gid] = /^trustkey-sign:[^:]*:(\d+):/m.exec(await readFile(place("etc/group"), "utf8")) ?? []
        await chown(daemon.signSocket, 0, Number(gid))
        await chmod(daemon.signSocket, 0o660)

        const hosts = new Hosts(directory, daemon, judge, namespace, env)
        stack.defer(() => hosts.#closeTunnels())
        await hosts.#begin(await writeSecret(directory, "pin", token.userPin))
        return hosts
    }

    /** trustkey and the page's script by their names, docker's configuration, and a systemctl that only hears what it is asked. */
    static async #environment(directory: string, notary: { url: string; host: string; caFile: string }): Promise<Record<string, string>> {
        const place = (name: string): string => path.join(directory, name)
        await mkdir(place("bin"))
        const programs = {
            trustkey: `exec '${process.execPath}' '${path.join(ROOT, "dist/trustkey.cjs")}' "$@"`,
            systemctl: `echo "$*" >> '${place("systemctl-asked")}'`,
        }
        for (const [name, line] of Object.entries(programs)) await writeFile(place(`bin/${name}`), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
        await cp(path.join(EXAMPLES, "remote-sign"), place("bin/remote-sign"))
        await mkdir(place(`docker/tls/${notary.host}`), { recursive: true })
        await cp(notary.caFile, place(`docker/tls/${notary.host}/ca.crt`))
        return {
            PATH: `${place("bin")}:/usr/sbin:/usr/bin:/sbin:/bin`,
            HOME: directory,
            LC_ALL: "C.UTF-8",
            DOCKER_CONFIG: place("docker"),
            DOCKER_CONTENT_TRUST_SERVER: notary.url,
        }
    }

    /** A repository for each pipeline, with the pipeline as a signer. */
    async #begin(pin: string): Promise<void> {
        const passphrase = await writeSecret(this.directory, "passphrase", "correct horse battery")
        await this.ok(`trustkey token login root-token --pin-file ${pin}`)
        await this.ok("trustkey key create --purpose root --token root-token --label root")
        await this.ok("trustkey key group create ci --credential ci-group --no-passphrase")
        const [, signer] = blocksOf("An account for each pipeline")
        for (const pipeline of PIPELINES) {
            await this.ok(`trustkey trust init ${gun(pipeline)} --passphrase-file ${passphrase}`)
            await this.ok(`cd ${pipeline}\n${forPipeline(signer?.lines ?? "", pipeline)}`)
        }
    }

    /** A shell's lines on either host. */
    run(script: string, { env = {} }: Given = {}): Promise<CommandResult> {
        return runCommand(...commandIn(this.#namespace, this.directory, script), { env: { ...this.#env, ...env } })
    }

    async ok(script: string, given: Given = {}): Promise<string> {
        const { status, stdout, stderr } = await this.run(script, given)
        assert.equal(status, 0, `${script}\n${stdout}${stderr}\n${this.daemon.service.log()}`)
        return stdout
    }

    /** `ssh -f` stays behind, and so do the processes that sshd made for it. */
    async #closeTunnels(): Promise<void> {
        const here = '[ "$(readlink "$place/ns/net" 2> /dev/null)" = "$(readlink /proc/self/ns/net)" ]'
        const isOne = 'case $(cat "$place/comm") in ssh|sshd) kill "$(basename "$place")" ;; esac'
        await this.run(`for place in /proc/[0-9]*; do if ${here}; then ${isOne}; fi; done`)
    }

    /** What the CI system gives to the pipeline's jobs: files that everybody on the runner can read. */
    async variables(pipeline: Pipeline): Promise<Readonly<Record<string, string>>> {
        const place = (name: string): string => path.join(this.directory, pipeline, name)
        await chmod(place(`ci-${pipeline}`), 0o644)
        return { TRUSTKEYD_SSH_KEY: place(`ci-${pipeline}`), TRUSTKEYD_KNOWN_HOSTS: place("known_hosts") }
    }

    /** ssh as one who has taken the pipeline's key. */
    ssh(pipeline: Pipeline, args: string): Promise<CommandResult> {
        const key = path.join(this.directory, pipeline)
        const options = `-F none -i '${key}/ci-${pipeline}' -o UserKnownHostsFile='${key}/known_hosts' -o BatchMode=yes -o ConnectTimeout=10`
        return this.run(`chmod 600 '${key}/ci-${pipeline}'; exec ssh ${options} ${args}`)
    }

    async signers(pipeline: Pipeline, tag: string): Promise<readonly string[]> {
        const { status, stdout, stderr } = await this.judge.run(["trust", "inspect", gun(pipeline)])
        assert.equal(status, 0, stderr)
        const [repository] = JSON.parse(stdout) as { SignedTags: { SignedTag: string; Signers: string[] }[] }[]
        return repository?.SignedTags.find(({ SignedTag }) => SignedTag === tag)?.Signers ?? []
    }
}

function commandIn(namespace: Namespace, directory: string, script: string): [command: string, args: readonly string[]] {
    const [command, args] = namespace.enter(["sh", "-euc", `cd '${directory}'\n${script}`])
    return [command, args]
}

function blocksOf(title: string): readonly { readonly lines: string }[] {
    const section = sections.find((candidate) => candidate.title === title) ?? assert.fail(`docs/remote-ci.md has no "${title}"`)
    return section.blocks.flatMap((block) => (block.kind === "lines" ? [{ lines: block.lines.map(({ line }) => line).join("\n") }] : []))
}

const DIGEST = `sha256:${"ab".repeat(32)} 1234`

describe("docs/remote-ci.md", () => {
    const stack = new AsyncDisposableStack()
    let hosts: Hosts

    before(
        async () => {
            hosts = await Hosts.open(stack)
            await writeFile(path.join(hosts.directory, "image.txt"), `${DIGEST}\n`)
        },
        { timeout: 120_000 },
    )
    after(() => stack.disposeAsync())

    test("a pipeline on another host signs by the example's job, in its own name, and leaves no tunnel behind", async () => {
        const job = await readFile(path.join(EXAMPLES, "remote-ci.gitlab-ci.yml"), "utf8")
        const [, script = ""] = /^ {4}script:\n((?: {8}.*\n)+)/m.exec(job) ?? []
        const lines = script.split("\n").flatMap((line) => /^ {8}- (.*)$/.exec(line)?.[1] ?? [])
        assert.equal(lines.length, 1, script)
        const env = { ...(await hosts.variables("app")), CI_COMMIT_TAG: "v1.0" }
        assert.match(await hosts.ok(lines.join("\n"), { env }), /Successfully signed .*app:v1\.0\n/)
        assert.deepEqual(await hosts.signers("app", "v1.0"), ["ci-app"])
        const audit = await hosts.ok("trustkey audit list --limit 1000 --json")
        assert.match(audit, /"uid:\d+\(ci-app\)"/)
        assert.doesNotMatch(audit, /"uid:\d+\(ci-web\)"/)
        assert.equal((await hosts.run("pgrep -f '[-]L .*sign.sock:/run/trustkeyd/sign.sock'")).stdout, "")
    })

    test("the same line by hand, and a tunnel of one's own that only its owner can use", async () => {
        const [script, byHand] = blocksOf("The job")
        await hosts.ok(script?.lines ?? "", { env: await hosts.variables("app") })
        assert.deepEqual(await hosts.signers("app", "v1.1"), ["ci-app"])
        const place = path.join(hosts.directory, "app")
        const ours = `Host keys.example.com\n    IdentityFile ${place}/key\n    UserKnownHostsFile ${place}/known_hosts\n    BatchMode yes\n`
        await writeFile(path.join(hosts.directory, "etc/ssh/ssh_config.d/ours.conf"), ours)
        await hosts.ok("install -m 0600 app/ci-app app/key")
        const shown = await hosts.ok(`${byHand?.lines.replace("ssh -f", "ssh > ssh-said 2>&1 -f") ?? ""}\n`)
        assert.match(shown, /v1\.1/)
        assert.equal((await stat(path.join(hosts.directory, "keys.sock"))).mode & 0o777, 0o600)
    })

    test("a pipeline signs in its own repository, and in no other's", async () => {
        const line = `remote-sign ci-web@keys.example.com ${gun("app")}:v2 ${DIGEST}`
        const { status, stderr } = await hosts.run(line, { env: await hosts.variables("web") })
        assert.match(stderr, /\[denied\]/)
        assert.equal(status, 3)
        assert.deepEqual(await hosts.signers("app", "v2"), [])
        const own = `remote-sign ci-web@keys.example.com ${gun("web")}:v2 ${DIGEST}`
        await hosts.ok(own, { env: await hosts.variables("web") })
        assert.deepEqual(await hosts.signers("web", "v2"), ["ci-web"])
    })

    test("a pipeline's ssh key gives no shell, no command, no file transfer, no port and no listening", async () => {
        const refused: readonly (readonly [args: string, why: RegExp])[] = [
            ["ci-app@keys.example.com id", /open failed|no more sessions|channel 0/i],
            ["-s ci-app@keys.example.com sftp", /open failed|no more sessions|channel 0/i],
            ["-W 127.0.0.1:22 ci-app@keys.example.com", /administratively prohibited|open failed/],
            ["-N -o ExitOnForwardFailure=yes -R 7777:127.0.0.1:22 ci-app@keys.example.com", /remote port forwarding failed/],
            [
                "-N -o ExitOnForwardFailure=yes -R /tmp/trustkeyd-remote-test.sock:/run/trustkeyd/sign.sock ci-app@keys.example.com",
                /forwarding failed/,
            ],
        ]
        for (const [args, why] of refused) {
            const { status, stdout, stderr } = await hosts.ssh("app", args)
            assert.notEqual(status, 0, args)
            assert.match(stderr, why, args)
            assert.doesNotMatch(stdout, /uid=|SSH-2/, args)
        }
    })

    test("a pipeline's ssh key does not reach the administrators' socket, nor another one that is open to everybody", async () => {
        await using _everybodys = await relay(path.join(hosts.directory, "run/everybodys.sock"), "1")
        await chmod(path.join(hosts.directory, "run/everybodys.sock"), 0o666)
        for (const name of ["trustkeyd/admin.sock", "everybodys.sock"]) {
            const local = `${hosts.directory}/to-${path.basename(name)}`
            const tunnel = `-f -N -o ExitOnForwardFailure=yes -L '${local}:/run/${name}' ci-app@keys.example.com > tunnel-said 2>&1`
            assert.equal((await hosts.ssh("app", tunnel)).status, 0)
            const asked = await hosts.run(`trustkey --admin-socket '${local}' audit list`)
            assert.match(asked.stderr, /\[daemon_unreachable\]/)
            assert.equal(asked.status, 6)
            const log = await readFile(path.join(hosts.directory, "sshd.log"), "utf8")
            assert.ok(log.includes(`connect to path /run/${name}, but the request was denied`), log)
        }
        // And were it not for sshd:
        assert.equal((await stat(hosts.daemon.adminSocket)).mode & 0o777, 0o600)
    })

    test("another key, another host, an account outside the group and one that was closed get nowhere", async () => {
        const line = `remote-sign ci-app@keys.example.com ${gun("app")}:v3 ${DIGEST}`
        const [app, web] = [await hosts.variables("app"), await hosts.variables("web")]
        const foreign = await hosts.run(line, { env: { ...app, TRUSTKEYD_SSH_KEY: web["TRUSTKEYD_SSH_KEY"] ?? "" } })
        assert.match(foreign.stderr, /Permission denied \(publickey\)/)
        await writeFile(
            path.join(hosts.directory, "other_hosts"),
            `keys.example.com ${await readFile(`${hosts.directory}/web/ci-web.pub`, "utf8")}`,
        )
        const elsewhere = await hosts.run(line, { env: { ...app, TRUSTKEYD_KNOWN_HOSTS: path.join(hosts.directory, "other_hosts") } })
        assert.match(elsewhere.stderr, /Host key verification failed/)
        await hosts.ok("gpasswd --delete ci-web trustkey-sign")
        const outside = await hosts.run(`remote-sign ci-web@keys.example.com ${gun("web")}:v3 ${DIGEST}`, { env: web })
        assert.match(outside.stderr, /\[daemon_unreachable\]/)
        await hosts.ok("rm /etc/ssh/trustkey-remote/ci-app")
        const closed = await hosts.run(line, { env: app })
        assert.match(closed.stderr, /Permission denied \(publickey\)/)
        assert.deepEqual([foreign.status, elsewhere.status, outside.status, closed.status], [6, 6, 6, 6])
        assert.deepEqual(await hosts.signers("app", "v3"), [])
    })
})

import assert from "node:assert/strict"
import { copyFile, mkdir, readdir, rename, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import type { TrustkeyOptions } from "../support/daemon.ts"
import { type DockerEngine, startDockerd } from "../support/dockerd.ts"
import { findFreePort } from "../support/process.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

// A real engine, a real registry, a real Notary, Debian's docker: what docker trustkey push, pull, create, run and build let through.

let rig: TrustRig
let engine: DockerEngine
let registry: Registry
const everything = new AsyncDisposableStack()

before(async () => {
    rig = everything.use(await openTrustRig())
    registry = everything.use(await startRegistry())
    engine = everything.use(await startDockerd({ registries: [registry.host] }))
    await mkdir(certificates(), { recursive: true })
    await copyFile(registry.caFile, path.join(certificates(), "ca.crt"))
})
after(() => everything.disposeAsync())

type Result = { readonly status: number; readonly stdout: string; readonly stderr: string }

/** `trustkey trust …` against the engine, whatever comes of it. */
async function trust(args: readonly string[], options: TrustkeyOptions = {}): Promise<Result> {
    const env = {
        DOCKER_CONFIG: rig.docker.configDirectory,
        DOCKER_CONTENT_TRUST_SERVER: rig.notary.url,
        DOCKER_HOST: engine.host,
        ...options.env,
    }
    return rig.daemon.trustkey(["trust", ...args], { ...options, env })
}

async function ok(args: readonly string[], options: TrustkeyOptions = {}): Promise<Result> {
    const result = await trust(args, options)
    assert.equal(result.status, 0, `trustkey trust ${args.join(" ")}: ${result.stdout}${result.stderr}`)
    return result
}

async function refused(args: readonly string[], code: string, status: number, options: TrustkeyOptions = {}): Promise<string> {
    const result = await trust(args, options)
    assert.match(result.stderr, new RegExp(`\\[${code}\\]`), `${result.stdout}${result.stderr}`)
    assert.equal(result.status, status)
    return result.stderr
}

/** The stock client on another machine, with its own content trust on, and the same engine. */
async function stock(args: readonly string[]): Promise<Result> {
    return rig.judge.run(args, { env: { DOCKER_HOST: engine.host, DOCKER_CONTENT_TRUST: "1" } })
}

async function push(image: string, note: string): Promise<string> {
    const id = await engine.makeImage(image, note)
    await ok(["push", "--passphrase-file", rig.passphraseFile, image])
    return id
}

/** A repository of its own for each test. */
function repository(name: string): string {
    return `${registry.host}/team/${name}`
}

/** Where the client finds the registry's authority. */
function certificates(): string {
    return path.join(rig.docker.configDirectory, "certs.d", registry.host)
}

/** A docker that is none, in the PATH before the real one. */
async function pretendDocker(name: string, script: string): Promise<string> {
    const place = path.join(engine.directory, `pretended-${name}`)
    await mkdir(place)
    await writeFile(path.join(place, "docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return `${place}:/usr/bin:/bin`
}

/** Forget an image under all of its names, so that it has to be fetched. */
async function forget(id: string): Promise<void> {
    await engine.ok(["rmi", "--force", id])
}

const digestIn = (text: string): string => /sha256:[0-9a-f]{64}/.exec(text)?.[0] ?? "none"

describe("push", () => {
    test("makes the repository, signs what was pushed, and a stock client on another machine pulls it", async () => {
        const image = `${repository("pushed")}:v1`
        const id = await engine.makeImage(image, "pushed")
        const { stdout } = await ok(["push", "--passphrase-file", rig.passphraseFile, image])
        const lines = stdout.trimEnd().split("\n")
        assert.match(lines.find((line) => line.startsWith("v1: digest: ")) ?? "", /^v1: digest: sha256:[0-9a-f]{64} size: \d+$/)
        assert.deepEqual(lines.slice(-3), [
            "Signing and pushing trust metadata",
            `Finished initializing "${repository("pushed")}"`,
            `Successfully signed ${image}`,
        ])
        await forget(id)
        const pulled = await stock(["pull", image])
        assert.equal(pulled.status, 0, pulled.stderr)
        assert.match(pulled.stdout, new RegExp(`^Pull \\(1 of 1\\): ${image}@${digestIn(stdout)}$`, "m"))
        assert.match(await engine.ok(["image", "inspect", "--format", "{{.Id}}", image]), new RegExp(id))
    })

    test("--all-tags signs each tag that was pushed", async () => {
        const name = repository("all-pushed")
        await engine.makeImage(`${name}:v1`, "all-1")
        await engine.makeImage(`${name}:v2`, "all-2")
        await ok(["push", "--passphrase-file", rig.passphraseFile, "-a", name])
        assert.deepEqual(
            (await rig.signedTags(name)).map(({ tag }) => tag),
            ["v1", "v2"],
        )
    })

    test("without trust leaves the signed tag as it was", async () => {
        const image = `${repository("left")}:v1`
        await push(image, "left-signed")
        const before = await rig.signedTags(repository("left"))
        for (const [flag, env] of [
            ["--disable-content-trust", {}],
            ["--disable-content-trust=true", { DOCKER_CONTENT_TRUST: "1" }],
        ] as const) {
            await engine.makeImage(image, `left-unsigned${flag}`)
            const { stdout } = await ok(["push", flag, image], { env })
            assert.doesNotMatch(stdout, /Sign/)
        }
        await engine.makeImage(image, "left-unsigned-by-variable")
        await ok(["push", image], { env: { DOCKER_CONTENT_TRUST: "0" } })
        assert.deepEqual(await rig.signedTags(repository("left")), before)
    })

    test("pushes nothing when the daemon that signs isn't there", async () => {
        const image = `${repository("unsignable")}:v1`
        await engine.makeImage(image, "unsignable")
        await refused(["push", image], "daemon_unreachable", 6, { env: { TRUSTKEYD_SOCKET: "/nonexistent/sign.sock" } })
        assert.notEqual((await engine.docker(["pull", image])).status, 0)
    })

    test("signs nothing when the registry serves something else than was pushed", async () => {
        const image = `${repository("served")}:v1`
        await push(image, "served")
        const before = await rig.signedTags(repository("served"))
        const PATH = await pretendDocker("push", `echo "v1: digest: sha256:${"ab".repeat(32)} size: 5"`)
        await refused(["push", image], "digest_mismatch", 7, { env: { PATH } })
        assert.deepEqual(await rig.signedTags(repository("served")), before)
    })

    test("an engine may know a way to a registry that this machine doesn't", async () => {
        const image = `${repository("unknown")}:v1`
        await engine.makeImage(image, "unknown")
        await rename(certificates(), `${certificates()}.away`)
        try {
            const { stderr } = await ok(["push", "--passphrase-file", rig.passphraseFile, image])
            assert.match(stderr, /^warning: not compared with what the registry serves: .*certificate/m)
        } finally {
            await rename(`${certificates()}.away`, certificates())
        }
    })

    test("pushes nothing to a repository whose keys are elsewhere", async () => {
        const image = `${repository("foreign")}:v1`
        await engine.makeImage(image, "foreign")
        const pushed = await rig.docker.run(["push", image], { env: { DOCKER_HOST: engine.host, DOCKER_CONTENT_TRUST: "1" } })
        assert.equal(pushed.status, 0, pushed.stderr)
        const other = `${repository("foreign")}:v2`
        await engine.makeImage(other, "foreign-2")
        await refused(["push", other], "repository_unknown", 4)
        assert.notEqual((await engine.docker(["pull", other])).status, 0)
    })

    test("refuses a digest, and a tag with --all-tags", async () => {
        await refused(["push", `${repository("x")}@sha256:${"ab".repeat(32)}`], "usage", 2)
        await refused(["push", "--all-tags", `${repository("x")}:v1`], "usage", 2)
    })

    test("says what docker says when there is no such image, and no engine", async () => {
        const missing = await refused(["push", "--passphrase-file", rig.passphraseFile, `${repository("nothing")}:v1`], "engine_refused", 4)
        assert.match(missing, /An image does not exist locally with the tag/)
        const env = { DOCKER_HOST: "unix:///nonexistent/docker.sock" }
        assert.match(
            await refused(["push", `${repository("x")}:v1`], "engine_unreachable", 6, { env }),
            /Cannot connect to the Docker daemon/,
        )
        await refused(["push", `${repository("x")}:v1`], "engine_unreachable", 6, { env: { PATH: "/nonexistent" } })
    })
})

describe("pull", () => {
    test("fetches what is signed under the tag, whatever the registry has there now", async () => {
        const image = `${repository("moved")}:v1`
        const signed = await push(image, "moved-signed")
        const other = await engine.makeImage(image, "moved-by-an-attacker")
        await engine.ok(["push", image])
        await forget(signed)
        await forget(other)
        const { stdout, stderr } = await ok(["pull", image])
        assert.match(stdout, new RegExp(`^Pull \\(1 of 1\\): ${image}@sha256:`))
        assert.match(stderr, new RegExp(`^Tagging ${repository("moved")}@sha256:[0-9a-f]{64} as ${image}\n$`))
        assert.equal(stdout.trimEnd().split("\n").at(-1), image)
        assert.equal(await engine.ok(["image", "inspect", "--format", "{{.Id}}", image]), signed)
    })

    test("needs no daemon, and takes what a stock client signed", async () => {
        const image = `${repository("stock")}:latest`
        const id = await engine.makeImage(image, "stock")
        const pushed = await rig.docker.run(["push", image], { env: { DOCKER_HOST: engine.host, DOCKER_CONTENT_TRUST: "1" } })
        assert.equal(pushed.status, 0, pushed.stderr)
        await forget(id)
        const { stdout } = await ok(["pull", repository("stock")], { env: { TRUSTKEYD_SOCKET: "/nonexistent/sign.sock" } })
        assert.match(stdout, /^Using default tag: latest\nPull \(1 of 1\): /)
        assert.equal(await engine.ok(["image", "inspect", "--format", "{{.Id}}", image]), id)
    })

    test("--all-tags fetches every signed tag and no other", async () => {
        const name = repository("all-pulled")
        const ids = [await push(`${name}:v2`, "all-pulled-2"), await push(`${name}:v10`, "all-pulled-10")]
        const unsigned = await engine.makeImage(`${name}:v3`, "all-pulled-3")
        await engine.ok(["push", `${name}:v3`])
        for (const id of [...ids, unsigned]) await forget(id)
        const { stdout } = await ok(["pull", "-a", name])
        assert.match(stdout, /^Pull \(1 of 2\): \S+:v2@/m)
        assert.match(stdout, /^Pull \(2 of 2\): \S+:v10@/m)
        assert.equal((await engine.docker(["image", "inspect", `${name}:v3`])).status, 1)
        await refused(["pull", "-a", `${name}:v2`], "usage", 2)
    })

    test("--all-tags leaves out what is signed under a name that is no tag, and shows it without obeying it", async () => {
        const name = repository("weird")
        await engine.makeImage(`${name}:v1`, "weird")
        await engine.ok(["push", `${name}:v1`])
        const digest = digestIn(await engine.ok(["image", "inspect", "--format", "{{.RepoDigests}}", `${name}:v1`]))
        const hash = ["--sha256", digest.slice("sha256:".length)]
        await rig.stock(["init", "-p", name])
        for (const tag of ["v1", "\u009b2Jevil", "v2@x", "--help"]) await rig.stock(["addhash", "-p", ...hash, "--", name, tag, "5"])
        const { stdout, stderr } = await ok(["pull", "-a", name])
        assert.match(stdout, /^Pull \(1 of 1\): \S+:v1@/)
        assert.doesNotMatch(stdout + stderr, /\u009b/)
        assert.match(stderr, /^warning: .*u\{9b\}2Jevil/m)
    })

    test("an unsigned tag is refused in docker's words, and comes with trust off", async () => {
        const name = repository("unsigned")
        await push(`${name}:v1`, "unsigned-1")
        await engine.makeImage(`${name}:v2`, "unsigned-2")
        await engine.ok(["push", `${name}:v2`])
        const theirs = await stock(["pull", `${name}:v2`])
        assert.match(await refused(["pull", `${name}:v2`], "target_unknown", 4), new RegExp(`^trustkey: ${theirs.stderr.trim()} \\[`))
        await ok(["pull", "--disable-content-trust", `${name}:v2`])
        await ok(["pull", `${name}:v2`], { env: { DOCKER_CONTENT_TRUST: "false" } })
        // docker reads what it can't read as true.
        await refused(["pull", `${name}:v2`], "target_unknown", 4, { env: { DOCKER_CONTENT_TRUST: "no" } })
        await refused(["pull", "--disable-content-trust=false", `${name}:v2`], "target_unknown", 4, { env: { DOCKER_CONTENT_TRUST: "0" } })
    })

    test("a digest needs no signature", async () => {
        const image = `${repository("by-digest")}:v1`
        await engine.makeImage(image, "by-digest")
        const digest = digestIn(await engine.ok(["push", image]))
        await ok(["pull", `${repository("by-digest")}@${digest}`])
    })

    test("a repository without trust data is refused in docker's words", async () => {
        const image = `${repository("bare")}:v1`
        const theirs = await stock(["pull", image])
        const ours = await refused(["pull", image], "no_trust_data", 4)
        // 20.10 begins with a capital letter, newer ones don't.
        assert.match(ours, new RegExp(`^trustkey: ${theirs.stderr.trim().replace(/^E/, "e")} \\[`))
    })

    test("--quiet prints the name and nothing else", async () => {
        const image = `${repository("quiet")}:v1`
        await push(image, "quiet")
        const { stdout } = await ok(["pull", "-q", image])
        assert.match(stdout, new RegExp(`^Pull \\(1 of 1\\): \\S+\n${image}\n$`))
    })

    test("a trust server that is away is a fault, one that goes back in time an attack", async () => {
        const image = `${repository("server")}:v1`
        await push(image, "server-1")
        const away = { DOCKER_CONTENT_TRUST_SERVER: `https://localhost:${await findFreePort()}` }
        assert.match(
            await refused(["pull", image], "server_unreachable", 6, { env: away }),
            /^trustkey: error: error contacting notary server: /,
        )
        const old = await rig.served(repository("server"), "timestamp")
        await push(image, "server-2")
        await ok(["pull", image], { env: rig.throughProxy })
        rig.proxy.alter = ({ path: requested }, answer) => (requested.endsWith("/timestamp.json") ? old : answer)
        try {
            assert.match(
                await refused(["pull", image], "rollback_detected", 7, { env: rig.throughProxy }),
                /^trustkey: warning: potential malicious behavior - trust data version is lower than expected for remote repository /,
            )
        } finally {
            rig.proxy.alter = undefined
        }
    })
})

describe("create and run", () => {
    test("a container is made from the signed digest, though the tag here means something else", async () => {
        const image = `${repository("container")}:v1`
        const signed = await push(image, "container-signed")
        const other = await engine.makeImage(image, "container-other")
        await forget(signed)
        const { stdout, stderr } = await ok(["create", "-e", "A=b", "--name=c1", image, "true"])
        assert.match(stdout, /^[0-9a-f]{64}\n$/)
        assert.match(stderr, new RegExp(`^Unable to find image '${image}' locally\n`))
        const facts = await engine.ok(["container", "inspect", "--format", "{{.Config.Image}} {{.Image}} {{.Config.Env}}", "c1"])
        assert.match(facts, new RegExp(`^${repository("container")}@sha256:[0-9a-f]{64} ${signed} \\[A=b`))
        assert.equal(await engine.ok(["image", "inspect", "--format", "{{.Id}}", image]), signed)
        assert.notEqual(signed, other)
    })

    test("run hands on the terminal's streams and the container's exit code", async () => {
        const image = `${repository("run")}:v1`
        await push(image, "run")
        const { status, stdout } = await trust(["run", "--rm", "-i", image, "/bin/sh", "-c", "cat; exit 7"], { input: "hello\n" })
        assert.equal(stdout, "hello\n")
        assert.equal(status, 7)
        assert.equal((await trust(["run", "--rm", image, "/nonexistent"])).status, 127)
    })

    test("nothing runs that isn't signed", async () => {
        const image = `${repository("run-unsigned")}:v1`
        await push(`${repository("run-unsigned")}:v0`, "run-unsigned-0")
        await engine.makeImage(image, "run-unsigned-1")
        for (const args of [
            ["run", "--rm", image, "true"],
            ["run", "-it", image, "--disable-content-trust", "true"],
            ["run", "--env", "--disable-content-trust", image, "true"],
            ["run", "-e=X", "--", image],
            ["create", image],
        ]) {
            await refused(args, "target_unknown", 4)
        }
        await ok(["run", "--rm", "--disable-content-trust", image, "true"])
    })

    test("--pull is obeyed", async () => {
        const image = `${repository("policy")}:v1`
        const id = await push(image, "policy")
        await forget(id)
        assert.equal((await trust(["run", "--rm", "--pull", "never", image, "true"])).status, 125)
        assert.match((await ok(["run", "--rm", "--pull=always", image, "true"])).stderr, /Tagging/)
        assert.doesNotMatch((await ok(["run", "--rm", image, "true"])).stderr, /Tagging/)
        await refused(["run", "--pull", "sometimes", image], "usage", 2)
    })

    test("an ID and a digest are what they are", async () => {
        const image = `${repository("exact")}:v1`
        const id = await engine.makeImage(image, "exact")
        await ok(["run", "--rm", id, "true"])
        await ok(["run", "--rm", id.replace("sha256:", ""), "true"])
        const digest = digestIn(await engine.ok(["push", image]))
        await ok(["run", "--rm", `${repository("exact")}@${digest}`, "true"])
    })

    test("a flag docker doesn't know is refused, for what follows it may be the image or not", async () => {
        const { status, stderr } = await trust(["run", "--frobnicate", repository("x"), repository("y")])
        assert.equal(status, 2)
        assert.match(stderr, /--frobnicate/)
    })
})

describe("build", () => {
    async function scene(name: string): Promise<{ directory: string; base: string; signed: string }> {
        const base = `${repository(name)}:v1`
        const signed = await push(base, `${name}-signed`)
        const other = await engine.makeImage(base, `${name}-other`)
        await engine.ok(["push", base])
        await forget(signed)
        await forget(other)
        const directory = path.join(engine.directory, `context-${name}`)
        await mkdir(directory)
        return { directory, base, signed }
    }
    const noteOf = (image: string): Promise<string> => engine.ok(["image", "inspect", "--format", "{{.Config.Labels.note}}", image])

    for (const [builder, env] of [
        ["the classic builder", { DOCKER_BUILDKIT: "0" }],
        ["BuildKit", { DOCKER_BUILDKIT: "1" }],
    ] as const) {
        test(`every stage is built from what is signed, by ${builder}`, async () => {
            const name = env.DOCKER_BUILDKIT === "0" ? "classic" : "buildkit"
            const { directory, base } = await scene(name)
            const dockerfile = [
                `ARG BASE=${base}`,
                "FROM $BASE AS Tools",
                "RUN echo made > /made",
                "FROM scratch AS empty",
                "COPY --from=tools /made /made",
                `FROM ${base}`,
                "COPY --from=0 /made /made",
                `COPY --from=${base} /bin/true /other`,
                "COPY included excluded* /",
            ].join("\n")
            await writeFile(path.join(directory, "Dockerfile"), dockerfile)
            await writeFile(path.join(directory, "included"), "")
            const { stderr } = await ok(["build", "--network", "none", "--tag", `built:${name}`, directory], { env })
            assert.equal(await noteOf(`built:${name}`), `${name}-signed`)
            assert.match(stderr, new RegExp(`Dockerfile line 2: ${base} is ${repository(name)}@sha256:`))
            assert.equal(await engine.ok(["run", "--rm", `built:${name}`, "/bin/cat", "/made"]), "made")
        })
    }

    test("a Dockerfile from stdin, alone or with a context", async () => {
        const { directory, base } = await scene("stdin")
        const env = { DOCKER_BUILDKIT: "0" }
        await ok(["build", "-q", "-t", "built:stdin-1", "-"], { env, input: `FROM ${base}\n` })
        await writeFile(path.join(directory, "file"), "")
        await ok(["build", "-t", "built:stdin-2", "-f", "-", directory], { env, input: `FROM ${base}\nCOPY file /\n` })
        assert.equal(await noteOf("built:stdin-1"), "stdin-signed")
        assert.equal(await noteOf("built:stdin-2"), "stdin-signed")
        await refused(["build", "-"], "invalid_request", 4, { env, input: "\u001f\u008b" })
    })

    test("the ignore file that belongs to a Dockerfile goes with it", async () => {
        const { directory, base } = await scene("ignore")
        await mkdir(path.join(directory, "docker"))
        await writeFile(path.join(directory, "docker/app.dockerfile"), `FROM ${base}\nCOPY file* /files/\n`)
        await writeFile(path.join(directory, "docker/app.dockerfile.dockerignore"), "file2\n")
        for (const file of ["file1", "file2"]) await writeFile(path.join(directory, file), "")
        const args = ["build", "-t", "built:ignore", "-f", path.join(directory, "docker/app.dockerfile"), directory]
        await ok(args, { env: { DOCKER_BUILDKIT: "1" } })
        const files = await engine.ok(["run", "--rm", "built:ignore", "/bin/sh", "-c", "echo /files/*"])
        assert.equal(files, "/files/file1")
    })

    test("a newer docker's named contexts and frontends are pinned too, and its temporary directory is gone afterwards", async () => {
        const { directory, base } = await scene("newer")
        // Debian's docker has no --build-context.
        const PATH = await pretendDocker(
            "build",
            `if [ "$1" = image ]; then echo 'No such image' >&2; exit 1; fi\nfor a; do echo "$a"; done\ncat "$TMPDIR"/trustkey-*/Dockerfile`,
        )
        const env = { PATH, TMPDIR: directory, BUILDKIT_SYNTAX: base }
        const named = ["--build-context", `other=docker-image://${base}`, "--build-context=files=/tmp"]
        const input = `FROM other\nFROM ${base}\n`
        const { stdout } = await ok(["build", ...named, "--build-arg", "BUILDKIT_SYNTAX", "--build-arg=A=b", "-"], { env, input })
        const pinned = new RegExp(`^${repository("newer")}@sha256:[0-9a-f]{64}$`)
        const lines = stdout.trimEnd().split("\n")
        assert.match(lines[2]?.replace("other=docker-image://", "") ?? "", pinned)
        assert.match(lines[5]?.replace("BUILDKIT_SYNTAX=", "") ?? "", pinned)
        assert.deepEqual(
            [lines[1], lines[3], lines[4], lines[6]],
            ["--build-context", "--build-context=files=/tmp", "--build-arg", "--build-arg=A=b"],
        )
        assert.deepEqual(lines.slice(-2)[0], "FROM other")
        assert.match(lines.at(-1)?.replace("FROM ", "") ?? "", pinned)
        assert.deepEqual(await readdir(directory), [])
        const unsigned = ["build", "--build-context", `other=docker-image://${repository("newer")}:none`, "-"]
        await refused(unsigned, "target_unknown", 4, { env, input })
    })

    test("one image that isn't signed stops all of it, and nothing is built from a URL", async () => {
        const { directory, base } = await scene("mixed")
        await writeFile(path.join(directory, "Dockerfile"), `FROM ${base}\nCOPY --from=${repository("mixed")}:none / /\n`)
        await refused(["build", directory], "target_unknown", 4)
        await ok(["build", "--disable-content-trust", "-t", "built:mixed", "-"], {
            env: { DOCKER_BUILDKIT: "0" },
            input: `FROM ${base}\n`,
        })
        assert.equal(await noteOf("built:mixed"), "mixed-other")
        await refused(["build", "https://example.com/app.git"], "invalid_request", 4)
        await refused(["build", path.join(directory, "missing")], "not_found", 4)
    })

    test("docker's exit code is ours", async () => {
        const { base } = await scene("failing")
        const env = { DOCKER_BUILDKIT: "0" }
        assert.equal((await trust(["build", "-"], { env, input: `FROM ${base}\nRUN exit 9\n` })).status, 9)
    })
})

import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { parseGun } from "../../src/tuf/index.ts"
import { type DockerCli, findDockerClis } from "../support/docker-clis.ts"
import { type FakeTrustServer, startFakeTrustServer } from "../support/fake-trust-server.ts"
import { type CommandResult, runCommand } from "../support/process.ts"
import { type BuiltFile, hashOf, makeKey, RepositoryBuilder, type TestKey } from "../support/repository-builder.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"

const TRUSTKEY = fileURLToPath(new URL("../../dist/trustkey.cjs", import.meta.url))
const { clis } = await findDockerClis()

/** A repository with whatever is asked for, under a name of its own on the server. */
type Shape = {
    readonly gun: string
    readonly targets?: Readonly<Record<string, string>>
    readonly delegations?: readonly {
        readonly name: string
        readonly keys: readonly TestKey[]
        /** Undefined: never signed. */
        readonly targets?: Readonly<Record<string, string>>
        readonly signers?: readonly TestKey[]
        readonly children?: Shape["delegations"]
        readonly days?: number
    }[]
    readonly timestampDays?: number
}

function build({ gun, targets = {}, delegations = [], timestampDays }: Shape): readonly BuiltFile[] {
    const builder = new RepositoryBuilder(parseGun(gun), new Date())
    const [targetsKey, serverKey] = [makeKey(), makeKey()]
    const keys = { root: [builder.rootKey()], targets: [targetsKey], snapshot: [serverKey], timestamp: [serverKey] }
    const root = builder.root({ version: 1, keys })
    const below: BuiltFile[] = []
    const add = (list: NonNullable<Shape["delegations"]>): void => {
        for (const { name, keys: own, targets: tags, signers, children = [], days } of list) {
            if (tags === undefined) continue
            const spec = { role: name, version: 1, targets: tags, signers: signers ?? own, ...(days === undefined ? {} : { days }) }
            below.push(builder.targets({ ...spec, delegations: children }))
            add(children)
        }
    }
    add(delegations)
    const top = builder.targets({ version: 1, targets, delegations, signers: [targetsKey] })
    const snapshot = builder.snapshot({ version: 1, files: [root, top, ...below], signers: [serverKey] })
    const spec = { version: 1, snapshot, signers: [serverKey] }
    const timestamp = builder.timestamp(timestampDays === undefined ? spec : { ...spec, days: timestampDays })
    return [root, top, ...below, snapshot, timestamp]
}

const host = "registry.example.com"
const [alice, bob, second, releases, ci] = [makeKey(), makeKey(), makeKey("rsa2048"), makeKey(), makeKey()]
const inReleases = (targets: Readonly<Record<string, string>>) => ({ name: "targets/releases", keys: [releases], targets })

const SHAPES: readonly Shape[] = [
    { gun: `${host}/a/empty` },
    { gun: `${host}/a/one`, targets: { v1: "one" } },
    {
        gun: `${host}/a/order`,
        targets: Object.fromEntries(
            ["v10", "v2", "latest", "v1", "v01", "1.0-rc", "1.0", "10", "9", "_x", "Z", "a", "v1.10", "v1.9"].map((tag) => [tag, tag]),
        ),
    },
    {
        gun: `${host}/a/team`,
        delegations: [
            { name: "targets/bob", keys: [second, bob], targets: { v1: "one", v2: "other than released" } },
            { name: "targets/alice", keys: [alice], targets: { v1: "one", v2: "two", unreleased: "x" } },
            inReleases({ v1: "one", v2: "two", v3: "three" }),
        ],
    },
    {
        gun: `${host}/a/waiting`,
        targets: { v1: "one" },
        delegations: [
            { name: "targets/alice", keys: [alice] },
            { name: "targets/releases", keys: [releases, alice] },
        ],
    },
    {
        gun: `${host}/a/below`,
        delegations: [
            {
                name: "targets/alice",
                keys: [alice],
                targets: { v1: "one" },
                children: [{ name: "targets/alice/ci", keys: [ci], targets: { v1: "one" } }],
            },
            { name: "targets/bob", keys: [bob], targets: { v1: "one" } },
            inReleases({ v1: "one" }),
        ],
    },
    { gun: `${host}/a/stale`, targets: { v1: "one" }, timestampDays: -1 },
    {
        gun: `${host}/a/left`,
        delegations: [
            { name: "targets/alice", keys: [alice], targets: { v1: "one" }, signers: [bob] },
            { name: "targets/bob", keys: [bob], targets: { v1: "one" }, days: -1 },
            inReleases({ v1: "one" }),
        ],
    },
    { gun: `${host}/a/two`, targets: { v1: "old", same: "s" }, delegations: [inReleases({ v1: "new", same: "s" })] },
]

describe("trust inspect beside the real docker CLIs", () => {
    let server: FakeTrustServer
    let place: WorkingDirectory
    before(async () => {
        place = await makeWorkingDirectory("inspect")
        server = await startFakeTrustServer()
        for (const shape of SHAPES) publish(shape)
    })
    after(async () => {
        await server?.[Symbol.asyncDispose]()
        await place?.remove()
    })

    function publish(shape: Shape): void {
        for (const file of build(shape)) {
            const names = [file.role, `${file.role}.${hashOf(file)}`, ...(file.role === "root" ? [`${file.version}.root`] : [])]
            for (const name of names) {
                const line = `GET /v2/${shape.gun}/_trust/tuf/${name}.json`
                server.handlers.set(line, (_request, response) => void response.end(file.content))
            }
        }
    }

    /** A program with a docker configuration of its own. */
    async function run(name: string, program: readonly string[], args: readonly string[], url = server.url): Promise<CommandResult> {
        const config = path.join(place.path, name)
        const tls = path.join(config, "tls", server.host)
        await mkdir(tls, { recursive: true })
        await copyFile(server.caFile, path.join(tls, "ca.crt"))
        const [command = "", ...first] = program
        return await runCommand(command, [...first, "trust", "inspect", ...args], {
            cwd: place.path,
            env: {
                PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
                LANG: "C.UTF-8",
                HOME: place.path,
                DOCKER_CONFIG: config,
                DOCKER_HOST: "unix:///nonexistent/engine.sock",
                DOCKER_CONTENT_TRUST_SERVER: url,
                TRUSTKEYD_SOCKET: "/nonexistent/sign.sock",
            },
        })
    }
    const ours = (args: readonly string[], url?: string): Promise<CommandResult> => run("ours", [process.execPath, TRUSTKEY], args, url)
    const docker = (cli: DockerCli, args: readonly string[]): Promise<CommandResult> => run(cli.version, [cli.program], args)

    const WHOLE = SHAPES.map(({ gun }) => gun).filter((gun) => !/stale|two/.test(gun))
    const LINES: readonly (readonly string[])[] = [
        ...WHOLE.map((gun) => [gun]),
        [`${host}/a/team:v1`],
        [`${host}/a/team:v2`],
        [`${host}/a/team:unreleased`],
        [`${host}/a/one:unknown`],
        [`${host}/a/one@sha256:${"ab".repeat(32)}`],
        WHOLE,
        [`${host}/a/one`, `${host}/a/nothing`, `${host}/a/team:v1`, `${host}/a/stale`],
        [`${host}/a/nothing`, `${host}/a/nothing:v1`],
        [`${host}/a/stale`],
    ]

    for (const cli of clis) {
        for (const pretty of [false, true]) {
            test(`docker ${cli.version} and trustkey write the same bytes${pretty ? " for people" : ""}, and fail for the same references`, async () => {
                for (const line of LINES) {
                    const args = pretty ? ["--pretty", ...line] : line
                    const [theirs, mine] = await Promise.all([docker(cli, args), ours(args)])
                    assert.equal(mine.stdout, theirs.stdout, args.join(" "))
                    assert.equal(mine.status === 0, theirs.status === 0, `${args.join(" ")}: ${mine.stderr}`)
                    const refusals = (text: string): string[] =>
                        text.match(/no signatures or cannot access \S+/gi)?.map((words) => words.toLowerCase()) ?? []
                    assert.deepEqual(refusals(mine.stderr), refusals(theirs.stderr), args.join(" "))
                }
            })
        }

        test(`docker ${cli.version} shows two digests of one tag in either order, trustkey the one that is pulled first`, async () => {
            const args = [`${host}/a/two`]
            const [theirs, mine] = await Promise.all([docker(cli, args), ours(args)])
            const rows = ({ stdout }: CommandResult): { SignedTag: string; Digest: string }[] => JSON.parse(stdout)[0].SignedTags
            assert.deepEqual(new Set(rows(mine).map(({ Digest }) => Digest)), new Set(rows(theirs).map(({ Digest }) => Digest)))
            const digest = createHash("sha256").update("new").digest("hex")
            assert.equal(rows(mine).find(({ SignedTag }) => SignedTag === "v1")?.Digest, digest)
        })
    }

    test("a server that is down, one that lies, and one with nothing have codes of their own behind the same words", async () => {
        const gun = `${host}/a/attacked`
        publish({ gun, targets: { v1: "one" } })
        assert.equal((await ours([gun])).status, 0)
        const refused = async (args: readonly string[], code: string, status: number, url?: string): Promise<string> => {
            const { stdout, stderr, status: ended } = await ours(args, url)
            assert.equal(stdout, "[]\n")
            assert.match(stderr, new RegExp(`^trustkey: no signatures or cannot access ${args[0]}\\b[^]*\\[${code}\\]`))
            assert.equal(ended, status)
            return stderr
        }
        await refused([`${host}/a/nothing`], "no_trust_data", 4)
        await refused([`${host}/a/never-seen`], "server_unreachable", 6, "https://localhost:1")
        assert.match(await refused([`${host}/a/stale`], "metadata_expired", 7), /timestamp version 1 expired on/)
        // Another root's owner answers for the same name: the root seen before does not vouch for it.
        publish({ gun, targets: { v1: "evil" } })
        const attacked = await refused([gun], "verification_failed", 7)
        assert.match(attacked, /It may be an attack/)
        // The worst decides among several, and each is told.
        const many = await refused([`${host}/a/nothing`, gun], "verification_failed", 7)
        assert.match(many, /attacked: .* \(verification_failed\)/)
    })

    test("while nobody answers, what was verified last is shown, with its age, as docker shows it; in date, and as it was signed", async () => {
        const AWAY = "https://localhost:1"
        const gun = `${host}/a/away`
        publish({ gun, targets: { v1: "one" } })
        const fresh = await ours([gun])
        const away = await ours([gun], AWAY)
        assert.equal(away.status, 0, away.stderr)
        assert.equal(away.stdout, fresh.stdout)
        const today = new Date().toISOString().slice(0, 10)
        const words = `^warning: the trust server localhost:1 can't be reached \\(ECONNREFUSED\\): what is shown of ${gun} was verified here on ${today}, less than a day ago, and counts until `
        assert.match(away.stderr, new RegExp(words))
        assert.equal((await ours(["--pretty", gun], AWAY)).stdout, (await ours(["--pretty", gun])).stdout)

        // A server that answers is believed in what it says, and one with a wrong certificate may be somebody else.
        await rm(path.join(place.path, "ours", "tls"), { recursive: true })
        const { stderr, status } = await runCommand(process.execPath, [TRUSTKEY, "trust", "inspect", gun], {
            env: {
                PATH: "/usr/bin:/bin",
                HOME: place.path,
                DOCKER_CONFIG: path.join(place.path, "ours"),
                DOCKER_CONTENT_TRUST_SERVER: server.url,
            },
        })
        assert.equal(status, 6)
        assert.match(stderr, /no known authority vouches.*\[server_unreachable\]/s)

        const timestamp = path.join(place.path, "ours", "trust", "tuf", gun, "metadata", "timestamp.json")
        const kept = await readFile(timestamp, "utf8")
        const [expired] = build({ gun, targets: { v1: "one" }, timestampDays: -1 }).filter(({ role }) => role === "timestamp")
        for (const content of [kept.replace(/"version":1/, '"version":2'), expired?.content ?? "", "{}"]) {
            await writeFile(timestamp, content)
            const refused = await ours([gun], AWAY)
            assert.equal(refused.status, 6)
            assert.equal(refused.stdout, "[]\n")
            assert.match(refused.stderr, /can't be reached.*\[server_unreachable\]/s)
        }
    })

    test("references and servers that can't be right are refused in the words of the request", async () => {
        for (const args of [["BAD"], ["--pretty", "BAD"]]) {
            const { stderr, status } = await ours(args)
            assert.equal(status, 4)
            assert.doesNotMatch(stderr, /no signatures/)
        }
    })
})

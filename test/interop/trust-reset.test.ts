import assert from "node:assert/strict"
import { rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { STOCK_MESSAGES } from "../../src/cli/trust/reset-notice.ts"
import { type DockerEngine, startDockerd } from "../support/dockerd.ts"
import type { CommandResult } from "../support/process.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const GUN = "registry.example.com/lost/app"

// The last step when a root is lost. What trust reset tells people that their clients will say is compared with what they say.

describe("a repository whose history ends", () => {
    let opened: AsyncDisposableStack
    let rig: TrustRig
    let engine: DockerEngine

    before(async () => {
        opened = new AsyncDisposableStack()
        rig = opened.use(await openTrustRig())
        engine = opened.use(await startDockerd())
        await rig.init(GUN)
        await rig.sign(`${GUN}:v1`, "ab")
        await rig.sign(`${GUN}:v10`, "cd")
        await rig.sign(`${GUN}:v9`, "cd")
    })
    after(() => opened?.disposeAsync())

    const list = (): Promise<CommandResult> => rig.client.run(["list", GUN])
    const pull = (): Promise<CommandResult> =>
        rig.judge.run(["pull", `${GUN}:v1`], { env: { DOCKER_HOST: engine.host, DOCKER_CONTENT_TRUST: "1" } })
    const inspect = (): Promise<CommandResult> => rig.judge.run(["trust", "inspect", GUN])
    const sign = (): Promise<CommandResult> => rig.judge.run(["trust", "sign", `${GUN}:v1`], { env: { DOCKER_HOST: engine.host } })
    const place = (name: string): string => path.join(rig.client.directory, name)
    const pinned = (): Promise<CommandResult> => rig.client.run(["-c", place("pinned.json"), "-d", place("pinned"), "list", GUN])
    const show = (): Promise<CommandResult> => rig.daemon.trustkey(["trust", "show", GUN], { env: other() })
    /** Another machine's docker directory, used by docker and by trustkey. */
    const other = (): Record<string, string> => ({ DOCKER_CONFIG: rig.judge.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url })

    function says(result: CommandResult, status: number, text: string): void {
        const all = `${result.stdout}${result.stderr}`
        assert.equal(result.status, status, all)
        assert.ok(all.includes(text), all)
    }

    test("is used by clients of every kind, one of which has its root pinned", async () => {
        const { signed } = JSON.parse((await rig.served(GUN, "root")).toString()) as { signed: { roles: { root: { keyids: string[] } } } }
        const config = {
            trust_dir: place("pinned"),
            remote_server: { url: rig.notary.url, root_ca: rig.notary.caFile },
            trust_pinning: { disable_tofu: true, certs: { [GUN]: signed.roles.root.keyids } },
        }
        await writeFile(place("pinned.json"), JSON.stringify(config))
        for (const use of [list, pinned, inspect, show]) assert.equal((await use()).status, 0)
        // There is no registry of this name; that the tag was found is all that is asked.
        says(await pull(), 1, `Pull (1 of 1): ${GUN}:v1@sha256:${"ab".repeat(32)}`)
    })

    test("is described before it ends: what is lost, how to sign it again, and what everybody has to do", async () => {
        const text = await rig.ok(["trust", "reset", GUN, "--dry-run"])
        const again = text.split("\n").filter((line) => line.startsWith("  trustkey trust sign "))
        assert.deepEqual(
            again.map((line) => line.trim()),
            [
                `trustkey trust sign ${GUN}:v1 --digest sha256:${"ab".repeat(32)} --size 1234   # targets`,
                `trustkey trust sign ${GUN}:v9 --digest sha256:${"cd".repeat(32)} --size 1234   # targets`,
                `trustkey trust sign ${GUN}:v10 --digest sha256:${"cd".repeat(32)} --size 1234   # targets`,
            ],
        )
        for (const message of Object.values(STOCK_MESSAGES)) assert.ok(text.includes(message), message)
        assert.ok(text.includes(`rm -r ~/.docker/trust/tuf/${GUN}`) && text.includes(`rm -r ~/.notary/tuf/${GUN}`))
        assert.equal((await list()).status, 0)
        assert.match(await rig.ok(["trust", "show", GUN]), /^v10 /m)
    })

    test("goes when its name is typed, and not before: neither there nor here", async () => {
        await rig.refused(["trust", "reset", GUN, "--delete"], "no_terminal", 2)
        await rig.refused(["trust", "reset", GUN, "--delete", "--confirm", `${GUN}2`], "confirmation_required", 5)
        // The sign socket, whoever asks there, is not for this: the server is not asked either.
        const signSocket = ["--admin-socket", rig.daemon.signSocket]
        await rig.refused([...signSocket, "trust", "reset", GUN, "--delete", "--confirm", GUN], "denied", 3)
        await rig.served(GUN, "root")
        assert.match(await rig.ok(["trust", "show", GUN]), /^v1 /m)
    })

    test("while nothing is published, is trusted by stock clients as they have it cached, with a warning at most", async () => {
        const { stdout, stderr } = await rig.daemon.trustkey(["trust", "reset", GUN, "--delete", "--confirm", GUN], {
            env: { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url },
        })
        assert.match(stdout, /^Reset registry\.example\.com\/lost\/app\n\n3 tags lose their signatures/, stderr)
        assert.match(stderr, /Deleted the trust data of .* at https:/)
        for (const use of [list, pinned, inspect]) says(await use(), 0, STOCK_MESSAGES.stale)
        says(await pull(), 1, STOCK_MESSAGES.stale)
        says(await pull(), 1, `Pull (1 of 1): ${GUN}:v1@sha256:${"ab".repeat(32)}`)
        says(await show(), 4, "[no_trust_data]")
    })

    test("is ended once: again there is nothing to end, and nothing is deleted", async () => {
        await rig.refused(["trust", "reset", GUN, "--delete", "--confirm", GUN], "repository_unknown", 4)
    })

    test("begins anew with another root, which everybody refuses who has the old one, in the words we foretold", async () => {
        const create = ["key", "create", "--purpose", "root", "--token", "root-token", "--label", "second", "--json"]
        const { id } = JSON.parse(await rig.ok(create)) as { id: string }
        await rig.init(GUN, "--root-key", id)
        await rig.sign(`${GUN}:v1`, "ef")
        for (const use of [list, pinned, pull, sign]) says(await use(), 1, STOCK_MESSAGES.refused)
        says(await inspect(), 1, `${STOCK_MESSAGES.inspect} ${GUN}`)
        says(await show(), 7, STOCK_MESSAGES.ours)
        const again = JSON.parse(await rig.ok(["key", "show", id, "--json"])) as { needs: { kind: string }[] }
        assert.deepEqual(
            again.needs.map(({ kind }) => kind),
            ["signs"],
        )
    })

    test("is used again by whoever did what was said, and by a pinned client when its pin was changed too", async () => {
        await rm(path.join(rig.client.trustDirectory, "tuf", GUN), { recursive: true })
        await rm(path.join(rig.judge.configDirectory, "trust/tuf", GUN), { recursive: true })
        await rm(path.join(place("pinned"), "tuf", GUN), { recursive: true })
        for (const use of [list, inspect, show]) says(await use(), 0, "ef".repeat(32))
        says(await pull(), 1, `Pull (1 of 1): ${GUN}:v1@sha256:${"ef".repeat(32)}`)
        says(await pinned(), 1, STOCK_MESSAGES.pinned)
    })

    test("with a root that had been replaced is refused in the same words by who has the newer of the old roots", async () => {
        const gun = "registry.example.com/lost/rotated"
        const create = ["key", "create", "--purpose", "root", "--token", "root-token", "--label", "third", "--json"]
        const { id } = JSON.parse(await rig.ok(create)) as { id: string }
        await rig.init(gun, "--root-key", id)
        await rig.ok(["rotate", "targets", gun, "--confirm", "--old-key", "unbind", "--passphrase-file", rig.passphraseFile])
        await rig.sign(`${gun}:v1`, "ab", "--passphrase-file", rig.passphraseFile)
        const uses = [
            () => rig.client.run(["list", gun]),
            () => rig.judge.run(["trust", "inspect", gun]),
            () => rig.daemon.trustkey(["trust", "show", gun], { env: other() }),
        ] as const
        for (const use of uses) assert.equal((await use()).status, 0)
        await rig.ok(["trust", "reset", gun, "--delete", "--confirm", gun])
        const { id: fresh } = JSON.parse(await rig.ok(create)) as { id: string }
        await rig.init(gun, "--root-key", fresh)
        const [list, inspect, show] = uses
        says(await list(), 1, STOCK_MESSAGES.refused)
        says(await inspect(), 1, `${STOCK_MESSAGES.inspect} ${gun}`)
        says(await show(), 7, STOCK_MESSAGES.oursNewer)
    })
})

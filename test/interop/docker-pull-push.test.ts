import assert from "node:assert/strict"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { type DockerCli, findDockerClis } from "../support/docker-clis.ts"
import { type DockerEngine, startDockerd } from "../support/dockerd.ts"
import { startNotary } from "../support/notary.ts"
import type { CommandResult } from "../support/process.ts"
import { startRegistry } from "../support/registry.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { startAuthority } from "../support/tls.ts"
import { makeKeyFiles } from "./docker-trust/key-files.ts"
import { openOurs, openStock, type Surroundings, type World } from "./docker-trust/world.ts"

// The stock client with DOCKER_CONTENT_TRUST=1 and docker trustkey, through the same docker CLI, on the same real engine: what one
// pushes and signs the other pulls.

const { clis } = await findDockerClis()

describe("push and pull with trust", () => {
    let opened: AsyncDisposableStack
    let engine: DockerEngine
    let shared: Omit<Surroundings, "cli">

    before(async () => {
        opened = new AsyncDisposableStack()
        const directory = opened.use(await makeWorkingDirectory("pull-push")).path
        const authority = await startAuthority(path.join(directory, "tls"))
        const [notary, registry] = await Promise.all([startNotary({ authority }), startRegistry({ authority })])
        opened.use(notary)
        opened.use(registry)
        engine = opened.use(await startDockerd({ registries: [registry.host] }))
        const keyFiles = path.join(directory, "keys")
        await makeKeyFiles(keyFiles)
        shared = { notary, registry, engine: engine.host, keyFiles }
    })
    after(() => opened?.disposeAsync())

    for (const cli of clis)
        describe(`under docker ${cli.version}`, () => pushAndPull(cli, () => ({ engine, surroundings: { ...shared, cli } })))
})

type Parts = { readonly engine: DockerEngine; readonly surroundings: Surroundings }

function pushAndPull(cli: DockerCli, parts: () => Parts): void {
    let opened: AsyncDisposableStack
    const worlds = new Map<World["name"], World>()

    before(async () => {
        opened = new AsyncDisposableStack()
        for (const open of [openStock, openOurs]) {
            const world = opened.use(await open(parts().surroundings))
            worlds.set(world.name, world)
        }
    })
    after(() => opened?.disposeAsync())

    const worldOf = (name: World["name"]): World => {
        const world = worlds.get(name)
        assert.ok(world !== undefined)
        return world
    }
    const ok = async (name: World["name"], ...args: readonly string[]): Promise<CommandResult> => {
        const result = await worldOf(name).trusted(args)
        assert.equal(result.status, 0, `${name} ${args.join(" ")}: ${result.stdout}${result.stderr}`)
        return result
    }
    const idOf = (image: string): Promise<string> => parts().engine.ok(["image", "inspect", "--format", "{{.Id}}", image])
    const forget = (id: string): Promise<string> => parts().engine.ok(["rmi", "--force", id])

    for (const signer of ["stock", "ours"] as const) {
        for (const puller of ["stock", "ours"] as const) {
            test(`what ${nameOf(signer)} pushes is pulled by ${nameOf(puller)}, and nothing else is`, async () => {
                const { engine } = parts()
                const repository = `${worldOf(signer).prefix}/from-${signer}-to-${puller}`
                const image = `${repository}:v1`
                const id = await engine.makeImage(image, `${cli.major}-${signer}-${puller}`)
                const pushed = await ok(signer, "push", image)
                assert.match(pushed.stdout, /^Signing and pushing trust metadata$/m)
                const digest = /^v1: digest: (sha256:[0-9a-f]{64}) /m.exec(pushed.stdout)?.[1]
                assert.ok(digest !== undefined, pushed.stdout)

                // Somebody who may push puts something else under the tag, and something new beside it. Neither is signed.
                const other = await engine.makeImage(image, `${cli.major}-${signer}-${puller}-not-signed`)
                await engine.ok(["tag", image, `${repository}:v2`])
                for (const tag of ["v1", "v2"]) await engine.ok(["push", `${repository}:${tag}`])
                for (const known of [id, other]) await forget(known)

                const pulled = await ok(puller, "pull", image)
                assert.match(pulled.stdout, new RegExp(`^Pull \\(1 of 1\\): ${image}@${digest}$`, "m"))
                assert.match(`${pulled.stdout}${pulled.stderr}`, new RegExp(`^Tagging ${repository}@${digest} as ${image}$`, "m"))
                assert.equal(await idOf(image), id)

                const refused = await worldOf(puller).trusted(["pull", `${repository}:v2`])
                assert.equal(refused.status, 1)
                assert.match(refused.stderr, /^No valid trust data for v2$/m)
                assert.equal((await engine.docker(["image", "inspect", `${repository}:v2`])).status, 1)
                await forget(id)
            })
        }
    }

    test("docker trustkey pull writes what docker pull writes, and the name docker prints of what it was asked for", async () => {
        const { engine } = parts()
        const repository = `${worldOf("stock").prefix}/compared`
        const image = `${repository}:v1`
        const id = await engine.makeImage(image, `${cli.major}-compared`)
        const pushed = await ok("stock", "push", image)
        const digest = /^v1: digest: (sha256:[0-9a-f]{64}) /m.exec(pushed.stdout)?.[1]
        await forget(id)
        const stock = await ok("stock", "pull", image)
        // A root seen for the first time is said; the second time is like docker's.
        await forget(id)
        await ok("ours", "pull", image)
        await forget(id)
        const ours = await ok("ours", "pull", image)
        assert.equal(ours.stderr, stock.stderr)
        assert.equal(settled(ours.stdout), settled(stock.stdout).replace(/(?=^.*\n$(?![\s\S]))/m, `${repository}@${digest}\n`))
    })

    test("a tag signed by docker trustkey sign among several signers is pulled by the stock client", async () => {
        const { engine } = parts()
        const ours = worldOf("ours")
        const image = `${ours.prefix}/signers:v1`
        const id = await engine.makeImage(image, `${cli.major}-signers`)
        for (const args of [
            ["sign", image],
            ["signer", "add", "--key", "bob.pub", "bob", `${ours.prefix}/signers`],
            ["key", "load", "--name", "bob", "bob.pem"],
            ["sign", image],
        ]) {
            const { status, stdout, stderr } = await ours.run(args)
            assert.equal(status, 0, `${args.join(" ")}: ${stdout}${stderr}`)
        }
        await forget(id)
        await ok("stock", "pull", image)
        assert.equal(await idOf(image), id)
    })
}

/** Steps of a layer's download that are shown when there is time. */
function settled(text: string): string {
    return text.replaceAll(/^[0-9a-f]{12}: (?!Pull complete|Already exists).*\n/gm, "")
}

function nameOf(name: World["name"]): string {
    return name === "stock" ? "docker" : "docker trustkey"
}

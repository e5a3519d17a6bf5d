import assert from "node:assert/strict"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import type { TrustkeyOptions } from "../support/daemon.ts"
import { type DockerEngine, startDockerd } from "../support/dockerd.ts"
import { askHttps } from "../support/https.ts"
import { digestOf } from "../support/image.ts"
import type { CommandResult } from "../support/process.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

let rig: TrustRig
let registry: Registry
let engine: DockerEngine

function withEngine(): TrustkeyOptions {
    return { env: { DOCKER_HOST: engine.host } }
}

/** The stock client on another machine, with content trust on. */
function pull(image: string): Promise<CommandResult> {
    return rig.judge.run(["pull", image], { env: { DOCKER_HOST: engine.host, DOCKER_CONTENT_TRUST: "1" } })
}

async function servedDigest(name: string, tag: string): Promise<string> {
    const url = `${registry.url}/v2/${name}/manifests/${tag}`
    const { status, body } = await askHttps(url, { caFile: registry.caFile, headers: { accept: MANIFEST } })
    assert.equal(status, 200)
    return digestOf(body)
}

describe("signing what the engine has", () => {
    before(async () => {
        ;[rig, engine] = await Promise.all([openTrustRig(), startDockerd()])
        registry = await startRegistry({ authority: rig.notary.authority })
        const certificates = path.join(rig.docker.configDirectory, "certs.d", registry.host)
        await mkdir(certificates, { recursive: true })
        await copyFile(registry.caFile, path.join(certificates, "ca.crt"))
        const auth = Buffer.from("alice:x").toString("base64")
        await writeFile(path.join(rig.docker.configDirectory, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    })
    after(async () => {
        for (const part of [engine, registry, rig]) await part?.[Symbol.asyncDispose]()
    })

    test("the first signature of a new repository pushes the image, and the stock client pulls what was signed", async () => {
        const image = `${registry.host}/demo/app:v1`
        await engine.makeImage(image, "one")
        const output = await rig.ok(["trust", "sign", image, "--passphrase-file", rig.passphraseFile], withEngine())
        const digest = await servedDigest("demo/app", "v1")
        assert.match(
            output,
            new RegExp(`^Created signer: alice\nFinished initializing signed repository for ${image}\nThe push refers to repository`),
        )
        assert.match(
            output,
            new RegExp(`^v1: digest: ${digest} size: \\d+\nSigning and pushing trust metadata\nSuccessfully signed ${image}\n$`, "m"),
        )
        const pulled = await pull(image)
        assert.equal(pulled.status, 0, `${pulled.stdout}${pulled.stderr}`)
        assert.match(pulled.stdout, new RegExp(`Pull \\(1 of 1\\): ${image}@${digest}`))
    })

    test("a tag that is signed already is not pushed again; with --local it is", async () => {
        const image = `${registry.host}/demo/local:v1`
        await engine.makeImage(image, "one")
        await rig.ok(["trust", "sign", image, "--passphrase-file", rig.passphraseFile], withEngine())
        const first = await servedDigest("demo/local", "v1")
        await engine.makeImage(image, "two")
        const again = await rig.ok(["trust", "sign", image], withEngine())
        assert.match(
            again,
            new RegExp(
                `^Signing and pushing trust metadata for ${image}\nExisting signatures for tag v1 digest ${first.slice(7)} from:\nalice\n`,
            ),
        )
        assert.equal(await servedDigest("demo/local", "v1"), first)
        const local = await rig.ok(["trust", "sign", "--local", image, "--json"], withEngine())
        const second = await servedDigest("demo/local", "v1")
        assert.notEqual(second, first)
        assert.equal((JSON.parse(local) as { digest: string }).digest, second)
        assert.equal((await pull(image)).status, 0)
    })

    test("an image the engine doesn't have makes nothing, and an engine that is away is told in docker's words", async () => {
        const image = `${registry.host}/demo/missing:v1`
        assert.match(await rig.refused(["trust", "sign", image], "digest_required", 2, withEngine()), /No such image: /)
        const away = { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } }
        assert.match(await rig.refused(["trust", "sign", image], "engine_unreachable", 6, away), /Cannot connect to the Docker daemon/)
        assert.ok(!(await rig.ok(["key", "list"])).includes("demo/missing"))
    })

    describe("what could not be signed is not pushed", () => {
        const wrongFile = (): string => path.join(rig.daemon.directory, "wrong-passphrase")
        const notThere = async (name: string, tag: string): Promise<void> => {
            const url = `${registry.url}/v2/${name}/manifests/${tag}`
            assert.equal((await askHttps(url, { caFile: registry.caFile, headers: { accept: MANIFEST } })).status, 404)
        }
        const lockKeys = async (gun: string): Promise<void> => {
            const { keys } = JSON.parse(await rig.ok(["key", "list", "--json", "--gun", gun])) as { keys: { id: string; home: string }[] }
            for (const { id, home } of keys) if (home === "sealed") await rig.ok(["key", "lock", id])
        }
        before(() => writeFile(wrongFile(), "incorrect horse\n", { mode: 0o600 }))

        for (const command of ["sign", "push"]) {
            test(`by ${command}, with a wrong passphrase or nobody to ask; nor are keys for a new repository made`, async () => {
                const name = `demo/refused-by-${command}`
                const image = `${registry.host}/${name}`
                for (const tag of ["v1", "v2"]) await engine.makeImage(`${image}:${tag}`, `${command}-${tag}`)
                const list = await rig.ok(["key", "list"])
                await rig.refused(["trust", command, `${image}:v1`], "no_terminal", 2, withEngine())
                await notThere(name, "v1")
                assert.equal(await rig.ok(["key", "list"]), list)
                await rig.ok(["trust", command, `${image}:v1`, "--passphrase-file", rig.passphraseFile], withEngine())

                await lockKeys(image)
                const second = ["trust", command, `${image}:v2`]
                await rig.refused([...second, "--passphrase-file", wrongFile()], "open_failed", 5, withEngine())
                await rig.refused(second, "no_terminal", 2, withEngine())
                await notThere(name, "v2")
                await rig.ok([...second, "--passphrase-file", rig.passphraseFile], withEngine())
                assert.equal((await pull(`${image}:v2`)).status, 0)
            })
        }

        test("by push --all-tags, with a wrong passphrase", async () => {
            const name = "demo/refused-all"
            const image = `${registry.host}/${name}`
            await engine.makeImage(`${image}:v1`, "all-v1")
            await rig.ok(["trust", "push", `${image}:v1`, "--passphrase-file", rig.passphraseFile], withEngine())
            await lockKeys(image)
            await engine.makeImage(`${image}:v2`, "all-v2")
            const all = ["trust", "push", "--all-tags", image, "--passphrase-file"]
            await rig.refused([...all, wrongFile()], "open_failed", 5, withEngine())
            await notThere(name, "v2")
            await rig.ok([...all, rig.passphraseFile], withEngine())
            assert.equal((await pull(`${image}:v2`)).status, 0)
        })
    })

    test("when the last signer leaves, the stock client pulls on what was signed again, and nothing that was not", async () => {
        for (const resign of [true, false]) {
            const name = resign ? "kept" : "left"
            const image = `${registry.host}/demo/${name}:v1`
            await engine.makeImage(image, name)
            await rig.ok(["trust", "sign", image, "--passphrase-file", rig.passphraseFile], withEngine())
            assert.equal((await pull(image)).status, 0)
            await rig.ok(["trust", "signer", "remove", "alice", `${registry.host}/demo/${name}`, resign ? "--resign" : "--force"])
            const { status, stdout, stderr } = await pull(image)
            assert.equal(status, resign ? 0 : 1, `${stdout}${stderr}`)
        }
    })
})

import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { startDockerClient } from "../support/docker.ts"
import { buildImage, digestOf, fetchBlob, fetchManifest, MANIFEST_TYPE, pushImage, tamperBlob } from "../support/image.ts"
import { withoutYubikey } from "../support/no-yubikey.ts"
import { startNotary } from "../support/notary.ts"
import { startNotaryClient } from "../support/notary-client.ts"
import { mustRun, runCommand, startService } from "../support/process.ts"
import { startRegistry } from "../support/registry.ts"
import { startSoftHsm } from "../support/softhsm.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

const GUN = "localhost/demo/app"

describe("the real Notary", () => {
    for (const trustService of ["remote", "local"] as const) {
        test(`publishes what the stock notary client signs, and docker trust inspect shows it, with a ${trustService} trust service`, async () => {
            await using notary = await startNotary({ trustService })
            await using client = await startNotaryClient({ notary })
            await using docker = await startDockerClient({ notary })
            const image = buildImage("hello", "hello\n")
            const manifest = path.join(client.directory, "manifest.json")
            await writeFile(manifest, image.manifest)

            const init = await client.run(["init", GUN])
            assert.equal(init.status, 0, init.stderr)
            const add = await client.run(["add", GUN, "v1", manifest])
            assert.match(add.stdout, /Addition of target "v1" to repository "localhost\/demo\/app" staged/)
            const publish = await client.run(["publish", GUN])
            assert.match(publish.stdout, /Successfully published changes/, publish.stderr)
            const hex = image.digest.replace("sha256:", "")
            const list = await client.run(["list", GUN])
            assert.match(list.stdout, new RegExp(`v1\\s+${hex}\\s+${image.size}\\s+targets`), list.stderr)

            const inspect = await docker.run(["trust", "inspect", GUN])
            assert.equal(inspect.status, 0, inspect.stderr)
            const [shown] = JSON.parse(inspect.stdout)
            assert.deepEqual(shown.SignedTags, [{ SignedTag: "v1", Digest: hex, Signers: ["Repo Admin"] }])
        })
    }

    test("leaves no process and no file behind when it is stopped", async () => {
        const notary = await startNotary()
        const { caFile } = notary
        await notary.stop()
        assert.equal(existsSync(caFile), false)
        await assert.rejects(fetch(`http://127.0.0.1:${notary.ports.server}/`))
        await assert.rejects(fetch(`http://127.0.0.1:${notary.ports.signer}/`))
    })

    test("says what the server wrote when the port it was told to use is taken", async () => {
        await using first = await startNotary({ trustService: "local" })
        await assert.rejects(startNotary({ trustService: "local", ports: first.ports }), /notary-server .*address already in use/s)
    })
})

describe("the real registry", () => {
    test("takes an image and gives it back with the digest it was built with", async () => {
        await using registry = await startRegistry()
        const image = buildImage("hello", "hello\n")
        assert.equal(buildImage("hello", "hello\n").digest, image.digest)
        await pushImage(registry, "demo/app", "v1", image)

        const fetched = await fetchManifest(registry, "demo/app", "v1")
        assert.equal(fetched.digest, image.digest)
        assert.equal(fetched.mediaType, MANIFEST_TYPE)
        assert.deepEqual(fetched.bytes, image.manifest)
        for (const { digest } of image.layers) assert.equal(digestOf(await fetchBlob(registry, "demo/app", digest)), digest)
    })

    test("serves a layer changed on its disk, and only the digest tells", async () => {
        await using registry = await startRegistry()
        const image = buildImage("hello", "hello\n")
        const [layer] = image.layers
        assert.ok(layer)
        await pushImage(registry, "demo/app", "v1", image)
        await tamperBlob(registry, layer.digest, 12)
        assert.notEqual(digestOf(await fetchBlob(registry, "demo/app", layer.digest)), layer.digest)
        await tamperBlob(registry, layer.digest, 12)
        assert.equal(digestOf(await fetchBlob(registry, "demo/app", layer.digest)), layer.digest)
    })

    test("holds a layer that tar lists as one file", async () => {
        await using directory = await makeWorkingDirectory("layer")
        const [layerBytes] = [...buildImage("hello", "hello\n").blobs.values()].slice(1)
        assert.ok(layerBytes)
        const file = path.join(directory.path, "layer.tar.gz")
        await writeFile(file, layerBytes)
        assert.equal(await mustRun("tar", ["-tzf", file]), "hello\n")
        assert.equal(await mustRun("tar", ["-xzOf", file, "hello"]), "hello\n")
    })
})

describe("the real software token", () => {
    test("is listed by pkcs11-tool under its label and serial, and takes its own PIN", async () => {
        await using token = await startSoftHsm({ label: "root-token" })
        const module = ["--module", token.module]
        const slots = await mustRun("pkcs11-tool", [...module, "--list-token-slots"], { env: token.env })
        assert.match(slots, /token label\s+: root-token/)
        assert.match(slots, new RegExp(`serial num\\s+: ${token.serial}`))
        const login = [...module, "--token-label", token.label, "--login", "--pin", token.userPin]
        await mustRun("pkcs11-tool", [...login, "--keypairgen", "--key-type", "EC:prime256v1", "--id", "02", "--label", "root"], {
            env: token.env,
        })
        assert.match(await mustRun("pkcs11-tool", [...login, "--list-objects"], { env: token.env }), /Private Key Object; EC/)
    })

    test("has PINs no other token has", async () => {
        await using one = await startSoftHsm()
        await using other = await startSoftHsm()
        assert.notEqual(one.userPin, other.userPin)
        assert.notEqual(one.serial, other.serial)
    })
})

describe("the machine around the parts", () => {
    test("hides a YubiKey module from the stock clients and from nobody else", async () => {
        await using directory = await makeWorkingDirectory("yubikey")
        const module = path.join(directory.path, "libykcs11.so")
        await writeFile(module, "a module")
        const line = withoutYubikey("cat", [module], [module, path.join(directory.path, "absent.so")])
        assert.deepEqual(await runCommand(line.command, line.args), { status: 0, stdout: "", stderr: "" })
        assert.equal(await mustRun("cat", [module]), "a module")
    })

    test("ends every part when the process that started it is killed", async () => {
        await using directory = await makeWorkingDirectory("orphan")
        const script = `
            import { startService } from ${JSON.stringify(new URL("../support/process.ts", import.meta.url).href)}
            const service = await startService({
                name: "sleeper", command: "sleep", args: ["1000"], directory: ${JSON.stringify(directory.path)}, ready: async () => true,
            })
            console.log(service.pid)
            process.kill(process.pid, "SIGKILL")
        `
        const parent = await startService({
            name: "parent",
            command: process.execPath,
            args: ["--input-type=module", "--eval", script],
            directory: directory.path,
            ready: async (service) => /^\d+$/m.test(service.log()),
        }).catch((error: Error & { log?: string }) => ({ log: () => error.log ?? "" }))
        const pid = Number(parent.log().trim())
        assert.ok(pid > 1, parent.log())
        const deadline = performance.now() + 5_000
        while (isAlive(pid)) {
            assert.ok(performance.now() < deadline, `process ${pid} outlived its parent`)
            await sleep(20)
        }
    })

    test("shows what a part wrote when it does not start", async () => {
        await using directory = await makeWorkingDirectory("failing")
        const starting = startService({
            name: "talker",
            command: "sh",
            args: ["-c", "echo something is wrong; exit 3"],
            directory: directory.path,
            ready: async () => false,
        })
        await assert.rejects(starting, /talker ended with exit status 3; it wrote:\n {4}something is wrong/)
    })
})

/** A zombie is dead: it only waits for whoever adopted it to take note. */
function isAlive(pid: number): boolean {
    try {
        return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"))
    } catch {
        return false
    }
}

import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { parseRoleName } from "../../src/tuf/index.ts"
import { openTrustRig, signArgs, signedPart, type TrustRig } from "../support/trust-rig.ts"

for (const trustService of ["remote", "local"] as const) {
    describe(`repositories made by trustkeyd, beside a notary-server with ${trustService === "remote" ? "a signer" : "Ed25519 keys of its own"}`, () => {
        let rig: TrustRig
        before(async () => {
            rig = await openTrustRig({ trustService })
        })
        after(async () => {
            await rig?.[Symbol.asyncDispose]()
        })

        for (const snapshot of ["server", "daemon"] as const) {
            test(`the stock clients list and verify them when the ${snapshot} holds the snapshot key`, async () => {
                const gun = `registry.example.com/${trustService}/snapshot-${snapshot}`
                await rig.init(gun, ...(snapshot === "daemon" ? ["--snapshot-key"] : []))
                assert.deepEqual(await rig.listed(gun), [])
                await rig.sign(`${gun}:v1`, "ab")
                await rig.sign(`${gun}:v2`, "cd")
                assert.deepEqual(await rig.listed(gun), [
                    { name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" },
                    { name: "v2", hex: "cd".repeat(32), size: 1234, role: "targets" },
                ])
                assert.deepEqual(await rig.signedTags(gun), [
                    { tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] },
                    { tag: "v2", hex: "cd".repeat(32), signers: ["Repo Admin"] },
                ])
                await rig.ok(["trust", "revoke", `${gun}:v1`])
                await rig.sign(`${gun}:v2`, "ef")
                assert.deepEqual(await rig.listed(gun), [{ name: "v2", hex: "ef".repeat(32), size: 1234, role: "targets" }])
                assert.deepEqual(await rig.signedTags(gun), [{ tag: "v2", hex: "ef".repeat(32), signers: ["Repo Admin"] }])
            })
        }

        test("the stock notary client verifies content against a tag signed here", async () => {
            const gun = `registry.example.com/${trustService}/content`
            const content = "an artefact\n"
            const digest = createHash("sha256").update(content).digest("hex")
            await rig.init(gun)
            await rig.ok(["trust", "sign", `${gun}:file`, "--digest", `sha256:${digest}`, "--size", String(content.length)])
            assert.equal(await rig.stock(["verify", gun, "file"], content), content)
            const tampered = await rig.client.run(["verify", gun, "file"], { input: "an artifact\n" })
            assert.equal(tampered.status, 1)
            assert.match(tampered.stdout, /not present in the trusted collection/)
        })
    })
}

describe("repositories made by trustkeyd", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    for (const algorithm of ["p384", "rsa3072"]) {
        test(`a ${algorithm} root key on the token is accepted by server and clients`, async () => {
            const gun = `registry.example.com/root/${algorithm}`
            const create = ["key", "create", "--purpose", "root", "--token", "root-token", "--label", algorithm, "--algorithm", algorithm]
            const { id } = JSON.parse(await rig.ok([...create, "--json"])) as { id: string }
            await rig.init(gun, "--root-key", id, "--algorithm", algorithm === "p384" ? "p384" : "rsa2048")
            await rig.sign(`${gun}:v1`, "ab")
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
            assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
            const view = JSON.parse(await rig.ok(["trust", "show", "--json", gun])) as { images: { roles: { keyIds: string[] }[] }[] }
            assert.deepEqual(view.images[0]?.roles[0]?.keyIds, [id])
        })
    }

    for (const algorithm of ["ed25519", "p384", "rsa3072"]) {
        test(`${algorithm} targets and snapshot keys of ours are accepted by server and clients`, async () => {
            const gun = `registry.example.com/repository/${algorithm}`
            await rig.init(gun, "--root-key", await firstRootKey(rig), "--algorithm", algorithm, "--snapshot-key")
            await rig.sign(`${gun}:v1`, "ab")
            await rig.sign(`${gun}:v2`, "ab")
            assert.equal((await rig.listed(gun)).length, 2)
            assert.equal((await rig.signedTags(gun)).length, 2)
        })
    }

    test("targets and delegation keys may be on the token as well", async () => {
        const gun = "registry.example.com/token/everything"
        const onToken = async (purpose: string, ...more: readonly string[]): Promise<string> => {
            const create = ["key", "create", "--purpose", purpose, "--token", "root-token", "--label", purpose, "--json", ...more]
            return (JSON.parse(await rig.ok(create)) as { id: string }).id
        }
        await rig.ok(["trust", "init", gun, "--root-key", await firstRootKey(rig), "--targets-key", await onToken("targets")])
        await rig.sign(`${gun}:v1`, "ab")
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])

        const stockGun = "registry.example.com/token/signer"
        const id = await onToken("delegation", "--bind", `targets/releases@${stockGun}`, "--bind", `targets/hsm@${stockGun}`)
        const file = path.join(rig.client.directory, "hsm.pub")
        await rig.ok(["key", "public", id, "--out", file])
        await rig.dockerOk(["trust", "signer", "add", "--key", file, "hsm", stockGun])
        await rig.ok(["trust", "adopt", stockGun, "--confirm", await rig.fingerprint(stockGun)])
        await rig.sign(`${stockGun}:v1`, "ab")
        assert.deepEqual(await rig.signedTags(stockGun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["hsm"] }])
    })

    test("a notary client that trusts only a pinned root certificate takes the one we show, and no other", async () => {
        const gun = "registry.example.com/pinned/app"
        await rig.init(gun, "--root-key", await firstRootKey(rig))
        await rig.sign(`${gun}:v1`, "ab")
        const { images } = JSON.parse(await rig.ok(["trust", "show", "--json", gun])) as {
            images: { administrativeKeys: { root: string[] } }[]
        }
        const list = async (name: string, pins: readonly string[]): Promise<{ status: number; stdout: string }> => {
            const directory = path.join(rig.client.directory, name)
            await mkdir(directory)
            const config = {
                trust_dir: path.join(directory, "trust"),
                remote_server: { url: rig.notary.url, root_ca: rig.notary.caFile },
                trust_pinning: { disable_tofu: true, certs: { [gun]: pins } },
            }
            await writeFile(path.join(directory, "config.json"), JSON.stringify(config))
            return rig.client.run(["-c", path.join(directory, "config.json"), "-d", config.trust_dir, "list", gun])
        }
        const pinned = await list("pinned", images[0]?.administrativeKeys.root ?? [])
        assert.match(pinned.stdout, /^v1 /m)
        const otherwise = await list("pinned-otherwise", ["ab".repeat(32)])
        assert.notEqual(otherwise.status, 0)
        assert.match(otherwise.stdout, /could not validate the path to a trusted root|failed to validate/)
    })

    const ODD_NAMES = [
        "alpine",
        "somebody/image",
        "localhost/app",
        "127.0.0.1:5000/a/b/c/d/e/f",
        "REGISTRY.Example.com:443/a__b/c-d.e---f/0",
        "registry.example.com/targets/releases",
        "registry.example.com/metadata/root.json",
        "registry.example.com/v2/tuf/changelist",
        `registry.example.com/${"long-".repeat(40)}name`,
    ]
    for (const name of ODD_NAMES) {
        test(`the name ${name.length > 60 ? `of ${name.length} characters` : name} means the same repository to everybody`, async () => {
            const { gun } = parseReference(name)
            const root = ["--root-key", await firstRootKey(rig)]
            await rig.init(name, ...root)
            await rig.sign(`${name}:v1`, "ab")
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
            assert.deepEqual(await rig.signedTags(name), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
            assert.match(await rig.ok(["trust", "show", `${name}:v1`]), new RegExp(`^v1 +sha256:${"ab".repeat(32)}`, "m"))
        })
    }

    test("tags with names that mean something elsewhere are only names", async () => {
        const gun = "registry.example.com/odd/tags"
        const tags = ["__proto__", "constructor", "0", "10", "9", "V1.0_x-y", "a".repeat(128)]
        await rig.init(gun, "--root-key", await firstRootKey(rig))
        for (const tag of tags) await rig.sign(`${gun}:${tag}`, "ab")
        const names = (await rig.listed(gun)).map(({ name }) => name)
        assert.deepEqual([...names].sort(), [...tags].sort())
        assert.deepEqual((await rig.signedTags(gun)).map(({ tag }) => tag).sort(), [...tags].sort())
        await rig.ok(["trust", "revoke", `${gun}:__proto__`])
        assert.equal((await rig.listed(gun)).length, tags.length - 1)
    })

    test("200 tags signed as one file are published, and the next tag goes on top of them", async () => {
        const gun = "registry.example.com/many/tags"
        await rig.init(gun, "--root-key", await firstRootKey(rig))
        const signed = JSON.parse(signedPart(await rig.served(gun, "targets"))) as { version: number; targets: Record<string, unknown> }
        const tags = Array.from({ length: 200 }, (_, index) => `build-${index}`)
        for (const tag of tags) {
            signed.targets[tag] = { hashes: { sha256: createHash("sha256").update(tag).digest("base64") }, length: 523 }
        }
        signed.version += 1
        const [input, output] = [path.join(rig.daemon.directory, "unsigned"), path.join(rig.daemon.directory, "signed")]
        await writeFile(input, JSON.stringify(signed))
        await rig.ok(["sign", "--gun", gun, "--role", "targets", "--out", output, input])
        const reference = parseReference(gun)
        const place = { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url }
        const server = await openTrustServer(reference, place, "push")
        await server.post(reference.gun, [{ role: parseRoleName("targets"), content: await readFile(output) }])
        assert.equal((await rig.listed(gun)).length, 200)
        await rig.sign(`${gun}:latest`, "ab")
        assert.equal((await rig.listed(gun)).length, 201)
        assert.equal((await rig.signedTags(gun)).length, 201)
        const one = createHash("sha256").update("build-137").digest("hex")
        assert.ok((await rig.listed(gun)).some(({ name, hex }) => name === "build-137" && hex === one))
    })

    test("what is published has the same fields, all of them and no others, as what the stock client publishes", async () => {
        const gun = "registry.example.com/shape/compared"
        await rig.init(gun, "--root-key", await firstRootKey(rig), "--snapshot-key")
        await rig.sign(`${gun}:v1`, "ab")
        const stockGun = "registry.example.com/shape/stock"
        await rig.stock(["init", stockGun, "-p"])
        await rig.stock(["addhash", stockGun, "v1", "1234", "--sha256", "ab".repeat(32), "-p"])
        for (const role of ["root", "targets", "snapshot", "timestamp"]) {
            const [ours, theirs] = [await rig.served(gun, role), await rig.served(stockGun, role)].map((file) =>
                shapeOf(JSON.parse(file.toString())),
            )
            assert.deepEqual(ours, theirs, role)
        }
    })

    test("a first signature without a login leaves nothing at the server", async () => {
        const gun = "registry.example.com/nothing/left"
        await rig.refused(signArgs(`${gun}:v1`, "ab"), "login_needed", 5)
        const listed = await rig.client.run(["list", gun])
        assert.notEqual(listed.status, 0)
        assert.match(listed.stdout, /does not have trust data/)
    })
})

/** The first one made, on the token. */
async function firstRootKey(rig: TrustRig): Promise<string> {
    return /[0-9a-f]{64}/.exec(await rig.ok(["init"]))?.[0] ?? assert.fail("no root key")
}

/** The structure without the values; key IDs and digests as names are all alike. */
function shapeOf(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(shapeOf)
    if (typeof value !== "object" || value === null) return typeof value
    const entries = Object.entries(value).map(([name, inner]) => [/^[0-9a-f]{64}$/.test(name) ? "id" : name, shapeOf(inner)])
    return Object.fromEntries(entries)
}

import assert from "node:assert/strict"
import { createHash, createPublicKey } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { parseRoleName } from "../../src/tuf/index.ts"
import { openTrustRig, signArgs, signedPart, type TrustRig } from "../support/trust-rig.ts"

type Mark = { role: string; version: number; sha256: string }
type Key = { id: string }

describe("trustkeyd and the stock clients in one repository", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    async function adopt(gun: string): Promise<void> {
        await rig.ok(["trust", "adopt", gun, "--confirm", await rig.fingerprint(gun)])
    }

    async function marksOf(gun: string): Promise<readonly Mark[]> {
        const { repositories } = JSON.parse(await rig.ok(["trust", "list", "--json"])) as { repositories: { gun: string; marks: Mark[] }[] }
        return repositories.find((repository) => repository.gun === gun)?.marks ?? assert.fail(`${gun} is not known`)
    }

    /** The marks are exactly what the server gives out. */
    async function assertMarksArePublished(gun: string, delegations: readonly string[]): Promise<void> {
        const published = await Promise.all(
            ["root", "targets", "snapshot", "timestamp", ...delegations].map(async (role) => {
                const signed = signedPart(await rig.served(gun, role))
                const { version } = JSON.parse(signed) as { version: number }
                return { role, version, sha256: createHash("sha256").update(signed).digest("hex") }
            }),
        )
        const marks = (await marksOf(gun)).map(({ role, version, sha256 }) => ({ role, version, sha256 }))
        const byRole = (a: { role: string }, b: { role: string }): number => (a.role < b.role ? -1 : 1)
        assert.deepEqual(marks.sort(byRole), published.sort(byRole))
    }

    /** A delegation key made by trustkeyd, its public half in a file. */
    async function makeDelegationKey(name: string, ...roles: readonly string[]): Promise<{ id: string; file: string }> {
        const bindings = roles.flatMap((role) => ["--bind", role])
        const create = ["key", "create", "--purpose", "delegation", "--passphrase-file", rig.passphraseFile, "--json", ...bindings]
        const { id } = JSON.parse(await rig.ok(create)) as Key
        const file = path.join(rig.client.directory, `${name}.pub`)
        await rig.ok(["key", "public", id, "--out", file])
        return { id, file }
    }

    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]

    test("a repository of the notary client: adopted with the marks of what is published, and signed in by a key it delegated to", async () => {
        const gun = "registry.example.com/notary/app"
        await rig.stock(["init", gun, "-p"])
        await rig.stock(["addhash", gun, "theirs", "77", "--sha256", "11".repeat(32), "-p"])
        await rig.stock(["key", "rotate", gun, "targets"])
        await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
        await rig.stock(["key", "rotate", gun, "root"], "yes\n")
        await adopt(gun)
        await assertMarksArePublished(gun, [])

        const { id, file } = await makeDelegationKey("releases")
        await rig.stock(["delegation", "add", gun, "targets/releases", file, "--all-paths", "-p"])
        await rig.ok(["key", "bind", id, "--add", `targets/releases@${gun}`])
        assert.match(await rig.sign(`${gun}:ours`, "ab", "--json", ...unlocking()), /"role": "targets\/releases"/)
        await assertMarksArePublished(gun, ["targets/releases"])
        assert.deepEqual(await rig.listed(gun), [
            { name: "ours", hex: "ab".repeat(32), size: 1234, role: "targets/releases" },
            { name: "theirs", hex: "11".repeat(32), size: 77, role: "targets" },
        ])
        assert.deepEqual(await rig.signedTags(gun), [
            { tag: "ours", hex: "ab".repeat(32), signers: ["Repo Admin"] },
            { tag: "theirs", hex: "11".repeat(32), signers: ["Repo Admin"] },
        ])

        // They go on, we go on, and nobody drops what the other did.
        await rig.stock(["addhash", gun, "theirs-too", "78", "--sha256", "22".repeat(32), "-p"])
        await rig.stock(["key", "rotate", gun, "root"], "yes\n")
        await rig.sign(`${gun}:ours-too`, "cd", ...unlocking())
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name, role }) => `${role} ${name}`),
            ["targets/releases ours", "targets/releases ours-too", "targets theirs", "targets theirs-too"],
        )
        await rig.ok(["trust", "revoke", `${gun}:ours`, ...unlocking()])
        await assertMarksArePublished(gun, ["targets/releases"])
        assert.equal((await rig.listed(gun)).length, 3)
    })

    test("a repository whose client keeps the snapshot key: the server takes nothing from us until it is handed over", async () => {
        const gun = "registry.example.com/notary/snapshot-kept"
        await rig.stock(["init", gun, "-p"])
        await adopt(gun)
        const { file } = await makeDelegationKey("snapshot-kept", `targets/releases@${gun}`)
        await rig.stock(["delegation", "add", gun, "targets/releases", file, "--all-paths", "-p"])
        const before = await rig.served(gun, "timestamp")
        const sign = ["trust", "sign", `${gun}:v1`, "--digest", `sha256:${"ab".repeat(32)}`, "--size", "1", ...unlocking()]
        await rig.refused(sign, "not_found", 4)
        assert.deepEqual(await rig.served(gun, "timestamp"), before)
        // After the hand-over the same command goes through.
        await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
        await rig.ok(sign)
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1, role: "targets/releases" }])
    })

    test("a repository of docker: trustkeyd's key is a signer like any other, and docker shows its name", async () => {
        const gun = "registry.example.com/docker/app"
        await rig.dockerOk(["trust", "key", "generate", "alice", "--dir", rig.docker.configDirectory])
        const alice = path.join(rig.docker.configDirectory, "alice.pub")
        await rig.dockerOk(["trust", "signer", "add", "--key", alice, "alice", gun])
        await adopt(gun)
        await assertMarksArePublished(gun, [])
        const { file } = await makeDelegationKey("ci", `targets/releases@${gun}`, `targets/ci@${gun}`)
        await rig.dockerOk(["trust", "signer", "add", "--key", file, "ci", gun])
        assert.match(await rig.sign(`${gun}:v1`, "ab", "--json", ...unlocking()), /"role": "targets\/ci"/)
        await assertMarksArePublished(gun, ["targets/releases", "targets/ci"])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["ci"] }])

        // docker signs what is signed already without an engine: now both have.
        await rig.dockerOk(["trust", "sign", `${gun}:v1`])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["alice", "ci"] }])
        assert.match(await rig.ok(["trust", "show", `${gun}:v1`]), /^v1 +sha256:(?:ab){32} +alice, ci$/m)
        await rig.sign(`${gun}:v2`, "cd", ...unlocking())
        await assertMarksArePublished(gun, ["targets/releases", "targets/alice", "targets/ci"])
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag, signers }) => `${tag} ${signers.join("+")}`),
            ["v1 alice+ci", "v2 ci"],
        )

        // Another digest for a tag both signed: alice's signature is for the old one, and does not count for the new one.
        await rig.sign(`${gun}:v1`, "ef", ...unlocking())
        assert.deepEqual((await rig.signedTags(gun))[0], { tag: "v1", hex: "ef".repeat(32), signers: ["ci"] })

        await rig.dockerOk(["trust", "signer", "remove", "--force", "ci", gun], "y\n")
        await rig.refused(
            ["trust", "sign", `${gun}:v3`, "--digest", `sha256:${"01".repeat(32)}`, "--size", "1", ...unlocking()],
            "not_found",
            4,
        )
        await rig.ok(["trust", "show", gun])
    })

    test("a repository of trustkeyd: a stock client signs in it with a delegation, and trustkeyd goes on", async () => {
        const gun = "registry.example.com/ours/delegating"
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        await rig.dockerOk(["trust", "key", "generate", "carol", "--dir", rig.docker.configDirectory])
        const pem = await readFile(path.join(rig.docker.configDirectory, "carol.pub"), "utf8")
        await delegate(gun, ["targets/releases", "targets/carol"], pem)

        // docker's key store is notary's: the same trust directory, the same passphrase.
        const trust = path.join(rig.docker.configDirectory, "trust")
        const roles = ["-r", "targets/releases", "-r", "targets/carol"]
        await rig.stock(["-d", trust, "addhash", gun, "carols", "99", "--sha256", "33".repeat(32), ...roles, "-p"])
        assert.deepEqual(await rig.signedTags(gun), [
            { tag: "carols", hex: "33".repeat(32), signers: ["carol"] },
            { tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] },
        ])
        assert.match(await rig.ok(["trust", "show", gun]), /^carols +sha256:(?:33){32} +carol$/m)
        // As with docker: where there are signers, the repository key no longer speaks for tags.
        await rig.refused(signArgs(`${gun}:v2`, "cd"), "not_found", 4)
        const { file } = await makeDelegationKey("ours")
        await rig.ok(["trust", "signer", "add", "--key", file, "ours", gun])
        await rig.sign(`${gun}:v2`, "cd", ...unlocking())
        await assertMarksArePublished(gun, ["targets/releases", "targets/carol", "targets/ours"])
        await rig.dockerOk(["trust", "sign", `${gun}:v2`])
        await rig.sign(`${gun}:v3`, "ef", ...unlocking())
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag, signers }) => `${tag} ${signers.join("+")}`),
            ["carols carol", "v1 Repo Admin", "v2 carol+ours", "v3 ours"],
        )
        await assertMarksArePublished(gun, ["targets/releases", "targets/carol", "targets/ours"])
    })

    test("somebody else with a key for the same role publishes between our look and our publication: both are kept", async () => {
        const gun = "registry.example.com/docker/raced"
        const trust = path.join(rig.docker.configDirectory, "trust")
        await rig.dockerOk(["trust", "key", "generate", "dave", "--dir", rig.docker.configDirectory])
        await rig.dockerOk(["trust", "signer", "add", "--key", path.join(rig.docker.configDirectory, "dave.pub"), "dave", gun])
        await adopt(gun)
        const { file } = await makeDelegationKey("raced", `targets/releases@${gun}`)
        await rig.dockerOk(["trust", "signer", "add", "--key", file, "ours", gun])
        const addTheirs = (tag: string): Promise<string> =>
            rig.stock(["-d", trust, "addhash", gun, tag, "99", "--sha256", "44".repeat(32), "-r", "targets/releases", "-p"])
        for (const round of ["first", "second"]) {
            let raced = 0
            rig.proxy.intercept = async ({ method, path: name }) => {
                if (method === "POST" && name.endsWith("/_trust/tuf/") && raced++ === 0) await addTheirs(`theirs-${round}`)
                return undefined
            }
            const signed = await rig.ok(signArgs(`${gun}:ours-${round}`, "ab", "--json", ...unlocking()), { env: rig.throughProxy })
            rig.proxy.intercept = undefined
            assert.match(signed, /"role": "targets\/releases"/)
            assert.ok(raced >= 2, "it was refused once and sent again")
        }
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["ours-first", "ours-second", "theirs-first", "theirs-second"],
        )
        await assertMarksArePublished(gun, ["targets/releases"])
        await rig.sign(`${gun}:ours-third`, "cd", ...unlocking())
        assert.equal((await rig.listed(gun)).length, 5)
    })

    test("what a stock client wrote stays as it was when we sign the same role: custom data, both hashes, any name", async () => {
        const gun = "registry.example.com/docker/shared"
        const trust = path.join(rig.docker.configDirectory, "trust")
        await rig.dockerOk(["trust", "key", "generate", "erin", "--dir", rig.docker.configDirectory])
        await rig.dockerOk(["trust", "signer", "add", "--key", path.join(rig.docker.configDirectory, "erin.pub"), "erin", gun])
        const [content, custom] = [path.join(rig.client.directory, "content"), path.join(rig.client.directory, "custom.json")]
        await writeFile(content, "an artefact\n")
        await writeFile(custom, JSON.stringify({ a: 1, b: ["é", "\u{1f512}", null, true], c: { "": "empty" } }))
        const releases = ["-r", "targets/releases", "-p"]
        const names = ["with custom", "a/b/c", "less < more & more > less", 'quote " and \\ backslash', "\u2028", "é\u{1f512}"]
        for (const name of names) await rig.stock(["-d", trust, "add", gun, name, content, "--custom", custom, ...releases])
        const { file } = await makeDelegationKey("shared", `targets/releases@${gun}`)
        await rig.dockerOk(["trust", "signer", "add", "--key", file, "ours", gun])
        await adopt(gun)
        const targetsOf = async (): Promise<Record<string, unknown>> => {
            const { signed } = JSON.parse((await rig.served(gun, "targets/releases")).toString()) as {
                signed: { targets: Record<string, unknown> }
            }
            return signed.targets
        }
        const before = await targetsOf()
        assert.deepEqual(Object.keys(before).sort(), [...names].sort())
        await rig.sign(`${gun}:v1`, "ab", ...unlocking())
        const { v1, ...rest } = await targetsOf()
        assert.deepEqual(v1, { hashes: { sha256: Buffer.alloc(32, 0xab).toString("base64") }, length: 1234 })
        assert.deepEqual(rest, before)
        for (const name of names) assert.equal(await rig.stock(["verify", gun, name, "-i", content]), "an artefact\n")
        await rig.stock(["-d", trust, "remove", gun, names[0] ?? "", ...releases])
        await rig.ok(["trust", "revoke", `${gun}:v1`, ...unlocking()])
        assert.deepEqual(Object.keys(await targetsOf()).sort(), names.slice(1).sort())
    })

    for (const algorithm of ["p384", "rsa3072"]) {
        test(`a delegation limited to some tags, with a ${algorithm} key: only those are signed there`, async () => {
            const gun = `registry.example.com/notary/paths-${algorithm}`
            await rig.stock(["init", gun, "-p"])
            await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
            const create = ["key", "create", "--purpose", "delegation", "--algorithm", algorithm, "--bind", `targets/releases@${gun}`]
            const { id } = JSON.parse(await rig.ok([...create, ...unlocking(), "--json"])) as Key
            const file = path.join(rig.client.directory, `${algorithm}.pub`)
            await rig.ok(["key", "public", id, "--out", file])
            await rig.stock(["delegation", "add", gun, "targets/releases", file, "--paths", "v1", "--paths", "v2.0", "-p"])
            await adopt(gun)
            for (const tag of ["v1", "v1.1", "v2.0-rc"]) await rig.sign(`${gun}:${tag}`, "ab", ...unlocking())
            for (const tag of ["v2", "V1", "latest"]) await rig.refused(signArgs(`${gun}:${tag}`, "ab", ...unlocking()), "not_found", 4)
            assert.deepEqual(
                (await rig.listed(gun)).map(({ name, role }) => `${role} ${name}`),
                ["targets/releases v1", "targets/releases v1.1", "targets/releases v2.0-rc"],
            )
        })
    }

    /** The next targets, with the roles delegated to one key; signed by the daemon, sent by us. */
    async function delegate(gun: string, roles: readonly string[], pem: string): Promise<void> {
        const body = pem.replace(/^role:.*\n\n?/m, "")
        const spki = createPublicKey(body).export({ type: "spki", format: "der" }).toString("base64")
        const key = { keytype: "ecdsa", keyval: { private: null, public: spki } }
        const keyId = createHash("sha256").update(JSON.stringify(key)).digest("hex")
        const signed = JSON.parse(signedPart(await rig.served(gun, "targets"))) as {
            version: number
            delegations: { keys: Record<string, unknown>; roles: unknown[] }
        }
        signed.version += 1
        signed.delegations.keys[keyId] = key
        signed.delegations.roles = roles.map((name) => ({ keyids: [keyId], name, paths: [""], threshold: 1 }))
        const [input, output] = [path.join(rig.daemon.directory, "unsigned"), path.join(rig.daemon.directory, "signed")]
        await writeFile(input, JSON.stringify(signed))
        await rig.ok(["sign", "--gun", gun, "--role", "targets", "--out", output, input])
        const reference = parseReference(gun)
        const place = { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url }
        const server = await openTrustServer(reference, place, "push")
        await server.post(reference.gun, [{ role: parseRoleName("targets"), content: await readFile(output) }])
    }
})

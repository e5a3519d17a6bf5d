import assert from "node:assert/strict"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:https"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openDaemon } from "../../../src/cli/daemon.ts"
import { firstRoot } from "../../../src/cli/trust/build-first.ts"
import { sha256 } from "../../../src/crypto/index.ts"
import { type Gun, parseGun, parseTufKey, type TufKey } from "../../../src/tuf/index.ts"
import { type Daemon, startDaemon, type TrustkeyOptions } from "../../support/daemon.ts"
import { type DockerClient, startDockerClient } from "../../support/docker.ts"
import { askHttps } from "../../support/https.ts"
import { type Notary, startNotary } from "../../support/notary.ts"
import { type NotaryClient, startNotaryClient } from "../../support/notary-client.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"

const DIGEST = `sha256:${"ab".repeat(32)}`
const OTHER_DIGEST = `sha256:${"cd".repeat(32)}`

let notary: Notary
let token: SoftHsm
let daemon: Daemon
let docker: DockerClient
let client: NotaryClient
/** Files that hold secrets, by name. */
let secrets: { readonly pin: string; readonly passphrase: string; readonly wrong: string }

/** The environment in which trustkey and docker mean the same server and the same trust directory. */
function env(): Record<string, string> {
    return { DOCKER_CONFIG: docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: notary.url }
}

function ok(args: readonly string[], options: TrustkeyOptions = {}): Promise<string> {
    return daemon.ok(args, { ...options, env: { ...env(), ...options.env } })
}

/** What `trust sign` published. */
async function signed(args: readonly string[]): Promise<readonly { role: string; version: number }[]> {
    return (JSON.parse(await ok([...args, "--json"])) as { roles: { role: string; version: number }[] }).roles
}

async function refused(args: readonly string[], code: string, status: number): Promise<string> {
    const result = await daemon.trustkey(args, { env: env() })
    assert.match(result.stderr, new RegExp(`\\[${code}\\]`), `${result.stdout}${result.stderr}`)
    assert.equal(result.status, status)
    return result.stderr
}

type Inspected = {
    images: {
        signedTags: { tag: string; digest: string; signers: string[]; roles: string[] }[]
        roles: { role: string; version: number }[]
    }[]
}

async function inspect(image: string): Promise<Inspected["images"][number]> {
    const { images } = JSON.parse(await ok(["trust", "show", "--json", image])) as Inspected
    const [first] = images
    assert.ok(first)
    return first
}

async function keyIds(gun: string, role: string): Promise<string[]> {
    const { keys } = JSON.parse(await ok(["key", "list", "--gun", gun, "--role", role, "--json"])) as { keys: { id: string }[] }
    return keys.map(({ id }) => id)
}

describe("trustkey with the real daemon, token and Notary", () => {
    before(async () => {
        ;[notary, token] = await Promise.all([startNotary(), startSoftHsm()])
        ;[daemon, docker, client] = await Promise.all([
            startDaemon({ tokens: { "root-token": token } }),
            startDockerClient({ notary }),
            startNotaryClient({ notary }),
        ])
        const write = async (name: string, content: string): Promise<string> => {
            const file = path.join(daemon.directory, name)
            await writeFile(file, content, { mode: 0o600 })
            return file
        }
        secrets = {
            pin: await write("pin", `${token.userPin}\n`),
            passphrase: await write("passphrase", "correct horse battery\n"),
            wrong: await write("wrong", "incorrect horse battery\n"),
        }
        await ok(["init", "--pin-file", secrets.pin])
    })

    after(async () => {
        for (const part of [daemon, docker, client, notary, token]) await part?.[Symbol.asyncDispose]()
    })

    test("init may be run again: it finds the root key it made", async () => {
        const first = await ok(["init"])
        assert.equal(await ok(["init"]), first)
        assert.match(first, /^Root key [0-9a-f]{64} is on token root-token\n$/)
    })

    test("a repository is made, signed, inspected and revoked, and docker and notary agree", async () => {
        const gun = "registry.example.com/team/app"
        const made = await ok(["trust", "init", gun, "--passphrase-file", secrets.passphrase])
        assert.match(made, /^Initialised registry\.example\.com\/team\/app/)
        assert.match(await ok(["trust", "init", gun]), /already initialised/)

        const sign = ["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"]
        assert.equal(await ok(sign), `Signing and pushing trust metadata\nSuccessfully signed ${gun}:v1\n`)
        assert.deepEqual(JSON.parse(await ok([...sign, "--json"])), {
            gun,
            tag: "v1",
            digest: DIGEST,
            size: 1234,
            changed: false,
            roles: [],
        })
        assert.deepEqual(await signed([...sign, "--renew"]), [{ role: "targets", version: 3 }])
        assert.match(
            await refused(["trust", "sign", `${gun}:v2@${OTHER_DIGEST}`], "usage", 2),
            /cannot use a digest reference for IMAGE:TAG/,
        )
        await ok(["trust", "sign", `${gun}:v2`, "--digest", OTHER_DIGEST, "--size", "99"])

        const { signedTags } = await inspect(gun)
        assert.deepEqual(
            signedTags.map(({ tag, digest, signers, roles }) => [tag, digest, signers, roles]),
            [
                ["v1", DIGEST, ["Repo Admin"], ["targets"]],
                ["v2", OTHER_DIGEST, ["Repo Admin"], ["targets"]],
            ],
        )
        const listed = await client.run(["list", gun])
        assert.match(listed.stdout, new RegExp(`v1 +${DIGEST.slice(7)} +1234 +targets`))
        const inspected = await docker.run(["trust", "inspect", gun])
        assert.equal(inspected.status, 0, inspected.stderr)

        await ok(["trust", "revoke", `${gun}:v1`])
        assert.deepEqual(
            (await inspect(gun)).signedTags.map(({ tag }) => tag),
            ["v2"],
        )
        await refused(["trust", "revoke", `${gun}:v1`], "target_unknown", 4)
        await refused(["trust", "revoke", gun], "no_terminal", 2)
        await ok(["trust", "revoke", gun, "--yes"])
        assert.deepEqual((await inspect(gun)).signedTags, [])
        assert.match(await ok(["audit", "verify"]), /unbroken/)
    })

    test("a repository that our own pins would refuse is not begun", async () => {
        const gun = "registry.example.com/team/pinned"
        const place = path.join(daemon.directory, "xdg")
        await mkdir(path.join(place, "trustkey"), { recursive: true })
        await writeFile(path.join(place, "trustkey/ca.pem"), await readFile(notary.caFile), { mode: 0o600 })
        const pin = `first_use = false\n[[pin]]\ngun = ["${gun}"]\nauthority = "ca.pem"\n`
        await writeFile(path.join(place, "trustkey/client.toml"), pin, { mode: 0o600 })
        const init = ["trust", "init", gun, "--passphrase-file", secrets.passphrase]
        const result = await daemon.trustkey(init, { env: { ...env(), XDG_CONFIG_HOME: place } })
        assert.match(result.stderr, /no pinned authority has issued the certificate.*\[pin_mismatch\]/)
        assert.equal(result.status, 7)
        const { entries } = JSON.parse(await ok(["journal", "show", gun, "--json"])) as {
            entries: { role: string; kind: string }[]
        }
        assert.deepEqual(
            entries.filter(({ kind }) => kind !== "root-certificate"),
            [],
        )
        assert.deepEqual(await keyIds(gun, "targets"), [])
    })

    test("with the snapshot key held here, the daemon's snapshot is published and docker reads it", async () => {
        const gun = "registry.example.com/team/snapshot"
        await ok(["key", "group", "create", "snapshots", "--passphrase-file", secrets.passphrase])
        const made = JSON.parse(
            await ok(["trust", "init", gun, "--snapshot-key", "--group", "snapshots", "--passphrase-file", secrets.passphrase, "--json"]),
        ) as { snapshotHeldBy: string }
        assert.equal(made.snapshotHeldBy, "daemon")
        await ok(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"])
        const { roles } = await inspect(gun)
        assert.equal(roles.find(({ role }) => role === "snapshot")?.version, 2)
        assert.equal((await client.run(["list", gun])).status, 0)
    })

    test("a locked key is asked for; a wrong passphrase changes nothing", async () => {
        const gun = "registry.example.com/team/locked"
        await ok(["trust", "init", gun, "--passphrase-file", secrets.passphrase])
        const [id = ""] = await keyIds(gun, "targets")
        await ok(["key", "lock", id])
        const sign = ["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"]
        await refused(sign, "no_terminal", 2)
        await refused([...sign, "--passphrase-file", secrets.wrong], "open_failed", 5)
        assert.deepEqual(await signed([...sign, "--passphrase-file", secrets.passphrase]), [{ role: "targets", version: 2 }])
        await ok(["key", "lock", id])
        const result = await daemon.trustkey([...sign, "--renew"], {
            env: { ...env(), DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "correct horse battery" },
        })
        assert.equal(result.status, 0, result.stderr)
        assert.match(result.stderr, /warning: .*DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE/)
    })

    test("what was signed and not published goes out first, whoever was in the way", async () => {
        const gun = "registry.example.com/team/outbox"
        await ok(["trust", "init", gun, "--passphrase-file", secrets.passphrase])
        const sign = ["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"]
        // A server that nobody reaches after signing: the daemon's answer comes, the publication fails.
        const toBreak = await startBreakingProxy(notary, docker)
        const broken = await daemon.trustkey(sign, { env: { ...env(), DOCKER_CONTENT_TRUST_SERVER: toBreak.url } })
        assert.equal(broken.status, 6, `${broken.stdout}${broken.stderr}`)
        await toBreak.close()
        assert.match(await ok(["trust", "list"]), new RegExp(`${gun} .* 1 files`))
        const result = await daemon.trustkey([...sign, "--json"], { env: env() })
        assert.equal(result.status, 0, result.stderr)
        assert.match(result.stderr, /Publishing what was signed before/)
        assert.match(result.stdout, /"changed": false/)
        assert.equal((await inspect(gun)).roles.find(({ role }) => role === "targets")?.version, 2)
    })

    test("a repository made by notary is adopted, and tags go into the delegations we have keys for", async () => {
        const gun = "registry.example.com/team/adopted"
        for (const args of [
            ["init", gun, "-p"],
            ["key", "rotate", gun, "snapshot", "-r"],
        ]) {
            const done = await client.run(args)
            assert.equal(done.status, 0, done.stderr)
        }
        await refused(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"], "repository_unknown", 4)
        await refused(["trust", "init", gun], "already_exists", 4)
        const said = await refused(["trust", "adopt", gun, "--confirm", "00000000"], "verification_failed", 7)
        const fingerprint = /is ([0-9a-f]{16}), not/.exec(said)?.[1] ?? ""
        await refused(["trust", "adopt", gun], "no_terminal", 2)
        const nowhere = ["--admin-socket", path.join(client.directory, "nowhere")]
        for (const verb of ["adopt", "reset"]) await refused([...nowhere, "trust", verb, gun], "daemon_unreachable", 6)
        assert.match(await ok(["trust", "adopt", gun, "--confirm", fingerprint]), /^Adopted .*root version 2/)
        await refused(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"], "not_found", 4)

        const bindings = ["targets/releases", "targets/alice"].flatMap((role) => ["--bind", `${role}@${gun}`])
        await ok(["key", "create", "--purpose", "delegation", "--group", "snapshots", ...bindings])
        const [id = ""] = await keyIds(gun, "targets/alice")
        const publicKey = path.join(client.directory, "alice.pub")
        await ok(["key", "public", id, "--out", publicKey])
        for (const role of ["targets/releases", "targets/alice"]) {
            const added = await client.run(["delegation", "add", "-p", gun, role, publicKey, "--all-paths"])
            assert.equal(added.status, 0, added.stderr)
        }
        const roles = await signed(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"])
        assert.deepEqual(roles.map(({ role }) => role).sort(), ["targets/alice", "targets/releases"])
        assert.deepEqual(
            (await inspect(gun)).signedTags.map(({ tag, signers }) => [tag, signers]),
            [["v1", ["alice"]]],
        )
        const seen = await docker.run(["trust", "inspect", gun])
        assert.match(seen.stdout, /"Signers": \[\s*"alice"\s*\]/, seen.stderr)
        await ok(["trust", "revoke", `${gun}:v1`])
        assert.deepEqual((await inspect(gun)).signedTags, [])
    })

    test("after the server lost everything, a reset begins a new history", async () => {
        const gun = "registry.example.com/team/reset"
        await ok(["trust", "init", gun, "--passphrase-file", secrets.passphrase])
        const deleted = await client.run(["delete", gun, "--remote"])
        assert.equal(deleted.status, 0, deleted.stderr)
        await refused(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"], "no_trust_data", 4)
        await refused(["trust", "init", gun], "no_trust_data", 4)
        await refused(["trust", "reset", gun], "no_terminal", 2)
        await refused(["trust", "reset", gun, "--confirm", "registry.example.com/team"], "confirmation_required", 5)
        await ok(["trust", "reset", gun, "--confirm", gun])
        assert.match(await ok(["trust", "init", gun]), /^Initialised/)
        assert.equal((await signed(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"])).length, 1)
    })

    test("init that ended between promise and publication is finished by running it again", async () => {
        const gun = "registry.example.com/team/resumed"
        const toBreak = await startBreakingProxy(notary, docker)
        const init = ["trust", "init", gun, "--passphrase-file", secrets.passphrase]
        const broken = await daemon.trustkey(init, { env: { ...env(), DOCKER_CONTENT_TRUST_SERVER: toBreak.url } })
        assert.equal(broken.status, 6, `${broken.stdout}${broken.stderr}`)
        await toBreak.close()
        assert.match(await ok(init), /^Initialised/)
        assert.equal((await keyIds(gun, "targets")).length, 1)
        assert.equal((await inspect(gun)).roles.find(({ role }) => role === "root")?.version, 1)
    })

    test("tags signed at the same moment are all there in the end", async () => {
        const gun = "registry.example.com/team/parallel"
        await ok(["trust", "init", gun, "--passphrase-file", secrets.passphrase])
        const tags = ["a", "b", "c"]
        await Promise.all(tags.map((tag) => ok(["trust", "sign", `${gun}:${tag}`, "--digest", DIGEST, "--size", "1234"])))
        assert.deepEqual(
            (await inspect(gun)).signedTags.map(({ tag }) => tag),
            tags,
        )
    })

    test("a root that was promised and never released is finished from its draft, or voided and made anew", async () => {
        for (const withDraft of [true, false]) {
            const gun = parseGun(`registry.example.com/team/draft-${withDraft ? "kept" : "lost"}`)
            const draft = await promiseFirstRoot(gun)
            const init = ["trust", "init", gun, "--passphrase-file", secrets.passphrase]
            if (withDraft) {
                const file = path.join(
                    docker.configDirectory,
                    "trust",
                    "trustkey",
                    "drafts",
                    `${sha256(Buffer.from(gun)).toString("hex")}.root`,
                )
                await mkdir(path.dirname(file), { recursive: true })
                await writeFile(file, draft)
            } else {
                await refused(init, "equivocation_refused", 4)
                await refused(["journal", "void", gun, "root", "1"], "no_terminal", 2)
                await ok(["journal", "void", gun, "root", "1", "--confirm", "void 1"])
                assert.match(await ok(["journal", "show", gun]), / void +/)
            }
            assert.match(await ok(init), /^Initialised/)
            assert.equal((await signed(["trust", "sign", `${gun}:v1`, "--digest", DIGEST, "--size", "1234"])).length, 1)
        }
    })

    test("sign takes a bare value or a whole file and gives the file as Notary writes it", async () => {
        const gun = "registry.example.com/team/file"
        await ok(["trust", "init", gun, "--passphrase-file", secrets.passphrase])
        const expires = new Date(Date.now() + 86_400_000).toISOString().slice(0, 19)
        const signed = { version: 2, targets: {}, expires: `${expires}Z`, delegations: { keys: {}, roles: [] }, _type: "Targets" }
        const bare = JSON.stringify(signed, undefined, 4)
        const file = await ok(["sign", "--gun", gun, "--role", "targets", "-"], { input: bare })
        assert.match(
            file,
            /^\{"signed":\{"_type":"Targets","delegations":.*\},"signatures":\[\{"keyid":"[0-9a-f]{64}","method":"ecdsa","sig":"[^"]+"\}\]\}$/,
        )
        const out = path.join(daemon.directory, "targets.json")
        const input = path.join(daemon.directory, "unsigned.json")
        await writeFile(input, file)
        await ok(["sign", "--gun", gun, "--role", "targets", "--out", out, input])
        await refused(["sign", "--gun", gun, "--role", "targets", path.join(daemon.directory, "missing.json")], "not_found", 4)
        await writeFile(input, JSON.stringify({ ...signed, version: 1 }))
        await refused(["sign", "--gun", gun, "--role", "targets", input], "rollback_refused", 4)
        await writeFile(input, JSON.stringify({ ...signed, extra: 1 }))
        await refused(["sign", "--gun", gun, "--role", "targets", input], "metadata_rejected", 4)
    })

    test("keys are made, bound, shown, given a new passphrase, and removed for ever", async () => {
        const place = "targets/bob@registry.example.com/team/keys"
        const create = ["key", "create", "--purpose", "delegation", "--bind", place, "--passphrase-file", secrets.passphrase, "--json"]
        const { id } = JSON.parse(await ok(create)) as { id: string }
        assert.match(await ok(["key", "show", id.slice(0, 12)]), new RegExp(`id +${id}\n`))
        assert.match(await ok(["key", "public", id]), /^-----BEGIN PUBLIC KEY-----\n/)
        await ok(["key", "bind", id, "--add", place.replace("bob", "carol"), "--remove", place])
        const bound = JSON.parse(await ok(["key", "show", id, "--json"])) as { bindings: { role: string }[] }
        assert.deepEqual(
            bound.bindings.map(({ role }) => role),
            ["targets/carol"],
        )
        await ok(["key", "passphrase", id, "--passphrase-file", secrets.passphrase, "--new-passphrase-file", secrets.wrong])
        await refused(["key", "unlock", id, "--passphrase-file", secrets.passphrase], "open_failed", 5)
        await ok(["key", "unlock", id, "--passphrase-file", secrets.wrong, "--ttl", "1m", "--uses", "2"])
        assert.match(await ok(["key", "show", id]), /uses left +2\n/)
        await ok(["key", "lock", id])
        await refused(["key", "remove", id], "no_terminal", 2)
        await refused(["key", "remove", id, "--confirm", "00000000"], "confirmation_required", 5)
        await ok(["key", "remove", id, "--confirm", id.slice(0, 8)])
        assert.ok(!(await ok(["key", "list"])).includes(id.slice(0, 12)))
        assert.match(await ok(["key", "list", "--all"]), new RegExp(`${id.slice(0, 12)} .*removed`))
    })

    test("tokens are listed, their objects shown, logged out and in again", async () => {
        assert.match(await ok(["token", "objects", "root-token"]), /p256 +root +made there +stays on the token/)
        await ok(["token", "logout"])
        assert.match(await ok(["token", "list"]), /root-token +present/)
        await refused(["token", "login"], "no_terminal", 2)
        await ok(["token", "login", "--pin-file", secrets.pin])
        assert.match(await ok(["token", "list"]), /root-token +logged-in/)
    })
})

/** What an init leaves that ends after the promise of root 1: keys, the certificate, the promise. Returns the promised body. */
async function promiseFirstRoot(gun: Gun): Promise<Buffer> {
    const create = (purpose: string): string[] => ["key", "create", "--purpose", purpose, "--bind", `${purpose}@${gun}`, "--json"]
    const targets = JSON.parse(await ok([...create("targets"), "--passphrase-file", secrets.passphrase])) as {
        id: string
        publicKey: string
    }
    const [rootKey = ""] = /[0-9a-f]{64}/.exec(await ok(["init"])) ?? []
    const client = openDaemon("sign", daemon.signSocket)
    const { pem } = await client.rootCertificate({ keyId: rootKey, gun })
    client.close()
    const targetsKey = { keytype: "ecdsa", public: Buffer.from(targets.publicKey, "base64") } as const
    // The server makes a new key each time it is asked: only the draft knows which ones are in the promise.
    const [timestamp, snapshot] = [await serverKey(gun, "timestamp"), await serverKey(gun, "snapshot")]
    const body = firstRoot(
        { certificates: [pem], rootThreshold: 1, targets: targetsKey, snapshot, timestamp },
        new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000),
    )
    await ok(["sign", "--gun", gun, "--role", "root", "--confirm", "--key", rootKey, "-"], { input: body.toString() })
    return body
}

async function serverKey(gun: Gun, role: "timestamp" | "snapshot"): Promise<TufKey> {
    const { body } = await askHttps(`${notary.url}/v2/${gun}/_trust/tuf/${role}.key`, { caFile: notary.caFile })
    return parseTufKey(body)
}

/** Notary behind a door that lets nothing in which changes anything. */
async function startBreakingProxy(behind: Notary, seenBy: DockerClient): Promise<{ url: string; close: () => Promise<void> }> {
    const { certFile, keyFile } = await behind.authority.issue("breaking-proxy", "server")
    const server = createServer({ cert: await readFile(certFile), key: await readFile(keyFile) }, (request, response) => {
        // Keys are handed out; publications are not taken.
        if (request.method === "POST") {
            request.socket.destroy()
            return
        }
        askHttps(`${behind.url}${request.url ?? ""}`, { caFile: behind.caFile }).then(
            ({ status, headers, body }) => {
                response.writeHead(status, { "content-type": headers["content-type"] ?? "application/json" })
                response.end(body)
            },
            () => request.socket.destroy(),
        )
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const tls = path.join(seenBy.configDirectory, "tls", `localhost:${port}`)
    await mkdir(tls, { recursive: true })
    await writeFile(path.join(tls, "ca.crt"), await readFile(behind.caFile))
    return {
        url: `https://localhost:${port}`,
        close: async () => {
            server.closeAllConnections()
            await new Promise<void>((resolve) => {
                server.close(() => resolve())
            })
        },
    }
}

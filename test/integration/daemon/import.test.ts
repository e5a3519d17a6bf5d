import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, test } from "node:test"
import { openDaemon } from "../../../src/cli/daemon.ts"
import type { Daemon as Client, Sealed } from "../../../src/cli/daemon-types.ts"
import { generatePrivateKey, Secret, sealSecret } from "../../../src/crypto/index.ts"
import { parseFile } from "../../../src/tuf/index.ts"
import { type Daemon, startDaemon } from "../../support/daemon.ts"
import { DOCKER_GUN, dockerRepository, stockKeyFiles } from "../../support/notary-vectors.ts"

const PASSPHRASE = "a passphrase of the tests"
const SIGNER = `[[allow]]
who  = ["uid:${process.getuid?.() ?? 0}"]
do   = ["sign", "list", "import-key", "bind", "unlock"]
role = ["targets/alice", "targets/releases"]
gun  = ["registry.example.com/team-a/**"]
`

type Connected = Client & Disposable

function connect(daemon: Daemon, socket: "sign" | "admin"): Connected {
    const client = openDaemon(socket, socket === "sign" ? daemon.signSocket : daemon.adminSocket)
    return Object.assign(client, { [Symbol.dispose]: () => client.close() })
}

async function seal(client: Client, purpose: string, bytes: Buffer): Promise<Sealed> {
    const { signerPublic, nonce, subject } = await client.challenge(purpose, "new")
    using secret = new Secret(bytes)
    return sealSecret(signerPublic, nonce, { purpose, subject }, secret)
}

describe("a key from a file, by way of the real daemon", () => {
    test("TK-KEY-3 is taken in and bound on the sign socket by a signer, shown as imported, and still there after a kill", async () => {
        await using daemon = await startDaemon({ rules: SIGNER })
        const { pkcs8: file, publicKey } = generatePrivateKey("rsa4096")
        const request = { purpose: "delegation", label: "alice", bindings: [] } as const
        let id = ""
        {
            using client = connect(daemon, "sign")
            const pkcs8 = await seal(
                client,
                "import",
                file.reveal((bytes) => Buffer.from(bytes)),
            )
            const home = { passphrase: await seal(client, "create", Buffer.from(PASSPHRASE)) }
            const key = await client.importKey({ ...request, pkcs8, home })
            assert.deepEqual([key.origin, key.algorithm, key.home, key.state], ["imported", "rsa4096", "sealed", "locked"])
            assert.deepEqual(Buffer.from(key.publicKey), Buffer.from(publicKey.bytes))
            id = key.id
            const add = [{ gun: "registry.example.com/team-a/app", role: "targets/alice" }]
            assert.deepEqual((await client.bindKey({ id, add, remove: [] })).bindings, add)
            const other = { ...request, purpose: "root" as const, pkcs8, home }
            await assert.rejects(client.importKey(other), { code: "denied" })
        }
        assert.match(await daemon.ok(["key", "list"]), /alice/)
        await daemon.kill()
        await using again = await daemon.restart()
        const shown = JSON.parse(await again.ok(["key", "show", id, "--json"]))
        assert.deepEqual([shown.origin, shown.bindings.length], ["imported", 1])
        assert.doesNotMatch(again.service.log() + (await readFile(again.configFile, "utf8")), /BEGIN|PRIVATE/)
    })

    test("a repository made elsewhere says when its certificate and each of its roles expire", async () => {
        await using daemon = await startDaemon()
        using client = connect(daemon, "admin")
        const files = dockerRepository()
        const [root] = files
        assert.ok(root)
        const { sha256 } = parseFile(root.content, root.role).signed
        const adopted = await client.adopt({ gun: DOCKER_GUN, files, confirm: sha256 })
        assert.match(adopted.certificateExpires, /^2036-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
        const [listed] = await client.listTrust()
        assert.equal(listed?.certificateExpires, adopted.certificateExpires)
        assert.equal(listed.marks.length, files.length)
        for (const { role, expires } of listed.marks) assert.ok(!Number.isNaN(Date.parse(expires)), role)
        assert.equal((await client.showTrust("registry.example.com/unknown")).certificateExpires, "")
        // Its root key signs under the certificate it has.
        const stock = stockKeyFiles().find(({ file, role }) => file.startsWith("docker/") && role === "root")
        assert.ok(stock)
        const pkcs8 = await seal(client, "import", Buffer.from(stock.pkcs8))
        const home = { passphrase: await seal(client, "create", Buffer.from(PASSPHRASE)) }
        const { id } = await client.importKey({ purpose: "root", label: "", bindings: [{ gun: DOCKER_GUN, role: "root" }], pkcs8, home })
        const { tufKeyId } = await client.rootCertificate({ keyId: id, gun: DOCKER_GUN })
        assert.ok(Buffer.from(root.content).includes(tufKeyId))
    })
})

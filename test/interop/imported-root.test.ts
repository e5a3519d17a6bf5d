import assert from "node:assert/strict"
import { createPrivateKey } from "node:crypto"
import { readdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openDaemon } from "../../src/cli/daemon.ts"
import type { Daemon as Client, Sealed } from "../../src/cli/daemon-types.ts"
import { Secret, sealSecret } from "../../src/crypto/index.ts"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { ROOT } from "../../src/tuf/index.ts"
import { openTrustRig, signedPart, type TrustRig } from "../support/trust-rig.ts"

const STOCK_PASSPHRASE = "stock-client-passphrase"

/** The private key of role `role` in a stock client's directory, as PKCS#8 DER. */
async function stockKey(trustDirectory: string, role: string): Promise<Buffer> {
    const directory = path.join(trustDirectory, "private")
    const files = await Promise.all((await readdir(directory)).map((name) => readFile(path.join(directory, name), "utf8")))
    const pem = files.find((text) => text.includes(`role: ${role}\n`))
    assert.ok(pem)
    const key = createPrivateKey({ key: pem.replace(/^\w+: .*\n/gm, ""), passphrase: STOCK_PASSPHRASE })
    return key.export({ type: "pkcs8", format: "der" })
}

async function seal(client: Client, purpose: string, subject: string, bytes: Buffer): Promise<Sealed> {
    const challenge = await client.challenge(purpose, subject)
    using secret = new Secret(bytes)
    return sealSecret(challenge.signerPublic, challenge.nonce, { purpose, subject: challenge.subject }, secret)
}

type RootBody = { version: number; expires: string; roles: { root: { keyids: string[] } } }

describe("the root key of a repository that the stock client began", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    test("signs, imported, the next root under the same certificate; the stock client that made it and a new one take it", async () => {
        const gun = "registry.example.com/notary/coming-over"
        await rig.stock(["init", gun, "-p"])
        await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
        await rig.stock(["addhash", gun, "theirs", "77", "--sha256", "11".repeat(32), "-p"])
        await rig.ok(["trust", "adopt", gun, "--confirm", await rig.fingerprint(gun)])

        const client = openDaemon("admin", rig.daemon.adminSocket)
        const passphrase = (await readFile(rig.passphraseFile, "utf8")).trimEnd()
        const key = await client.importKey({
            pkcs8: await seal(client, "import", "new", await stockKey(rig.client.trustDirectory, "root")),
            purpose: "root",
            label: "from notary",
            home: { passphrase: await seal(client, "create", "new", Buffer.from(passphrase)) },
            bindings: [{ gun, role: "root" }],
        })
        const before = JSON.parse(signedPart(await rig.served(gun, "root"))) as RootBody
        const { tufKeyId } = await client.rootCertificate({ keyId: key.id, gun })
        client.close()
        assert.deepEqual(before.roles.root.keyids, [tufKeyId])

        const [input, output] = [path.join(rig.daemon.directory, "root.unsigned"), path.join(rig.daemon.directory, "root.signed")]
        const expires = new Date(Math.floor(Date.now() / 1000) * 1000 + 3000 * 86_400_000).toISOString().replace(".000Z", "Z")
        await writeFile(input, JSON.stringify({ ...before, version: before.version + 1, expires }))
        await rig.ok(["sign", "--gun", gun, "--role", "root", "--confirm", "--out", output, "--passphrase-file", rig.passphraseFile, input])
        const reference = parseReference(gun)
        const server = await openTrustServer(
            reference,
            { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url },
            "push",
        )
        await server.post(reference.gun, [{ role: ROOT, content: await readFile(output) }])

        const after = JSON.parse(signedPart(await rig.served(gun, "root"))) as RootBody
        assert.deepEqual([after.version, after.roles.root.keyids], [before.version + 1, [tufKeyId]])
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["theirs"],
        )
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "theirs", hex: "11".repeat(32), signers: ["Repo Admin"] }])
        // And they go on with the root we signed.
        await rig.stock(["addhash", gun, "more", "78", "--sha256", "22".repeat(32), "-p"])
        await rig.stock(["key", "rotate", gun, "root"], "yes\n")
        assert.match(await rig.ok(["trust", "show", gun]), /more/)
    })
})

import assert from "node:assert/strict"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { type CommandResult, mustRun, runCommand } from "../support/process.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const DAYS = ["-days", "400"]

describe("a root certificate from an authority (OpenSSL), judged by the stock programs", () => {
    let rig: TrustRig
    let directory: string
    before(async () => {
        rig = await openTrustRig()
        directory = path.join(rig.daemon.directory, "authority")
        await mkdir(directory)
        const subject = (name: string): readonly string[] => ["-subj", `/O=Example/CN=${name}`]
        const ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
        await writeFile(path.join(directory, "ca.ext"), ca)
        const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-noenc"]
        await openssl("req", "-x509", ...key, "-keyout", "top.key", "-out", "top.pem", ...subject("Example Root"), ...DAYS)
        await openssl("req", ...key, "-keyout", "middle.key", "-out", "middle.csr", ...subject("Example Code Signing"))
        await issue("middle.csr", "middle.pem", "top", "ca.ext")
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    async function openssl(...args: readonly string[]): Promise<string> {
        return await mustRun("openssl", args, { cwd: directory })
    }

    async function issue(request: string, certificate: string, by: string, extensions: string): Promise<void> {
        const issuer = ["-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial"]
        await openssl("x509", "-req", "-in", request, "-out", certificate, ...issuer, "-extfile", extensions, ...DAYS)
    }

    /** From the request to what is kept; extensions as the authority's profile has them. */
    async function certified(gun: string, id: string, extensions: string): Promise<string> {
        const request = path.join(directory, "root.csr")
        await rig.ok(["key", "csr", id, gun, "--out", request])
        await writeFile(path.join(directory, "leaf.ext"), extensions)
        await issue("root.csr", "root.pem", "middle", "leaf.ext")
        const chain = path.join(directory, "chain.pem")
        await writeFile(chain, (await Promise.all(["root.pem", "middle.pem"].map((name) => readFile(path.join(directory, name))))).join(""))
        return await rig.ok(["key", "certificate", id, gun, "--import", chain, "--json"])
    }

    async function makeRoot(algorithm: string): Promise<string> {
        const create = ["key", "create", "--purpose", "root", "--token", "root-token", "--label", algorithm, "--algorithm", algorithm]
        return (JSON.parse(await rig.ok([...create, "--json"])) as { id: string }).id
    }

    /** `notary list` by somebody who takes only what this authority issued. */
    async function listPinned(gun: string, name: string): Promise<CommandResult> {
        const place = path.join(rig.client.directory, name)
        await mkdir(place)
        const config = {
            trust_dir: path.join(place, "trust"),
            remote_server: { url: rig.notary.url, root_ca: rig.notary.caFile },
            trust_pinning: { disable_tofu: true, ca: { [gun]: path.join(directory, "top.pem") } },
        }
        await writeFile(path.join(place, "config.json"), JSON.stringify(config))
        return await rig.client.run(["-c", path.join(place, "config.json"), "-d", config.trust_dir, "list", gun])
    }

    for (const algorithm of ["p256", "p384", "rsa3072"]) {
        test(`for a ${algorithm} key asked for by csr begins a repository that server and clients take, pinned to the authority too`, async () => {
            const gun = `registry.example.com/issued/${algorithm}`
            const id = await makeRoot(algorithm)
            const leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            const { tufKeyId, warnings } = JSON.parse(await certified(gun, id, leaf)) as { tufKeyId: string; warnings: string[] }
            assert.deepEqual(warnings, [])
            const verified = await runCommand("openssl", ["req", "-in", "root.csr", "-noout", "-verify"], { cwd: directory })
            assert.match(verified.stderr, /verify OK/)
            const request = await openssl("req", "-in", "root.csr", "-noout", "-text", "-nameopt", "RFC2253")
            assert.match(request, new RegExp(`Subject: CN=${gun}\\n`))
            assert.match(
                request,
                /Requested Extensions:\s+X509v3 Key Usage: critical\s+Digital Signature\s+X509v3 Basic Constraints: critical\s+CA:FALSE/,
            )

            await rig.init(gun, "--root-key", id)
            await rig.sign(`${gun}:v1`, "ab")
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
            assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
            const { images } = JSON.parse(await rig.ok(["trust", "show", "--json", gun])) as {
                images: { administrativeKeys: { root: string[] } }[]
            }
            assert.deepEqual(images[0]?.administrativeKeys.root, [tufKeyId])
            const pinned = await listPinned(gun, algorithm)
            assert.equal(pinned.status, 0, pinned.stdout)
            assert.match(pinned.stdout, /^v1 /m)
            // The certificate ends in 400 days, and the root a day before it.
            const root = JSON.parse((await rig.served(gun, "root")).toString()) as { signed: { expires: string } }
            assert.equal(Math.round((new Date(root.signed.expires).getTime() - Date.now()) / 86_400_000), 399)
        })
    }

    test("for code signing alone is refused by a stock client that pins its authority, as it was said when it was brought", async () => {
        const gun = "registry.example.com/issued/code-signing"
        const id = await makeRoot("p256")
        const leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"
        const { warnings } = JSON.parse(await certified(gun, id, leaf)) as { warnings: string[] }
        assert.match(warnings.join(), /this certificate is refused by stock notary clients that pin an authority/)
        await rig.init(gun, "--root-key", id)
        await rig.sign(`${gun}:v1`, "ab")
        assert.equal((await rig.listed(gun)).length, 1)
        const pinned = await listPinned(gun, "code-signing")
        assert.notEqual(pinned.status, 0)
        assert.match(pinned.stdout, /unable to match any certificates to trust_pinning config/)
    })

    test("is not sent anywhere from a file that holds the authority's private key besides", async () => {
        const gun = "registry.example.com/issued/careless"
        const file = path.join(directory, "careless.pem")
        await writeFile(
            file,
            (await Promise.all(["middle.pem", "middle.key"].map((name) => readFile(path.join(directory, name))))).join(""),
        )
        const said = await rig.refused(["key", "certificate", await makeRoot("p256"), gun, "--import", file], "invalid_request", 4)
        assert.match(said, /contains a private key/)
        assert.doesNotMatch(await rig.ok(["audit", "list"]), /issued\/careless/)
    })
})

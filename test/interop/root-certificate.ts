import { randomBytes } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "../support/process.ts"

const EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,codeSigning\n"

/**
 * A root certificate by an authority made for it with openssl: leaf, then authority, in one file. Without a public key: of one that nobody
 * keeps.
 */
export async function issueRootCertificate(
    directory: string,
    gun: string,
    publicPem?: string,
): Promise<{ readonly chain: string; readonly authority: string }> {
    const folder = path.join(directory, `issued-${randomBytes(4).toString("hex")}`)
    await mkdir(folder)
    const at = (name: string): string => path.join(folder, name)
    const request = (name: string, subject: string, ...more: readonly string[]): Promise<string> =>
        mustRun("openssl", ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", at(`${name}.key`), "-subj", subject, ...more])
    await writeFile(at("extensions"), EXTENSIONS)
    await request("ca", "/CN=Release Authority", "-x509", "-out", at("ca.crt"), "-days", "9000")
    // Of a request with another key: its holder needn't be asked for a proof of possession here.
    await request("any", `/CN=${gun.replaceAll("/", "\\/")}`, "-new", "-out", at("any.csr"))
    const signing = [
        "-CA",
        at("ca.crt"),
        "-CAkey",
        at("ca.key"),
        "-CAcreateserial",
        "-days",
        "3000",
        "-sha256",
        "-extfile",
        at("extensions"),
    ]
    if (publicPem !== undefined) await writeFile(at("public.pem"), publicPem)
    const forced = publicPem === undefined ? [] : ["-force_pubkey", at("public.pem")]
    await mustRun("openssl", ["x509", "-req", "-in", at("any.csr"), ...forced, ...signing, "-out", at("leaf.crt")])
    await writeFile(at("chain.pem"), (await readFile(at("leaf.crt"), "utf8")) + (await readFile(at("ca.crt"), "utf8")))
    return { chain: at("chain.pem"), authority: at("ca.crt") }
}

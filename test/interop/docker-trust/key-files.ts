import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "../../support/process.ts"

/** Passphrase of the encrypted files: what the repository variable says in both worlds. */
export const REPOSITORY_PASSPHRASE = "a repository passphrase"

/**
 * The key files of the script, made by openssl once and copied for both worlds, so that IDs are the same in both: `NAME.pem` private,
 * `NAME.pub` public.
 */
export async function makeKeyFiles(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const at = (name: string): string => path.join(directory, name)
    const openssl = (...args: readonly string[]): Promise<string> => mustRun("/usr/bin/openssl", args, { cwd: directory })
    for (const name of ["bob", "carol", "dave", "dora", "erin", "grace", "heidi"])
        await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.pem`)
    await openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "p384.pem")
    await openssl("genrsa", "-traditional", "-out", "rsa.pem", "2048")
    await openssl("genpkey", "-algorithm", "ed25519", "-out", "ed25519.pem")
    for (const name of ["bob", "carol", "dave", "dora", "erin", "rsa", "p384", "ed25519"])
        await openssl("pkey", "-in", `${name}.pem`, "-pubout", "-out", `${name}.pub`)
    const certificate = ["-subj", "/CN=erin", "-days", "365", "-sha256"]
    await openssl("req", "-x509", "-new", "-key", "erin.pem", "-out", "erin.crt", ...certificate)
    const secret = ["-passout", `pass:${REPOSITORY_PASSPHRASE}`]
    await openssl("pkcs8", "-topk8", "-in", "grace.pem", "-out", "sealed.pem", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1", ...secret)
    await openssl("pkcs8", "-topk8", "-in", "heidi.pem", "-out", "sha256.pem", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", ...secret)
    await openssl("ec", "-in", "carol.pem", "-out", "dek.pem", "-aes256", ...secret)
    await openssl("pkcs8", "-topk8", "-in", "dave.pem", "-out", "pkcs8.pem", "-nocrypt")
    await writeFile(at("text.pem"), "not a key at all\n")
    await writeFile(at("empty.pem"), "")
    await writeFile(at("shared.pem"), await readFile(at("bob.pem")))
}

/** A copy for one world. Private files are their owner's alone, but for the one whose fault it is that it isn't. */
export async function writeKeyFiles(from: string, to: string): Promise<void> {
    await cp(from, to, { recursive: true })
    await chmod(path.join(to, "shared.pem"), 0o644)
    await chmod(path.join(to, "text.pem"), 0o600)
    await chmod(path.join(to, "empty.pem"), 0o600)
    await mkdir(path.join(to, "keys"), { recursive: true })
    await mkdir(path.join(to, "folder.pem"), { recursive: true, mode: 0o700 })
    await rm(path.join(to, "missing"), { recursive: true, force: true })
}

import { X509Certificate } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "./process.ts"

export type Certificate = { readonly certFile: string; readonly keyFile: string }

export type CertificateAuthority = {
    readonly caFile: string
    /** A P-256 leaf for localhost and 127.0.0.1, the common name being `name`. */
    issue(name: string, usage: "server" | "client" | "both"): Promise<Certificate>
}

const EXTENDED_USAGE = { server: "serverAuth", client: "clientAuth", both: "serverAuth,clientAuth" } as const

const DAYS = "365"

/** Leaves are younger than their CA and live as long, so looking at the CA is enough. */
function isFresh(caFile: string): boolean {
    if (!existsSync(caFile)) return false
    const tomorrow = Date.now() + 86_400_000
    return new X509Certificate(readFileSync(caFile)).validToDate.getTime() > tomorrow
}

/** A throw-away CA in `directory`; what is there from an earlier run is used again. */
export async function startAuthority(directory: string): Promise<CertificateAuthority> {
    const caFile = path.join(directory, "ca.crt")
    const caKey = path.join(directory, "ca.key")
    if (!isFresh(caFile)) {
        await rm(directory, { recursive: true, force: true })
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await newKey(caKey)
        const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"].flatMap((text) => [
            "-addext",
            text,
        ])
        const subject = ["-subj", "/CN=trustkeyd test CA", "-days", DAYS, "-sha256"]
        await openssl("req", "-x509", "-new", "-key", caKey, "-out", caFile, ...subject, ...extensions)
    }
    return {
        caFile,
        issue: async (name, usage) => {
            const certificate = { certFile: path.join(directory, `${name}.crt`), keyFile: path.join(directory, `${name}.key`) }
            if (existsSync(certificate.certFile)) return certificate
            const request = path.join(directory, `${name}.csr`)
            const extensions = path.join(directory, `${name}.ext`)
            await newKey(certificate.keyFile)
            await writeFile(
                extensions,
                [
                    "basicConstraints=critical,CA:FALSE",
                    "keyUsage=critical,digitalSignature",
                    `extendedKeyUsage=${EXTENDED_USAGE[usage]}`,
                    "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "",
                ].join("\n"),
            )
            await openssl("req", "-new", "-key", certificate.keyFile, "-subj", `/CN=${name}`, "-out", request)
            const signing = ["-CA", caFile, "-CAkey", caKey, "-CAcreateserial", "-days", DAYS, "-sha256", "-extfile", extensions]
            await openssl("x509", "-req", "-in", request, "-out", certificate.certFile, ...signing)
            return certificate
        },
    }
}

async function newKey(file: string): Promise<void> {
    await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file)
}

async function openssl(...args: readonly string[]): Promise<void> {
    await mustRun("/usr/bin/openssl", args)
}

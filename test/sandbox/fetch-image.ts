import { askHttps } from "../support/https.ts"
import { digestOf, MANIFEST_TYPE } from "../support/image.ts"

/**
 * What `docker pull NAME@DIGEST` fetches and compares, without the engine that docker pull needs: the manifest has to have
 * the digest that was asked for, and everything it names has to have the digest it names. Ends with 7 when something has not.
 */
async function fetchImage(caFile: string, image: string): Promise<string> {
    const [, host, repository, digest] = /^([^/]+)\/([^@]+)@(sha256:[0-9a-f]{64})$/.exec(image) ?? []
    if (host === undefined || repository === undefined || digest === undefined) {
        throw new Error("usage: fetch-image HOST:PORT/REPOSITORY@sha256:DIGEST")
    }
    const fetch = async (kind: "manifests" | "blobs", wanted: string): Promise<Buffer> => {
        const url = `https://${host}/v2/${repository}/${kind}/${wanted}`
        const { status, body } = await askHttps(url, { caFile, headers: { accept: MANIFEST_TYPE } })
        if (status !== 200) throw new Error(`the registry answers ${status} when asked for ${wanted}`)
        if (digestOf(body) !== wanted) throw new Mismatch(`asked for  ${wanted}\n           received   ${digestOf(body)}`)
        return body
    }
    const manifest: unknown = JSON.parse((await fetch("manifests", digest)).toString())
    const named = [...JSON.stringify(manifest).matchAll(/"digest":"(sha256:[0-9a-f]{64})"/g)].flatMap(([, found]) => found ?? [])
    let bytes = 0
    for (const blob of named) bytes += (await fetch("blobs", blob)).length
    return `${image}\nmanifest and ${named.length} blobs, ${bytes} bytes: every digest is right`
}

class Mismatch extends Error {}

try {
    const [caFile = "", , image = ""] = process.argv.slice(2)
    process.stdout.write(`${await fetchImage(caFile, image)}\n`)
} catch (error) {
    process.stderr.write(`fetch-image: ${error instanceof Error ? error.message : String(error)}\n`)
    if (error instanceof Mismatch) process.stderr.write("[digest_mismatch]\n")
    process.exitCode = error instanceof Mismatch ? 7 : 1
}

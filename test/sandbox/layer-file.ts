import { askHttps } from "../support/https.ts"
import { blobFile, MANIFEST_TYPE } from "../support/image.ts"

/** Where the registry keeps the last layer of an image on its disk. */
async function layerFile(caFile: string, storage: string, image: string): Promise<string> {
    const [, host, repository, tag] = /^([^/]+)\/([^@]+):([^:/]+)$/.exec(image) ?? []
    if (host === undefined || repository === undefined || tag === undefined) throw new Error("usage: layer-file HOST:PORT/REPOSITORY:TAG")
    const url = `https://${host}/v2/${repository}/manifests/${tag}`
    const { status, body } = await askHttps(url, { caFile, headers: { accept: MANIFEST_TYPE } })
    if (status !== 200) throw new Error(`the registry answers ${status} when asked for ${image}`)
    const layer = [...body.toString().matchAll(/"digest":\s*"(sha256:[0-9a-f]{64})"/g)].at(-1)?.[1]
    if (layer === undefined) throw new Error(`${image} has no layer`)
    return blobFile(storage, layer)
}

try {
    const [caFile = "", storage = "", image = ""] = process.argv.slice(2)
    process.stdout.write(`${await layerFile(caFile, storage, image)}\n`)
} catch (error) {
    process.stderr.write(`layer-file: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
}

import { createHash } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { gzipSync } from "node:zlib"
import { askHttps, type HttpsAnswer } from "./https.ts"
import type { Registry } from "./registry.ts"

export const MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

export type Descriptor = { readonly mediaType: string; readonly size: number; readonly digest: string }

export type Image = {
    /** The manifest's digest, `sha256:…`: what a signed tag names. */
    readonly digest: string
    /** The manifest's length in bytes: what a signed tag carries beside the digest. */
    readonly size: number
    readonly manifest: Buffer
    readonly config: Descriptor
    readonly layers: readonly Descriptor[]
    readonly blobs: ReadonlyMap<string, Buffer>
}

/** A real image with one layer that holds one file. The same arguments give the same digest. */
export function buildImage(fileName: string, content: string): Image {
    const tar = writeTar(fileName, Buffer.from(content))
    const layerBytes = gzipSync(tar)
    const architecture = process.arch === "x64" ? "amd64" : process.arch
    const configBytes = Buffer.from(
        JSON.stringify({
            architecture,
            os: "linux",
            created: "1970-01-01T00:00:00Z",
            config: { Cmd: [`/${fileName}`] },
            rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
            history: [{ created: "1970-01-01T00:00:00Z", created_by: `COPY ${fileName} /` }],
        }),
    )
    const config = descriptor("application/vnd.docker.container.image.v1+json", configBytes)
    const layer = descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layerBytes)
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [layer] }, undefined, 3))
    return {
        digest: digestOf(manifest),
        size: manifest.length,
        manifest,
        config,
        layers: [layer],
        blobs: new Map([
            [config.digest, configBytes],
            [layer.digest, layerBytes],
        ]),
    }
}

export function digestOf(bytes: Uint8Array): string {
    return `sha256:${createHash("sha256").update(bytes).digest("hex")}`
}

function descriptor(mediaType: string, bytes: Buffer): Descriptor {
    return { mediaType, size: bytes.length, digest: digestOf(bytes) }
}

/** One regular file in ustar form (POSIX.1-1988), owned by root, from 1970. */
function writeTar(name: string, content: Buffer): Buffer {
    if (Buffer.byteLength(name) > 99) throw new Error(`the file name ${name} is too long for a plain tar header`)
    const header = Buffer.alloc(512)
    const octal = (value: number, offset: number, width: number): void => {
        header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, offset, "ascii")
    }
    header.write(name, 0)
    octal(0o755, 100, 8)
    octal(0, 108, 8)
    octal(0, 116, 8)
    octal(content.length, 124, 12)
    octal(0, 136, 12)
    // The checksum is taken with its own field filled with spaces.
    header.write("        ", 148, "ascii")
    header.write("0", 156, "ascii")
    header.write("ustar\0", 257, "ascii")
    header.write("00", 263, "ascii")
    const checksum = header.reduce((sum, byte) => sum + byte, 0)
    header.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148, "ascii")
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
    return Buffer.concat([header, content, padding, Buffer.alloc(1024)])
}

/** Push over the registry's HTTP API (v2), blobs first. */
export async function pushImage(registry: Registry, repository: string, tag: string, image: Image): Promise<void> {
    for (const [digest, bytes] of image.blobs) await pushBlob(registry, repository, digest, bytes)
    const answer = await ask(registry, `${repository}/manifests/${tag}`, 201, {
        method: "PUT",
        headers: { "content-type": MANIFEST_TYPE },
        body: image.manifest,
    })
    const digest = answer.headers["docker-content-digest"]
    if (digest !== image.digest) throw new Error(`the registry calls the manifest ${String(digest)}, we ${image.digest}`)
}

async function pushBlob(registry: Registry, repository: string, digest: string, bytes: Buffer): Promise<void> {
    const started = await ask(registry, `${repository}/blobs/uploads/`, 202, { method: "POST", body: Buffer.alloc(0) })
    const location = new URL(started.headers.location ?? "", registry.url)
    location.searchParams.set("digest", digest)
    await ask(registry, location, 201, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: bytes })
}

export type FetchedManifest = { readonly digest: string; readonly mediaType: string; readonly bytes: Buffer }

/** The digest is taken from the bytes; what the registry claims is not believed. */
export async function fetchManifest(registry: Registry, repository: string, reference: string): Promise<FetchedManifest> {
    const answer = await ask(registry, `${repository}/manifests/${reference}`, 200, { headers: { accept: MANIFEST_TYPE } })
    return { digest: digestOf(answer.body), mediaType: answer.headers["content-type"] ?? "", bytes: answer.body }
}

/** Exactly what the registry serves, be it right or wrong. */
export async function fetchBlob(registry: Registry, repository: string, digest: string): Promise<Buffer> {
    return (await ask(registry, `${repository}/blobs/${digest}`, 200, {})).body
}

/** Flip one bit of a stored blob (or manifest) behind the registry's back. Doing it twice restores it. */
export async function tamperBlob(registry: Registry, digest: string, offset = 0): Promise<void> {
    const file = blobFile(registry.storage, digest)
    const bytes = await readFile(file)
    const byte = bytes[offset]
    if (byte === undefined) throw new Error(`blob ${digest} has ${bytes.length} bytes, none at ${offset}`)
    bytes[offset] = byte ^ 1
    await writeFile(file, bytes)
}

/** Where a registry with this storage keeps a blob or a manifest. */
export function blobFile(storage: string, digest: string): string {
    const hex = digest.replace(/^sha256:/, "")
    return path.join(storage, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data")
}

type Request = { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array }

async function ask(registry: Registry, where: string | URL, expected: number, request: Request): Promise<HttpsAnswer> {
    const url = typeof where === "string" ? new URL(`/v2/${where}`, registry.url) : where
    const answer = await askHttps(url, { caFile: registry.caFile, ...request })
    if (answer.status !== expected) {
        throw new Error(`${request.method ?? "GET"} ${url.pathname}: the registry answered ${answer.status}: ${answer.body.toString()}`)
    }
    return answer
}

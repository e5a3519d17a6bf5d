import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { baseTar, DOCKERD, type DockerEngine, type DockerEngineOptions, startDockerd } from "../support/dockerd.ts"
import { blobFile, buildImage, digestOf, fetchManifest, type Image, pushImage } from "../support/image.ts"
import { type Notary, startNotary } from "../support/notary.ts"
import { findFreePort, isAddressInUse } from "../support/process.ts"
import { type NotaryProxy, redirectTag, startNotaryProxy } from "../support/proxy.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"
import type { Steps } from "./steps.ts"
import { makeTools, type Tools } from "./tools.ts"

export const REPOSITORY = "demo/app"
export const TAG = "v1"
/** What the daemon's configuration calls the token. */
export const TOKEN = "root-token"
export const PIN_FILE = ".sandbox/secrets/token-pin"

/** What belongs to one time, under the sandbox's directory. */
const FORGOTTEN = ["daemon", "docker", "engine", "env", "images", "lie", "notary-client", "other-machine", "ready", "try"]

/** The real programs, all on loopback, all with their state under one directory. */
export type Parts = AsyncDisposable & {
    readonly directory: string
    readonly token: SoftHsm
    readonly notary: Notary
    /** Somebody between a client and Notary; passes everything on until told otherwise. */
    readonly proxy: NotaryProxy
    readonly registry: Registry
    readonly daemon: Daemon
    /** Undefined where it can't run. */
    readonly engine: DockerEngine | undefined
    readonly tools: Tools
    readonly image: Image
    /** The repository's name everywhere: `localhost:port/demo/app`. */
    readonly gun: string
}

/**
 * Start everything and put an image into the registry. The token, the certificates, the registry's content and the ports
 * are those of the last time. notary-server keeps its data in memory only, so what the daemon and the clients remember of
 * them begins afresh as well.
 */
export async function startParts(directory: string, steps: Steps): Promise<Parts> {
    await using started = new AsyncDisposableStack()
    const within = (name: string): string => path.join(directory, name)
    for (const remembered of FORGOTTEN) {
        await rm(within(remembered), { recursive: true, force: true })
    }
    const token = started.use(
        await steps.run(
            "software token (SoftHSM)",
            () => startSoftHsm({ label: "sandbox-root", directory: within("softhsm") }),
            ({ label, serial }) => `${label}, serial ${serial}`,
        ),
    )
    const notary = started.use(
        await steps.run(
            "notary-signer and notary-server",
            () =>
                onKeptPorts(within("notary-ports"), 2, ([server = 0, signer = 0]) =>
                    startNotary({ directory: within("notary"), ports: { server, signer } }),
                ),
            ({ url }) => url,
        ),
    )
    const proxy = started.use(
        await steps.run(
            "a proxy, honest for now",
            () => onKeptPorts(within("proxy-ports"), 1, ([port = 0]) => startNotaryProxy(notary, { port })),
            ({ url }) => url,
        ),
    )
    proxy.alter = (request, answer) => tellLie(within("lie"), request.path, answer)
    const image = buildImage("hello", "Hello from the trustkeyd sandbox.\n")
    const registry = started.use(
        await steps.run(
            "docker-registry",
            async () => {
                if (isDamaged(within("registry"), image)) await rm(within("registry"), { recursive: true })
                return onKeptPorts(within("registry-ports"), 1, ([port = 0]) => startRegistry({ directory: within("registry"), port }))
            },
            ({ url }) => url,
        ),
    )
    await steps.run(
        "image in the registry",
        () => pushUnlessThere(registry, image),
        (pushed) => `${registry.host}/${REPOSITORY}:${TAG} ${image.digest.slice(0, 19)}… ${pushed ? "pushed" : "still there"}`,
    )
    const socketDirectory = started.use(await placeForSockets(within("daemon"), "admin.sock")).path
    const daemon = started.use(
        await steps.run(
            "trustkeyd",
            () => startDaemon({ directory: within("daemon"), socketDirectory, tokens: { [TOKEN]: token } }),
            ({ configFile }) => path.relative(path.dirname(directory), configFile),
        ),
    )
    const engineSockets = started.use(await placeForSockets(within("engine"), "exec/containerd/containerd-debug.sock")).path
    const engine = await startEngine({ directory: within("engine"), socketDirectory: engineSockets, registries: [registry.host] }, steps)
    if (engine !== undefined) started.use(engine)
    await layImages(within("images"))
    await keepSecrets(within("secrets"), token)
    const engineHost = `unix://${path.join(engineSockets, "docker.sock")}`
    const tools = await makeTools(directory, { notary, proxy, registry, daemon, token, engineHost })
    const everything = started.move()
    return {
        directory,
        token,
        notary,
        proxy,
        registry,
        daemon,
        engine,
        tools,
        image,
        gun: `${registry.host}/${REPOSITORY}`,
        [Symbol.asyncDispose]: () => everything.disposeAsync(),
    }
}

/** The registry's port is part of every image's name, and so of whatever somebody wrote down of the last time. */
async function onKeptPorts<T>(file: string, count: number, start: (ports: readonly number[]) => Promise<T>): Promise<T> {
    const kept = existsSync(file) ? (await readFile(file, "utf8")).trim().split(" ").map(Number) : []
    for (let attempt = 1; ; attempt += 1) {
        const fresh = await Promise.all(Array.from({ length: count }, findFreePort))
        const ports = attempt === 1 && kept.length === count ? kept : fresh
        try {
            const result = await start(ports)
            await writeFile(file, `${ports.join(" ")}\n`)
            return result
        } catch (error) {
            if (attempt === 5 || !(isAddressInUse(error) || hasCode(error, "EADDRINUSE"))) throw error
        }
    }
}

function hasCode(error: unknown, code: string): boolean {
    return error instanceof Error && "code" in error && error.code === code
}

/** Left tampered with, by a sandbox that was killed or by hand. The registry would keep it: it looks at names only. */
function isDamaged(directory: string, image: Image): boolean {
    return [image.digest, ...image.blobs.keys()]
        .map((digest) => ({ digest, file: blobFile(path.join(directory, "storage"), digest) }))
        .some(({ digest, file }) => existsSync(file) && digestOf(readFileSync(file)) !== digest)
}

async function pushUnlessThere(registry: Registry, image: Image): Promise<boolean> {
    // A registry that answers 404 or serves something else gets the image again.
    const there = await fetchManifest(registry, REPOSITORY, TAG).catch(() => undefined)
    if (there?.digest === image.digest) return false
    await pushImage(registry, REPOSITORY, TAG, image)
    return true
}

/** A socket's path has at most 107 bytes: in a checkout that lies very deep they go to a temporary directory. */
function placeForSockets(directory: string, longest: string): Promise<WorkingDirectory> {
    const fits = Buffer.byteLength(path.join(directory, longest)) <= 107
    return makeWorkingDirectory("sockets", fits ? directory : undefined)
}

/** What a person would type: the token's PIN, and a passphrase chosen once for each sandbox. */
async function keepSecrets(directory: string, token: SoftHsm): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeFile(path.join(directory, "token-pin"), `${token.userPin}\n`, { mode: 0o600 })
    const passphrase = path.join(directory, "repository-passphrase")
    if (!existsSync(passphrase)) await writeFile(passphrase, `${randomBytes(12).toString("base64url")}\n`, { mode: 0o600 })
}

/** What keeps the engine from running here is said, and the rest does without. */
async function startEngine(options: DockerEngineOptions, steps: Steps): Promise<DockerEngine | undefined> {
    const what = "docker engine"
    if (process.getuid?.() !== 0) {
        steps.without(what, "only root can run it (sudo npm run sandbox); the rest works without, but not the tour")
        return undefined
    }
    if (!existsSync(DOCKERD)) {
        steps.without(what, `there is no ${DOCKERD} (apt-get install docker.io); the rest works without, but not the tour`)
        return undefined
    }
    return steps.attempt(
        what,
        () => startDockerd(options),
        ({ host }) => host,
        (error) => `${firstLine(error)} (see .sandbox/engine/dockerd.log); the rest works without, but not the tour`,
    )
}

function firstLine(error: unknown): string {
    return (error instanceof Error ? error.message : String(error)).split(/[;\n]/)[0] ?? ""
}

/**
 * What the file `lie` says is what the proxy says: a tag and a digest, with which every targets file is changed, all signatures left as
 * they were. Without the file it is honest.
 */
function tellLie(file: string, asked: string, answer: Buffer): Buffer {
    if (!existsSync(file) || !/\/_trust\/tuf\/targets(\/[^/]+)?\.[0-9a-f]{64}\.json$/.test(asked)) return answer
    const [tag = "", digest = ""] = readFileSync(file, "utf8").trim().split(" ")
    return redirectTag(answer, tag, digest)
}

/** Directories for docker build: two images that print a line, made of this machine's own shell. */
async function layImages(directory: string): Promise<void> {
    const says = { hello: "Hello, I am the image that was signed.", other: "I am another image under the same tag." }
    for (const [name, line] of Object.entries(says)) {
        const context = path.join(directory, name)
        await mkdir(context, { recursive: true })
        await writeFile(path.join(context, "hello.txt"), `${line}\n`)
        const dockerfile = ["FROM scratch", "ADD base.tar /", "COPY hello.txt /", `CMD ["cat", "/hello.txt"]`, ""]
        await writeFile(path.join(context, "Dockerfile"), dockerfile.join("\n"))
        await baseTar(path.join(context, "base.tar"))
    }
}

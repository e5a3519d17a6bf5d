import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import { type ImageReference, parseReference } from "../../publish/index.ts"
import { fileMode, makeDirectory, makeTemporaryDirectory, readBytes, readTextFile, writeFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { openEngine } from "../engine/engine.ts"
import { type Arguments, allValues, type Flag, lastValue } from "../engine/flags.ts"
import { isTrustOn, passOn, runInstead, type TrustedImage, tagTrusted, trustedImage } from "../trust/enforcement.ts"
import { familiarTagged } from "../trust/familiar.ts"
import { contextName, imagesOf, pinImages } from "./dockerfile.ts"

const MAX_DOCKERFILE = 2 * 1024 * 1024
/** The build argument that names another frontend than the Dockerfile's `# syntax=`. */
const FRONTEND = "BUILDKIT_SYNTAX"
const CONTEXT_IMAGE = "docker-image://"

/**
 * docker build with every image the Dockerfile names replaced by what is signed under its tag. docker gets the changed file from a
 * directory of ours; which builder it uses doesn't matter. The file that was written stays as it is.
 *
 * @throws Ended with docker's exit code; usage, invalid_request, not_found and what resolveTrusted throws
 */
export async function build(cli: Cli, args: Arguments): Promise<void> {
    const { flags, operands } = args
    const engine = openEngine(cli)
    if (!isTrustOn(cli, flags)) return passOn(engine, "build", args)
    const source = await readSource(cli, flags, operands[0] ?? "")
    const pins = new Pins(cli)
    const pinnedFlags = await pinFlags(cli, flags, pins)
    const uses = imagesOf(source.dockerfile, { buildArgs: buildArgs(cli, flags), contexts: contextNames(flags) })
    for (const { reference, line } of uses) {
        const { tagged, pinned } = await pins.pin(reference)
        cli.output.note(`Dockerfile line ${line}: ${tagged} is ${pinned}`)
    }
    const dockerfile = pinImages(source.dockerfile, uses, ({ reference }) => pins.known(reference).pinned)

    await using directory = await makeTemporaryDirectory(cli.context.env["TMPDIR"] || "/tmp")
    const file = path.join(directory.path, "Dockerfile")
    await writeFileDurable(file, dockerfile, 0o600)
    if (source.ignore !== undefined) await writeFileDurable(`${file}.dockerignore`, source.ignore, 0o600)
    const context = source.context ?? path.join(directory.path, "empty")
    if (source.context === undefined) await makeDirectory(context, 0o700)
    await runInstead(engine, ["build", ...pinnedFlags, "--file", file, context])
    for (const image of pins.all()) if ((await engine.image(image.pinned)) !== undefined) await tagTrusted(cli, engine, image)
}

/** One look-up for each name. */
class Pins {
    readonly #cli: Cli
    readonly #found = new Map<string, TrustedImage>()

    constructor(cli: Cli) {
        this.#cli = cli
    }

    async pin(reference: ImageReference): Promise<TrustedImage> {
        const known = this.#found.get(familiarTagged(reference))
        if (known !== undefined) return known
        const image = await trustedImage(this.#cli, reference)
        this.#found.set(image.tagged, image)
        return image
    }

    known(reference: ImageReference): TrustedImage {
        const image = this.#found.get(familiarTagged(reference))
        if (image === undefined) throw new TrustkeyError("internal", `${reference.text} was not looked up`)
        return image
    }

    all(): readonly TrustedImage[] {
        return [...this.#found.values()]
    }
}

type Source = {
    readonly dockerfile: string
    /** The content of NAME.dockerignore, which lies beside the Dockerfile. */
    readonly ignore?: Buffer
    /** Undefined: there is none, the Dockerfile came alone. */
    readonly context: string | undefined
}

async function readSource(cli: Cli, flags: readonly Flag[], context: string): Promise<Source> {
    const file = lastValue(flags, "file")
    if (context === "-") {
        if (file !== undefined) throw new TrustkeyError("usage", "with - the Dockerfile comes from stdin: leave out --file")
        return { dockerfile: await dockerfileFromStdin(cli), context: undefined }
    }
    const directory = path.resolve(context)
    if ((await fileMode(directory))?.kind !== "directory") throw noDirectory(context)
    if (file === "-") return { dockerfile: await dockerfileFromStdin(cli), context: directory }
    const found = file === undefined ? await defaultDockerfile(directory) : path.resolve(file)
    const dockerfile = await readTextFile(found, { maxBytes: MAX_DOCKERFILE })
    const ignore = await readBytes(`${found}.dockerignore`, { maxBytes: MAX_DOCKERFILE })
    return { dockerfile, context: directory, ...(ignore === undefined ? {} : { ignore }) }
}

function noDirectory(context: string): TrustkeyError {
    // What docker takes for a URL: schemes, and the forms of git.
    if (/^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)/i.test(context)) {
        const why = "its Dockerfile would be fetched by the builder, where nobody can check what it is built from"
        return new TrustkeyError(
            "invalid_request",
            `${context} is not built from a URL: ${why}; clone or unpack it, and build the directory`,
        )
    }
    return new TrustkeyError("not_found", `unable to prepare context: path "${context}" not found`)
}

/** As docker: `dockerfile` where there is no `Dockerfile`. */
async function defaultDockerfile(directory: string): Promise<string> {
    const [usual, small] = [path.join(directory, "Dockerfile"), path.join(directory, "dockerfile")]
    return (await fileMode(usual)) === undefined && (await fileMode(small)) !== undefined ? small : usual
}

async function dockerfileFromStdin(cli: Cli): Promise<string> {
    const pieces: Buffer[] = []
    let total = 0
    for await (const piece of cli.context.terminal.stdin) {
        pieces.push(Buffer.from(piece))
        total += piece.length
        if (total > MAX_DOCKERFILE) break
    }
    const content = Buffer.concat(pieces)
    if (isArchive(content)) {
        throw new TrustkeyError("invalid_request", "an archive on stdin is not read here; unpack it, and build the directory")
    }
    if (total > MAX_DOCKERFILE) throw new TrustkeyError("payload_too_large", `the Dockerfile on stdin is over ${MAX_DOCKERFILE} bytes`)
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content)
    } catch (error) {
        throw new TrustkeyError("invalid_request", "the Dockerfile on stdin is not UTF-8 text", { cause: error })
    }
}

/** gzip, bzip2, xz, zstd, and tar by its magic at 257. */
function isArchive(bytes: Buffer): boolean {
    const magics = ["1f8b", "425a68", "fd377a585a00", "28b52ffd"]
    return (
        magics.some((magic) => bytes.subarray(0, magic.length / 2).toString("hex") === magic) ||
        bytes.toString("latin1", 257, 262) === "ustar"
    )
}

/** Later ones win. One without a value is taken from the environment, as docker does. */
function buildArgs(cli: Cli, flags: readonly Flag[]): ReadonlyMap<string, string> {
    const found = new Map<string, string>()
    for (const text of allValues(flags, "build-arg")) {
        const equals = text.indexOf("=")
        const name = equals === -1 ? text : text.slice(0, equals)
        const value = equals === -1 ? cli.context.env[name] : text.slice(equals + 1)
        if (value === undefined) found.delete(name)
        else found.set(name, value)
    }
    return found
}

function contextNames(flags: readonly Flag[]): ReadonlySet<string> {
    return new Set(allValues(flags, "build-context").map((text) => contextName(text.split("=")[0] ?? "")))
}

/** docker's flags as they were, but for the images some of them name: a named context, and the frontend. Caches are not images. */
async function pinFlags(cli: Cli, flags: readonly Flag[], pins: Pins): Promise<readonly string[]> {
    const written: string[] = []
    for (const flag of flags) {
        if (flag.name === "disable-content-trust" || flag.name === "file") continue
        if (flag.name === "cache-from") cli.warnOnce(`nobody checks what comes from a cache: --cache-from ${flag.value}`)
        if ((flag.name === "sbom" || flag.name === "attest") && /\bgenerator=/i.test(flag.value))
            cli.warnOnce(`nobody checks the image that looks through what was built: --${flag.name} ${flag.value}`)
        const equals = flag.value.indexOf("=")
        const value = flag.value.slice(equals + 1)
        if (flag.name === "build-context" && equals !== -1 && value.startsWith(CONTEXT_IMAGE)) {
            const pinned = await pinName(value.slice(CONTEXT_IMAGE.length), pins)
            written.push("--build-context", `${flag.value.slice(0, equals)}=${CONTEXT_IMAGE}${pinned}`)
        } else if (flag.name === "build-arg" && (flag.value === FRONTEND || flag.value.startsWith(`${FRONTEND}=`))) {
            const frontend = equals === -1 ? cli.context.env[FRONTEND] : value
            if (frontend !== undefined && frontend !== "") written.push("--build-arg", `${FRONTEND}=${await pinName(frontend, pins)}`)
        } else written.push(...flag.written)
    }
    return written
}

async function pinName(name: string, pins: Pins): Promise<string> {
    const reference = parseReference(name)
    return reference.digest === undefined ? (await pins.pin(reference)).pinned : name
}

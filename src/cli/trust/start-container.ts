import { TrustkeyError } from "../../errors.ts"
import { parseReference } from "../../publish/index.ts"
import type { Cli } from "../context.ts"
import { type Engine, openEngine } from "../engine/engine.ts"
import { type Arguments, allValues, lastValue, switchValue, writtenWithout } from "../engine/flags.ts"
import { isTrustOn, passOn, runInstead, tagTrusted, trustedImage } from "./enforcement.ts"

/**
 * docker create and docker run with what is signed under the image's tag. It is pulled by digest where docker would pull; the container is
 * made from the digest, so whatever the tag says here doesn't matter.
 *
 * @throws Ended with docker's exit code, and what resolveTrusted throws
 */
export async function startContainer(cli: Cli, command: "create" | "run", args: Arguments): Promise<void> {
    const { flags, operands } = args
    const [name = "", ...rest] = operands
    const engine = openEngine(cli)
    if (!isTrustOn(cli, flags)) return passOn(engine, command, args)
    for (const mount of allValues(flags, "mount")) checkMount(mount)
    // An ID says itself what it is. Asked to pull, docker takes sha256:… for an image of that name on Docker Hub.
    if (/^(?:sha256:)?[0-9a-f]{64}$/.test(name)) return startWhatIsHere(engine, command, args)
    const reference = parseReference(name)
    if (reference.digest !== undefined) return passOn(engine, command, args)

    const policy = lastValue(flags, "pull") ?? "missing"
    if (!["always", "missing", "never"].includes(policy)) {
        throw new TrustkeyError("usage", `invalid pull option: '${policy}': must be one of "always", "missing" or "never"`)
    }
    const image = await trustedImage(cli, reference)
    const platform = lastValue(flags, "platform")
    // What is there may be another platform's: then docker says so when it is asked.
    const isThere = policy !== "always" && platform === undefined && (await engine.image(image.pinned)) !== undefined
    if (!isThere && policy !== "never") {
        const quiet = switchValue(flags, "quiet") === true
        if (policy === "missing" && platform === undefined && !quiet)
            cli.context.terminal.stderr.write(`Unable to find image '${image.tagged}' locally\n`)
        // stdout is the container's, or its ID's.
        await engine.pull(image.pinned, {
            progress: quiet ? "none" : "stderr",
            ...(platform === undefined ? {} : { flags: [`--platform=${platform}`] }),
        })
        await tagTrusted(cli, engine, image)
    }
    // What had to be pulled is there.
    await startWhatIsHere(engine, command, { flags, operands: [image.pinned, ...rest] })
}

/** A mount may be an image as well, whose tag nobody looks up. @throws invalid_request unless it is named by digest or ID */
function checkMount(mount: string): void {
    // Comma-separated values; what is quoted and what isn't makes no difference to what is looked for. The last one of a name counts.
    const fields = new Map(mount.replaceAll('"', "").split(",").map(fieldOf))
    if (fields.get("type")?.toLowerCase() !== "image") return
    if (/^(?:(?:.*@)?sha256:)?[0-9a-f]{64}$/.test(fields.get("source") ?? "")) return
    throw new TrustkeyError("invalid_request", `--mount ${mount}: name the image by its digest or its ID; its tag is not looked up`)
}

function fieldOf(text: string): [name: string, value: string] {
    const [name = "", ...value] = text.split("=")
    const spelled = name.trim().toLowerCase()
    return [spelled === "src" ? "source" : spelled, value.join("=")]
}

/** docker shall find it or fail, and fetch nothing. */
async function startWhatIsHere(engine: Engine, command: string, { flags, operands }: Arguments): Promise<void> {
    const written = writtenWithout(flags, ["disable-content-trust", "pull"])
    await runInstead(engine, [command, ...written, "--pull=never", "--", ...operands])
}

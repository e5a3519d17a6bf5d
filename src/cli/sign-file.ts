import { TrustkeyError } from "../errors.ts"
import { writeFileDurable } from "../storage/index.ts"
import {
    assembleFile,
    canonicalize,
    type Json,
    type JsonObject,
    parseFile,
    parseGun,
    parseJson,
    parseRoleName,
    parseSigned,
    ROOT,
    type RoleName,
    type Signature,
    type SignedMetadata,
} from "../tuf/index.ts"
import type { SignFileOptions } from "./commands/sign.ts"
import type { Cli } from "./context.ts"
import type { Daemon, DaemonKey } from "./daemon-types.ts"
import { readNamed } from "./named-file.ts"
import { makeReady } from "./secrets.ts"
import { showRoot } from "./sign-root.ts"
import { isBound } from "./trust/our-keys.ts"
import { fromWireSignature } from "./wire-signature.ts"

const MAX_INPUT = 16 * 1024 * 1024

/** Metadata in, the signed file out. Signatures that were there stay, except those of the keys that sign now. */
export async function signFile(cli: Cli, file: string, options: SignFileOptions): Promise<void> {
    const gun = parseGun(options.gun)
    const role = parseRoleName(options.role)
    const { signed, signatures } = readUnsigned(await readInput(cli, file), role)
    const daemon = await cli.daemon()
    const bound = await keysToSignWith(daemon, gun, role, options.key)
    const keys = role === ROOT ? await showRoot(cli, daemon, gun, signed, bound, options) : bound
    if (keys.length === 0)
        throw new TrustkeyError("not_found", `no key you may use counts for this root of ${gun}, or for the one before it`)
    const made = await signWithAll(cli, daemon, gun, signed, keys, options)
    const kept = signatures.filter(({ keyId }) => !made.some((signature) => signature.keyId === keyId))
    const content = assembleFile(signed, [...made, ...kept])
    if (options.out === undefined) cli.output.bytes(content)
    else await writeFileDurable(options.out, content, 0o644)
    const others = kept.length === 0 ? "" : `, ${kept.length} other signatures kept`
    cli.output.note(
        `Signed ${role} version ${signed.document.version} of ${gun} with ${made.map(({ keyId }) => keyId.slice(0, 12)).join(", ")}${others}.`,
    )
}

async function readInput(cli: Cli, file: string): Promise<Buffer> {
    if (file !== "-") return await readNamed(file, MAX_INPUT)
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of cli.context.terminal.stdin) {
        const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk
        chunks.push(bytes)
        length += bytes.length
        if (length > MAX_INPUT) throw new TrustkeyError("payload_too_large", "the metadata on stdin is over 16 MiB")
    }
    return Buffer.concat(chunks)
}

/** A whole file or a bare `signed` value, in any JSON style; what is signed is its canonical form. @throws metadata_rejected */
export function readUnsigned(content: Uint8Array, role: RoleName): { signed: SignedMetadata; signatures: readonly Signature[] } {
    const json = parseJson(content)
    if (!isObject(json)) throw new TrustkeyError("metadata_rejected", "the file holds no JSON object")
    const inner = json.get("signed")
    if (inner === undefined) return { signed: parseSigned(canonicalize(json), role), signatures: [] }
    const signatures = json.has("signatures") ? parseFile(content, role).signatures : []
    return { signed: parseSigned(canonicalize(inner), role), signatures }
}

function isObject(json: Json): json is JsonObject {
    return json instanceof Map
}

async function keysToSignWith(daemon: Daemon, gun: string, role: RoleName, given: string | undefined): Promise<readonly DaemonKey[]> {
    if (given !== undefined) return [await daemon.getKey(given)]
    const keys = (await daemon.listKeys({ gun, role })).filter((key) => key.state !== "removed" && isBound(key, gun, role))
    if (keys.length === 0) throw new TrustkeyError("not_found", `no key you may use is bound to ${role} of ${gun}`)
    return keys
}

async function signWithAll(
    cli: Cli,
    daemon: Daemon,
    gun: string,
    signed: SignedMetadata,
    keys: readonly DaemonKey[],
    options: SignFileOptions,
): Promise<readonly Signature[]> {
    const made: Signature[] = []
    for (const key of keys) {
        await makeReady(cli, daemon, key, options)
        made.push(fromWireSignature(await daemon.sign({ keyId: key.id, gun, role: signed.role, signed: signed.bytes })))
    }
    return made
}

import { TrustkeyError } from "../../errors.ts"
import { writeFileDurable } from "../../storage/index.ts"
import {
    assembleFile,
    canonicalKeyIdOf,
    type Gun,
    type KeyId,
    ROOT,
    type RootDocument,
    rootOf,
    type Signature,
    type SignedMetadata,
    type TufKey,
    verifySignature,
} from "../../tuf/index.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { readNamed } from "../named-file.ts"
import { shortId } from "../output.ts"
import { makeReady } from "../secrets.ts"
import { readUnsigned } from "../sign-file.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import { requireOnePin } from "../trust/one-pin.ts"
import type { OurKeys } from "../trust/our-keys.ts"
import type { TrustSession } from "../trust/session.ts"
import { fromWireSignature } from "../wire-signature.ts"
import { roleIn } from "./publish-root.ts"

const MAX_FILE = 16 * 1024 * 1024

/** A root that goes from holder to holder. */
export type Passed = { readonly body: SignedMetadata; readonly signatures: readonly Signature[] }

/** What holders elsewhere have sent back: all files have to be of one root. @throws not_found, metadata_rejected, usage */
export async function readPassed(files: readonly string[]): Promise<Passed | undefined> {
    let body: SignedMetadata | undefined
    const signatures: Signature[] = []
    for (const file of files) {
        const passed = readUnsigned(await readNamed(file, MAX_FILE), ROOT)
        if (body !== undefined && body.sha256 !== passed.signed.sha256)
            throw new TrustkeyError("usage", `${file} and ${files[0]} are two different roots: every holder has to sign the same one`)
        body = passed.signed
        signatures.push(...passed.signatures)
    }
    return body === undefined ? undefined : { body, signatures }
}

/** One of the two counts a root has to pass: by the root before it, and by its own. */
type Count = { readonly whose: string; readonly keyIds: readonly KeyId[]; readonly threshold: number }

/** Who has signed a root and who could. Keys are meant by their canonical IDs. */
export class RootSignatures {
    readonly #body: SignedMetadata
    readonly #keys: ReadonlyMap<KeyId, TufKey>
    readonly #counts: readonly Count[]
    readonly #made = new Map<KeyId, Signature>()

    constructor(before: RootDocument, body: SignedMetadata, signatures: readonly Signature[]) {
        const after = rootOf(body)
        this.#body = body
        // Within both roots: a key with another certificate than before has two of these IDs.
        const listed = [before, after].flatMap(({ keys, roles }) =>
            (roles.get("root")?.keyIds ?? []).flatMap((id): readonly (readonly [KeyId, TufKey])[] => {
                const key = keys.get(id)
                return key === undefined ? [] : [[id, key]]
            }),
        )
        this.#keys = new Map(listed)
        this.#counts = [
            { whose: `the keys of root ${before.version}`, ...roleIn(before, "root") },
            { whose: "its own keys", ...roleIn(after, "root") },
        ]
        for (const signature of signatures) this.add(signature)
    }

    /** What does not verify, or is nobody's who counts, is passed over. */
    add(signature: Signature): void {
        const key = this.#keys.get(signature.keyId)
        if (key !== undefined && verifySignature(key, this.#body.bytes, signature)) this.#made.set(canonicalKeyIdOf(key), signature)
    }

    /** Under every ID that the signing key has. */
    get all(): readonly Signature[] {
        return [...this.#keys].flatMap(([keyId, key]) => {
            const signature = this.#made.get(canonicalKeyIdOf(key))
            return signature === undefined ? [] : [{ ...signature, keyId }]
        })
    }

    get signers(): readonly KeyId[] {
        return [...this.#made.keys()]
    }

    /** Whose signature would count and is not there. */
    get waiting(): readonly KeyId[] {
        return [...new Set(this.#counts.flatMap(({ keyIds }) => keyIds))].filter((id) => !this.#made.has(id))
    }

    /** What is missing still, when these keys sign too; a clause for each of the two counts. */
    lacking(signing: readonly KeyId[] = []): readonly string[] {
        const signed = new Set([...this.#made.keys(), ...signing])
        return this.#counts.flatMap(({ whose, keyIds, threshold }) => {
            const here = keyIds.filter((id) => signed.has(id)).length
            if (here >= threshold) return []
            const others = keyIds.filter((id) => !signed.has(id)).map(shortId)
            return [`${threshold - here} more of ${whose} (${others.join(", ")})`]
        })
    }
}

/** The keys here that can sign, of those whose signature is waited for. */
export function signingHere(signatures: RootSignatures, keys: OurKeys): readonly KeyId[] {
    return signatures.waiting.filter((id) => keys.canUse(ROOT, id))
}

/** One signature of each, one token after the other. What is made is kept by the daemon: again, it is the same. */
export async function signHere(
    session: TrustSession,
    daemon: Daemon,
    body: SignedMetadata,
    keys: readonly DaemonKey[],
    signatures: RootSignatures,
    options: PassphraseOptions & PinOptions,
): Promise<void> {
    const { cli, gun } = session
    requireOnePin(keys, options)
    // Everything is asked for before anything is promised.
    for (const key of keys) await makeReady(cli, daemon, key, options)
    for (const key of keys) signatures.add(fromWireSignature(await daemon.sign({ keyId: key.id, gun, role: ROOT, signed: body.bytes })))
}

/** To be signed by the next holder: with `trustkey sign`, or with anything that signs TUF metadata. */
export async function passOn(gun: Gun, file: string, body: SignedMetadata, signatures: RootSignatures): Promise<string> {
    const list = [...signatures.all].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
    // A file without any signature is none; its body alone can be signed too.
    await writeFileDurable(file, list.length === 0 ? body.bytes : assembleFile(body, list), 0o644)
    return `trustkey sign --gun ${gun} --role root --out signed-root.json ${file}`
}

import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIdOf, type Gun, ROOT, type RootDocument, rootOf, type SignedMetadata } from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { OurKeys } from "../trust/our-keys.ts"
import type { TrustSession } from "../trust/session.ts"
import type { Prepared } from "../trust/sign-tag.ts"
import { toWireSignature } from "../wire-signature.ts"
import { agree } from "./agree.ts"
import type { NextBody } from "./next-body.ts"
import { publishRoot } from "./publish-root.ts"
import { passOn, RootSignatures, signHere, signingHere } from "./root-signatures.ts"
import type { Rotated, RotateOptions } from "./rotate.ts"

/** A root that goes from holder to holder before it can be published. */
export type Collecting = {
    readonly gun: string
    readonly outcome: "collecting"
    readonly version: number
    readonly difference: readonly string[]
    readonly code: string
    readonly file: string
    /** Who has signed it, by canonical ID. */
    readonly signers: readonly string[]
    readonly lacking: readonly string[]
    /** What the next holder runs. */
    readonly next: string
}

/** Show what is about to be signed, ask, sign what can be signed here, and publish it when that is enough; else it is passed on. */
export async function complete(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    { body, signatures: made, says }: NextBody,
    options: RotateOptions,
): Promise<Rotated | Collecting> {
    const { cli, gun } = session
    const before = prepared.current.verified.root
    const signatures = new RootSignatures(rootOf(before.signed), body, made)
    // Some were made since the repository was looked at.
    const ours = await OurKeys.load(daemon, gun)
    const here = signingHere(signatures, ours)
    const isComplete = signatures.lacking(here).length === 0
    if (!isComplete && options.collect === undefined) throw incomplete(gun, body, signatures, ours, signatures.lacking(here))
    const also = certificates(rootOf(before.signed), rootOf(body))
    const { difference, code } = await agree(cli, gun, before.signed, body, options, { also, ...(isComplete ? {} : { act: "Sign" }) })
    if (isComplete) {
        const root = { signed: body.bytes, signatures: signatures.all.map(toWireSignature) }
        const { published, current } = await publishRoot(session, daemon, prepared, root, options)
        return { gun, outcome: "rotated", says, difference, code, published, before, after: current.verified.root }
    }
    const file = options.collect ?? ""
    const signing = here.flatMap((id) => ours.find(ROOT, id) ?? [])
    await signHere(session, daemon, body, signing, signatures, options)
    const next = await passOn(gun, file, body, signatures)
    const { version } = body.document
    const answer = { gun, outcome: "collecting", version, difference, code, file } as const
    return { ...answer, signers: signatures.signers, lacking: signatures.lacking(), next }
}

/** The difference names root keys by their certificates, everything else here by the daemon's IDs. */
function certificates(before: RootDocument, after: RootDocument): readonly string[] {
    const [was, is] = [before, after].map(({ keys, roles }) => {
        const held = (roles.get("root")?.keyIds ?? []).flatMap((id) => [...keys].filter(([other]) => other === id))
        return new Map(held.filter(([, { keytype }]) => keytype.endsWith("-x509")).map(([id, key]) => [id, canonicalKeyIdOf(key)]))
    })
    return [...(was ?? []), ...(is ?? [])]
        .filter(([id]) => was?.has(id) !== is?.has(id))
        .map(([id, canonical]) => `${shortId(id)} is the certificate of the key ${shortId(canonical)}`)
}

function incomplete(gun: Gun, body: SignedMetadata, signatures: RootSignatures, ours: OurKeys, lacking: readonly string[]): TrustkeyError {
    const version = `root version ${body.document.version} of ${gun}`
    const away = signatures.waiting.filter((id) => ours.has(ROOT, id) && !ours.canUse(ROOT, id))
    const needs = `${version} needs signatures that can't be made here: ${lacking.join("; ")}`
    if (away.length > 0) {
        const advice = `${away.map(shortId).join(", ")} ${away.length === 1 ? "lies on a token that is" : "lie on tokens that are"} not there: insert it, or gather signatures with --collect FILE`
        return new TrustkeyError("token_absent", `${needs}; ${advice}`)
    }
    return new TrustkeyError(
        "set_incomplete",
        `${needs}. To gather them: --collect FILE signs here what can be, and the next holder signs FILE with trustkey sign`,
    )
}

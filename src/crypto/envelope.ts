import { timingSafeEqual } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type Argon2Cost, argon2id, isCostAllowed } from "./argon2.ts"
import { derive, openBox, sealBox } from "./box.ts"
import {
    COMMITMENT_LENGTH,
    DATA_KEY_LENGTH,
    type Envelope,
    encodeEnvelope,
    LARGEST_CONTENT,
    MOST_WRAPS,
    newSalt,
    parseEnvelope,
    type StoredWrap,
    type WrapHead,
    wrapHeadBytes,
} from "./envelope-format.ts"
import { Secret } from "./secret.ts"
import { transcript } from "./transcript.ts"

/** A way to open an envelope, with what it takes. */
export type Wrap =
    | { readonly kind: "passphrase"; readonly secret: Secret; readonly cost: Argon2Cost }
    | { readonly kind: "group"; readonly group: string; readonly key: Secret }
    | { readonly kind: "credential"; readonly name: string; readonly secret: Secret; readonly cost: Argon2Cost }

export type Opener =
    | { readonly kind: "passphrase"; readonly secret: Secret }
    | { readonly kind: "group"; readonly key: Secret }
    | { readonly kind: "credential"; readonly name: string; readonly secret: Secret }

/** `name`: of the group or the credential; empty for a passphrase. */
export type WayToOpen = { readonly kind: Wrap["kind"]; readonly name: string }

const GROUP_KEY_LENGTH = 32

const CONTENT_LABEL = "trustkeyd envelope 1 content"
const WRAP_LABEL = "trustkeyd envelope 1 wrap"
const COMMITMENT_LABEL = "trustkeyd envelope 1 commitment"

/**
 * Seal `content` so that each of `wraps` opens it. `facts` are bound to it and not contained in it: who opens must know them.
 * docs/formats/envelope.md
 *
 * @throws invalid_request: no wrap or too many, two alike, an empty secret, a cost out of bounds, content too long
 */
export async function seal(content: Secret, facts: Uint8Array, wraps: readonly Wrap[]): Promise<Uint8Array> {
    if (content.length === 0 || content.length > LARGEST_CONTENT) {
        throw new TrustkeyError("invalid_request", `what is sealed has 1 to ${LARGEST_CONTENT} bytes`)
    }
    checkWraps(wraps)
    using dataKey = Secret.random(DATA_KEY_LENGTH)
    const stored: StoredWrap[] = []
    for (const wrap of wraps) stored.push(await wrapKey(dataKey, facts, wrap))
    const salt = newSalt()
    const sealed = dataKey.reveal((key) => content.reveal((bytes) => sealBox(key, salt, contentContext(facts), bytes)))
    return encodeEnvelope({ wraps: stored, salt, sealed })
}

/**
 * @throws open_failed: the wrong secret, other facts, or damage; which of them is nobody's business
 * @throws overloaded when there is not enough memory
 */
export async function open(envelope: Uint8Array, facts: Uint8Array, opener: Opener): Promise<Secret> {
    const parsed = parseEnvelope(envelope)
    const dataKey = parsed === undefined ? undefined : await findDataKey(parsed, facts, opener)
    try {
        const content = parsed === undefined || dataKey === undefined ? undefined : openContent(parsed, facts, dataKey)
        if (content === undefined) throw openFailed()
        return content
    } finally {
        dataKey?.[Symbol.dispose]()
    }
}

/**
 * Put `wraps` into the envelope without touching its content: each takes the place of the one of its kind and name, or is
 * added. All others stay byte for byte.
 *
 * @throws open_failed as `open` does; invalid_request as `seal` does
 */
export async function rewrap(envelope: Uint8Array, facts: Uint8Array, opener: Opener, wraps: readonly Wrap[]): Promise<Uint8Array> {
    checkWraps(wraps)
    const parsed = parseEnvelope(envelope)
    const dataKey = parsed === undefined ? undefined : await findDataKey(parsed, facts, opener)
    try {
        // Opened and wiped: a new wrap around damaged content would look like success.
        using content = parsed === undefined || dataKey === undefined ? undefined : openContent(parsed, facts, dataKey)
        if (parsed === undefined || dataKey === undefined || content === undefined) throw openFailed()
        const kept = parsed.wraps.filter((old) => !wraps.some((wrap) => wrap.kind === old.kind && nameOf(wrap) === old.name))
        if (kept.length + wraps.length > MOST_WRAPS) throw tooMany()
        const added: StoredWrap[] = []
        for (const wrap of wraps) added.push(await wrapKey(dataKey, facts, wrap))
        return encodeEnvelope({ ...parsed, wraps: [...kept, ...added] })
    } finally {
        dataKey?.[Symbol.dispose]()
    }
}

/**
 * What would open it. Public, and not yet proven to be unchanged: that takes opening it.
 *
 * @throws open_failed
 */
export function waysToOpen(envelope: Uint8Array): readonly WayToOpen[] {
    const parsed = parseEnvelope(envelope)
    if (parsed === undefined) throw openFailed()
    return parsed.wraps.map(({ kind, name }) => ({ kind, name }))
}

function openContent(envelope: Envelope, facts: Uint8Array, dataKey: Secret): Secret | undefined {
    const content = dataKey.reveal((key) => openBox(key, envelope.salt, contentContext(facts), envelope.sealed))
    return content === undefined ? undefined : new Secret(content)
}

async function findDataKey(envelope: Envelope, facts: Uint8Array, opener: Opener): Promise<Secret | undefined> {
    const fitting = envelope.wraps.filter(
        (wrap) => wrap.kind === opener.kind && (opener.kind !== "credential" || wrap.name === opener.name),
    )
    for (const wrap of fitting) {
        using key = await wrappingKey(wrap, opener.kind === "group" ? opener.key : opener.secret)
        const dataKey = unwrapKey(key, facts, wrap)
        if (dataKey !== undefined) return dataKey
    }
    return undefined
}

async function wrapKey(dataKey: Secret, facts: Uint8Array, wrap: Wrap): Promise<StoredWrap> {
    const head: WrapHead = { kind: wrap.kind, name: nameOf(wrap), cost: wrap.kind === "group" ? undefined : wrap.cost, salt: newSalt() }
    using key = await wrappingKey(head, wrap.kind === "group" ? wrap.key : wrap.secret)
    const context = wrapContext(head, facts)
    return {
        ...head,
        commitment: key.reveal((bytes) => commitmentOf(bytes, head)),
        sealed: key.reveal((bytes) => dataKey.reveal((plain) => sealBox(bytes, head.salt, context, plain))),
    }
}

function unwrapKey(key: Secret, facts: Uint8Array, wrap: StoredWrap): Secret | undefined {
    const committed = key.reveal((bytes) => timingSafeEqual(commitmentOf(bytes, wrap), wrap.commitment))
    const plain = key.reveal((bytes) => openBox(bytes, wrap.salt, wrapContext(wrap, facts), wrap.sealed))
    if (plain === undefined) return undefined
    const dataKey = new Secret(plain)
    if (committed) return dataKey
    dataKey[Symbol.dispose]()
    return undefined
}

/** A group key is as good as a key gets; whatever a person chose, or may have, goes through Argon2. */
async function wrappingKey(head: WrapHead, secret: Secret): Promise<Secret> {
    return head.cost === undefined ? secret.clone() : argon2id(secret, head.salt, head.cost)
}

/** AES-GCM opens under as many keys as its maker likes, which would turn one try into many guesses. This ties it to one. */
function commitmentOf(key: Buffer, head: WrapHead): Buffer {
    return derive(key, head.salt, transcript(COMMITMENT_LABEL, wrapHeadBytes(head)), COMMITMENT_LENGTH)
}

function wrapContext(head: WrapHead, facts: Uint8Array): Buffer {
    return transcript(WRAP_LABEL, wrapHeadBytes(head), facts)
}

function contentContext(facts: Uint8Array): Buffer {
    return transcript(CONTENT_LABEL, facts)
}

function nameOf(wrap: Wrap): string {
    switch (wrap.kind) {
        case "passphrase":
            return ""
        case "group":
            return wrap.group
        case "credential":
            return wrap.name
    }
}

function checkWraps(wraps: readonly Wrap[]): void {
    if (wraps.length === 0) throw new TrustkeyError("invalid_request", "there must be a way to open it")
    if (wraps.length > MOST_WRAPS) throw tooMany()
    if (new Set(wraps.map((wrap) => `${wrap.kind} ${nameOf(wrap)}`)).size < wraps.length) {
        throw new TrustkeyError("invalid_request", "two ways to open it are alike")
    }
    for (const wrap of wraps) checkWrap(wrap)
}

function checkWrap(wrap: Wrap): void {
    if (wrap.kind === "group") {
        if (wrap.key.length !== GROUP_KEY_LENGTH) throw new TrustkeyError("internal", "a group key has 32 bytes")
    } else {
        if (wrap.secret.length === 0) throw new TrustkeyError("invalid_request", `the ${wrap.kind} is empty`)
        if (!isCostAllowed(wrap.cost)) throw new TrustkeyError("invalid_request", "the Argon2 cost is out of bounds")
    }
}

function tooMany(): TrustkeyError {
    return new TrustkeyError("invalid_request", `there can be ${MOST_WRAPS} ways to open it at most`)
}

function openFailed(): TrustkeyError {
    return new TrustkeyError("open_failed", "the secret is wrong or what is sealed is damaged")
}

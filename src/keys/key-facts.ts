import { ALGORITHMS, type Algorithm, type PublicKeyBytes } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, KeptAttestation, KeyHome, KeyRecord, PinPolicy, Purpose, TokenHome } from "../journal/index.ts"
import { encodePublicKey, Fields, FrameError, parsePublicKey, TOUCH_POLICIES, toBase64 } from "../signer/index.ts"
import { canonicalKeyIdOf, parseGun, parseRoleName, tufKey } from "../tuf/index.ts"

const PIN_POLICIES: readonly PinPolicy[] = ["never", "once", "always"]

/** The `facts` column of a key. The same record always gives the same text, so it can be compared and set. */
export function encodeKeyFacts(record: KeyRecord): string {
    return JSON.stringify({
        id: record.id,
        publicKey: encodePublicKey(record.publicKey),
        algorithm: record.algorithm,
        purpose: record.purpose,
        label: record.label,
        bindings: record.bindings.map(({ gun, role }) => ({ gun, role })),
        home: encodeHome(record.home),
        ...(record.copies === undefined ? {} : { copies: record.copies.map(encodeHome) }),
        origin: record.origin,
        createdAt: record.createdAt,
        ...(record.madeBy === undefined ? {} : { madeBy: record.madeBy }),
        ...(record.removedAt === undefined ? {} : { removedAt: record.removedAt }),
    })
}

function encodeHome(home: KeyHome): object {
    switch (home.kind) {
        case "sealed":
            return { kind: home.kind }
        case "group":
            return { kind: home.kind, group: home.group }
        case "token":
            return {
                kind: home.kind,
                token: home.token,
                uri: home.uri,
                serial: home.serial,
                ...(home.pinPolicy === undefined ? {} : { pinPolicy: home.pinPolicy }),
                ...(home.touchPolicy === undefined ? {} : { touchPolicy: home.touchPolicy }),
                ...(home.attestation === undefined ? {} : { attestation: encodeAttestation(home.attestation) }),
                ...(home.brought === undefined ? {} : { brought: home.brought }),
            }
    }
}

/**
 * A row that lies about its id or algorithm is a damaged database. The id is computed again; the key itself is read at its
 * first use: reading a hundred thousand takes many seconds.
 *
 * @throws storage_failed
 */
export function parseKeyFacts(id: string, text: string): KeyRecord {
    return intact(() => {
        const fields = Fields.parse(text)
        const publicKey = parsePublicKey(fields.fields("publicKey"))
        const record = {
            id: canonicalKeyIdOf(tufKey(publicKey)),
            publicKey,
            algorithm: fields.oneOf<Algorithm>("algorithm", ALGORITHMS),
            purpose: fields.oneOf<Purpose>("purpose", ["root", "targets", "snapshot", "delegation", "ceremony"]),
            label: fields.text("label"),
            bindings: fields.list("bindings").map(parseBinding),
            home: parseHome(fields.fields("home")),
            ...(fields.has("copies") ? { copies: fields.list("copies").map(parseCopy) } : {}),
            origin: fields.oneOf("origin", ["generated", "imported"]),
            createdAt: fields.text("createdAt"),
            ...(fields.has("madeBy") ? { madeBy: fields.text("madeBy") } : {}),
        }
        if (record.id !== id || fields.text("id") !== id || !isLike(publicKey, record.algorithm)) throw new FrameError("another key")
        return fields.has("removedAt") ? { ...record, removedAt: fields.text("removedAt") } : record
    })
}

function isLike({ keytype, bytes }: PublicKeyBytes, algorithm: Algorithm): boolean {
    switch (algorithm) {
        case "p256":
            return keytype === "ecdsa" && bytes.length === 91
        case "p384":
            return keytype === "ecdsa" && bytes.length === 120
        case "ed25519":
            return keytype === "ed25519" && bytes.length === 32
        case "rsa2048":
        case "rsa3072":
        case "rsa4096":
            return keytype === "rsa"
    }
}

function parseBinding(fields: Fields): Binding {
    return { gun: parseGun(fields.text("gun")), role: parseRoleName(fields.text("role")) }
}

function parseHome(fields: Fields): KeyHome {
    const kind = fields.oneOf("kind", ["sealed", "group", "token"])
    if (kind === "sealed") return { kind }
    if (kind === "group") return { kind, group: fields.text("group") }
    return {
        kind,
        token: fields.text("token"),
        uri: fields.text("uri"),
        serial: fields.text("serial"),
        ...(fields.has("pinPolicy") ? { pinPolicy: fields.oneOf("pinPolicy", PIN_POLICIES) } : {}),
        ...(fields.has("touchPolicy") ? { touchPolicy: fields.oneOf("touchPolicy", TOUCH_POLICIES) } : {}),
        ...(fields.has("attestation") ? { attestation: parseAttestation(fields.fields("attestation")) } : {}),
        ...(fields.has("brought") && fields.flag("brought") ? { brought: true } : {}),
    }
}

function parseCopy(fields: Fields): TokenHome {
    const home = parseHome(fields)
    if (home.kind === "token" && home.brought === true) return home
    throw new FrameError("a copy that is no token's, or was not brought there")
}

function encodeAttestation({ certificate, intermediate, serial }: KeptAttestation): object {
    return { certificate: toBase64(certificate), intermediate: toBase64(intermediate), serial }
}

/** What it says is asked when somebody asks: a damaged one proves nothing, and harms nothing else. */
function parseAttestation(fields: Fields): KeptAttestation {
    return { certificate: fields.bytes("certificate"), intermediate: fields.bytes("intermediate"), serial: fields.text("serial") }
}

/** The facts of a group. */
export type GroupFacts = { readonly name: string; readonly createdAt: string }

export function encodeGroupFacts(facts: GroupFacts): string {
    return JSON.stringify({ name: facts.name, createdAt: facts.createdAt })
}

/** @throws storage_failed */
export function parseGroupFacts(name: string, text: string): GroupFacts {
    return intact(() => {
        const fields = Fields.parse(text)
        if (fields.text("name") !== name) throw new FrameError("another group")
        return { name, createdAt: fields.text("createdAt") }
    })
}

function intact<T>(read: () => T): T {
    try {
        return read()
    } catch (cause) {
        throw new TrustkeyError("storage_failed", "the database is damaged: the facts of a key or group do not fit", { cause })
    }
}

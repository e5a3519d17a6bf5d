import { ALGORITHMS, type PublicKeyBytes } from "../crypto/index.ts"
import { canonicalKeyIdOf, type Json, tufKey } from "../tuf/index.ts"
import { Members } from "./members.ts"
import { KEY_PURPOSES, type KeyFacts, type TokenPlace } from "./records.ts"
import { refuse } from "./refuse.ts"

export const GROUP_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * The public facts of a key, each of them looked at, and the ID computed again from the public key. The key itself is read by verifyBackup: reading a
 * hundred thousand takes many seconds.
 *
 * @throws backup_invalid
 */
export function readKeyFacts(value: Json): KeyFacts {
    const members = new Members(value, "facts")
    const publicKey = readPublicKey(members.members("publicKey"))
    const facts: KeyFacts = {
        id: members.keyId("id"),
        publicKey,
        algorithm: members.oneOf("algorithm", ALGORITHMS),
        purpose: members.oneOf("purpose", KEY_PURPOSES),
        label: members.text("label"),
        bindings: members.list("bindings", (binding) => ({ gun: binding.gun("gun"), role: binding.role("role") })),
        home: readHome(members.members("home")),
        copies: members.has("copies") ? members.list("copies", readCopy) : [],
        origin: members.oneOf("origin", ["generated", "imported"]),
        createdAt: members.time("createdAt"),
        removedAt: members.has("removedAt") ? members.time("removedAt") : undefined,
    }
    if (members.has("madeBy")) members.text("madeBy")
    members.finish()
    if (canonicalKeyIdOf(tufKey(publicKey)) !== facts.id) refuse("facts.id is the ID of another key than facts.publicKey")
    return facts
}

function readPublicKey(members: Members): PublicKeyBytes {
    const key = { keytype: members.oneOf("keytype", ["ecdsa", "rsa", "ed25519"]), bytes: members.bytes("bytes") } as const
    members.finish()
    return key
}

function readHome(members: Members): KeyFacts["home"] {
    const kind = members.oneOf("kind", ["sealed", "group", "token"])
    if (kind === "token") return readToken(members)
    const home = kind === "group" ? { kind, group: members.text("group", (name) => GROUP_NAME.test(name)) } : { kind }
    members.finish()
    return home
}

function readToken(members: Members): TokenPlace {
    members.only("kind", "token")
    const place: TokenPlace = { kind: "token", token: members.text("token"), serial: members.text("serial") }
    members.text("uri")
    if (members.has("pinPolicy")) members.oneOf("pinPolicy", ["never", "once", "always"])
    if (members.has("touchPolicy")) members.oneOf("touchPolicy", ["never", "always", "cached"])
    if (members.has("attestation")) readAttestation(members.members("attestation"))
    if (members.has("brought")) members.only("brought", true)
    members.finish()
    return place
}

function readCopy(members: Members): TokenPlace {
    members.only("brought", true)
    return readToken(members)
}

function readAttestation(members: Members): void {
    members.bytes("certificate")
    members.bytes("intermediate")
    members.text("serial")
    members.finish()
}

import { randomBytes, timingSafeEqual } from "node:crypto"
import { Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { type Answer, SW } from "./apdu.ts"
import { accepted, byteOf, concatenated, INS, invalid, type PivApplet, refused } from "./applet.ts"
import { type ManagementAlgorithm, type PivDescription, TOUCH_POLICIES } from "./description.ts"
import {
    checkKeyLength,
    decryptBlocks,
    encryptBlocks,
    isDefaultKey,
    keyRefused,
    kindRefused,
    MANAGEMENT_CIPHERS,
    managementAlgorithmOf,
} from "./management-key.ts"
import { encodeTlv, findTlv, malformed, onlyTlv, parseTlvs } from "./tlv.ts"

const MANAGEMENT_SLOT = 0x9b
/** P2 of SET MANAGEMENT KEY. */
const TOUCH_OF_MANAGEMENT_KEY = { never: 0xff, always: 0xfe, cached: 0xfd } as const

/** What the card says of its management key. */
export function readManagementKey(applet: PivApplet): PivDescription["managementKey"] {
    const fields = applet.metadata(MANAGEMENT_SLOT)
    if (fields === undefined) return { algorithm: "3des", isDefault: "unknown", touch: "unknown" }
    const algorithm = managementAlgorithmOf(byteOf(fields, 0x01))
    if (algorithm === undefined) throw malformed("the management key is of no known kind")
    const touch = findTlv(fields, 0x02)?.[1] ?? 0
    return {
        algorithm,
        isDefault: byteOf(fields, 0x05) === 1 ? "yes" : "no",
        touch: touch === 0 ? "never" : (TOUCH_POLICIES[touch - 1] ?? "unknown"),
    }
}

/** SP 800-73-4 part 2 appendix A.1, mutual authentication. */
export function authenticate(applet: PivApplet, key: Secret): void {
    const { algorithm, touch } = readManagementKey(applet)
    checkKeyLength(algorithm, key)
    const { id, block } = MANAGEMENT_CIPHERS[algorithm]
    const say = (data: Uint8Array): Answer => applet.send({ ins: INS.authenticate, p1: id, p2: MANAGEMENT_SLOT, data })
    const first = say(encodeTlv(0x7c, encodeTlv(0x80)))
    if (!applet.hasMetadata && (first.sw === SW.wrongData || first.sw === SW.wrongParameters)) throw kindRefused()
    const witness = element(accepted(first, "take a management key"), 0x80)
    if (witness.length !== block) throw malformed("a witness of another length")
    const challenge = randomBytes(block)
    const second = say(encodeTlv(0x7c, encodeTlv(0x80, decryptBlocks(algorithm, key, witness)), encodeTlv(0x81, challenge)))
    if (second.sw === SW.securityStatus || second.sw === SW.conditions) throw keyRefused(algorithm, touch !== "never")
    const response = element(accepted(second, "take the management key"), 0x82)
    const expected = encryptBlocks(algorithm, key, challenge)
    if (response.length !== expected.length || !timingSafeEqual(response, expected)) {
        throw new TrustkeyError("token_changed", "the card took the management key without having it: this is another card, or none")
    }
}

export function setManagementKey(applet: PivApplet, old: Secret, next: Secret, algorithm: ManagementAlgorithm): void {
    const { id, keyLength } = MANAGEMENT_CIPHERS[algorithm]
    if (next.length !== keyLength) throw invalid(`a new management key for ${algorithm} has ${keyLength} bytes`)
    if (isDefaultKey(next)) throw invalid("this is the key that every card is sold with")
    if (algorithm !== "3des" && !applet.isAtLeast(5, 4)) throw invalid("cards before firmware 5.4 have 3DES only")
    const { touch } = readManagementKey(applet)
    authenticate(applet, old)
    using head = new Secret(Buffer.from([id, MANAGEMENT_SLOT, keyLength]))
    using data = concatenated([head, next])
    const p2 = TOUCH_OF_MANAGEMENT_KEY[touch === "unknown" ? "never" : touch]
    const { sw } = applet.sendSecret({ ins: INS.setManagementKey, p1: 0xff, p2 }, data)
    if (sw === SW.wrongData) throw invalid("the card does not take this key (a weak one?)")
    if (sw !== SW.ok) throw refused("set the management key", sw)
    authenticate(applet, next)
}

/** `7C { tag … }` */
function element(template: Buffer, tag: number): Buffer {
    const value = findTlv(parseTlvs(onlyTlv(template, 0x7c)), tag)
    if (value === undefined) throw malformed("an element is missing")
    return value
}

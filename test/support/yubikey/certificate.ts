import { generateKeyPairSync, sign } from "node:crypto"
import { encodeTlv } from "./tlv.ts"

/** A certificate for this key whose issuer nobody knows; `size`: at least so many bytes. */
export function certificateFor(publicKey: { readonly bytes: Uint8Array }, size = 0): Buffer {
    const signer = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey
    const name = encodeTlv(0x30, encodeTlv(0x31, encodeTlv(0x30, Buffer.from("0603550403", "hex"), encodeTlv(0x0c, Buffer.from("root")))))
    const algorithm = Buffer.from("300a06082a8648ce3d040302", "hex")
    const filler = encodeTlv(0x30, Buffer.from("06032a0304", "hex"), encodeTlv(0x04, Buffer.alloc(size)))
    const tbs = encodeTlv(
        0x30,
        Buffer.from("a003020102020101", "hex"),
        algorithm,
        name,
        Buffer.from("301e170d3234303130313030303030305a170d3334303130313030303030305a", "hex"),
        name,
        publicKey.bytes,
        encodeTlv(0xa3, encodeTlv(0x30, filler)),
    )
    return encodeTlv(0x30, tbs, algorithm, encodeTlv(0x03, Buffer.alloc(1), sign("sha256", tbs, signer)))
}

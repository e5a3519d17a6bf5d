import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import koffi from "koffi"
import type * as Pkcs11js from "pkcs11js"

// pkcs11js, synchronous, in a plain Node: the same loop in C was measured to be 2 % away from it.
const pkcs11js: typeof Pkcs11js = createRequire(import.meta.url)("pkcs11js")
const { PKCS11, CKA_CLASS, CKF_SERIAL_SESSION, CKM_ECDSA, CKM_RSA_PKCS_PSS, CKO_PRIVATE_KEY, CKU_USER } = pkcs11js

type Order = {
    readonly module: string
    readonly serial: string
    readonly pin: string
    readonly rsa: boolean
    readonly milliseconds: number
}

function parseOrder(text: string): Order {
    return JSON.parse(text) as Order
}

const { module, serial, pin, rsa, milliseconds } = parseOrder(readFileSync(0, "utf8"))
// As the daemon loads it: otherwise it runs on Node's own OpenSSL, which is twice as fast with RSA-4096 as the distribution's.
koffi.load(module, { deep: true })
const lib = new PKCS11()
lib.load(module)
lib.C_Initialize()
const slot = lib.C_GetSlotList(true).find((candidate) => lib.C_GetTokenInfo(candidate).serialNumber.trim() === serial)
if (slot === undefined) throw new Error(`there is no token with the serial number ${serial}`)
const session = lib.C_OpenSession(slot, CKF_SERIAL_SESSION)
lib.C_Login(session, CKU_USER, pin)
lib.C_FindObjectsInit(session, [{ type: CKA_CLASS, value: CKO_PRIVATE_KEY }])
const [key] = lib.C_FindObjects(session, 1)
lib.C_FindObjectsFinal(session)
if (key === undefined) throw new Error("there is no key on the token")

const digest = Buffer.alloc(32, 7)
const answer = Buffer.alloc(512)
const parameter = {
    type: pkcs11js.CK_PARAMS_RSA_PSS,
    hashAlg: pkcs11js.CKM_SHA256,
    mgf: pkcs11js.CKG_MGF1_SHA256,
    saltLen: 32,
}
const mechanism = rsa ? { mechanism: CKM_RSA_PKCS_PSS, parameter } : { mechanism: CKM_ECDSA }
const signMany = (until: number): number => {
    let count = 0
    for (; performance.now() < until; count++) {
        lib.C_SignInit(session, mechanism, key)
        lib.C_Sign(session, digest, answer)
    }
    return count
}
signMany(performance.now() + milliseconds / 10)
const start = performance.now()
const count = signMany(start + milliseconds)
process.stdout.write(String(count / ((performance.now() - start) / 1000)))
lib.C_Finalize()

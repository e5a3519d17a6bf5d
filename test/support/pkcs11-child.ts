import pkcs11js from "pkcs11js"
import type { ModuleReply, ModuleRequest } from "./pkcs11-process.ts"

const module = new pkcs11js.PKCS11()
module.load(process.argv[2] ?? "")
module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK })

let current: { readonly slot: pkcs11js.Handle; readonly session: pkcs11js.Handle } | undefined

const FLAGS = {
    CKF_USER_PIN_COUNT_LOW: pkcs11js.CKF_USER_PIN_COUNT_LOW,
    CKF_USER_PIN_FINAL_TRY: pkcs11js.CKF_USER_PIN_FINAL_TRY,
    CKF_USER_PIN_LOCKED: pkcs11js.CKF_USER_PIN_LOCKED,
} as const

function opened(): NonNullable<typeof current> {
    if (current === undefined) throw new Error("no session is open")
    return current
}

function serialOf(slot: pkcs11js.Handle): string {
    return module.C_GetTokenInfo(slot).serialNumber.replace(/[\0 ]+$/, "")
}

function open(serial: string): string {
    // ykcs11 shows the card before while one of its sessions is open.
    if (current !== undefined) module.C_CloseAllSessions(current.slot)
    current = undefined
    const slot = module.C_GetSlotList(true).find((each) => serialOf(each) === serial)
    if (slot === undefined) throw new Error(`no token has the serial ${serial}`)
    current = { slot, session: module.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION) }
    return serial
}

function find(kind: number, id: string): pkcs11js.Handle {
    const { session } = opened()
    module.C_FindObjectsInit(session, [
        { type: pkcs11js.CKA_CLASS, value: kind },
        { type: pkcs11js.CKA_ID, value: Buffer.from(id, "hex") },
    ])
    const object = module.C_FindObjects(session)
    module.C_FindObjectsFinal(session)
    if (object === null || object === undefined) throw new Error(`there is no such object: ${id}`)
    return object
}

async function sign(id: string, digest: string, pin: string | undefined): Promise<string> {
    const { session } = opened()
    const key = find(pkcs11js.CKO_PRIVATE_KEY, id)
    module.C_SignInit(session, { mechanism: pkcs11js.CKM_ECDSA }, key)
    if (pin !== undefined) module.C_Login(session, pkcs11js.CKU_CONTEXT_SPECIFIC, pin)
    const signature = await module.C_SignAsync(session, Buffer.from(digest, "hex"), Buffer.alloc(132))
    return signature.toString("hex")
}

function pointOf(id: string): string {
    const { session } = opened()
    const [point] = module.C_GetAttributeValue(session, find(pkcs11js.CKO_PUBLIC_KEY, id), [{ type: pkcs11js.CKA_EC_POINT }])
    if (!Buffer.isBuffer(point?.value)) throw new Error("the key has no point")
    return point.value.toString("hex")
}

async function carryOut(request: ModuleRequest): Promise<string | readonly string[]> {
    switch (request.do) {
        case "serials":
            return module.C_GetSlotList(true).map(serialOf)
        case "open":
            return open(request.serial)
        case "login":
            module.C_Login(opened().session, request.who === "so" ? pkcs11js.CKU_SO : pkcs11js.CKU_USER, request.pin)
            return ""
        case "logout":
            module.C_Logout(opened().session)
            return ""
        case "flags": {
            const { flags } = module.C_GetTokenInfo(opened().slot)
            return Object.entries(FLAGS)
                .filter(([, flag]) => (flags & flag) !== 0)
                .map(([name]) => name)
                .join(" ")
        }
        case "point":
            return pointOf(request.id)
        case "sign":
            return sign(request.id, request.digest, request.pin)
        case "restart":
            current = undefined
            module.C_Finalize()
            module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK })
            return ""
    }
}

function parseRequest(message: unknown): ModuleRequest {
    return message as ModuleRequest
}

let before: Promise<void> = Promise.resolve()
process.on("message", (message) => {
    before = before.then(async () => {
        const reply: ModuleReply = await carryOut(parseRequest(message)).then(
            (value) => ({ value }),
            // Some calls name the code in the message alone, as CKR_X:19.
            (error: unknown) => ({ error: /CKR_\w+/.exec(String(error))?.[0] ?? String(error) }),
        )
        process.send?.(reply)
    })
})
process.on("disconnect", () => process.exit())

import koffi from "koffi"
import type { PKCS11 } from "pkcs11js"
import { CKR_FUNCTION_NOT_SUPPORTED, CKR_OK, resultCode } from "./result-codes.ts"

/** PKCS#11 v3.0 §4.2: CK_VERSION is padded to the size of a pointer, then the functions in the order of the standard. */
const POINTER_SIZE = 8
const C_INIT_PIN_INDEX = 10
const C_SET_PIN_INDEX = 11
const C_LOGIN_INDEX = 18

/** The functions that take a PIN. Each returns the CKR value. */
export type PinFunctions = {
    /** C_Login. A null PIN is asked for by the token itself. */
    readonly login: (session: Buffer, userType: number, pin: Buffer | null) => number
    /** C_SetPIN */
    readonly setPin: (session: Buffer, old: Buffer, next: Buffer) => number
    /** C_InitPIN, for the security officer. */
    readonly initPin: (session: Buffer, next: Buffer) => number
}

/** As they are, out of the module's function list: pkcs11js takes a PIN only as a string, and a string cannot be wiped. */
export function pinFunctionsOf(functionList: bigint): PinFunctions {
    const native = (index: number, prototype: string): ((session: Buffer, ...values: readonly unknown[]) => number) => {
        const address: unknown = koffi.decode(functionList, POINTER_SIZE + index * POINTER_SIZE, "void *")
        const type = koffi.proto(prototype)
        return (session, ...values) => Number(koffi.call(address, type, session.readBigUInt64LE(0), ...values))
    }
    const login = native(C_LOGIN_INDEX, "unsigned long C_Login(unsigned long, unsigned long userType, void *pin, unsigned long length)")
    const setPin = native(
        C_SET_PIN_INDEX,
        "unsigned long C_SetPIN(unsigned long, void *old, unsigned long oldLength, void *next, unsigned long nextLength)",
    )
    const initPin = native(C_INIT_PIN_INDEX, "unsigned long C_InitPIN(unsigned long, void *next, unsigned long length)")
    return {
        login: (session, userType, pin) => login(session, userType, pin, pin?.length ?? 0),
        setPin: (session, old, next) => setPin(session, old, old.length, next, next.length),
        initPin: (session, next) => initPin(session, next, next.length),
    }
}

/**
 * For a module that makes a new instance of itself for whoever asks for its functions, as p11-kit's do: the sessions are those of
 * pkcs11js's. The string it takes is gone with the process for sure, and not before.
 */
export function pinFunctionsOfPkcs11js(lib: PKCS11): PinFunctions {
    const codeOf = (call: () => void): number => {
        try {
            call()
            return CKR_OK
        } catch (error) {
            const code = resultCode(error)
            if (code === undefined) throw error
            return code
        }
    }
    return {
        login: (session, userType, pin) =>
            pin === null ? CKR_FUNCTION_NOT_SUPPORTED : codeOf(() => lib.C_Login(session, userType, pin.toString("utf8"))),
        setPin: (session, old, next) => codeOf(() => lib.C_SetPIN(session, old.toString("utf8"), next.toString("utf8"))),
        initPin: (session, next) => codeOf(() => lib.C_InitPIN(session, next.toString("utf8"))),
    }
}

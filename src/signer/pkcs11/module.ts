import { Module } from "graphene-pk11"
import koffi from "koffi"
import type { InitializationOptions, PKCS11 } from "pkcs11js"
import { CKR_CANT_LOCK, CKR_GENERAL_ERROR, CKR_OK, resultCode } from "./result-codes.ts"

/** PKCS#11 v3.0 §4.2: CK_VERSION is padded to the size of a pointer, then the functions in the order of the standard. */
const POINTER_SIZE = 8
const C_LOGIN_INDEX = 18

const CKF_OS_LOCKING_OK = 2

/** A loaded PKCS#11 module: graphene to look around and administer, pkcs11js to sign, and C_Login as it is. */
export type LoadedModule = {
    readonly module: Module
    /** pReserved of C_Initialize: what NSS reads its database's place from. */
    readonly libraryParameters: string | undefined
    readonly lib: PKCS11
    /** @returns the CKR value. A null PIN is asked for by the token itself. */
    readonly login: (session: Buffer, userType: number, pin: Buffer | null) => number
}

/**
 * Load a module and leave it uninitialised.
 *
 * The first load is koffi's with RTLD_DEEPBIND: otherwise the module's OpenSSL symbols bind to the ones in the node
 * executable (SoftHSMv2 issue 625). pkcs11js then gets the same instance. The PIN goes in by koffi because pkcs11js takes
 * only a string, and a string cannot be wiped.
 */
export function loadModule(path: string, libraryParameters?: string): LoadedModule {
    const library = koffi.load(path, { deep: true })
    const getFunctionList = library.func("unsigned long C_GetFunctionList(_Out_ void **list)")
    const list: [unknown] = [null]
    const result: unknown = getFunctionList(list)
    if (result !== 0 || typeof list[0] !== "bigint") throw new Error("C_GetFunctionList failed")
    const address: unknown = koffi.decode(list[0], POINTER_SIZE + C_LOGIN_INDEX * POINTER_SIZE, "void *")
    const prototype = koffi.proto("unsigned long C_Login(unsigned long session, unsigned long userType, void *pin, unsigned long length)")
    const module = Module.load(path)
    return {
        module,
        libraryParameters,
        lib: module.lib,
        login: (session, userType, pin) =>
            Number(koffi.call(address, prototype, session.readBigUInt64LE(0), userType, pin, pin?.length ?? 0)),
    }
}

/** Ready for use; one that is initialised already is fine. */
export function initialize(loaded: LoadedModule): void {
    try {
        loaded.module.initialize(argumentsFor(loaded, CKF_OS_LOCKING_OK))
    } catch (error) {
        if (resultCode(error) !== CKR_CANT_LOCK) throw error
        // It has no locks. It needs none: its process has one thread, and calls one function at a time.
        loaded.module.initialize(argumentsFor(loaded, 0))
    }
}

/** C_Initialize as `initialize` calls it first, and with no flags and parameters. @returns the CKR value */
export function callInitialize(loaded: LoadedModule, how: "ours" | "bare"): number {
    try {
        loaded.lib.C_Initialize(how === "ours" ? argumentsFor(loaded, CKF_OS_LOCKING_OK) : { flags: 0 })
        return CKR_OK
    } catch (error) {
        return resultCode(error) ?? CKR_GENERAL_ERROR
    }
}

function argumentsFor({ libraryParameters }: LoadedModule, flags: number): InitializationOptions {
    // pkcs11js 2.1.7 cuts the last character off: its buffer has no room for the NUL.
    return libraryParameters === undefined ? { flags } : { flags, libraryParameters: `${libraryParameters} ` }
}

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { Module } from "graphene-pk11"
import koffi from "koffi"
import type { InitializationOptions, PKCS11 } from "pkcs11js"
import { TrustkeyError } from "../../errors.ts"
import type { Profile } from "../profile.ts"
import { type PinFunctions, pinFunctionsOf, pinFunctionsOfPkcs11js } from "./pin-functions.ts"
import { CKR_CANT_LOCK, CKR_GENERAL_ERROR, CKR_OK, resultCode } from "./result-codes.ts"

const CKF_OS_LOCKING_OK = 2

/** A loaded PKCS#11 module: graphene to look around and administer, pkcs11js to sign, and what takes a PIN as it is. */
export type LoadedModule = PinFunctions & {
    readonly module: Module
    /** pReserved of C_Initialize: what NSS reads its database's place from. */
    readonly libraryParameters: string | undefined
    readonly lib: PKCS11
}

/**
 * Load a module and leave it uninitialised.
 *
 * The first load is koffi's with RTLD_DEEPBIND: otherwise the module's OpenSSL symbols bind to the ones in the node
 * executable (SoftHSMv2 issue 625). pkcs11js then gets the same library, and its functions unless the module is one of several
 * instances. The PIN goes in by koffi because pkcs11js takes only a string, and a string cannot be wiped.
 *
 * @throws module_invalid
 */
export function loadModule(path: string, libraryParameters?: string): LoadedModule {
    checkModuleFile(path)
    const library = opened(path, "it can't be loaded on this machine", () => koffi.load(path, { deep: true }))
    const getFunctionList = opened(path, "it is a library without C_GetFunctionList, so no PKCS#11 module", () =>
        library.func("unsigned long C_GetFunctionList(_Out_ void **list)"),
    )
    const ask = (): bigint => {
        const list: [unknown] = [null]
        const result: unknown = getFunctionList(list)
        if (result !== 0 || typeof list[0] !== "bigint") throw invalid(path, `its C_GetFunctionList fails (CKR ${String(result)})`)
        return list[0]
    }
    const functionList = ask()
    const module = Module.load(path)
    return {
        module,
        libraryParameters,
        lib: module.lib,
        ...(ask() === functionList ? pinFunctionsOf(functionList) : pinFunctionsOfPkcs11js(module.lib)),
    }
}

const ELF_MAGIC = Buffer.from("7f454c46", "hex")

/** What it is, before its code runs. Whoever may write it may have every PIN that is typed. */
function checkModuleFile(path: string): void {
    let start: Buffer
    try {
        // Of the open file, so that nobody can exchange it between the check and the reading; a FIFO would keep a blocking open waiting.
        const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
        try {
            const facts = fstatSync(file)
            if (!facts.isFile()) throw invalid(path, "it is no file")
            if ((facts.uid !== 0 && facts.uid !== process.getuid?.()) || (facts.mode & 0o022) !== 0) {
                throw invalid(path, "others than root and the daemon's user may write it, and it would get to know the PIN")
            }
            start = Buffer.alloc(ELF_MAGIC.length)
            readSync(file, start, 0, start.length, 0)
        } finally {
            closeSync(file)
        }
    } catch (error) {
        if (error instanceof TrustkeyError) throw error
        const missing = error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")
        throw invalid(path, missing ? "there is no such file" : "it can't be read", error)
    }
    if (!start.equals(ELF_MAGIC)) throw invalid(path, "it is no shared library")
}

function opened<T>(path: string, otherwise: string, open: () => T): T {
    try {
        return open()
    } catch (error) {
        throw invalid(path, otherwise, error)
    }
}

function invalid(path: string, what: string, cause?: unknown): TrustkeyError {
    return new TrustkeyError("module_invalid", `${path} can't be used as a PKCS#11 module: ${what}`, { cause })
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

/** How an uninitialised module takes C_Initialize: with no flags and parameters, as `initialize` calls it first, and so again. CKR values. */
export function tryInitialize(loaded: LoadedModule): NonNullable<Profile["initialize"]> {
    const bare = callInitialize(loaded, { flags: 0 })
    if (bare === CKR_OK) finalize(loaded)
    const ours = callInitialize(loaded, argumentsFor(loaded, CKF_OS_LOCKING_OK))
    const again = callInitialize(loaded, argumentsFor(loaded, CKF_OS_LOCKING_OK))
    // One that counts, like p11-kit's proxy, has to be ended as often.
    if (again === CKR_OK) finalize(loaded)
    if (ours === CKR_OK) finalize(loaded)
    return { bare, ours, again }
}

function callInitialize({ lib }: LoadedModule, how: InitializationOptions): number {
    try {
        lib.C_Initialize(how)
        return CKR_OK
    } catch (error) {
        return resultCode(error) ?? CKR_GENERAL_ERROR
    }
}

/** C_Finalize: the module lets go of everything it has open. */
export function finalize({ module }: LoadedModule): void {
    try {
        module.finalize()
    } catch {
        // It has failed already; the next C_Initialize says what is wrong.
    }
}

function argumentsFor({ libraryParameters }: LoadedModule, flags: number): InitializationOptions {
    // pkcs11js 2.1.7 cuts the last character off: its buffer has no room for the NUL.
    return libraryParameters === undefined ? { flags } : { flags, libraryParameters: `${libraryParameters} ` }
}

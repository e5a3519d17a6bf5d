import { readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type Fault =
    | "flags"
    | "login"
    | "sign-code"
    | "sign-hang"
    | "sign-crash"
    | "sign-flip"
    | "print"
    | "template"
    | "wrap-code"
    | "create-code"
    | "unwrap-code"
    | "cant-lock"

export type FaultModule = AsyncDisposable & {
    readonly module: string
    readonly environment: Readonly<Record<string, string>>
    /** From now on. The value matters for flags and codes. */
    set(fault: Fault, value?: number): Promise<void>
    clear(fault: Fault): Promise<void>
    /** The user types C_Login was called with since the start: 1 is a login, 2 one for a single signature. */
    logins(): Promise<readonly number[]>
}

/** `real`, with faults that can be switched on (fault-module.c). */
export async function buildFaultModule(real: string): Promise<FaultModule> {
    const directory = await makeWorkingDirectory("fault-module")
    const module = path.join(directory.path, "fault-module.so")
    const source = path.join(import.meta.dirname, "fault-module.c")
    await mustRun("gcc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", module, source, "-ldl"])
    const file = (name: string): string => path.join(directory.path, name)
    return {
        module,
        environment: { FAULT_MODULE: real, FAULT_DIRECTORY: directory.path },
        set: (fault, value = 1) => writeFile(file(fault), `${value}\n`),
        clear: (fault) => rm(file(fault), { force: true }),
        logins: async () => {
            const text = await readFile(file("logins"), "utf8").catch(() => "")
            return text.split("\n").filter(Boolean).map(Number)
        },
        [Symbol.asyncDispose]: directory.remove,
    }
}

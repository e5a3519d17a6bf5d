import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { startNamespace } from "./namespace.ts"
import { findModuleFile, openShelfWorld, type ShelfModule } from "./shelf-world.ts"
import { signerContract } from "./signer-contract.ts"
import type { SoftHsmShelf } from "./softhsm-shelf.ts"

const NEVER_LOCKS = "SoftHSM counts no tries: who has its files can guess without end"

/** p11-kit's proxy has all modules that are registered on the machine in it: here, where only we see it, SoftHSM's alone. */
async function openProxy(shelf: SoftHsmShelf): Promise<ShelfModule> {
    const registered = path.join(shelf.directory, "modules")
    await mkdir(registered)
    await writeFile(path.join(registered, "softhsm2.module"), `module: ${shelf.module}\n`)
    const namespace = await startNamespace(shelf.directory, 'mount --bind "$1/modules" /usr/share/p11-kit/modules')
    return {
        module: findModuleFile("p11-kit-proxy.so"),
        environment: shelf.moduleEnv,
        execPath: namespace.execPath,
        [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
    }
}

signerContract({
    name: "p11-kit proxy",
    open: () => openShelfWorld(openProxy),
    deviations: {
        "near lock": { says: "taken: it doesn't say so", because: NEVER_LOCKS },
        locked: { says: "taken: it never locks", because: NEVER_LOCKS },
        backend: { says: "it has none", because: "the module works on files by itself" },
    },
})

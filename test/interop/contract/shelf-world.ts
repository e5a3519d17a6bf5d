import { existsSync } from "node:fs"
import { buildFaultModule } from "../../support/fault-module.ts"
import type { ContractToken, ContractWorld } from "./contract-module.ts"
import { openSoftHsmShelf, type ShelvedToken, SOFTHSM_LABEL, SOFTHSM_PIN, type SoftHsmShelf } from "./softhsm-shelf.ts"

/** A program between the module and the token. */
export type Backend = {
    /** Resolves when a module finds it. */
    start(): Promise<void>
    /** SIGKILL for it and all its helpers. */
    kill(): Promise<void>
    /** For each of its processes. */
    signal(signal: "SIGSTOP" | "SIGCONT"): void
}

/** A way to SoftHSM tokens. */
export type ShelfModule = AsyncDisposable & {
    readonly module: string
    readonly environment: Readonly<Record<string, string>>
    readonly execPath?: string
    readonly backend?: Backend
}

/** SoftHSM's own module, or another one that leads to the same tokens. */
export async function openShelfWorld(openModule: (shelf: SoftHsmShelf) => Promise<ShelfModule>): Promise<ContractWorld> {
    const stack = new AsyncDisposableStack()
    try {
        const shelf = stack.use(await openSoftHsmShelf())
        const { module, environment, execPath, backend } = stack.use(await openModule(shelf))
        await backend?.start()
        const faults = stack.use(await buildFaultModule(module))
        const logins = async (): Promise<number> => (await faults.logins()).length
        const way = { module, environment, ...(execPath === undefined ? {} : { execPath }) }

        const fresh = async (): Promise<ContractToken> => describe(shelf, backend, await shelf.make(), await logins(), logins)
        return {
            way,
            countedWay: { ...way, module: faults.module, environment: { ...environment, ...faults.environment } },
            fresh,
            pair: async () => {
                const both = new AsyncDisposableStack()
                const tokens = [both.use(await fresh()), both.use(await fresh())] as const
                return { tokens, bothUri: `pkcs11:token=${SOFTHSM_LABEL}`, [Symbol.asyncDispose]: () => both.disposeAsync() }
            },
            [Symbol.asyncDispose]: () => stack.disposeAsync(),
        }
    } catch (error) {
        await stack.disposeAsync()
        throw error
    }
}

function describe(
    shelf: SoftHsmShelf,
    backend: Backend | undefined,
    shelved: ShelvedToken,
    before: number,
    logins: () => Promise<number>,
): ContractToken {
    /** Another token is seen only by a program that begins anew. */
    const exchange = async (work: () => Promise<void>): Promise<void> => {
        await backend?.kill()
        await work()
        await backend?.start()
    }
    return {
        uri: `pkcs11:serial=${shelved.serial}`,
        looseUri: `pkcs11:token=${SOFTHSM_LABEL}`,
        pin: SOFTHSM_PIN,
        wrongPin: "000000",
        impossiblePin: "123",
        label: SOFTHSM_LABEL,
        serial: shelved.serial,
        manufacturer: /^SoftHSM project$/,
        model: /^SoftHSM v2$/,
        provision: shelved.provision,
        logins: async () => (await logins()) - before,
        remove: () => backend?.kill() ?? shelved.putAway(),
        giveBack: () => backend?.start() ?? shelved.putBack(),
        swap: async (id) => {
            let twin: ShelvedToken | undefined
            await exchange(async () => {
                await shelved.putAway()
                twin = await shelf.make()
                await twin.provision("generated", id)
            })
            const undo = (): Promise<void> =>
                exchange(async () => {
                    await twin?.destroy()
                    await shelved.putBack()
                })
            return { logins, undo }
        },
        hang: async (signer) => {
            if (backend === undefined) process.kill(signer, "SIGSTOP")
            else backend.signal("SIGSTOP")
        },
        // Without a backend it is the signer that stands still, and the daemon has killed it.
        resume: async () => backend?.signal("SIGCONT"),
        ...(backend === undefined
            ? {}
            : {
                  restartBackend: async (whileDown: () => Promise<void>) => {
                      await backend.kill()
                      await whileDown()
                      await backend.start()
                  },
              }),
        [Symbol.asyncDispose]: shelved.destroy,
    }
}

/** A module's file, wherever this machine's packages have put it. */
export function findModuleFile(name: string): string {
    const processor = process.arch === "arm64" ? "aarch64" : "x86_64"
    const places = [`/usr/lib/${processor}-linux-gnu`, `/usr/lib/${processor}-linux-gnu/pkcs11`, "/usr/lib/pkcs11", "/usr/lib"]
    const found = places.map((place) => `${place}/${name}`).find((file) => existsSync(file))
    if (found === undefined) throw new Error(`${name} not found; install what the tests need: node packaging/bootstrap.cjs prepare`)
    return found
}

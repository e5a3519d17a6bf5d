import { randomBytes } from "node:crypto"
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { buildFaultModule } from "../../support/fault-module.ts"
import { isListening, mustRun, type Service, startService, withFreePorts } from "../../support/process.ts"
import { type ContractToken, type ContractWorld, type ProvisionedKind, ToolRefused } from "./contract-module.ts"
import { findModuleFile } from "./shelf-world.ts"
import { signerContract } from "./signer-contract.ts"
import { generateByTool } from "./softhsm-shelf.ts"

const PIN = "483920"
const LABEL = "trust"
const SECOND = "second"
/** The module has no serial numbers. */
const SERIAL = "0000000000000000"

/** A software TPM on the loopback, and the store of the module, which holds the keys wrapped for that TPM. */
class Tpm {
    readonly directory: string
    readonly module: string
    readonly environment: Readonly<Record<string, string>>
    /** The module looks for the control channel on the next one. */
    readonly #port: number
    #service: Service | undefined

    constructor(directory: string, port: number) {
        this.directory = directory
        this.module = findModuleFile("libtpm2_pkcs11.so.1")
        this.#port = port
        const store = path.join(directory, "store")
        this.environment = { TPM2_PKCS11_STORE: store, TPM2_PKCS11_TCTI: `swtpm:host=127.0.0.1,port=${port}`, TSS2_LOG: "all+none" }
    }

    get env(): Readonly<Record<string, string>> {
        return {
            ...this.environment,
            PATH: "/usr/bin:/bin",
            HOME: this.directory,
            TPM2TOOLS_TCTI: this.environment["TPM2_PKCS11_TCTI"] ?? "",
        }
    }

    async start(): Promise<void> {
        if (this.#service !== undefined) return
        const port = this.#port
        const place = ["--server", `type=tcp,port=${port},bindaddr=127.0.0.1`, "--ctrl", `type=tcp,port=${port + 1},bindaddr=127.0.0.1`]
        const state = ["--tpmstate", `dir=${path.join(this.directory, "state")}`, "--flags", "not-need-init,startup-clear"]
        this.#service = await startService({
            name: "swtpm",
            command: "swtpm",
            args: ["socket", "--tpm2", ...place, ...state],
            directory: this.directory,
            ready: (service) => isListening(service.pid, port),
        })
        // Each end without a farewell counts as a failed authorisation, and the TPM locks itself after a few.
        await mustRun("tpm2_dictionarylockout", ["--clear-lockout"], { env: this.env })
    }

    async stop(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
        const service = this.#service
        if (service === undefined) return
        this.#service = undefined
        process.kill(service.pid, signal)
        while (service.ended() === undefined) await sleep(10)
    }

    signal(signal: "SIGSTOP" | "SIGCONT"): void {
        if (this.#service !== undefined) process.kill(this.#service.pid, signal)
    }

    /** A new TPM with an empty store, and a token in it. */
    async renew(): Promise<void> {
        await this.stop()
        for (const name of ["state", "store"]) {
            await rm(path.join(this.directory, name), { recursive: true, force: true })
            await mkdir(path.join(this.directory, name), { mode: 0o700 })
        }
        await this.start()
        await this.initToken(1, LABEL)
    }

    /** The next free slot makes a token of its own, in the same TPM. */
    async initToken(slot: number, label: string): Promise<void> {
        const tool = ["--module", this.module, "--slot", String(slot)]
        await mustRun("pkcs11-tool", [...tool, "--init-token", "--label", label, "--so-pin", "48392000"], { env: this.env })
        const login = ["--login", "--login-type", "so", "--so-pin", "48392000"]
        await mustRun("pkcs11-tool", [...tool, ...login, "--init-pin", "--pin", PIN], { env: this.env })
    }

    /** What `renew` made goes under another name, or comes back. */
    async move(from: string, to: string): Promise<void> {
        for (const name of ["state", "store"]) {
            await rename(path.join(this.directory, `${name}${from}`), path.join(this.directory, `${name}${to}`))
        }
    }

    provision(kind: ProvisionedKind, slot: number, id = randomBytes(4).toString("hex")): ReturnType<typeof generateByTool> {
        const place = { env: this.env, module: this.module, directory: this.directory }
        if (kind === "imported") throw new ToolRefused("tpm2_ptool, which could, leaves objects loaded in a TPM without a resource manager")
        return generateByTool(place, String(slot), PIN, id, "EC:prime256v1", kind)
    }
}

async function startTpm(): Promise<Tpm> {
    const directory = await mkdtemp(path.join(tmpdir(), "trustkeyd-tpm-"))
    return withFreePorts(1, async ([port = 0]) => {
        const tpm = new Tpm(directory, port)
        await tpm.renew()
        return tpm
    })
}

async function openWorld(): Promise<ContractWorld> {
    const tpm = await startTpm()
    const faults = await buildFaultModule(tpm.module)
    const logins = async (): Promise<number> => (await faults.logins()).length
    const end = async (each: Tpm): Promise<void> => {
        await each.stop()
        await rm(each.directory, { recursive: true, force: true })
    }
    return {
        way: { module: tpm.module, environment: tpm.environment, vouchedFor: SERIAL },
        countedWay: { vouchedFor: SERIAL, module: faults.module, environment: { ...tpm.environment, ...faults.environment } },
        fresh: async () => {
            await tpm.renew()
            return describe(tpm, await logins(), logins)
        },
        pair: async () => {
            await tpm.renew()
            await tpm.initToken(2, SECOND)
            const tokens = [describe(tpm, await logins(), logins), describe(tpm, await logins(), logins, 2, SECOND)] as const
            return { tokens, bothUri: `pkcs11:serial=${SERIAL}`, [Symbol.asyncDispose]: tokens[0][Symbol.asyncDispose] }
        },
        [Symbol.asyncDispose]: async () => {
            await faults[Symbol.asyncDispose]()
            await end(tpm)
        },
    }
}

function describe(tpm: Tpm, before: number, logins: () => Promise<number>, slot = 1, label = LABEL): ContractToken {
    return {
        uri: `pkcs11:token=${label}`,
        looseUri: `pkcs11:token=${label}`,
        pin: PIN,
        wrongPin: "000000",
        impossiblePin: "1",
        label,
        serial: SERIAL,
        manufacturer: /^(IBM|swtpm|libtpms|StefanB)/i,
        model: /./,
        provision: (kind) => tpm.provision(kind, slot),
        logins: async () => (await logins()) - before,
        remove: () => tpm.stop(),
        giveBack: () => tpm.start(),
        swap: async (id) => {
            await tpm.stop()
            await tpm.move("", ".first")
            await tpm.renew()
            await tpm.provision("generated", slot, id)
            const undo = async (): Promise<void> => {
                await tpm.stop()
                await tpm.move("", ".twin")
                await tpm.move(".first", "")
                await tpm.start()
            }
            return { logins, undo }
        },
        hang: async () => tpm.signal("SIGSTOP"),
        resume: async () => tpm.signal("SIGCONT"),
        restartBackend: async (whileDown) => {
            await tpm.stop()
            await whileDown()
            await tpm.start()
        },
        [Symbol.asyncDispose]: async () => {
            for (const name of ["state.first", "store.first", "state.twin", "store.twin"]) {
                await rm(path.join(tpm.directory, name), { recursive: true, force: true })
            }
        },
    }
}

const NO_IMPORT = "the module imports no keys; the tool that could leaves objects loaded in a TPM without a resource manager"
const LEFT_LOADED = "without a resource manager, what a killed process had loaded stays in the TPM until that is reset"

signerContract({
    name: "tpm2-pkcs11",
    open: openWorld,
    deviations: {
        import: { says: "`token_unfit`", because: "its serial number is zeros, so nobody can say to which token the key shall go" },
        "several keys": { says: "not by its own tools", because: NO_IMPORT },
        "take over": { says: "not by its own tools", because: NO_IMPORT },
        "always authenticate": { says: "`token_failed`", because: "the module takes the attribute, and can't sign with such a key" },
        "wrong length": { says: "`pin_incorrect`, one try", because: "the module takes a PIN of any length, and the TPM counts it" },
        "near lock": { says: "taken: it doesn't say so", because: "the module shows no counter; the TPM's is for all that it holds" },
        locked: { says: "`pin_blocked`, one try", because: "the TPM says so when it is asked, and not before" },
        removal: { says: "`token_failed`", because: "without its TPM the module can't begin" },
        respawn: { says: "`token_failed`", because: LEFT_LOADED },
        "two tokens": { says: "not by its own tools", because: "a TPM without a resource manager has room for one process" },
    },
})

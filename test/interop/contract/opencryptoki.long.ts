import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, rename, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { buildFaultModule } from "../../support/fault-module.ts"
import { mustRun, runCommand, type Service, startService } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { type ContractToken, type ContractWorld, type ProvisionedKey, type ProvisionedKind, ToolRefused } from "./contract-module.ts"
import { type Namespace, startNamespace } from "./namespace.ts"
import { findModuleFile } from "./shelf-world.ts"
import { signerContract } from "./signer-contract.ts"
import { generateByTool } from "./softhsm-shelf.ts"

const PIN = "483920"
/** The one it has when it is made: only it may set the user's PIN without being changed first. */
const SO_PIN = "87654321"
const LABEL = "trust"
/** All tokens say this. */
const SERIAL = "123"
/** Two software tokens; each has a directory for its objects and one for its locks. */
const TOKENS = ["swtok", "second"] as const
const SLOTS = { swtok: "3", second: "4" } as const
type TokenName = (typeof TOKENS)[number]

/** opencryptoki with its slot daemon, in namespaces: its places are compiled in. */
class OpenCryptoki {
    readonly directory: string
    readonly module = findModuleFile("libopencryptoki.so")
    readonly namespace: Namespace
    #service: Service | undefined

    constructor(directory: string, namespace: Namespace) {
        this.directory = directory
        this.namespace = namespace
    }

    place(...names: readonly string[]): string {
        return path.join(this.directory, ...names)
    }

    async start(): Promise<void> {
        if (this.#service !== undefined) return
        const [command, args] = this.namespace.enter(["pkcsslotd", "-f"])
        await rm(this.place("run", "pkcsslotd.socket"), { force: true })
        this.#service = await startService({
            name: "pkcsslotd",
            command,
            args,
            directory: this.directory,
            ready: async () => existsSync(this.place("run", "pkcsslotd.socket")) && (await this.isReady()),
        })
    }

    async isReady(): Promise<boolean> {
        const [command, args] = this.namespace.enter(["pkcs11-tool", "--module", this.module, "--list-slots"])
        return (await runCommand(command, args, { env: this.env })).status === 0
    }

    /** A process that has the token keeps all of it in memory, and goes on without the daemon: so that ends as well. */
    async stopWith(signer: number): Promise<void> {
        await this.stop()
        process.kill(signer, "SIGKILL")
    }

    async stop(): Promise<void> {
        const service = this.#service
        if (service === undefined) return
        this.#service = undefined
        process.kill(service.pid, "SIGKILL")
        while (service.ended() === undefined) await sleep(10)
    }

    /** An empty token in the place of that name, with its PINs. */
    async renew(name: TokenName, label: string): Promise<void> {
        await this.stop()
        await rm(this.place("var", name), { recursive: true, force: true })
        await this.#prepare(name)
        await this.start()
        await this.#initialize(name, label)
    }

    async #prepare(name: TokenName): Promise<void> {
        await mkdir(this.place("var", name, "TOK_OBJ"), { recursive: true })
        await mkdir(this.place("run", "lock", "opencryptoki", name), { recursive: true })
        await mustRun("sh", ["-c", 'chgrp -R pkcs11 "$@" && chmod -R 770 "$@"', "sh", this.place("var"), this.place("run", "lock")])
    }

    async #initialize(name: TokenName, label: string): Promise<void> {
        const tool = ["--module", this.module, "--slot", SLOTS[name]]
        await this.run(["pkcs11-tool", ...tool, "--init-token", "--label", label, "--so-pin", SO_PIN])
        const login = ["--login", "--login-type", "so", "--so-pin", SO_PIN]
        await this.run(["pkcs11-tool", ...tool, ...login, "--init-pin", "--pin", PIN])
    }

    async run(program: readonly string[]): Promise<string> {
        const [command, args] = this.namespace.enter(program)
        return mustRun(command, args, { env: this.env })
    }

    get env(): Readonly<Record<string, string>> {
        return { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: this.directory, LC_ALL: "C.UTF-8" }
    }

    async provision(name: TokenName, kind: ProvisionedKind, id = randomBytes(4).toString("hex")): Promise<ProvisionedKey> {
        const inside = { env: this.env, module: this.module, directory: this.directory, enter: this.namespace.enter }
        const slot = SLOTS[name]
        if (kind !== "imported") return generateByTool(inside, slot, PIN, id, "rsa:2048", kind)
        const file = this.place(`${id}.pem`)
        await mustRun("openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file])
        const publicKey = await mustRun("openssl", ["pkey", "-in", file, "-pubout"])
        for (const type of ["privkey", "pubkey"] as const) {
            const der = this.place(`${id}.${type}.der`)
            const form = type === "pubkey" ? ["-pubout"] : []
            await mustRun("openssl", ["pkey", "-in", file, ...form, "-outform", "DER", "-out", der])
            const object = ["--write-object", der, "--type", type, "--id", id, "--label", "of the contract", "--usage-sign"]
            const [command, args] = this.namespace.enter([
                "pkcs11-tool",
                "--module",
                this.module,
                "--slot",
                slot,
                "--login",
                "--pin",
                PIN,
                ...object,
            ])
            const written = await runCommand(command, args, { env: this.env })
            if (written.status !== 0) throw new ToolRefused(written.stderr)
        }
        return { id, publicKey }
    }
}

async function openWorld(): Promise<ContractWorld> {
    const stack = new AsyncDisposableStack()
    const directory = stack.use(await makeWorkingDirectory("opencryptoki"))
    const place = (...names: string[]): string => path.join(directory.path, ...names)
    for (const name of ["etc", "var", "run/lock/opencryptoki"]) await mkdir(place(name), { recursive: true })
    const slots = TOKENS.map((name) => `slot ${SLOTS[name]}\n{\nstdll = libpkcs11_sw.so\ntokname = ${name}\n}\n`)
    await writeFile(place("etc", "opencryptoki.conf"), `version opencryptoki-3.8\n${slots.join("")}`)
    const mounts = ['"$1/etc" /etc/opencryptoki', '"$1/var" /var/lib/opencryptoki', '"$1/run" /run'].map((each) => `mount --bind ${each}`)
    const opencryptoki = new OpenCryptoki(directory.path, stack.use(await startNamespace(directory.path, mounts.join("\n"), ["ipc"])))
    stack.defer(() => opencryptoki.stop())
    const faults = stack.use(await buildFaultModule(opencryptoki.module))
    const logins = async (): Promise<number> => (await faults.logins()).length
    await opencryptoki.renew("second", "second")
    const { execPath } = opencryptoki.namespace
    const { module } = opencryptoki
    const describe = async (name: TokenName, label: string): Promise<ContractToken> =>
        tokenOf(opencryptoki, name, label, await logins(), logins)
    const fresh = async (): Promise<ContractToken> => {
        await opencryptoki.renew("swtok", LABEL)
        return describe("swtok", LABEL)
    }
    return {
        way: { module, environment: {}, execPath },
        countedWay: { module: faults.module, environment: faults.environment, execPath },
        fresh,
        pair: async () => {
            const tokens = [await fresh(), await describe("second", "second")] as const
            return { tokens, bothUri: `pkcs11:serial=${SERIAL}`, [Symbol.asyncDispose]: async () => {} }
        },
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
}

function tokenOf(opencryptoki: OpenCryptoki, name: TokenName, label: string, before: number, logins: () => Promise<number>): ContractToken {
    const objects = opencryptoki.place("var", name)
    const aside = `${objects}.aside`
    const exchange = async (work: () => Promise<void>, signer?: number): Promise<void> => {
        await (signer === undefined ? opencryptoki.stop() : opencryptoki.stopWith(signer))
        await work()
        await opencryptoki.start()
    }
    return {
        uri: `pkcs11:token=${label}`,
        looseUri: `pkcs11:token=${label}`,
        pin: PIN,
        wrongPin: "000000",
        impossiblePin: "123",
        label,
        serial: SERIAL,
        manufacturer: /^IBM/,
        model: /^IBM SoftTok$/,
        provision: (kind) => opencryptoki.provision(name, kind),
        logins: async () => (await logins()) - before,
        remove: (signer) => opencryptoki.stopWith(signer),
        giveBack: () => opencryptoki.start(),
        swap: async (id, signer) => {
            await exchange(() => rename(objects, aside), signer)
            await opencryptoki.renew(name, label)
            await opencryptoki.provision(name, "generated", id)
            const undo = (): Promise<void> =>
                exchange(async () => {
                    await rm(objects, { recursive: true })
                    await rename(aside, objects)
                })
            return { logins, undo }
        },
        hang: async (signer) => {
            process.kill(signer, "SIGSTOP")
        },
        // The daemon has killed it.
        resume: async () => {},
        restartBackend: exchange,
        [Symbol.asyncDispose]: () => rm(aside, { recursive: true, force: true }),
    }
}

const NO_CURVES = { says: "`key_unfit`", because: "the software token knows no elliptic curves; keys of RSA-2048 stand for the others" }

signerContract({
    name: "opencryptoki",
    open: openWorld,
    deviations: {
        import: NO_CURVES,
        create: NO_CURVES,
        "always authenticate": { says: "`token_failed`", because: "the module takes the attribute, and can't sign with such a key" },
        removal: { says: "`token_failed`", because: "without its daemon the module can't begin" },
    },
})

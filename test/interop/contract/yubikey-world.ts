import { createPublicKey, randomInt } from "node:crypto"
import { readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { mustRun } from "../../support/process.ts"
import { createAttestationAuthority } from "../../support/yubikey/attestation.ts"
import { startYubikeyRig, type VirtualYubikey, type YubikeyRig } from "../../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY, DEFAULT_PIN } from "../../support/yubikey/state.ts"
import type { ContractToken, ContractWorld, ProvisionedKey, ProvisionedKind } from "./contract-module.ts"
import { makeKeyFile } from "./softhsm-shelf.ts"

/** What a module makes of the card. */
export type CardModule = {
    readonly module: (rig: YubikeyRig) => string
    readonly label: (serial: string) => string
    readonly manufacturer: RegExp
    readonly model: RegExp
    /** Any card. */
    readonly looseUri: string
    /** OpenSC shows a key only where there is a certificate, and takes a token's serial number from the card holder's unique identifier. */
    readonly wantsObjects: boolean
}

const SLOT = { generated: "9a", imported: "9e", always: "9c" } as const satisfies Record<ProvisionedKind, string>
const ID = { generated: "01", imported: "04", always: "02" } as const satisfies Record<ProvisionedKind, string>
const CHUID = "0x5fc102"

/** Two readers with virtual YubiKeys behind the real pcscd; the first holds the one that is tested. */
export async function openYubikeyWorld(kind: CardModule): Promise<ContractWorld> {
    const authority = createAttestationAuthority("rsa")
    const rig = await startYubikeyRig({ authority, cards: [{ serial: newSerial() }, { serial: newSerial() }] })
    const readers = (await mustRun("yubico-piv-tool", ["-a", "list-readers"], { env: rig.env })).trim().split("\n")
    const [first, second] = rig.cards.map((card, index) => new Reader(rig, kind, card, readers[index] ?? ""))
    if (first === undefined || second === undefined) throw new Error("the rig has two cards")
    await second.card.unplug()
    const way = { module: kind.module(rig), environment: rig.moduleEnv }
    return {
        way,
        countedWay: way,
        fresh: () => first.insertFresh(),
        pair: async () => {
            const tokens = [await first.insertFresh(), await second.insertFresh()] as const
            const bothUri = kind.looseUri
            return { tokens, bothUri, [Symbol.asyncDispose]: () => second.card.unplug() }
        },
        [Symbol.asyncDispose]: () => rig.stop(),
    }
}

class Reader {
    readonly card: VirtualYubikey
    readonly #rig: YubikeyRig
    readonly #kind: CardModule
    readonly #name: string

    constructor(rig: YubikeyRig, kind: CardModule, card: VirtualYubikey, name: string) {
        this.#rig = rig
        this.#kind = kind
        this.card = card
        this.#name = name
    }

    async insertFresh(): Promise<ContractToken> {
        const { card } = this
        const rig = this.#rig
        const { looseUri, manufacturer, model, label } = this.#kind
        const ofCard = newSerial()
        await card.swap({ serial: ofCard })
        if (this.#kind.wantsObjects) await this.#tool("-a", "set-chuid")
        const before = (await card.look()).pinsTried
        const serial = this.#kind.wantsObjects ? await this.#shownSerial() : String(ofCard)
        return {
            uri: `pkcs11:serial=${serial}`,
            looseUri,
            pin: DEFAULT_PIN,
            wrongPin: "000000",
            impossiblePin: "12345",
            label: label(serial),
            serial,
            manufacturer,
            model,
            slot: { name: "9c", managementKey: DEFAULT_MANAGEMENT_KEY },
            provision: (kind) => this.#provision(kind),
            logins: async () => (await card.look()).pinsTried - before,
            remove: () => card.unplug(),
            giveBack: () => card.plug(),
            swap: async (_id, _signer, alike) => {
                await this.#insertTwin(alike)
                return { logins: async () => (await card.look()).pinsTried, undo: () => card.swap({ serial: ofCard }) }
            },
            hang: async () => {
                process.kill(rig.pcscdPid(), "SIGSTOP")
                while (!/^State:\s+T/m.test(readFileSync(`/proc/${rig.pcscdPid()}/status`, "utf8"))) await sleep(5)
            },
            resume: async () => {
                process.kill(rig.pcscdPid(), "SIGCONT")
            },
            restartBackend: async (whileDown) => {
                await rig.stopPcscd()
                await whileDown()
                await rig.startPcscd()
            },
            [Symbol.asyncDispose]: () => card.calm(),
        }
    }

    /** A card of another serial number; its owner can copy whatever is only an object. */
    async #insertTwin(alike: boolean): Promise<void> {
        const file = path.join(this.#rig.directory, "chuid.bin")
        if (alike && this.#kind.wantsObjects) await this.#tool("-a", "read-object", "--id", CHUID, "-f", "binary", "-o", file)
        await this.card.swap({ serial: newSerial() })
        const chuid = alike ? ["-a", "write-object", "--id", CHUID, "-f", "binary", "-i", file] : ["-a", "set-chuid"]
        if (this.#kind.wantsObjects) await this.#tool(...chuid)
        await this.#provision("generated")
    }

    /** As people do it, with Yubico's tool. */
    async #provision(kind: ProvisionedKind): Promise<ProvisionedKey> {
        const slot = SLOT[kind]
        const place = (name: string): string => path.join(this.#rig.directory, `${slot}-${name}.pem`)
        let publicKey: string
        if (kind === "imported") {
            publicKey = await makeKeyFile(place("key"))
            await this.#tool("-a", "import-key", "-s", slot, "-i", place("key"))
        } else {
            publicKey = await this.#tool("-a", "generate", "-s", slot, "-A", "ECCP256")
        }
        if (this.#kind.wantsObjects) {
            // The tool of this version can't make one itself. Who signed it is nothing to the module.
            await writeFile(place("public"), publicKey)
            await makeKeyFile(place("issuer"))
            const names = ["-new", "-subj", "/CN=root", "-days", "3650", "-force_pubkey", place("public"), "-signkey", place("issuer")]
            await mustRun("openssl", ["x509", ...names, "-out", place("certificate")])
            await this.#tool("-a", "import-certificate", "-s", slot, "-i", place("certificate"))
        }
        return { id: ID[kind], publicKey: createPublicKey(publicKey).export({ type: "spki", format: "pem" }).toString() }
    }

    #tool(...args: readonly string[]): Promise<string> {
        return mustRun("yubico-piv-tool", ["-r", this.#name, ...args], { env: this.#rig.env })
    }

    async #shownSerial(): Promise<string> {
        const shown = await mustRun("pkcs11-tool", ["--module", this.#kind.module(this.#rig), "--list-token-slots"], { env: this.#rig.env })
        const part = shown.split(/^Slot /m).find((each) => each.includes(this.#name))
        const serial = /serial num\s+:\s+([0-9a-f]+)/.exec(part ?? "")?.[1]
        if (serial === undefined) throw new Error(`no token is in ${this.#name}: ${shown}`)
        return serial
    }
}

function newSerial(): number {
    return randomInt(10_000_000, 99_999_999)
}

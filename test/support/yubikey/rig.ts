import { existsSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import type { DaemonToken } from "../daemon.ts"
import { runCommand, type Service, startService } from "../process.ts"
import { makeWorkingDirectory } from "../temp.ts"
import { type AttestationAuthority, createAttestationAuthority } from "./attestation.ts"
import { type Order, type Report, sendOrder } from "./control.ts"
import { type CardSpec, factoryState } from "./state.ts"
import type { Look } from "./usb-port.ts"

/** ykcs11 takes readers whose name begins with Yubico, and ykman one that names the interfaces. */
const READER_NAME = "Yubico YubiKey OTP+FIDO+CCID"
/** In a network of its own, so always free. The driver has two places, on this port and the next. */
const READER_PORT = 35_963
const PLACES = 2
const PLUG_TIMEOUT_MS = 15_000

export type VirtualYubikey = {
    /** Of the card that is in its place now: what the daemon's configuration says of it. */
    token(): Promise<DaemonToken>
    /** Resolves when programs can find it. */
    plug(): Promise<void>
    unplug(): Promise<void>
    /** Pull it out and put another in, which stays after `unplug` and `plug`. A card made by an earlier swap keeps its state. */
    swap(card: CardSpec): Promise<void>
    /** Touch it now: true if it was waiting. */
    touch(): Promise<boolean>
    /** Somebody sits there and touches it that long after it asks; undefined: nobody does. */
    hand(afterMs?: number): Promise<void>
    /** How long it waits for a touch, and the status word after that: 6982 or 6985. */
    touchRule(rule: { readonly timeoutMs: number; readonly missed: number }): Promise<void>
    /** Resolves when it begins to wait for a touch, at once if it does already. */
    awaitTouch(timeoutMs?: number): Promise<void>
    /** The next `times` commands with this instruction get `sw` and nothing else happens. */
    answer(ins: number, sw: number, times: number): Promise<void>
    /** The next `times` commands with this instruction (or any) take that much longer. */
    delay(delayMs: number, times: number, ins?: number): Promise<void>
    /** No faults, no hand, the first touch rule. */
    calm(): Promise<void>
    look(): Promise<Look>
    /** SIGKILL for its process: the reader is empty. */
    kill(): Promise<void>
    /** After `kill`: from its saved state, unplugged. */
    revive(): Promise<void>
}

export type YubikeyRig = AsyncDisposable & {
    readonly directory: string
    /** Yubico's PKCS#11 module. */
    readonly module: string
    /** OpenSC's, which knows the same cards. */
    readonly openscModule: string
    /** What a process that loads one of the modules needs in its environment, and all it needs. */
    readonly moduleEnv: Readonly<Record<string, string>>
    /** For command line tools: the same, and where programs are. */
    readonly env: Readonly<Record<string, string>>
    /** One for each place, plugged in or not; in the reader's order. */
    readonly cards: readonly VirtualYubikey[]
    /** The first place's card. */
    readonly card: VirtualYubikey
    readonly authority: AttestationAuthority
    /** For signals. */
    pcscdPid(): number
    stopPcscd(signal?: "SIGTERM" | "SIGKILL"): Promise<void>
    /** After `stopPcscd`. Plugged cards can be found again when this resolves. */
    startPcscd(): Promise<void>
    stop(): Promise<void>
}

export type YubikeyRigOptions = {
    /** At most two; default one of firmware 5.4.3. */
    readonly cards?: readonly CardSpec[]
    readonly authority?: AttestationAuthority
    /** Keeps the cards' state from one run to the next. */
    readonly directory?: string
}

/**
 * The real pcscd with virtual YubiKeys, in network and mount namespaces of their own: only who has `moduleEnv` finds
 * them. As root or as any user who may make namespaces.
 */
export async function startYubikeyRig(options: YubikeyRigOptions = {}): Promise<YubikeyRig> {
    const specs = options.cards ?? [{ serial: 12_345_678 }]
    if (specs.length < 1 || specs.length > PLACES) throw new Error(`a rig has one or ${PLACES} cards`)
    const module = await findModule("ykcs11", "libykcs11.so", "libykcs11.so.2")
    const openscModule = await findModule("opensc-pkcs11", "opensc-pkcs11.so")
    const authority = options.authority ?? createAttestationAuthority()
    const directory = await makeWorkingDirectory("yubikey", options.directory)
    const services: Service[] = []
    const stop = async (): Promise<void> => {
        for (const service of services.splice(0).reverse()) await service.stop()
        await directory.remove()
    }
    try {
        const run = path.join(directory.path, "run")
        await prepareRunDirectory(run)
        const namespace = await startNamespace(directory.path, run)
        services.push(namespace)
        const inside = (program: readonly string[]): readonly string[] => enter(namespace.pid, program)
        const socket = path.join(run, "pcscd", "pcscd.comm")

        let pcscd = await startPcscd(directory.path, inside, socket)
        services.push(pcscd)
        const moduleEnv = { PCSCLITE_CSOCK_NAME: socket }
        const cards: Place[] = []
        for (const [index, spec] of specs.entries()) {
            cards.push(
                await Place.start({
                    directory: directory.path,
                    index,
                    spec: { authority, ...spec },
                    authority,
                    inside,
                    services,
                    module,
                    moduleEnv,
                }),
            )
        }
        await Promise.all(cards.map((card) => card.plug()))
        const [card] = cards
        if (card === undefined) throw new Error("a rig has a card")
        return {
            directory: directory.path,
            module,
            openscModule,
            moduleEnv,
            env: { ...moduleEnv, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: directory.path, LC_ALL: "C.UTF-8" },
            cards,
            card,
            authority,
            pcscdPid: () => pcscd.pid,
            stopPcscd: async (signal = "SIGTERM") => {
                if (pcscd.ended() === undefined) process.kill(pcscd.pid, signal)
                await pcscd.stop()
            },
            startPcscd: async () => {
                if (pcscd.ended() === undefined) throw new Error("pcscd runs already")
                services.splice(services.indexOf(pcscd), 1)
                const plugged: Place[] = []
                for (const place of cards) if ((await place.look()).plugged) plugged.push(place)
                for (const place of plugged) await place.unplug()
                pcscd = await startPcscd(directory.path, inside, socket)
                services.push(pcscd)
                await Promise.all(plugged.map((place) => place.plug()))
            },
            stop,
            [Symbol.asyncDispose]: stop,
        }
    } catch (error) {
        await stop()
        throw error
    }
}

async function findModule(what: string, ...names: readonly string[]): Promise<string> {
    const processor = process.arch === "arm64" ? "aarch64" : "x86_64"
    const places = [`/usr/lib/${processor}-linux-gnu`, `/usr/lib/${processor}-linux-gnu/pkcs11`, "/usr/lib"]
    const found = places.flatMap((place) => names.map((name) => path.join(place, name))).find((file) => existsSync(file))
    if (found === undefined) throw new Error(`${what} not found; install what the tests need: node packaging/bootstrap.cjs prepare`)
    return found
}

/** What pcscd sees as /run: its reader's configuration, and the place of its socket, which is compiled in. */
async function prepareRunDirectory(run: string): Promise<void> {
    // A pcscd that was killed leaves its socket and its number behind.
    await rm(run, { recursive: true, force: true })
    await mkdir(path.join(run, "pcscd"), { recursive: true })
    await mkdir(path.join(run, "readers"))
    const driver = (await runCommand("find", ["/usr/lib/pcsc/drivers/serial", "-name", "libifdvpcd.so"])).stdout.trim()
    if (driver === "") throw new Error("vpcd's reader driver not found; install what the tests need: node packaging/bootstrap.cjs prepare")
    const place = `0x${READER_PORT.toString(16).toUpperCase()}`
    await writeFile(
        path.join(run, "readers", "vpcd"),
        [`FRIENDLYNAME "${READER_NAME}"`, `DEVICENAME /dev/null:${place}`, `LIBPATH ${driver}`, `CHANNELID ${place}`, ""].join("\n"),
    )
}

/**
 * Holds the namespaces, so that pcscd can be stopped and started in them. vpcd listens on every interface: here there is
 * only a loopback of its own. It writes each length and body apart, and without `quickack` every one waits 40 ms for the
 * delayed acknowledgement of the one before.
 */
function startNamespace(directory: string, run: string): Promise<Service> {
    const script = [
        "ip link set lo up",
        "ip route change local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1 quickack 1",
        'mount --bind "$1" /run',
        "echo ready",
        "exec setpriv --pdeathsig KILL -- sleep infinity",
    ].join("\n")
    const user = process.getuid?.() === 0 ? [] : ["--map-root-user"]
    return startService({
        name: "namespace",
        command: "unshare",
        args: [...user, "--net", "--mount", "sh", "-euc", script, "sh", run],
        directory,
        ready: async (service) => service.log().startsWith("ready"),
    })
}

/** The kernel forgets the wish to die with the parent when rights change, so it is made once more inside. */
function enter(namespace: number, program: readonly string[]): readonly string[] {
    const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"]
    // With --root, or whoever runs in a chroot would come out of it.
    return [
        "nsenter",
        "--target",
        String(namespace),
        ...user,
        "--net",
        "--mount",
        "--root",
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        ...program,
    ]
}

type Inside = (program: readonly string[]) => readonly string[]

async function startPcscd(directory: string, inside: Inside, socket: string): Promise<Service> {
    const [command = "", ...args] = inside(["pcscd", "--foreground", "--config", "/run/readers"])
    await rm(socket, { force: true })
    return startService({
        name: "pcscd",
        command,
        args,
        directory,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        ready: async () => existsSync(socket),
    })
}

type PlaceOptions = {
    readonly directory: string
    readonly index: number
    readonly spec: CardSpec
    readonly authority: AttestationAuthority
    readonly inside: Inside
    readonly services: Service[]
    readonly module: string
    readonly moduleEnv: Readonly<Record<string, string>>
}

/** One of the reader's places and the process of the card in it. */
class Place implements VirtualYubikey {
    readonly #options: PlaceOptions
    readonly #socket: string
    #stateFile: string
    #process: Service

    private constructor(options: PlaceOptions, stateFile: string, service: Service) {
        this.#options = options
        this.#socket = socketOf(options)
        this.#stateFile = stateFile
        this.#process = service
    }

    static async start(options: PlaceOptions): Promise<Place> {
        const stateFile = await makeCard(options, options.spec)
        return new Place(options, stateFile, await startCard(options, stateFile))
    }

    #order(order: Order): Promise<Report> {
        return sendOrder(this.#socket, order)
    }

    async token(): Promise<DaemonToken> {
        const serial = String((await this.look()).serial)
        const { module, moduleEnv } = this.#options
        return { module, label: `YubiKey PIV #${serial}`, serial, moduleEnv }
    }

    async plug(): Promise<void> {
        await this.#order({ do: "plug", timeoutMs: PLUG_TIMEOUT_MS })
    }

    async unplug(): Promise<void> {
        await this.#order({ do: "unplug" })
    }

    async swap(card: CardSpec): Promise<void> {
        this.#stateFile = await makeCard(this.#options, { authority: this.#options.authority, ...card })
        await this.#order({ do: "swap", stateFile: this.#stateFile })
        await this.plug()
    }

    async touch(): Promise<boolean> {
        return (await this.#order({ do: "touch" })).touched === true
    }

    async hand(afterMs?: number): Promise<void> {
        await this.#order({ do: "hand", ...(afterMs === undefined ? {} : { afterMs }) })
    }

    async touchRule(rule: { readonly timeoutMs: number; readonly missed: number }): Promise<void> {
        await this.#order({ do: "touch-rule", ...rule })
    }

    async awaitTouch(timeoutMs = 20_000): Promise<void> {
        await this.#order({ do: "await-touch", timeoutMs })
    }

    async answer(ins: number, sw: number, times: number): Promise<void> {
        await this.#order({ do: "answer", ins, sw, times })
    }

    async delay(delayMs: number, times: number, ins?: number): Promise<void> {
        await this.#order({ do: "delay", delayMs, times, ...(ins === undefined ? {} : { ins }) })
    }

    async calm(): Promise<void> {
        await this.#order({ do: "calm" })
    }

    async look(): Promise<Look> {
        const { look } = await this.#order({ do: "look" })
        if (look === undefined) throw new Error("the card showed nothing")
        return look
    }

    async kill(): Promise<void> {
        process.kill(this.#process.pid, "SIGKILL")
        await this.#process.stop()
    }

    async revive(): Promise<void> {
        if (this.#process.ended() === undefined) throw new Error("the card's process runs already")
        this.#options.services.splice(this.#options.services.indexOf(this.#process), 1)
        this.#process = await startCard(this.#options, this.#stateFile)
    }
}

function socketOf({ directory, index }: PlaceOptions): string {
    return path.join(directory, `card-${index}.sock`)
}

/** A card is known by its serial, but for a twin: one that was made here before is taken as it is. */
async function makeCard({ directory }: PlaceOptions, spec: CardSpec): Promise<string> {
    const file = path.join(directory, `card-${[spec.serial, spec.twin].filter((part) => part !== undefined).join("-")}.json`)
    if (!existsSync(file)) await writeFile(file, JSON.stringify(factoryState(spec)), { mode: 0o600 })
    return file
}

async function startCard(options: PlaceOptions, stateFile: string): Promise<Service> {
    const socket = socketOf(options)
    await rm(socket, { force: true })
    const program = path.join(import.meta.dirname, "card-process.ts")
    const reader = String(READER_PORT + options.index)
    const [command = "", ...args] = options.inside([
        process.execPath,
        program,
        "--reader",
        reader,
        "--state",
        stateFile,
        "--control",
        socket,
    ])
    const service = await startService({
        name: `card-${options.index}`,
        command,
        args,
        directory: options.directory,
        ready: async () => (await sendOrder(socket, { do: "look" })).look !== undefined,
    })
    options.services.push(service)
    return service
}

import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { certificateKey, type Gun, keyIdOf, ROOT, type SignedMetadata } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { planRootKey } from "../create-key.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { makeReady } from "../secrets.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import { requireOnePin } from "./one-pin.ts"
import { rootKeyRemark, rootKeysToTake, thresholdOf } from "./root-key.ts"

export type RootKeyOptions = PassphraseOptions &
    PinOptions & {
        rootKey?: readonly string[]
        rootThreshold?: number
        /** Make a root key if there is none. */
        makeRoot?: boolean
    }

/** For the commands that begin a repository on their way: a root of several keys is begun with trust init. */
export function oneRoot(id: string | undefined): Pick<RootKeyOptions, "rootKey"> {
    return id === undefined ? {} : { rootKey: [id] }
}

/** Everything that had to be asked for the root keys has been. `threshold`: how many of them have to sign each root. */
export type PlannedRoots = Disposable & { readonly threshold: number; make(): Promise<readonly DaemonKey[]> }

/**
 * The keys a new repository will rest on. One that lies on a token which is not there is no obstacle while another is: the certificates
 * and signatures of the others are kept, and the run that has the rest finishes.
 */
export async function planRootKeys(cli: Cli, daemon: Daemon, gun: Gun, options: RootKeyOptions): Promise<PlannedRoots> {
    const roots = (await daemon.listKeys({})).filter(({ purpose, state }) => purpose === "root" && state !== "removed")
    const given = options.rootKey ?? []
    if (roots.length === 0) {
        if (options.makeRoot === true && given.length === 0) {
            const planned = await planRootKey(cli, daemon, options)
            const make = async (): Promise<readonly DaemonKey[]> => {
                const key = await planned.make()
                cli.output.note(`Made the root key ${shortId(key.id)}.`)
                return [key]
            }
            return { threshold: 1, make, [Symbol.dispose]: () => planned[Symbol.dispose]() }
        }
        throw new TrustkeyError("not_found", "there is no root key yet: run trustkey init first")
    }
    const keys = rootKeysToTake(roots, gun, given)
    const threshold = thresholdOf(keys.length, options.rootThreshold)
    for (const key of keys) cli.output.note(rootKeyRemark(key, gun))
    if (keys.length > 1) cli.output.note(thresholdRemark(threshold, keys.length))
    const there = keys.filter(({ state }) => state !== "absent")
    requireOnePin(there, options)
    // With none of them there it is the first one's absence that is told.
    for (const key of there.length === 0 ? keys : there) await makeReady(cli, daemon, key, options)
    return { threshold, make: () => Promise.resolve(keys), [Symbol.dispose]: () => {} }
}

function thresholdRemark(threshold: number, count: number): string {
    const every = `${threshold} of these ${count} keys have to sign every root of it`
    if (threshold === count) return `${every}: if one is lost, its root can never be changed again.`
    return `${every}: ${count - threshold} may be lost, and no ${threshold - 1 === 1 ? "single one" : `${threshold - 1} together`} can change it.`
}

/** The certificate each key has for the repository, in their order. @throws token_absent, token_failed naming those still to be made */
export async function certificatesOf(cli: Cli, daemon: Daemon, gun: Gun, keys: readonly DaemonKey[]): Promise<readonly string[]> {
    const { done, missing, refusal } = await withThoseThere(keys, async ({ id }) => (await daemon.rootCertificate({ keyId: id, gun })).pem)
    if (refusal === undefined) return done.map(({ made }) => made)
    if (done.length > 0) cli.output.note(`The certificates of ${done.map(({ key }) => shortId(key.id)).join(", ")} are kept.`)
    throw stillMissing("the certificate", missing, refusal)
}

/**
 * Which of the keys have signed the first root, one after another, so that a person touches one token at a time. What is signed is kept by
 * the daemon: who signed in an earlier run counts, wherever the token is now.
 *
 * @throws token_absent, token_failed when they are fewer than the threshold, naming those that have not signed
 */
export async function signersOfFirstRoot(
    cli: Cli,
    daemon: Daemon,
    gun: Gun,
    root: SignedMetadata,
    keys: readonly DaemonKey[],
    threshold: number,
): Promise<readonly string[]> {
    // One alone signs with the rest of its set.
    if (keys.length === 1) return keys.map(({ id }) => id)
    const { done, missing, refusal } = await withThoseThere(keys, ({ id }) =>
        daemon.sign({ keyId: id, gun, role: ROOT, signed: root.bytes }),
    )
    const names = missing.map(nameOf).join(", ")
    if (refusal !== undefined && done.length < threshold) {
        cli.output.note(`${done.length} of the ${threshold} signatures that root needs are made and kept.`)
        throw stillMissing("the signature", missing, refusal)
    }
    if (missing.length > 0) cli.output.note(`Root is signed by ${done.length} keys, which is enough; not by ${names}.`)
    return done.map(({ key }) => key.id)
}

/** Root 1 is promised once: what was asked for then has to be what is asked for now. @throws usage */
export function requireSameRole(gun: Gun, promised: SignedMetadata, certificates: readonly string[], threshold: number): void {
    const role = promised.document.type === "root" ? promised.document.roles.get("root") : undefined
    const asked = new Set(certificates.map((pem) => keyIdOf(certificateKey(pem))))
    const keyIds = role?.keyIds ?? []
    if (role?.threshold === threshold && keyIds.length === asked.size && keyIds.every((id) => asked.has(id))) return
    const message = `an earlier try has promised a root of ${gun} by other keys, or by another number of them (${role?.threshold} of ${keyIds.length})`
    throw new TrustkeyError("usage", `${message}: name those again, or void that promise with trustkey journal void ${gun} root 1`)
}

/** The second: pulled out so lately that the daemon has not noticed yet. */
const NOT_THERE: readonly ErrorCode[] = ["token_absent", "token_failed"]

type Result<T> = {
    readonly done: readonly { readonly key: DaemonKey; readonly made: T }[]
    readonly missing: readonly DaemonKey[]
    readonly refusal: TrustkeyError | undefined
}

async function withThoseThere<T>(keys: readonly DaemonKey[], use: (key: DaemonKey) => Promise<T>): Promise<Result<T>> {
    const done: { key: DaemonKey; made: T }[] = []
    const missing: DaemonKey[] = []
    let refusal: TrustkeyError | undefined
    for (const key of keys) {
        try {
            done.push({ key, made: await use(key) })
        } catch (error) {
            if (!(error instanceof TrustkeyError) || !NOT_THERE.includes(error.code)) throw error
            missing.push(key)
            refusal ??= error
        }
    }
    return { done, missing, refusal }
}

function stillMissing(what: string, keys: readonly DaemonKey[], cause: TrustkeyError): TrustkeyError {
    const message = `${what} of ${keys.map(nameOf).join(" and of ")} is still to be made, and its token does not answer`
    return new TrustkeyError(cause.code, `${message}: run the same command again when it does`, { cause })
}

function nameOf({ id, home }: DaemonKey): string {
    return `${shortId(id)} (${home.replace(":", " ")})`
}

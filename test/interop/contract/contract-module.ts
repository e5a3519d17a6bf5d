import type { TokenConfig } from "../../../src/keys/index.ts"
import type { PivSlot } from "../../../src/signer/index.ts"
import type { KeyRigOptions } from "../../support/key-rig.ts"
import type { CaseName, ModuleName } from "./matrix.ts"

/** How a configuration names its tokens, and what it needs of a test's key store. */
export type Way = Pick<TokenConfig, "module" | "environment"> &
    Pick<KeyRigOptions, "execPath"> & {
        /** The serial number of a token for which somebody says that its keys stay in, where that can't be tried. */
        readonly vouchedFor?: string
    }

export type ProvisionedKind =
    /** Made on the token. */
    | "generated"
    /** Made outside, brought to the token. */
    | "imported"
    /** Made on the token; wants the PIN for every signature. */
    | "always"

export type ProvisionedKey = {
    /** CKA_ID, hexadecimal */
    readonly id: string
    /** The public half as the maker saw it: SPKI, PEM. */
    readonly publicKey: string
}

/** One token in its place, fresh: no keys, all tries left. */
export type ContractToken = AsyncDisposable & {
    /** What C_Initialize has to be told to find it. */
    readonly libraryParameters?: string
    /** RFC 7512: this token and no other, by its serial where it has one. */
    readonly uri: string
    /** As well, and also what `swap` puts in its place. */
    readonly looseUri: string
    readonly pin: string
    /** Of the right length. */
    readonly wrongPin: string
    readonly impossiblePin: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: RegExp
    readonly model: RegExp
    /** Where a key goes that is made or taken in by us: a slot, and the card's management key. Undefined: a token finds its own places. */
    readonly slot?: { readonly name: PivSlot; readonly managementKey: string }
    /** Put a key there with the tools that people have for this token. @throws ToolRefused */
    provision(kind: ProvisionedKind): Promise<ProvisionedKey>
    /** Log-ins the token has been asked for, right or wrong. */
    logins(): Promise<number>
    /** As a person would: pull it out, or end what it lives in. `signer`: the process that uses it. */
    remove(signer: number): Promise<void>
    giveBack(): Promise<void>
    /**
     * Into the same place: another token with the same PIN and another key under the same CKA_ID.
     *
     * @param alike whether it says of itself all that anybody could make it say; otherwise it has a serial number of its own, if any has
     */
    swap(id: string, signer: number, alike: boolean): Promise<ContractTwin>
    /** From now on calls of the signer, a process, don't come back; `resume` ends that. */
    hang(signer: number): Promise<void>
    resume(): Promise<void>
    /** Another program that the module lives by ends and starts again; undefined: there is none. */
    readonly restartBackend?: (whileDown: () => Promise<void>, signer: number) => Promise<void>
}

export type ContractTwin = {
    logins(): Promise<number>
    /** The first token is in its place again. */
    undo(): Promise<void>
}

/** A module with everything it lives by, as long as a test file runs. */
export type ContractWorld = AsyncDisposable & {
    readonly way: Way
    /** The same, with `logins` counted; slower where the token doesn't count by itself. */
    readonly countedWay: Way
    fresh(): Promise<ContractToken>
    /** Two tokens of the module at once, each with the key of an own. */
    pair(): Promise<AsyncDisposable & { readonly tokens: readonly [ContractToken, ContractToken]; readonly bothUri: string }>
}

/** Why a module answers a case in another way than the contract expects by default. */
export type Deviation = { readonly says: string; readonly because: string }

export type ContractModule = {
    /** The column in docs/tokens-matrix.md. */
    readonly name: ModuleName
    readonly open: () => Promise<ContractWorld>
    readonly deviations: Partial<Record<CaseName, Deviation>>
}

/** The token's own tool says no: what the contract writes down is that answer. */
export class ToolRefused extends Error {
    override readonly name = "ToolRefused"
}

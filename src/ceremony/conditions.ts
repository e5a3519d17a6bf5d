import { countedRootKeys, keyIdOf } from "../tuf/index.ts"
import { rootDocument, rootThreshold } from "./chain.ts"
import { refuse } from "./fault.ts"
import { tufKeyOf } from "./new-roots.ts"
import type { NewKey, PlannedKey } from "./plan.ts"
import { type CeremonyState, continuesRoot, joins, signaturesOf, signsRoots } from "./state.ts"

// Why a step is not possible now, as the end of "not possible: …"; undefined when it is. The same answer when a step is offered, taken and verified.

export function keyNamed({ plan }: CeremonyState, name: string): PlannedKey {
    return plan.keys.find((key) => key.name === name) ?? refuse("the plan has no key of that name")
}

/** What holds for every step between `open` and `close`. */
export function whyNotAtVault(state: CeremonyState): string | undefined {
    if (state.packed === undefined) return "the bundle is not packed yet"
    if (state.opened === undefined) return "the bundle has not been opened at the vault yet"
    return state.closed === undefined ? undefined : "the ceremony is closed"
}

export function whyNotPack({ packed }: CeremonyState): string | undefined {
    return packed === undefined ? undefined : "the bundle is packed already"
}

export function whyNotOpen({ packed, opened }: CeremonyState): string | undefined {
    if (packed === undefined) return "the bundle is not packed yet"
    return opened === undefined ? undefined : "the bundle was opened already"
}

/** `keygen` for a new key, `present` for one that exists. */
export function whyNotShow(state: CeremonyState, key: PlannedKey, step: "keygen" | "present"): string | undefined {
    const here = whyNotAtVault(state)
    if (here !== undefined) return here
    if (key.change === "lost") return `key ${key.name} is lost`
    if ((step === "keygen") !== (key.change === "new"))
        return key.change === "new" ? `key ${key.name} is made in the ceremony` : `key ${key.name} exists already`
    if (state.shown.has(key.name)) return step === "keygen" ? `key ${key.name} is made already` : `key ${key.name} was presented already`
    if (joins(key) && state.build !== undefined) return `the roots are built already, without key ${key.name}`
    return undefined
}

export function whyNotVoidKey(state: CeremonyState, key: PlannedKey): string | undefined {
    const here = whyNotAtVault(state)
    if (here !== undefined) return here
    if (!state.shown.has(key.name)) return `nothing of key ${key.name} stands that could be void`
    if (signaturesOf(state, { key: key.name }).length > 0) return `key ${key.name} has signed: void the roots first`
    return joins(key) && state.build !== undefined ? `key ${key.name} is in the roots that were built: void the roots first` : undefined
}

export function whyNotBuild(state: CeremonyState): string | undefined {
    const here = whyNotAtVault(state)
    if (here !== undefined) return here
    if (state.build !== undefined) return "the roots are built already"
    const missing = state.plan.keys.find((key) => joins(key) && !state.shown.has(key.name))
    if (missing === undefined) return undefined
    return missing.change === "new" ? `key ${missing.name} is not made yet` : `key ${missing.name} was not presented yet`
}

export function whyNotVoidRoot(state: CeremonyState): string | undefined {
    return whyNotAtVault(state) ?? (state.build === undefined ? "no roots are built that could be void" : undefined)
}

export function whyNotSign(state: CeremonyState, key: PlannedKey, repository: number): string | undefined {
    const here = whyNotAtVault(state)
    if (here !== undefined) return here
    if (!signsRoots(state, key)) return `key ${key.name} is ${key.change} and does not sign`
    if (state.build === undefined) return "the roots are not built yet"
    if (!state.shown.has(key.name)) return `key ${key.name} was not presented yet`
    return signaturesOf(state, { key: key.name, repository }).length > 0 ? `key ${key.name} has signed this root already` : undefined
}

export type BackupWay = "cannot-leave" | "copy" | "export"

/** `token`: the one that is to get a copy. */
export function whyNotBackup(state: CeremonyState, key: PlannedKey, how: BackupWay, token?: string): string | undefined {
    const here = whyNotAtVault(state)
    if (here !== undefined) return here
    if (key.change !== "new") return `key ${key.name} was not made in this ceremony`
    if (!state.shown.has(key.name)) return `key ${key.name} is not made yet`
    const done = (state.backups.get(key.name) ?? []).filter(({ facts }) => facts.get("how") === how)
    if ((how === "cannot-leave") !== (key.make === "token"))
        return key.make === "token" ? `key ${key.name} can't leave its token` : `key ${key.name} was made by the vault, to be copied`
    if (how === "export" && state.plan.backupRecipients.length === 0) return "the plan has no recipients of a backup"
    if (how !== "copy") return done.length === 0 ? undefined : `this is on record for key ${key.name} already`
    if (token === undefined) return undefined
    if (!isCopyToken(state, key, token)) return `the plan has no copy of key ${key.name} on token ${token}`
    return done.some(({ facts }) => facts.get("token") === token) ? `token ${token} has a copy of key ${key.name} already` : undefined
}

function isCopyToken({ plan }: CeremonyState, key: NewKey, token: string): boolean {
    return key.token === token || key.copies.includes(token) || plan.spares.some((spare) => spare.token === token)
}

/** What has yet to be done before the ceremony can be closed as complete: a sentence each. */
export function missingToComplete(state: CeremonyState): readonly string[] {
    const here = whyNotAtVault(state)
    if (here !== undefined) return [here]
    if (state.build === undefined) return ["the roots are not built yet"]
    return [...missingSignatures(state), ...state.plan.keys.flatMap((key) => missingBackups(state, key))]
}

export type Count = { readonly have: number; readonly need: number }

/** How many of the keys that count have signed; `old` where the published root has a say. */
export function signatureCounts(state: CeremonyState, repository: number): { readonly old: Count | undefined; readonly new: Count } {
    const signers = new Set(signaturesOf(state, { repository }).map(({ facts }) => facts.get("key")))
    const signing = state.plan.keys.filter(({ name }) => signers.has(name))
    const newest = state.chains[repository]?.at(-1)
    const counted =
        newest === undefined
            ? undefined
            : countedRootKeys(rootDocument(newest), state.plan.repositories[repository]?.gun ?? refuse("there is no such repository"))
    const isOld = (key: PlannedKey): boolean => {
        const own = key.change === "kept" || key.change === "retired" ? tufKeyOf(state, key, repository) : undefined
        return own !== undefined && counted?.has(keyIdOf(own)) === true
    }
    const isNew = (key: PlannedKey): boolean => joins(key) || key.change === "kept"
    return {
        old:
            newest === undefined || !continuesRoot(state)
                ? undefined
                : { have: signing.filter(isOld).length, need: rootThreshold(rootDocument(newest)) },
        new: { have: signing.filter(isNew).length, need: state.plan.threshold },
    }
}

function missingSignatures(state: CeremonyState): readonly string[] {
    return state.plan.repositories.flatMap(({ gun }, repository) => {
        const { old, new: next } = signatureCounts(state, repository)
        const short = (count: Count | undefined, whose: string): readonly string[] =>
            count === undefined || count.have >= count.need
                ? []
                : [`${gun}: ${count.have} of the ${count.need} signatures by ${whose} keys`]
        return [...short(old, "the published root's"), ...short(next, "the new root's")]
    })
}

function missingBackups(state: CeremonyState, key: PlannedKey): readonly string[] {
    if (key.change !== "new") return []
    const done = (state.backups.get(key.name) ?? []).map(({ facts }) => facts.get("how"))
    if (key.make === "token") return done.includes("cannot-leave") ? [] : [`key ${key.name}: no word yet that it can't leave its token`]
    const copies = 1 + key.copies.length
    const made = done.filter((how) => how === "copy").length
    const missing = made < copies ? [`key ${key.name}: ${made} of ${copies} copies on tokens`] : []
    return state.plan.backupRecipients.length > 0 && !done.includes("export") ? [...missing, `key ${key.name}: no export`] : missing
}

export function whyNotPublish(state: CeremonyState, repository: number): string | undefined {
    if (state.closed === undefined) return "the ceremony is not closed yet"
    if (state.closed.facts.get("outcome") !== "complete") return "the ceremony was abandoned: there is nothing to publish"
    return state.published.has(repository) ? "this root is on record as published already" : undefined
}

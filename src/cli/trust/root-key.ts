import { TrustkeyError } from "../../errors.ts"
import { ROOT } from "../../tuf/index.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { homeText } from "../key-home.ts"
import { shortId } from "../output.ts"
import { chooseKey, isBound } from "./our-keys.ts"

/**
 * The root key a new repository will rest on. The one named; else the one an interrupted run has taken; else the only one, if it is the
 * caller's own and not one from a file that is others' already: whoever else has a copy would own the new repository too, and nobody
 * has said that he wants that.
 *
 * @throws not_found; usage naming the candidates
 */
export function rootKeyToTake(roots: readonly DaemonKey[], gun: string, given: string | undefined): DaemonKey {
    if (given !== undefined) return chooseKey(roots, given, "root key", "--root-key")
    const bound = roots.filter((key) => isBound(key, gun, ROOT))
    if (bound.length > 0) return chooseKey(bound, undefined, "root key", "--root-key")
    if (roots.length > 1) throw new TrustkeyError("usage", `there is more than one root key; choose with --root-key: ${named(roots)}`)
    const only = chooseKey(roots, undefined, "root key", "--root-key")
    const doubt = doubtAbout(only)
    if (doubt === undefined) return only
    const message = `the only root key ${doubt}: if ${gun} is to rest on it, say so with --root-key ${shortId(only.id)}`
    throw new TrustkeyError("usage", `${message} (${describe(only)}); a new one is made with trustkey key create --purpose root`)
}

/**
 * The same for a root that several keys stand for: each of them is named. None named: the one that `rootKeyToTake` finds.
 *
 * @throws not_found; usage
 */
export function rootKeysToTake(roots: readonly DaemonKey[], gun: string, given: readonly string[]): readonly DaemonKey[] {
    if (given.length === 0) return [rootKeyToTake(roots, gun, undefined)]
    const keys = given.map((id) => rootKeyToTake(roots, gun, id))
    const twice = keys.find((key, index) => keys.indexOf(key) !== index)
    if (twice !== undefined) throw new TrustkeyError("usage", `the root key ${shortId(twice.id)} is named twice`)
    return keys
}

/** How many of a new root's keys have to sign; of several a person has to say it, since each number is a different promise. @throws usage */
export function thresholdOf(count: number, given: number | undefined): number {
    if (given === undefined && count > 1) {
        const message = `say how many of the ${count} root keys have to sign: --root-threshold ${Math.floor(count / 2) + 1}`
        throw new TrustkeyError("usage", `${message} means no minority can change the root, 1 that any of them can alone`)
    }
    const threshold = given ?? 1
    if (threshold > count) {
        throw new TrustkeyError("usage", `${threshold} root keys would have to sign, and ${count === 1 ? "one is" : `${count} are`} named`)
    }
    return threshold
}

function doubtAbout(key: DaemonKey): string | undefined {
    if (key.origin === "imported" && key.bindings.length > 0) return "came from a file, and other repositories rest on it"
    return key.mine ? undefined : "was made by somebody else"
}

/** What a person is told of the key that was taken. */
export function rootKeyRemark(key: DaemonKey, gun: string): string {
    return `${gun} rests on the root key ${shortId(key.id)} (${describe(key)}).`
}

function named(keys: readonly DaemonKey[]): string {
    return keys.map((key) => `${shortId(key.id)} (${describe(key)})`).join(", ")
}

const SHOWN_REPOSITORIES = 3

/** `on token yubi, of registry.example.com/team/app` */
function describe({ label, home, origin, bindings, mine }: DaemonKey): string {
    const guns = [...new Set(bindings.map(({ gun }) => gun))]
    const more = guns.length > SHOWN_REPOSITORIES ? ` and ${guns.length - SHOWN_REPOSITORIES} more` : ""
    const facts = [
        label === "" ? "" : `called ${label}`,
        home === "sealed" ? "" : homeText(home),
        origin,
        mine ? "" : "somebody else's",
        guns.length === 0 ? "of no repository yet" : `of ${guns.slice(0, SHOWN_REPOSITORIES).join(", ")}${more}`,
    ]
    return facts.filter((fact) => fact !== "").join(", ")
}

import { OVERFLOW_ID, type Subject } from "../policy/index.ts"
import type { NameLookup } from "../storage/index.ts"

/** The kernel's "no id". */
const NO_ID = 0xffff_ffff

/**
 * `user:alice`, `uid:1000`, `group:release`, `gid:20`, `everyone`. Names become ids here, once: a name that is given to somebody
 * else later gives nobody the rights of the one before.
 *
 * @returns a text: what is wrong with it
 */
export function parseSubject(text: string, names: NameLookup): Subject | string {
    if (text === "everyone") return { kind: "everyone" }
    const [, kind, value = ""] = /^(user|uid|group|gid|cert):(.+)$/.exec(text) ?? []
    switch (kind) {
        case "user": {
            const id = names.user(value)
            return id === undefined
                ? `there is no user "${value}" (a directory service's user is named by number: "uid:…")`
                : named("uid", id, text)
        }
        case "group": {
            const id = names.group(value)
            return id === undefined
                ? `there is no group "${value}" (a directory service's group is named by number: "gid:…")`
                : named("gid", id, text)
        }
        case "uid":
        case "gid":
            return /^\d{1,10}$/.test(value) && Number(value) < NO_ID ? named(kind, Number(value), text) : `"${kind}:" needs a number`
        case "cert":
            return "TLS peers do not exist yet, so this would match nobody"
        default:
            return 'must be "user:NAME", "uid:NUMBER", "group:NAME", "gid:NUMBER" or "everyone"'
    }
}

function named(kind: "uid" | "gid", id: number, name: string): Subject | string {
    if (id === OVERFLOW_ID)
        return `${kind} ${OVERFLOW_ID} stands for ids the kernel can't name here: many strangers share it, so it matches no rule`
    return { kind, id, name }
}

import { readTextFile } from "./files.ts"

/** The machine's users and groups, for names in the configuration and in logs. */
export type NameLookup = {
    /** uid of a user name */
    user(name: string): number | undefined
    /** gid of a group name */
    group(name: string): number | undefined
    userName(uid: number): string | undefined
}

// Far above any real machine's; a directory service's users are not in these files.
const MAX_BYTES = 16 * 1024 * 1024

/**
 * The users and groups of /etc/passwd and /etc/group. What only a directory service (LDAP, sssd) knows is not in them: such a
 * user is named by number.
 *
 * @throws not_found, storage_failed when a file is missing or can't be read
 */
export async function readNameDatabase(passwdFile = "/etc/passwd", groupFile = "/etc/group"): Promise<NameLookup> {
    const options = { maxBytes: MAX_BYTES }
    return parseNameDatabase(await readTextFile(passwdFile, options), await readTextFile(groupFile, options))
}

/** passwd(5) and group(5). A line without a name and a number is skipped, and of two with one name the first counts, as in getpwnam(3). */
export function parseNameDatabase(passwd: string, group: string): NameLookup {
    const users = namesAndNumbers(passwd)
    const groups = namesAndNumbers(group)
    const uids = new Map(users.toReversed().map(([name, uid]) => [uid, name]))
    const byUser = new Map(users.toReversed())
    const byGroup = new Map(groups.toReversed())
    return {
        user: (name) => byUser.get(name),
        group: (name) => byGroup.get(name),
        userName: (uid) => uids.get(uid),
    }
}

/** Both files begin `name:password:number:`. */
function namesAndNumbers(text: string): [name: string, number: number][] {
    const entries: [string, number][] = []
    for (const line of text.split("\n")) {
        const [name, , number] = line.split(":")
        if (name === undefined || name === "" || name.startsWith("#") || number === undefined || !/^\d{1,10}$/.test(number)) continue
        // 2^32 - 1 is "no uid" in the kernel's calls.
        if (Number(number) < 0xffff_ffff) entries.push([name, Number(number)])
    }
    return entries
}

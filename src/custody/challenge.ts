import { TrustkeyError } from "../errors.ts"
import { copySubject } from "../keys/index.ts"
import { type Action, denial, isAllowed, mayAnywhere, type Principal } from "../policy/index.ts"
import { requireExportable } from "./export-key-file.ts"
import { usableKey } from "./places.ts"
import type { Rooms } from "./rooms.ts"

export type Challenge = {
    readonly signerPublic: Uint8Array
    readonly nonce: Uint8Array
    readonly purpose: string
    readonly subject: string
}

const ACTION_OF_PURPOSE: ReadonlyMap<string, readonly Action[]> = new Map([
    ["create", ["create-key", "create-group"]],
    ["import", ["import-key"]],
    ["copy", ["copy-key"]],
    ["export", ["export-key"]],
    ["identity", ["export-key"]],
    ["file-passphrase", ["export-key"]],
    ["export-file", ["export-key"]],
    ["backup", ["backup"]],
    ["backup-passphrase", ["backup"]],
    ["backup-files", ["backup"]],
    ["unlock", ["unlock"]],
    ["passphrase-old", ["passphrase"]],
    ["passphrase-new", ["passphrase"]],
    ["login", ["login"]],
    ["pin-old", ["change-pin"]],
    ["pin-new", ["change-pin"]],
    ["puk", ["change-pin"]],
    ["management-key", ["create-key", "import-key", "copy-key", "certificate"]],
])

/** For a key that is not there yet. */
const NEW_KEYS: ReadonlyMap<string, readonly Action[]> = new Map([
    ["create", ["create-key", "import-key"]],
    ["import", ["import-key"]],
])

/** TK-SEC-2: the key and the nonce with which a client seals a secret for the signer process that needs it. */
export async function challenge(
    rooms: Rooms,
    principal: Principal,
    request: { readonly purpose: string; readonly subject: string },
): Promise<Challenge> {
    const { purpose } = request
    const actions = ACTION_OF_PURPOSE.get(purpose)
    if (actions === undefined)
        throw new TrustkeyError("invalid_request", `unknown purpose; it is one of ${[...ACTION_OF_PURPOSE.keys()].join(", ")}`)
    const subject = authorizedSubject(rooms, principal, actions, purpose, request.subject)
    const { signerPublic, nonce } = await rooms.keys.challenge(purpose, subject, principal.name)
    return { signerPublic, nonce, purpose, subject }
}

/** The key by its whole ID, so that the passphrase is for that one: its ID or prefix, a colon, the token's name. */
function copySubjectOf(rooms: Rooms, principal: Principal, subject: string): string {
    const [, id = "", token = ""] = /^([0-9a-f]{7,64}):([a-z0-9][a-z0-9-]{0,31})$/.exec(subject) ?? []
    return copySubject(usableKey(rooms, principal, "copy-key", id).key.id, token)
}

/** As with a copy; after the colon for whom: a hash, which is the client's word until the signer compares it with what it is asked. */
function exportSubjectOf(rooms: Rooms, principal: Principal, subject: string): string {
    const [, id = "", recipients = ""] = /^([0-9a-f]{7,64}):([0-9a-f]{64})$/.exec(subject) ?? []
    return `${usableKey(rooms, principal, "export-key", id).key.id}:${recipients}`
}

/** Before anybody types: a key on a token is exported by no passphrase. After the form, as with an export, the client's word: a hash of what the file opens with. */
function exportFileSubjectOf(rooms: Rooms, principal: Principal, purpose: string, subject: string): string {
    const [, id = "", rest = "", hash] = /^([0-9a-f]{7,64}):((?:notary|pkcs8)(?::([0-9a-f]{64}))?)$/.exec(subject) ?? []
    if ((purpose === "export-file") !== (hash !== undefined)) throw denial()
    const { key } = usableKey(rooms, principal, "export-key", id)
    requireExportable(rooms, principal, key)
    return `${key.id}:${rest}`
}

/** For whom the backup is goes with each: a hash, and the client's word until the signer compares it. Passphrases for it are an administrator's. */
function backupSubjectOf(rooms: Rooms, principal: Principal, purpose: string, subject: string): string {
    if (principal.socket !== "admin" || !isAllowed(rooms.policy(), principal, "backup", [])) throw denial()
    const form =
        { "backup-passphrase": /^backup$/, "backup-files": /^backup:[0-9a-f]{64}$/ }[purpose] ??
        /^group:[a-z0-9][a-z0-9._-]{0,63}:[0-9a-f]{64}$/
    if (form.test(subject)) return subject
    const [, id = "", to = ""] = /^([0-9a-f]{7,64}):([0-9a-f]{64})$/.exec(purpose === "backup" ? subject : "") ?? []
    return `${usableKey(rooms, principal, "export-key", id).key.id}:${to}`
}

function authorizedSubject(rooms: Rooms, principal: Principal, actions: readonly Action[], purpose: string, subject: string): string {
    const policy = rooms.policy()
    const toNew = subject === "new" ? NEW_KEYS.get(purpose) : undefined
    if (toNew !== undefined) {
        // Where the key may sign is asked when it is made; here it is enough that the caller could make one somewhere.
        if (!toNew.some((action) => mayAnywhere(policy, principal, action))) throw denial()
        return subject
    }
    // Who has a card's management key may place keys on it; where they may sign is asked when one is made.
    if (subject.startsWith("token:") && (purpose === "management-key" || purpose === "import")) {
        if (!actions.some((action) => mayAnywhere(policy, principal, action))) throw denial()
        return subject
    }
    if (purpose.startsWith("backup")) return backupSubjectOf(rooms, principal, purpose, subject)
    if (purpose === "copy") return copySubjectOf(rooms, principal, subject)
    if (purpose === "export-file" || purpose === "file-passphrase") return exportFileSubjectOf(rooms, principal, purpose, subject)
    if (purpose === "export" || purpose === "identity") return exportSubjectOf(rooms, principal, subject)
    if (subject.startsWith("group:") || subject.startsWith("token:")) {
        if (!actions.some((action) => isAllowed(policy, principal, action, []))) throw denial()
        return subject
    }
    const [action] = actions
    if (action === undefined) throw denial()
    return usableKey(rooms, principal, action, subject).key.id
}

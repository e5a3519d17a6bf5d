import { expiriesOf, inDays } from "../expiry.ts"
import { BACKUP_CHECKS } from "./backup-checks.ts"
import { ADMIN_SOCKET, type Facts, type KeyFile, SIGN_SOCKET } from "./facts.ts"
import { MACHINE_CHECKS } from "./machine-checks.ts"
import { type Check, failure, ok, type Verdict, warning, withAnswer, withStatus } from "./verdict.ts"

/** In the order they are shown. A new check is a new line. */
export const CHECKS: readonly Check[] = [
    { name: SIGN_SOCKET, look: signSocket },
    { name: ADMIN_SOCKET, look: adminSocket },
    { name: "versions", look: versions },
    { name: "signers", look: signers },
    { name: "tokens", look: tokens },
    { name: "unattended groups", look: unattendedGroups },
    { name: "unpublished files", look: unpublishedFiles },
    { name: "audit chain", look: auditChain },
    { name: "expiry", look: expiry },
    ...BACKUP_CHECKS,
    { name: "key files", look: keyFiles },
    ...MACHINE_CHECKS,
]

export type Checked = Verdict & { readonly name: string }

export function examine(facts: Facts, checks: readonly Check[] = CHECKS): readonly Checked[] {
    return checks.map(({ name, look }) => ({ name, ...look(facts) }))
}

function signSocket({ sign, signSocket: path, machine }: Facts): Verdict {
    if ("answer" in sign) return ok(`trustkeyd ${sign.answer.version} answers on ${path}`)
    const file = machine.sockets.find(({ which }) => which === "sign")?.file
    const mayConnect = file === undefined || machine.uid === 0 || machine.uid === file.uid || (file.mode & 0o006) === 0o006
    const advice = mayConnect
        ? "See why it is not there: systemctl status trustkeyd. Start it with systemctl start trustkeyd, or name its socket with --socket."
        : "If you are to use it, root takes you into its group (usermod --append --groups trustkey-sign NAME); then log in to this machine anew."
    return failure(sign.refused.code, advice, sign.refused.message)
}

/** Not everybody may use it, and nobody needs it to sign. */
function adminSocket({ admin, adminSocket: path }: Facts): Verdict {
    if ("answer" in admin) return ok(`trustkeyd answers on ${path}`)
    return warning("Administration is not possible from here; who has to administer must be able to use it.", admin.refused.message)
}

function versions(facts: Facts): Verdict {
    const { clientVersion } = facts
    return withStatus(facts, ({ version }) => {
        if (version === clientVersion) return ok(`client and daemon are ${version}`)
        return warning("Install the same version of both, and restart the daemon.", `the client is ${clientVersion}, the daemon ${version}`)
    })
}

function signers(facts: Facts): Verdict {
    return withStatus(facts, ({ signers: processes }) => {
        const failed = processes.filter(({ state }) => state === "failed")
        if (failed.length === 0) return ok(processes.length === 0 ? "none to be seen" : `${processes.length} at work`)
        const findings = failed.map(({ name, detail }) => `signer ${name} has failed: ${detail}`)
        return failure("signer_unavailable", "Look at the daemon's log; restart the daemon when the cause is gone.", ...findings)
    })
}

function tokens({ tokens: asked }: Facts): Verdict {
    return withAnswer(asked, (found) => {
        const lines = (wanted: (state: string, tries: string) => boolean, text: string): string[] =>
            found
                .filter(({ state, tries }) => wanted(state, tries))
                .map(({ name, detail }) => `${name} ${text}${detail === "" ? "" : `: ${detail}`}`)
        const blocked = lines((state, tries) => state === "blocked" || tries === "blocked", "is blocked")
        if (blocked.length > 0) return failure("pin_blocked", "With the PUK or SO PIN: trustkey token unblock-pin NAME.", ...blocked)
        const failed = lines((state) => state === "failed", "has failed")
        if (failed.length > 0)
            return failure("token_failed", "Mend what is said of it; a card that only hangs is taken out and inserted again.", ...failed)
        const final = lines((_state, tries) => tries === "final", "has one PIN try left")
        if (final.length > 0)
            return failure("pin_final_try", "One more wrong PIN blocks it: log in only with a PIN you are sure of.", ...final)
        const low = lines((_state, tries) => tries === "low", "has had wrong PINs: few tries are left")
        if (low.length > 0) return warning("Find out who tried; a right PIN sets the count back.", ...low)
        const absent = lines((state) => state === "absent", "is not there")
        if (absent.length > 0) return warning("Nothing to do if it lies in a safe. To sign with it, insert it.", ...absent)
        return ok(found.length === 0 ? "none are configured" : `${found.length} there, no PIN tries lost`)
    })
}

/** A group that opens by a credential is there for signing without a person: locked, it waits for one. */
function unattendedGroups({ groups }: Facts): Verdict {
    return withAnswer(groups, (found) => {
        const unattended = found.filter(({ credential }) => credential !== "")
        const locked = unattended.filter(({ unlocked }) => !unlocked)
        if (locked.length === 0) return ok(unattended.length === 0 ? "none" : `${unattended.length} open`)
        const findings = locked.map(
            ({ name, credential, keys }) => `${name} is locked although it opens by credential ${credential}; it has ${keys} keys`,
        )
        const advice = "Restart the daemon so that it reads the credential, or open it: trustkey key unlock --group NAME."
        return failure("key_locked", advice, ...findings)
    })
}

function unpublishedFiles(facts: Facts): Verdict {
    return withStatus(facts, ({ outbox }) => {
        if (outbox === 0) return ok("none")
        const advice = "Run the command that signed them again, or trustkey trust renew for the repository: it publishes them first."
        return warning(advice, `${outbox} signed files were never seen published`)
    })
}

function auditChain({ audit }: Facts): Verdict {
    return withAnswer(audit, ({ intact, records, brokenAt }) => {
        if (intact) return ok(`${records} records, unbroken`)
        const advice = "Keep the state directory as it is and find out who had access."
        return failure("audit_broken", advice, `record ${brokenAt} does not fit the one before it`)
    })
}

function expiry({ repositories, ownSnapshots, now, expiry: limits }: Facts): Verdict {
    return withAnswer(repositories, (found) => {
        const all = expiriesOf(found, ownSnapshots, now)
        const due = all.filter(({ daysLeft }) => daysLeft < limits.warning)
        const findings = due.map(
            ({ gun, what, daysLeft }) => `${what} of ${gun} ${daysLeft < 0 ? "expired" : "expires"} ${inDays(daysLeft)}`,
        )
        const advice = "trustkey trust renew GUN signs metadata anew and says what it can't; a certificate needs a new root key."
        const [first] = due
        if (first === undefined) {
            const next = all[0]
            return ok(next === undefined ? "nothing with a date" : `first ${next.what} of ${next.gun}, ${inDays(next.daysLeft)}`)
        }
        if (first.daysLeft < 0) return failure("metadata_expired", advice, ...findings)
        if (first.daysLeft < limits.failure) return failure("expires_soon", advice, ...findings)
        return warning(advice, ...findings)
    })
}

/** OWASP's figure for PBKDF2 with HMAC-SHA-1 is over a million; docker and notary write 2048 (tuf/utils/pkcs8.go). */
const FEWEST_ROUNDS = 100_000

/** Keys that were taken into the daemon, or should be: what lies here opens to whoever reads it and guesses. */
function keyFiles({ keyFiles: found }: Facts): Verdict {
    if (found.length === 0) return ok("none of docker's or notary's")
    const count = (what: (file: KeyFile) => boolean, text: string): string[] => {
        const few = found.filter(what)
        const [first] = few
        return first === undefined ? [] : [`${few.length} ${text}, such as ${first.path}`]
    }
    const findings = [
        ...count(() => true, "private key files of docker or notary"),
        ...count(({ mode }) => (mode & 0o077) !== 0, "can be read or written by others"),
        ...count(({ protection }) => protection.kind === "none", "are not encrypted"),
        ...count(isWeak, "are encrypted, but a guess at the passphrase costs next to nothing"),
        ...count(({ protection }) => protection.kind === "unreadable", "could not be read"),
    ]
    const open = found.some(({ mode, protection }) => (mode & 0o077) !== 0 || protection.kind === "none")
    const advice =
        "trustkey key import --from-docker-trust takes them in, or says which are here already. Then destroy the files and every copy of them."
    return open ? failure("file_unsafe", advice, ...findings) : warning(advice, ...findings)
}

function isWeak({ protection }: KeyFile): boolean {
    return protection.kind === "old cipher" || (protection.kind === "rounds" && protection.rounds < FEWEST_ROUNDS)
}

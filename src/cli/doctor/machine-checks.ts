import type { DaemonTokenDetails } from "../daemon-types.ts"
import type { Facts } from "./facts.ts"
import type { Machine, ServiceProcess, SocketFile } from "./machine.ts"
import { type Check, failure, ok, type Verdict, warning, withAnswer } from "./verdict.ts"

/** About the machine the daemon runs on: what would weaken it though every part of it works. */
export const MACHINE_CHECKS: readonly Check[] = [
    { name: "socket modes", look: socketModes },
    { name: "configuration file", look: configurationFile },
    { name: "credentials", look: credentials },
    { name: "pcscd", look: pcscd },
    { name: "token firmware", look: tokenFirmware },
    { name: "swap", look: swap },
    { name: "core dumps", look: coreDumps },
    { name: "clock", look: clock },
]

/** Whoever can put a socket of his own there is told what clients tell the daemon; whoever may connect is only as far as the rules. */
function socketModes({ machine }: Facts): Verdict {
    const there = machine.sockets.filter(({ file }) => file?.kind === "socket")
    const open = there.flatMap((socket) => ownerProblems(machine, socket))
    const admin = there.find(({ which }) => which === "admin")
    if (admin?.file !== undefined && (admin.file.mode & 0o006) !== 0)
        open.push(`everybody may connect to ${admin.path} (mode ${octal(admin.file.mode)})`)
    const advice =
        "Sockets that systemd makes have their mode and group from trustkeyd-sign.socket and trustkeyd-admin.socket, others from [sockets] in trustkeyd.toml: 0660 and a group for each. Their directory is for root alone to write."
    if (open.length > 0) return failure("file_unsafe", advice, ...open)
    const sign = there.find(({ which }) => which === "sign")
    if (sign?.file !== undefined && (sign.file.mode & 0o006) !== 0) {
        const finding = `every account of this machine may connect to ${sign.path} (mode ${octal(sign.file.mode)}); the rules decide what it may do`
        return warning("Mode 0660 and a group keep the others out before the rules do.", finding)
    }
    return ok(
        there.length === 0 ? "no sockets to be seen" : there.map(({ which, file }) => `${which} ${octal(file?.mode ?? 0)}`).join(", "),
    )
}

function ownerProblems({ names, uid }: Machine, { path, file, directory }: SocketFile): string[] {
    const trusted = [0, uid, names.user("trustkeyd")]
    const problems: string[] = []
    if (file !== undefined && !trusted.includes(file.uid))
        problems.push(`${path} belongs to ${names.userName(file.uid) ?? `uid ${file.uid}`}`)
    if (directory === undefined) return problems
    // In a sticky directory nobody can take away what is another's.
    const others = (directory.mode & 0o1000) === 0 ? directory.mode & 0o022 : 0
    if (others !== 0 || !trusted.includes(directory.uid)) problems.push(`others can put a socket of theirs in the place of ${path}`)
    return problems
}

/** It names the modules the daemon loads. */
function configurationFile({ machine }: Facts): Verdict {
    const { path, file } = machine.configuration
    if (file === undefined) return ok(`no ${path} to be seen`)
    const trusted = [0, machine.names.user("trustkeyd")].includes(file.uid)
    if (!trusted || (file.mode & 0o022) !== 0) {
        const advice = `chown root:trustkeyd ${path} && chmod 0640 ${path}; then read what is in it before you start the daemon.`
        return failure(
            "file_unsafe",
            advice,
            `${path} can be written by others than root (mode ${octal(file.mode)}): the daemon refuses it`,
        )
    }
    if ((file.mode & 0o004) !== 0) {
        const finding = `everybody can read ${path} (mode ${octal(file.mode)}): which tokens there are, and who may do what`
        return warning(`chmod 0640 ${path}`, finding)
    }
    return ok(`${path} has mode ${octal(file.mode)}`)
}

/** With one that can't be read systemd does not start the daemon at all (243/CREDENTIALS). */
function credentials({ machine }: Facts): Verdict {
    const { credentials: named, uid } = machine
    const findings = named.flatMap(({ name, fault }) => (fault === undefined ? [] : [`${name}: ${fault}; the daemon does not start`]))
    const advice =
        "Encrypt it anew under its name, as docs/unattended.md does, or take its line out of the unit (systemctl edit trustkeyd); then systemctl restart trustkeyd."
    if (findings.length > 0) return failure("config_invalid", advice, ...findings)
    if (named.length === 0) return ok("the unit names none")
    const names = named.map(({ name }) => name).join(", ")
    return uid === 0 ? ok(`${names} open`) : warning("Run this as root.", `not checked, for only root may: ${names}`)
}

/** Debian 13's pcscd asks polkit, which says no to every system user that no rule names. A refusal looks like an empty reader. */
function pcscd({ machine, tokens }: Facts): Verdict {
    const { asksPolkit, hasRule } = machine.pcscd
    if (!asksPolkit) return ok("asks nobody who may use it, or is not installed")
    if (hasRule || machine.names.user("trustkeyd") === undefined) return ok("a polkit rule lets trustkeyd in")
    const finding = "pcscd asks polkit who may use cards, and no rule names trustkeyd: to the daemon every reader is empty"
    const advice =
        "Put trustkeyd.rules of the package back into /usr/share/polkit-1/rules.d, or see as root whether a rule in /etc/polkit-1/rules.d does the same."
    const missing = "answer" in tokens && tokens.answer.some(({ state }) => state === "absent" || state === "failed")
    return missing ? failure("config_invalid", advice, finding) : warning(advice, finding)
}

/** What the daemon knows of the cards' firmware and factory settings. Asking a card ends its login, so one that is in use is left alone. */
function tokenFirmware({ cards, tokens }: Facts): Verdict {
    return withAnswer(tokens, (found) =>
        withAnswer(cards, (asked) => {
            const findings = asked.flatMap(flawsOf)
            if (findings.length > 0) return warning("trustkey token show NAME says what to do about each.", ...findings)
            const unasked = found.filter(({ kind, state }) => kind === "yubikey" && state === "logged-in").map(({ name }) => name)
            if (unasked.length > 0) {
                const finding = `not looked at, for somebody is logged in: ${unasked.join(", ")}`
                return warning("trustkey token show NAME asks the card, and ends its login.", finding)
            }
            return ok(
                asked.length === 0 ? "no YubiKeys to ask" : asked.map(({ token, firmware }) => `${token.name} has ${firmware}`).join(", "),
            )
        }),
    )
}

function flawsOf({ token, warnings }: DaemonTokenDetails): readonly string[] {
    return warnings.map(({ what, consequence }) => `${token.name}: ${what}. So: ${consequence}`)
}

/** Keys, PINs and passphrases are in memory while they are in use, and swap keeps what it was given. */
function swap({ machine }: Facts): Verdict {
    const open = machine.swaps.filter(({ safe }) => !safe).map(({ name }) => name)
    if (open.length === 0) return ok(machine.swaps.length === 0 ? "none" : "encrypted, or in memory")
    const who = machine.daemonSwaps
        ? "what the daemon and its clients have in memory"
        : "what clients have in memory, though not the daemon,"
    const advice =
        "Encrypt it (crypttab(5): a new key at every start), or do without: swapoff, and take it out of /etc/fstab. The unit keeps the daemon itself out of it where control groups have version 2."
    return warning(advice, `${who} may be written to ${open.join(", ")}, not known to be encrypted, and stay there`)
}

function coreDumps({ machine }: Facts): Verdict {
    const { processes, corePattern } = machine
    if (corePattern === "" || corePattern === "|/bin/false") return ok("the kernel writes none")
    const what = ({ name, pid }: ServiceProcess): string => `${name === "" ? "process" : name} (${pid})`
    const ours = processes.filter(({ service, dumpable, coreLimit }) => service === "trustkeyd" && (dumpable || coreLimit !== "0"))
    if (ours.length > 0) {
        const advice =
            "Restart the daemon, from the unit of the package: it allows no dumps. A LimitCORE= in a drop-in (systemctl cat trustkeyd) has to go."
        return failure("config_invalid", advice, ...ours.map((each) => `a crash of ${what(each)} could write keys to ${corePattern}`))
    }
    const cards = processes.filter(({ service, coreLimit }) => service === "pcscd" && coreLimit !== "0")
    if (cards.length > 0) {
        const advice = "systemctl edit pcscd, with LimitCORE=0 under [Service], then systemctl restart pcscd."
        return warning(advice, ...cards.map((each) => `PINs go through ${what(each)}, and a crash could write them to ${corePattern}`))
    }
    return ok(processes.length === 0 ? "no service of systemd to look at" : "none of what holds keys or sees PINs")
}

const MINUTE = 60_000

/** Expiry, certificates and how long keys stay open go by it. */
function clock({ machine, now, newestRecord }: Facts): Verdict {
    const said = `this machine says it is ${now.toISOString()}`
    const advice = "timedatectl set-time, or set-ntp yes. Look at what was signed since: trustkey trust show."
    const last = "answer" in newestRecord ? newestRecord.answer : undefined
    if (last !== undefined && last.getTime() > now.getTime() + MINUTE)
        return failure("clock_implausible", advice, `${said}, and the newest audit record is of ${last.toISOString()}`)
    if (machine.built !== undefined && machine.built.getTime() > now.getTime() + MINUTE)
        return failure("clock_implausible", advice, `${said}, and this program is of ${machine.built.toISOString()}`)
    if (machine.clockSynchronized === true) return ok("kept right, says the kernel")
    const found =
        machine.clockSynchronized === false ? "nothing keeps the clock right" : "whether anything keeps the clock right is not known here"
    return warning(
        "timedatectl set-ntp yes (chrony, systemd-timesyncd); on a machine without network compare it with another clock.",
        found,
    )
}

function octal(mode: number): string {
    return `0${mode.toString(8).padStart(3, "0")}`
}

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import type { DaemonBackup, DaemonBackupState } from "../../../src/cli/daemon-backups-types.ts"
import type { DaemonRepository, DaemonStatus } from "../../../src/cli/daemon-types.ts"
import { CHECKS, examine } from "../../../src/cli/doctor/checks.ts"
import type { Facts, KeyFile } from "../../../src/cli/doctor/facts.ts"
import type { Verdict } from "../../../src/cli/doctor/verdict.ts"
import { sampleToken } from "./fake-daemon.ts"
import { HEALTHY_MACHINE } from "./sample-machine.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const STATUS: DaemonStatus = {
    version: "1.2.3",
    startedAt: "",
    socket: "sign",
    caller: "uid:1",
    signers: [{ name: "file", state: "ready", detail: "", restarts: 0 }],
    keys: 1,
    unlockedKeys: 0,
    repositories: 1,
    outbox: 0,
    auditRecords: 3,
    problems: [],
    backup: {
        last: backup({ at: "2026-11-21T02:00:00.000Z" }),
        lastDrill: { fingerprint: "cd".repeat(32), at: "2026-10-01T09:00:00.000Z", keys: 3, without: 1, receipt: "" },
        recipients: ["age1"],
        maxAgeSeconds: 8 * 86_400,
        maxDrillAgeSeconds: 100 * 86_400,
        backupOverdue: false,
        drillOverdue: false,
    },
}
const HEALTHY: Facts = {
    now: NOW,
    clientVersion: "1.2.3",
    signSocket: "/run/sign",
    adminSocket: "/run/admin",
    sign: { answer: STATUS },
    admin: { answer: { ...STATUS, socket: "admin" } },
    tokens: { answer: [sampleToken({})] },
    groups: { answer: [{ name: "ci", byPassphrase: false, credential: "ci-key", unlocked: true, unlockedUntil: "", keys: 2 }] },
    repositories: { answer: [repository(400)] },
    ownSnapshots: new Set(),
    audit: { answer: { intact: true, records: 3, brokenAt: 0, head: "ab" } },
    newestRecord: { answer: NOW },
    cards: { answer: [] },
    machine: HEALTHY_MACHINE,
    keyFiles: [],
    expiry: { failure: 30, warning: 90 },
}
const UNREACHABLE = { refused: { code: "daemon_unreachable", message: "there is no socket" } } as const

function repository(days: number, certificateDays = 4000): DaemonRepository {
    const after = (count: number): string => new Date(NOW.getTime() + count * 86_400_000).toISOString()
    return {
        gun: "registry.example.com/team/app",
        lineage: "",
        rootVersion: 1,
        origin: "born",
        marks: [
            { role: "targets", version: 1, sha256: "", expires: after(days) },
            { role: "timestamp", version: 1, sha256: "", expires: after(-9) },
        ],
        outbox: 0,
        oldLineages: [],
        state: "active",
        documents: [],
        certificateExpires: after(certificateDays),
    }
}

function backup(changes: Partial<DaemonBackup>): DaemonBackup {
    const counts = { records: 5, bytes: 9, keys: 3, keyFiles: 0, without: 1, repositories: 1, auditSequence: 1 }
    return { ...counts, fingerprint: "cd".repeat(32), at: "", recipients: ["age1"], auditHead: "", ...changes }
}

function backups(changes: Partial<DaemonBackupState>): Partial<Facts> {
    if (STATUS.backup === undefined) assert.fail()
    return { sign: { answer: { ...STATUS, backup: { ...STATUS.backup, ...changes } } } }
}

function keyFile(changes: Partial<KeyFile>): KeyFile {
    return { path: "/home/me/.docker/trust/private/ab.key", mode: 0o600, protection: { kind: "rounds", rounds: 2048 }, ...changes }
}

/** What one check says when only this is different. */
function verdict(name: string, changes: Partial<Facts>): Verdict {
    const [checked] = examine(
        { ...HEALTHY, ...changes },
        CHECKS.filter((check) => check.name === name),
    )
    return checked ?? assert.fail(`there is no check ${name}`)
}

function code(found: Verdict): string {
    return found.verdict === "failure" ? found.code : found.verdict
}

describe("doctor", () => {
    test("has nothing against a healthy installation", () => {
        assert.deepEqual(new Set(examine(HEALTHY).map((each) => each.verdict)), new Set(["ok"]))
    })

    test("a daemon that does not answer is a failure; what could not be asked because of it is no all-clear", () => {
        const unasked = { unasked: "sign socket" }
        const asked = { sign: UNREACHABLE, admin: UNREACHABLE, tokens: unasked, cards: unasked, groups: unasked, repositories: unasked }
        const onAdmin = { unasked: "admin socket" }
        const checked = examine({ ...HEALTHY, ...asked, audit: onAdmin, newestRecord: onAdmin })
        const reasons = checked.filter(({ findings }) => findings.some((line) => line.includes("there is no socket")))
        assert.deepEqual(
            reasons.map(({ name }) => name),
            ["sign socket", "admin socket"],
        )
        const found = checked.map((each) => [each.name, code(each)])
        assert.deepEqual(found, [
            ["sign socket", "daemon_unreachable"],
            ["admin socket", "warning"],
            ["versions", "warning"],
            ["signers", "warning"],
            ["tokens", "warning"],
            ["unattended groups", "warning"],
            ["unpublished files", "warning"],
            ["audit chain", "warning"],
            ["expiry", "warning"],
            ["last backup", "warning"],
            ["last drill", "warning"],
            ["key files", "ok"],
            ["socket modes", "ok"],
            ["configuration file", "ok"],
            ["credentials", "ok"],
            ["pcscd", "ok"],
            ["token firmware", "warning"],
            ["swap", "ok"],
            ["core dumps", "ok"],
            ["clock", "ok"],
        ])
    })

    test("a backup or a drill that is older than the configuration allows is a failure, one that never was a warning until it is due", () => {
        const text = (found: Verdict): string => found.findings.join()
        assert.equal(text(verdict("last backup", {})), "made 7 hours ago: cdcdcdcdcdcdcdcd")
        assert.equal(text(verdict("last drill", {})), "good 51 days ago, with backup cdcdcdcdcdcdcdcd: 3 keys signed")
        const old = backups({ last: backup({ at: "2026-11-01T09:00:00Z" }), backupOverdue: true, drillOverdue: true })
        assert.equal(code(verdict("last backup", old)), "backup_overdue")
        assert.equal(text(verdict("last backup", old)), "made 20 days ago: cdcdcdcdcdcdcdcd; the configuration allows 8 days")
        assert.equal(code(verdict("last drill", old)), "backup_overdue")
        assert.equal(code(verdict("last backup", backups({ last: undefined }))), "warning")
        assert.equal(code(verdict("last backup", backups({ last: undefined, backupOverdue: true }))), "backup_overdue")
        assert.equal(code(verdict("last backup", backups({ last: undefined, backupOverdue: true, recipients: [] }))), "warning")
        assert.equal(code(verdict("last drill", backups({ lastDrill: undefined }))), "warning")
        assert.equal(code(verdict("last drill", backups({ lastDrill: undefined, drillOverdue: true }))), "backup_overdue")
        // There is nothing to hold one with.
        assert.equal(code(verdict("last drill", backups({ last: undefined, lastDrill: undefined, drillOverdue: true }))), "warning")
        assert.equal(code(verdict("last backup", { sign: { answer: { ...STATUS, backup: undefined } } })), "warning")
    })

    test("whoever is kept out by a socket's mode is told of its group, and not to start a daemon that runs", () => {
        const file = { mode: 0o660, uid: 0, gid: 997, size: 0, modified: NOW, kind: "socket" } as const
        const sockets = [{ which: "sign", path: "/run/sign", file, directory: undefined }] as const
        const advice = (uid: number): string => {
            const found = verdict("sign socket", { sign: UNREACHABLE, machine: { ...HEALTHY_MACHINE, sockets, uid } })
            return found.verdict === "failure" ? found.advice : ""
        }
        assert.match(advice(1000), /usermod --append --groups trustkey-sign/)
        assert.match(advice(0), /systemctl start trustkeyd/)
    })

    test("client and daemon of different versions, failed signers and unpublished files are told", () => {
        assert.equal(code(verdict("versions", { clientVersion: "1.3.0" })), "warning")
        assert.equal(code(verdict("unpublished files", { sign: { answer: { ...STATUS, outbox: 2 } } })), "warning")
        const failed = { ...STATUS, signers: [{ name: "file", state: "failed", detail: "it crashed", restarts: 9 }] }
        const found = verdict("signers", { sign: { answer: failed } })
        assert.equal(code(found), "signer_unavailable")
        assert.deepEqual(found.findings, ["signer file has failed: it crashed"])
    })

    test("a blocked token is worse than a failed one, that than one with a single try left, that than an absent one", () => {
        const states: readonly (readonly [Parameters<typeof sampleToken>[0], string])[] = [
            [{ state: "absent" }, "warning"],
            [{ tries: "low" }, "warning"],
            [{ tries: "final" }, "pin_final_try"],
            [{ state: "failed" }, "token_failed"],
            [{ state: "blocked", tries: "blocked" }, "pin_blocked"],
        ]
        for (const [changes, expected] of states)
            assert.equal(code(verdict("tokens", { tokens: { answer: [sampleToken({}), sampleToken(changes)] } })), expected)
        assert.equal(code(verdict("tokens", { tokens: { answer: states.map(([changes]) => sampleToken(changes)) } })), "pin_blocked")
    })

    test("a card's flaws are told with what follows from them; one that somebody is logged in to is not asked, and that is no all-clear", () => {
        const card = sampleToken({ name: "card", kind: "yubikey", state: "present" })
        const details = {
            token: card,
            cardSerial: "12345678",
            firmware: "5.7.1",
            managementKey: "aes192",
            managementKeyDefault: "no",
            pinDefault: "no",
            pinTries: "3",
            pukTries: "3",
            slots: [],
            warnings: [],
        }
        const looked = (changes: Partial<typeof details>, state = "present"): Verdict =>
            verdict("token firmware", {
                tokens: { answer: [{ ...card, state }] },
                cards: { answer: state === "present" ? [{ ...details, ...changes }] : [] },
            })
        assert.deepEqual(looked({}).findings, ["card has 5.7.1"])
        const eucleak = { name: "eucleak", what: "firmware before 5.7.0 leaks", consequence: "a key can be copied", advice: "replace it" }
        const found = looked({ firmware: "5.4.3", warnings: [eucleak] as never[] })
        assert.equal(code(found), "warning")
        assert.deepEqual(found.findings, ["card: firmware before 5.7.0 leaks. So: a key can be copied"])
        assert.deepEqual(looked({}, "logged-in").findings, ["not looked at, for somebody is logged in: card"])
    })

    test("a clock before the newest audit record or before this program was built is wrong; a minute is nothing", () => {
        const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
        assert.equal(code(verdict("clock", { newestRecord: { answer: at(61) } })), "clock_implausible")
        assert.equal(code(verdict("clock", { newestRecord: { answer: at(59) } })), "ok")
        assert.equal(code(verdict("clock", { machine: { ...HEALTHY_MACHINE, built: at(3600) } })), "clock_implausible")
        assert.equal(code(verdict("clock", { machine: { ...HEALTHY_MACHINE, clockSynchronized: false } })), "warning")
        assert.equal(code(verdict("clock", { machine: { ...HEALTHY_MACHINE, clockSynchronized: undefined } })), "warning")
    })

    test("a group that opens by credential and is locked is a failure; one that waits for a person is not", () => {
        const group = { name: "ci", byPassphrase: true, credential: "", unlocked: false, unlockedUntil: "", keys: 2 }
        assert.equal(code(verdict("unattended groups", { groups: { answer: [group] } })), "ok")
        assert.equal(code(verdict("unattended groups", { groups: { answer: [{ ...group, credential: "ci-key" }] } })), "key_locked")
    })

    test("a broken audit chain is a failure, one that may not be read is not checked", () => {
        const broken = { intact: false, records: 9, brokenAt: 4, head: "" }
        assert.equal(code(verdict("audit chain", { audit: { answer: broken } })), "audit_broken")
        assert.equal(code(verdict("audit chain", { audit: { refused: { code: "denied", message: "not allowed" } } })), "warning")
    })

    test("expiry: warned of before 90 days, failed before 30, worse when it is over; certificates count like metadata", () => {
        const within = (days: number, certificateDays?: number): string =>
            code(verdict("expiry", { repositories: { answer: [repository(400), repository(days, certificateDays)] } }))
        assert.deepEqual(
            [90, 89, 30, 29, 0, -1].map((days) => within(days)),
            ["ok", "warning", "warning", "expires_soon", "expires_soon", "metadata_expired"],
        )
        assert.equal(within(400, 29), "expires_soon")
        assert.equal(code(verdict("expiry", { repositories: { answer: [repository(29)] }, expiry: { failure: 10, warning: 20 } })), "ok")
    })

    test("key files left behind are a warning, and a failure when others can read them or nothing protects them", () => {
        assert.equal(code(verdict("key files", { keyFiles: [keyFile({})] })), "warning")
        assert.equal(code(verdict("key files", { keyFiles: [keyFile({}), keyFile({ mode: 0o640 })] })), "file_unsafe")
        assert.equal(code(verdict("key files", { keyFiles: [keyFile({ protection: { kind: "none" } })] })), "file_unsafe")
        const { findings } = verdict("key files", { keyFiles: [keyFile({}), keyFile({ protection: { kind: "rounds", rounds: 600_000 } })] })
        assert.match(findings[0] ?? "", /^2 private key files/)
        assert.match(findings[1] ?? "", /^1 are encrypted, but a guess/)
    })

    test("has a row for each of its checks in docs/doctor.md, in their order", () => {
        const page = readFileSync(path.resolve(import.meta.dirname, "../../../docs/doctor.md"), "utf8")
        const rows = Array.from(page.matchAll(/^\| ([a-z ]+) \|/gm), ([, name]) => name).filter((name) => name !== "check")
        assert.deepEqual(
            rows,
            CHECKS.map(({ name }) => name),
        )
    })
})

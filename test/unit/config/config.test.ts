import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type NameLookup, parseConfig } from "../../../src/config/index.ts"
import { makeAgeIdentity } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { authorize, limitsFor, type Principal } from "../../../src/policy/index.ts"

const USERS: ReadonlyMap<string, number> = new Map([
    ["root", 0],
    ["alice", 1000],
    ["nobody", 65534],
])
const GROUPS: ReadonlyMap<string, number> = new Map([
    ["release", 27],
    ["trustkey-sign", 990],
    ["trustkey-admin", 991],
    ["nogroup", 65534],
])
const NAMES: NameLookup = { user: (name) => USERS.get(name), group: (name) => GROUPS.get(name), userName: () => undefined }

const EXAMPLE = path.resolve(import.meta.dirname, "../../../packaging/trustkeyd.toml")

function mistakesOf(text: string): readonly string[] {
    try {
        parseConfig(text, NAMES)
    } catch (error) {
        assert.ok(error instanceof TrustkeyError)
        assert.equal(error.code, "config_invalid")
        return error.message.split("\n")
    }
    return []
}

describe("the shipped example", async () => {
    const text = await readFile(EXAMPLE, "utf8")

    test("is right, and shows the defaults", () => {
        const shipped = parseConfig(text, NAMES)
        const { policy, ...rest } = shipped
        const { policy: none, ...defaults } = parseConfig("", NAMES)
        assert.deepEqual(rest, defaults)
        assert.deepEqual(none, { rules: [], limits: [] })
        assert.equal(policy.rules.length, 1)
    })

    test("is right with every example in force, and then has every field there is", () => {
        const everything = text.replaceAll(/^#(?=[^ \n])/gm, "")
        const config = parseConfig(everything, NAMES)
        assert.equal(config.sockets.sign.group, 990)
        assert.deepEqual(config.tokens, [
            {
                name: "root-a",
                module: "/usr/lib/x86_64-linux-gnu/libykcs11.so",
                uri: "pkcs11:serial=12345678",
                pinCredential: "root-a-pin",
                environment: { YKCS11_DBG: "0" },
                libraryParameters: "configdir='sql:/var/lib/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
                attestationRoots: "/etc/trustkeyd/own-cards.pem",
                deadlineMs: 30_000,
                releaseAfterMs: 10_000,
            },
        ])
        assert.equal(config.policy.rules.length, 3)
        assert.equal(config.policy.limits.length, 1)
        const applied = limitsFor(config.policy, "registry.example.com/app", "targets/releases")
        assert.equal(applied.maxValidity, 3 * 366 * 24 * 3600 * 1000)
        assert.equal(applied.maxPayload, 2 * 1024 * 1024)
    })
})

describe("parseConfig", () => {
    test("gives a frozen configuration in the units the program works in", () => {
        const config = parseConfig(
            `
            [limits]
            request_timeout = "30s"
            [unlock]
            default_ttl = "1h"
            [argon2]
            memory = "64MiB"
            [sockets.sign]
            path = "/run/x/sign.sock"
            mode = "0666"
            group = "release"
            `,
            NAMES,
        )
        assert.equal(config.limits.requestTimeoutMs, 30_000)
        assert.equal(config.limits.maxPayloadBytes, 8 * 1024 * 1024)
        assert.equal(config.unlock.defaultTtlSeconds, 3600)
        assert.deepEqual(config.argon2, { passes: 3, memoryKiB: 65_536, lanes: 4 })
        assert.deepEqual(config.sockets.sign, { path: "/run/x/sign.sock", mode: 0o666, group: 27 })
        assert.deepEqual(config.sockets.admin, { path: "/run/trustkeyd/admin.sock", mode: 0o600 })
        assert.throws(() => Object.assign(config.limits, { maxConnections: 1 }), TypeError)
    })

    test("for whom backups are stands there as age writes it, each once, and how old they may get", () => {
        const [one, other] = [makeAgeIdentity().recipient, makeAgeIdentity().recipient]
        const text = `[backup]\nrecipients = ["${one}", "${other}"]\nshares = "/etc/shares.json"\nmax_age = "2d"\nmax_drill_age = "30d"`
        const day = 24 * 3600
        assert.deepEqual(parseConfig(text, NAMES).backup, {
            recipients: [one, other],
            sharesFile: "/etc/shares.json",
            maxAgeSeconds: 2 * day,
            maxDrillAgeSeconds: 30 * day,
        })
        assert.deepEqual(parseConfig("", NAMES).backup, { recipients: [], maxAgeSeconds: 8 * day, maxDrillAgeSeconds: 100 * day })
        const wrong = (recipients: string): readonly string[] => mistakesOf(`[backup]\nrecipients = [${recipients}]`)
        assert.deepEqual(wrong(`"${one}", "${one}"`), ["backup.recipients: one of them is there twice"])
        assert.deepEqual(wrong(`"${one.toUpperCase()}"`), ["backup.recipients #1: must be an X25519 recipient of age: age1…"])
        assert.deepEqual(wrong('"ssh-ed25519 AAAA"'), ["backup.recipients #1: must be an X25519 recipient of age: age1…"])
    })

    test("names become ids when the file is read", () => {
        const { policy } = parseConfig(
            '[[allow]]\nwho = ["user:alice", "group:release", "uid:7", "gid:8", "everyone"]\ndo = ["sign"]',
            NAMES,
        )
        assert.deepEqual(policy.rules[0]?.who, [
            { kind: "uid", id: 1000, name: "user:alice" },
            { kind: "gid", id: 27, name: "group:release" },
            { kind: "uid", id: 7, name: "uid:7" },
            { kind: "gid", id: 8, name: "gid:8" },
            { kind: "everyone" },
        ])
    })

    test("a rule without gun and role covers everything", () => {
        const { policy } = parseConfig('[[allow]]\nwho = ["user:alice"]\ndo = ["*"]', NAMES)
        const alice: Principal = { kind: "unix", uid: 1000, gids: [], pid: 1, name: "uid:1000(alice)", socket: "sign" }
        authorize(policy, alice, "status", [])
        authorize(policy, alice, "sign", [{ gun: "registry.example.com/a/b", role: "targets/x/y" }])
    })

    test("every mistake is reported at once, each with its place", () => {
        const lines = mistakesOf(`
            state_directory = "var/lib"
            log_levle = "info"
            [sockets.sign]
            mode = "0777"
            group = "nosuchgroup"
            [limits]
            max_payload = "8 MB"
            max_connections = 1
            request_timeout = "2h"
            [unlock]
            default_ttl = "2h"
            max_ttl = "1h"
            [argon2]
            passes = 2
            memory = "32MiB"
            lanes = 64
            [[token]]
            name = "Root"
            module = "libykcs11.so"
            uri = "serial=1"
            [[allow]]
            who = ["user:alice"]
            do = ["sign"]
            [[allow]]
            who = ["user:mallory", "alice"]
            do = ["sgin"]
            gun = ["registry.example.com/[ab]"]
            role = ["target"]
            [[limit]]
            max_validity = { targets = "3 years", target = "3y" }
        `)
        const expected = [
            /^state_directory: must be an absolute path/,
            /^log_levle: there is no such field$/,
            /^sockets\.sign\.mode: must be "0600" or "0660" or "0666"$/,
            /^sockets\.sign\.group: there is no group "nosuchgroup"$/,
            /^limits\.max_payload: must be a size like/,
            /^limits\.max_connections: must be at least 2$/,
            /^limits\.request_timeout: must be at most "1h"$/,
            /^unlock\.default_ttl: is longer than max_ttl$/,
            /^argon2\.passes: must be at least 3$/,
            /^argon2\.memory: must be at least "64MiB"$/,
            /^argon2\.lanes: must be at most 16$/,
            /^token #1\.name: must be 1 to 32/,
            /^token #1\.module: must be the absolute path/,
            /^token #1\.uri: /,
            /^allow #2\.who #1: there is no user "mallory"/,
            /^allow #2\.who #2: must be "user:NAME"/,
            /^allow #2\.do #1: there is no such action/,
            /^allow #2\.gun #1: "\[" has no meaning in a pattern/,
            /^allow #2\.role #1: /,
            /^limit #1\.max_validity\.targets: must be a time like/,
        ]
        for (const pattern of expected)
            assert.ok(
                lines.some((line) => pattern.test(line)),
                `${pattern} in\n${lines.join("\n")}`,
            )
        assert.equal(lines.length, expected.length, lines.join("\n"))
    })

    const refusals: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
        ["an approval table, which would protect nothing yet", '[[require]]\ndo = ["reset"]', /^require: approvals do not exist yet/],
        [
            "a certificate as subject, which would match nobody yet",
            '[[allow]]\nwho = ["cert:CN=x"]\ndo = ["sign"]',
            /TLS peers do not exist yet/,
        ],
        ["the overflow user by name", '[[allow]]\nwho = ["user:nobody"]\ndo = ["sign"]', /uid 65534/],
        ["the overflow group by number", '[[allow]]\nwho = ["gid:65534"]\ndo = ["sign"]', /gid 65534/],
        ["the kernel's word for no id", '[[allow]]\nwho = ["uid:4294967295"]\ndo = ["sign"]', /needs a number/],
        ["a rule for nobody", '[[allow]]\nwho = []\ndo = ["sign"]', /^allow #1\.who: must not be empty/],
        ["a missing field", '[[allow]]\nwho = ["everyone"]', /^allow #1\.do: missing/],
        [
            "an action of the whole daemon in a rule for one team",
            '[[allow]]\nwho = ["everyone"]\ndo = ["sign", "login"]\ngun = ["registry.example.com/**"]',
            /^allow #1\.do #2: "login" is about the whole daemon/,
        ],
        ["an image name that is no GUN", '[[allow]]\nwho = ["everyone"]\ndo = ["sign"]\ngun = ["alpine"]', /^allow #1\.gun #1: /],
        ["an admin socket for everybody", '[sockets.admin]\nmode = "0666"', /^sockets\.admin\.mode: /],
        ["a mode that is not quoted and so means something else", "[sockets.sign]\nmode = 660", /^sockets\.sign\.mode: /],
        ["two sockets in one place", '[sockets.admin]\npath = "/run/trustkeyd/sign.sock"', /^sockets: sign and admin have the same path/],
        ["a socket path the kernel can't take", `[sockets.sign]\npath = "/${"x".repeat(107)}"`, /^sockets\.sign\.path: .*107/],
        ["a limit that limits nothing", '[[limit]]\ngun = ["**"]', /^limit #1: limits nothing/],
        ["a role that doesn't exist as limit", '[[limit]]\nmax_validity = { target = "3y" }', /^limit #1\.max_validity\.target: /],
        ["something that is no TOML", "a = = b", /^line 1, column/],
        ["the same setting twice", 'log_level = "info"\nlog_level = "warn"', /^line 2, column/],
    ]
    for (const [what, text, expected] of refusals) {
        test(`refuses ${what}`, () => {
            const lines = mistakesOf(text)
            assert.equal(lines.length, 1, lines.join("\n"))
            assert.match(lines[0] ?? "", expected)
        })
    }

    const token = (more: string, uri = "pkcs11:serial=1") => `[[token]]\nname = "a"\nmodule = "/m.so"\nuri = "${uri}"\n${more}`

    test("TK-SEC-1 refuses a PIN in the file, and does not repeat it", () => {
        const cases = [
            token('pin = "0000111122"'),
            token('pin = { value = "0000111122" }'),
            token('environment = { MY_PIN = "0000111122" }'),
            token("", "pkcs11:serial=1?pin-value=0000111122"),
            token('pin = "0000111122'),
        ]
        for (const text of cases) {
            const lines = mistakesOf(text)
            assert.notEqual(lines.length, 0, text)
            assert.doesNotMatch(lines.join("\n"), /0000111122/)
        }
    })

    test("refuses variables that would put other code into a token's process", () => {
        for (const name of ["LD_PRELOAD", "LD_LIBRARY_PATH", "NODE_OPTIONS"]) {
            assert.match(mistakesOf(token(`environment = { ${name} = "x" }`)).join("\n"), /would load other code/)
        }
    })

    test("refuses a URI that names no token, or more than one", () => {
        assert.match(mistakesOf(token("", "pkcs11:model=YubiKey")).join("\n"), /^token #1\.uri: .*names no token/)
        assert.match(mistakesOf(token("", "pkcs11:serial=1;object=root")).join("\n"), /^token #1\.uri: .*names an object/)
        assert.deepEqual(mistakesOf(token("", "pkcs11:token=My%20token;manufacturer=x")), [])
    })

    test("refuses library parameters that are not one line", () => {
        assert.deepEqual(mistakesOf(token(`library_parameters = "configdir='sql:/db'"`)), [])
        for (const value of ["", "a\\u0000b", "a\\nb", "x".repeat(2049)]) {
            assert.match(mistakesOf(token(`library_parameters = "${value}"`)).join("\n"), /^token #1\.library_parameters: must be one line/)
        }
    })

    test("takes roots of attestations by an absolute path only", () => {
        assert.deepEqual(mistakesOf(token(`attestation_roots = "/etc/trustkeyd/own.pem"`)), [])
        for (const value of ["own.pem", "", "/a\\u0000b"]) {
            assert.match(
                mistakesOf(token(`attestation_roots = "${value}"`)).join("\n"),
                /^token #1\.attestation_roots: must be the absolute path/,
            )
        }
    })

    test("refuses a token's name that is taken", () => {
        assert.match(mistakesOf(token(token(""))).join("\n"), /^token #2\.name: there is another token "a"$/)
        assert.match(mistakesOf(token("").replace('"a"', '"file"')).join("\n"), /name of the signer for sealed keys/)
    })
})

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { encodePlan, type PlanContent, type PlannedKey, parsePlan } from "../../../src/ceremony/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { bareKeyAt, idOf, PEOPLE, planOf, RECIPIENT_OF_DANA, RIGHT_PLAN, someKeyId } from "./plans.ts"

function mistakesOf(parse: () => unknown): readonly string[] {
    try {
        parse()
    } catch (error) {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.equal(error.code, "plan_invalid")
        return error.message.split("\n")
    }
    return []
}

const refused = (content: PlanContent): readonly string[] => mistakesOf(() => encodePlan(content))
const refusedText = (text: string): readonly string[] => mistakesOf(() => parsePlan(Buffer.from(text, "utf8")))
const rightText = (kind: PlanContent["kind"] = "rotate-root"): string => encodePlan(planOf(kind)).toString("utf8")

/** One line of a right plan written otherwise. */
function edited(from: string | RegExp, to: string, kind: PlanContent["kind"] = "rotate-root"): string {
    const text = rightText(kind)
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    return changed
}

function contentOf(bytes: Uint8Array): PlanContent {
    const { bytes: _, sha256: __, ...content } = parsePlan(bytes)
    return content
}

describe("a ceremony's plan", () => {
    test("is read as it was written, whatever is in it", () => {
        fc.assert(
            fc.property(RIGHT_PLAN, (plan) => {
                assert.deepEqual(contentOf(encodePlan(plan)), plan)
            }),
            { numRuns: 200 },
        )
    })

    for (const kind of ["create-root", "rotate-root", "replace-holder", "root-lost"] as const) {
        test(`of kind ${kind} may have all that the format's page gives it`, () => {
            const plan = planOf(kind, { rehearsalOf: "ef".repeat(32) })
            assert.deepEqual(contentOf(encodePlan(plan)), plan)
        })
    }

    test("bears comments and spaces where the format has them, and its hash covers them", () => {
        const text = edited('kind = "rotate-root"', '  kind   =  "rotate-root"  # the "why" is below')
        const plan = parsePlan(Buffer.from(text))
        assert.equal(plan.kind, "rotate-root")
        assert.notEqual(plan.sha256, parsePlan(Buffer.from(rightText())).sha256)
        assert.equal(plan.bytes.toString("utf8"), text)
    })

    test("is refused with all its mistakes at once, each with its place", () => {
        const text = rightText()
            .replace('kind = "rotate-root"', 'kind = "rotate-all"\ncolour = "red"')
            .replace('part = "witness"', 'part = "guest"')
            .replace("threshold = 2", "threshold = 0")
            .replace('change = "kept"', 'change = "gone"')
        assert.deepEqual([...refusedText(text)].sort(), [
            "colour: there is no such field",
            'key #3.change: change must be "new", "added", "kept", "retired" or "lost"',
            'kind: must be "create-root" or "rotate-root" or "replace-holder" or "root-lost"',
            'person #2.part: must be "lead" or "witness" or "holder"',
            "threshold: must be at least 1",
        ])
    })

    const LINES: readonly (readonly [title: string, text: () => string, expected: RegExp])[] = [
        ["a name with dots", () => edited("threshold = 2", "a.b = 2"), /^line 9: is no table/],
        ["a quoted name", () => edited("threshold = 2", '"threshold" = 2'), /^line 9: is no table/],
        ["an inline table", () => edited("threshold = 2", "threshold = { a = 1 }"), /^line 9/],
        ["a date that is no text", () => edited(/created = "(.*)"/, "created = $1"), /^line 5/],
        ["a literal string", () => edited(/id = "(.*)"/, "id = '$1'"), /^line 2/],
        ["a string of several lines", () => edited(/reason = .*/, 'reason = """\nx"""'), /^line 4/],
        ["an escape that not every reader has", () => edited(/reason = .*/, 'reason = "\\u0041"'), /^line 4/],
        ["a number in hex", () => edited("threshold = 2", "threshold = 0x2"), /^line 9/],
        ["a number with a sign", () => edited("threshold = 2", "threshold = +2"), /^line 9/],
        ["a number that begins with 0", () => edited("threshold = 2", "threshold = 02"), /^line 9/],
        ["a boolean", () => edited("threshold = 2", "threshold = true"), /^line 9/],
        ["a list over several lines", () => edited('["lea-b", "lea-c"]', '["lea-b",\n"lea-c"]'), /^line/],
        ["a list with a comma too many", () => edited('["lea-b", "lea-c"]', '["lea-b", "lea-c",]'), /^line/],
        ["a tab", () => edited("threshold = 2", "threshold\t= 2"), /^line 9: has a character that can't be seen/],
        ["lines ended as Windows does", () => rightText().replaceAll("\n", "\r\n"), /^line 1: has a character that can't be seen/],
        ["text that turns round in a comment", () => edited("threshold = 2", "threshold = 2 # \u202e3 dlohserht"), /^line 9: has a char/],
        ["a space of no width", () => edited("the ", "the\u200b"), /^line 4: has a character that can't be seen/],
        ["a soft hyphen in a comment", () => edited("threshold = 2", "threshold = 2 # so\u00adft"), /^line 9: has a character/],
        ["letters that are tags only", () => edited("the ", "the\u{e0031}\u{e0020}"), /^line 4: has a character/],
        ["a no-break line separator", () => edited("the ", "the\u2028"), /^line 4: has a character/],
        ["a byte order mark", () => `\ufeff${rightText()}`, /^line 1: has a character/],
        ["no line feed at the end", () => rightText().trimEnd(), /^its last line is cut off/],
        ["nothing in it", () => "", /^its last line is cut off/],
        ["more than 256 KiB", () => `${rightText()}#${" ".repeat(256 * 1024)}\n`, /^it has more than 262144 bytes/],
        ["a name twice", () => edited("threshold = 2", "threshold = 2\nthreshold = 2"), /^line \d+, column \d+: /],
        ["a table twice", () => edited("[closing.witness]", "[closing.vault]"), /^line \d+, column \d+: /],
        ["a table where a list of tables is", () => edited("[[spare]]", "[spare]"), /^line \d+, column \d+: |^spare: must be a list/],
        ["names of the runtime's own", () => edited("threshold = 2", "threshold = 2\nconstructor = 1"), /^constructor: there is no such/],
    ]
    for (const [title, text, expected] of LINES) {
        test(`is refused with ${title}`, () => {
            const [first = ""] = refusedText(text())
            assert.match(first, expected)
        })
    }

    test("is refused when it is not UTF-8", () => {
        const bytes = Buffer.from(rightText())
        bytes[bytes.indexOf('"old')] = 0xff
        assert.deepEqual(
            mistakesOf(() => parsePlan(bytes)),
            ["it is not UTF-8"],
        )
    })

    test("is read in time that goes with its length, however it is made", () => {
        for (const line of [
            " ".repeat(200_000),
            `[${" ".repeat(200_000)}`,
            `[a${" ".repeat(200_000)}x`,
            `a = [${" ".repeat(200_000)}x`,
            `a = ${'"\\"'.repeat(60_000)}`,
        ])
            assert.match(refusedText(`${line}x\n`)[0] ?? "", /^line 1: is no table/)
    })

    const FIELDS: readonly (readonly [title: string, text: () => string, expected: string])[] = [
        ["another format", () => edited("plan/1", "plan/2"), 'format: must be "trustkey-ceremony-plan/1"'],
        ["an id in capitals", () => edited('"2026-11-21-a"', '"A"'), "id: must be a name in [a-z0-9-], at most 64 characters"],
        [
            "an empty reason",
            () => edited(/reason = .*/, 'reason = ""'),
            "reason: must be a text of 1 to 1024 bytes in which every character can be seen",
        ],
        ["a 30th of February", () => edited("2026-11-18", "2026-02-30"), 'created: must be a time like "2026-11-21T18:00:00Z"'],
        ["hour 24", () => edited("T09:00:00Z", "T24:00:00Z"), 'created: must be a time like "2026-11-21T18:00:00Z"'],
        ["a time with a fraction", () => edited("T09:00:00Z", "T09:00:00.5Z"), 'created: must be a time like "2026-11-21T18:00:00Z"'],
        ["a threshold as text", () => edited("threshold = 2", 'threshold = "2"'), "threshold: must be a number"],
        [
            "a name of a repository without its registry",
            () => edited("registry.example.com/team/app", "team/app"),
            "repository #1.gun: not the name of a repository with its registry, such as registry.example.com/team/app",
        ],
        ["a short hash", () => edited("cdcd", "cd"), "repository #1.root_sha256: must be 64 lower-case hexadecimal digits"],
        [
            "a version beyond bounds",
            () => edited("root_version = 4", "root_version = 1001"),
            "repository #1.root_version: must be at most 1000",
        ],
        [
            "a key of another type than it says",
            () => edited('keytype = "ecdsa"', 'keytype = "rsa"'),
            "closing.vault.public: this public key can't be used: it is not of type rsa",
        ],
        [
            "a key of which base64 makes another",
            () => edited(/public = "(.*)"/, 'public = "$1="'),
            "closing.vault.public: it is not standard base64 with padding",
        ],
        [
            "a certificate as a closing key",
            () => edited('keytype = "ecdsa"', 'keytype = "ecdsa-x509"'),
            'closing.vault.keytype: must be "ecdsa" or "rsa" or "ed25519"',
        ],
        ["a serial number without a token", () => edited('token = "bob"\n', ""), "key #3.serial: needs the token's name beside it"],
        [
            "an algorithm for a key that exists",
            () => edited('token = "bob"', 'token = "bob"\nalgorithm = "p256"'),
            "key #3.algorithm: there is no such field",
        ],
        [
            "an Ed25519 root key",
            () => edited('algorithm = "p256"', 'algorithm = "ed25519"'),
            'key #1.algorithm: must be "p256" or "p384" or "rsa2048" or "rsa3072" or "rsa4096"',
        ],
        [
            "copies of a key that can't leave its token",
            () => edited('touch_policy = "cached"', 'touch_policy = "cached"\ncopies = ["x"]'),
            'key #1.copies: does not go with make = "token"',
        ],
        [
            "a policy for a key the vault makes",
            () => edited('make = "vault"', 'make = "vault"\npin_policy = "once"'),
            'key #2.pin_policy: does not go with make = "vault"',
        ],
        ["a copy on the token itself", () => edited('"lea-c"', '"lea"'), "key #2.copies: names a token twice"],
        ["no key at all", () => rightText().replaceAll(/\[\[key\]\]\n(?:[a-z].*\n)*/g, ""), "key: missing"],
        [
            "a recipient twice",
            () => edited(`["${RECIPIENT_OF_DANA}"]`, `["${RECIPIENT_OF_DANA}", "${RECIPIENT_OF_DANA}"]`),
            "backup.recipients #2: is there twice",
        ],
        [
            "a recipient of whom a letter is wrong",
            () => edited("age1vk", "age1vl"),
            "backup.recipients #1: must be an X25519 recipient of age: age1… in lower case",
        ],
    ]
    for (const [title, text, expected] of FIELDS) {
        test(`is refused with ${title}`, () => {
            assert.deepEqual(refusedText(text()), [expected])
        })
    }

    const key = (change: "added" | "kept" | "retired", name: string, holder = "bob", id = someKeyId()): PlannedKey => {
        return { change, name, holder, id }
    }
    const lost: PlannedKey = { change: "lost", name: "old", holder: "Carol", id: someKeyId() }
    const RULES: readonly (readonly [title: string, content: () => PlanContent, expected: readonly string[]])[] = [
        [
            "created after it ends",
            () => planOf("rotate-root", { created: new Date("2026-11-22T00:00:00Z") }),
            ["created: is after not_after"],
        ],
        [
            "no time to be held in",
            () => planOf("rotate-root", { notBefore: new Date("2026-11-21T20:00:00Z") }),
            ["not_before: is not before not_after"],
        ],
        [
            "a root born expired",
            () => planOf("rotate-root", { expires: new Date("2026-11-21T20:00:00Z") }),
            ["expires: is not after not_after: the new root would be born expired"],
        ],
        [
            "two leads",
            () => planOf("rotate-root", { people: [...PEOPLE, { name: "lou", part: "lead" }] }),
            ["person: exactly one must be the lead"],
        ],
        [
            "no witness",
            () => planOf("rotate-root", { people: PEOPLE.filter(({ part }) => part !== "witness") }),
            ["person: one at least must be a witness, who holds no key"],
        ],
        [
            "a person twice",
            () => planOf("rotate-root", { people: [...PEOPLE, { name: "dana", part: "witness" }] }),
            ["person #5.name: another person has this name"],
        ],
        [
            "a holder of nothing",
            () => planOf("rotate-root", { people: [...PEOPLE, { name: "eve", part: "holder" }] }),
            ["person #5: is a holder and holds no key"],
        ],
        [
            "a witness who holds a key",
            () => planOf("rotate-root", { keys: [...planOf("rotate-root").keys, key("kept", "x", "dana")] }),
            ["key #4.holder: must be the name of a person whose part is lead or holder"],
        ],
        [
            "a key name twice",
            () => planOf("rotate-root", { keys: [...planOf("rotate-root").keys, key("kept", "bob-1")], threshold: 1 }),
            ["key #4.name: another key has this name"],
        ],
        [
            "a kept key in a new repository",
            () => planOf("create-root", { threshold: 1, keys: [...planOf("create-root").keys, key("kept", "x")] }),
            ['key #4.change: "kept" does not go with kind = "create-root"'],
        ],
        [
            "a lost key in a mere rotation",
            () => planOf("rotate-root", { keys: [...planOf("rotate-root").keys, lost] }),
            ['key #4.change: "lost" does not go with kind = "rotate-root"'],
        ],
        [
            "nothing of the old root in a rotation",
            () => planOf("rotate-root", { keys: planOf("create-root").keys }),
            ['key: kind = "rotate-root" needs a key that is kept or retired'],
        ],
        [
            "nobody lost in a replacement",
            () => planOf("replace-holder", { keys: planOf("rotate-root").keys }),
            ['key: kind = "replace-holder" needs a key that is lost'],
        ],
        [
            "nobody to replace the lost one",
            () => planOf("replace-holder", { threshold: 1, keys: [key("kept", "a", "alice"), key("kept", "b"), lost] }),
            ['key: kind = "replace-holder" needs a key that is new or added'],
        ],
        ["a threshold nobody can reach", () => planOf("rotate-root", { threshold: 4 }), ["threshold: is 4, and the new root has 3 keys"]],
        [
            "a threshold that one person reaches alone",
            () => planOf("rotate-root", { keys: [...planOf("rotate-root").keys, key("kept", "bob-2")] }),
            ["threshold: is no threshold: bob alone holds as many keys of the new root"],
        ],
        [
            "a repository twice",
            () =>
                planOf("rotate-root", {
                    repositories: [...planOf("rotate-root").repositories, ...planOf("rotate-root").repositories].slice(0, 3),
                }),
            ["repository #3.gun: another repository has this name"],
        ],
        [
            "a published root where there is none",
            () => planOf("create-root", { repositories: planOf("root-lost").repositories.slice(0, 1) }),
            [
                'repository #1.lineage: does not go with kind = "create-root"',
                'repository #1.root_version: does not go with kind = "create-root"',
                'repository #1.root_sha256: does not go with kind = "create-root"',
            ],
        ],
        [
            "no published root where there must be one, and roles that stay",
            () => planOf("rotate-root", { repositories: planOf("create-root").repositories.slice(0, 1) }),
            [
                "repository #1.lineage: missing",
                "repository #1.root_version: missing",
                "repository #1.root_sha256: missing",
                'repository #1.roles: does not go with kind = "rotate-root"',
            ],
        ],
        [
            "a first root that is not its lineage",
            () =>
                planOf("rotate-root", {
                    repositories: planOf("rotate-root").repositories.map((repository) => ({
                        ...repository,
                        published: { lineage: "ab".repeat(32), version: 1, sha256: "cd".repeat(32) },
                    })),
                }),
            [
                "repository #1.root_sha256: is not the lineage, as version 1's is",
                "repository #2.root_sha256: is not the lineage, as version 1's is",
            ],
        ],
        [
            "one key that closes for two",
            () => planOf("rotate-root", { closing: { vault: bareKeyAt(0), witness: bareKeyAt(0) } }),
            ["closing.witness.public: this key is in the plan already"],
        ],
        [
            "a closing key that is a holder's",
            () => planOf("rotate-root", { keys: [...planOf("rotate-root").keys, key("retired", "x", "lea", idOf(bareKeyAt(0)))] }),
            ["closing.vault.public: this key is in the plan already"],
        ],
        [
            "one key for two roles",
            () =>
                planOf("create-root", {
                    repositories: planOf("create-root").repositories.map((repository) => ({
                        ...repository,
                        roles: new Map([...(repository.roles ?? []), ["snapshot", bareKeyAt(0)]]),
                    })),
                }),
            [
                "repository #1.roles.snapshot.public: this key is in the plan already",
                "repository #2.roles.snapshot.public: this key is in the plan already",
            ],
        ],
        [
            "a spare twice",
            () => planOf("rotate-root", { spares: [{ token: "s" }, { token: "s" }] }),
            ["spare #2.token: another spare is this token"],
        ],
    ]
    for (const [title, content, expected] of RULES) {
        test(`is refused with ${title}`, () => {
            assert.deepEqual(refused(content()), expected)
        })
    }

    test("is refused or read, whatever happened to its bytes, and never read as the same plan", () => {
        const right = parsePlan(encodePlan(planOf("replace-holder")))
        fc.assert(
            fc.property(
                fc.nat({ max: right.bytes.length - 1 }),
                fc.nat({ max: 255 }),
                fc.constantFrom("flip", "cut", "double"),
                (at, byte, how) => {
                    const bytes = Buffer.from(right.bytes)
                    if (how === "flip") bytes[at] = byte
                    const changed =
                        how === "cut" ? bytes.subarray(0, at) : how === "double" ? Buffer.concat([bytes, bytes.subarray(at)]) : bytes
                    try {
                        assert.equal(parsePlan(changed).sha256 === right.sha256, changed.equals(right.bytes))
                    } catch (error) {
                        assert.ok(error instanceof TrustkeyError && error.code === "plan_invalid", String(error))
                    }
                },
            ),
            { numRuns: 500 },
        )
    })
})

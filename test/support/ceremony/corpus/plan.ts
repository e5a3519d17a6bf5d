import { encodeBech32 } from "../../../../src/crypto/bech32.ts"
import type { Draft } from "../draft.ts"
import { flip, type Mutation, planWith, replaceIn } from "../mutations.ts"
import { RECIPIENTS } from "../plan-text.ts"
import type { Ceremony } from "../scenario.ts"

const encoded = (prefix: string, length: number): string => encodeBech32(prefix, Buffer.alloc(length, 7)).toString()
const P = 2n ** 255n - 19n
/** RFC 7748 §6.1: what comes of them is zero, whoever encrypts. The last three are the first ones, written otherwise. */
const LOW_ORDER = [
    0n,
    1n,
    P - 1n,
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    P,
    P + 1n,
    2n ** 255n,
]
const recipientAt = (u: bigint): string => encodeBech32("age", Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse()).toString()
const altered = (text: string): string => `${text.slice(0, 30)}${text[30] === "q" ? "p" : "q"}${text.slice(31)}`
/** 32 bytes of 7 and, where there are only bits left over, not zero; with the checksum that goes with it. */
const PADDED = "age1qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qur3czx78h"

/** The plan can't be right, whoever signed the close: everything after it is made to fit. */
export const FORM: readonly Mutation[] = [
    plan("of another format", "ceremony-plan/1", "ceremony-plan/2"),
    plan("with a field nobody knows", "threshold = 2", "threshold = 2\nurgent = 1"),
    plan("with a table nobody knows", /$/, "[extra]\n"),
    plan("with a field given twice", "threshold = 2", "threshold = 2\nthreshold = 2"),
    plan("without an id", /id = "2026.*\n/, ""),
    plan("without a reason", /reason = .*\n/, ""),
    plan("with an empty reason", /reason = .*\n/, 'reason = ""\n'),
    plan("without a time to end", /not_after = .*\n/, ""),
    plan("with a quoted name", "threshold = 2", '"threshold" = 2'),
    plan("with a dotted name", /\[closing\.vault\]\nkeytype/, "[closing]\nvault.keytype"),
    plan(
        "with an inline table",
        /\[closing\.vault\]\nkeytype = (.*)\npublic = (.*)\n/,
        "[closing]\nvault = { keytype = $1, public = $2 }\n",
    ),
    plan("with a number in another notation", "threshold = 2", "threshold = 0x2"),
    plan("with a sign before a number", "threshold = 2", "threshold = +2"),
    plan("with a literal string", /reason = .*/, "reason = 'why not'"),
    plan("with an escape beyond the two", /reason = .*/, 'reason = "a\\u0041"'),
    plan("with a string of several lines", /reason = .*/, 'reason = """a"""'),
    plan("with a time that is no string", /created = .*/, "created = 2026-11-18T09:00:00Z"),
    plan("with a time in another zone", /created = .*/, 'created = "2026-11-18T09:00:00+00:00"'),
    plan("with a 30th of February", /created = .*/, 'created = "2026-02-30T09:00:00Z"'),
    plan("with tabs", "threshold = 2", "threshold\t= 2"),
    plan("with carriage returns", /\n/g, "\r\n"),
    plan("without its last line feed", /\n+$/, ""),
    plan("with a byte order mark", /^/, "\ufeff"),
    plan("whose comment has letters nobody sees", "# Reviewed", "# Reviewed\u{e0062}\u{e0075}\u{e0074}"),
    plan("whose comment has a joint nobody sees", "# Reviewed", "# Re\u2060viewed"),
    plan("whose comment turns the writing around", "# Reviewed", "# \u202eReviewed"),
    plan("whose reason has a space of no width", /reason = .*/, 'reason = "all\u200e is well"'),
    plan("whose reason is more than a kibibyte", /reason = .*/, `reason = "${"é".repeat(513)}"`),
    plan("whose id is in capitals", 'id = "2026-11-21-a"', 'id = "2026-11-21-A"'),
    plan("with a hash in capitals", /lineage = "(.*)"/, `lineage = "${"A".repeat(64)}"`),
    plan("with a threshold of text", "threshold = 2", 'threshold = "2"'),
    plan("with a comma at the end of a list", /copies = \[(.*)\]/, "copies = [$1,]", "creation"),
    plan("whose list is on two lines", /copies = \[(.*)\]/, "copies = [$1\n]", "creation"),
    plan("whose backup is for nobody", /recipients = \[.*\]/, "recipients = []", "creation"),
    plan("whose backup is for one twice", RECIPIENTS[1], RECIPIENTS[0], "creation"),
    plan("whose backup is for a recipient with a letter changed", RECIPIENTS[1], altered(RECIPIENTS[1]), "creation"),
    plan("whose backup is for a recipient in capitals", RECIPIENTS[1], RECIPIENTS[1].toUpperCase(), "creation"),
    plan("whose backup is for a recipient of 31 bytes", RECIPIENTS[1], encoded("age", 31), "creation"),
    plan("whose backup is for a recipient of 33 bytes", RECIPIENTS[1], encoded("age", 33), "creation"),
    plan("whose backup is for a recipient whose padding is used", RECIPIENTS[1], PADDED, "creation"),
    plan("whose backup is for a recipient of another kind", RECIPIENTS[1], encoded("age1tag", 33), "creation"),
    ...LOW_ORDER.map((u) => plan(`whose backup is for the point of low order ${u}`, RECIPIENTS[1], recipientAt(u), "creation")),
    plan("whose backup is for an identity", RECIPIENTS[1], encoded("AGE-SECRET-KEY-", 32), "creation"),
    plan("whose backup is for an SSH key", RECIPIENTS[1], "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA", "creation"),
]

/** It reads well, and is no plan that people could follow. */
export const SENSE: readonly Mutation[] = [
    plan("of a kind nobody knows", 'kind = "rotate-root"', 'kind = "rotate"'),
    plan("of a kind that has no kept key", 'kind = "rotate-root"', 'kind = "create-root"'),
    plan("that replaces a holder and loses none", 'kind = "rotate-root"', 'kind = "replace-holder"'),
    plan(
        "that loses a key in a rotation",
        /holder = "bob"\nchange = "retired"\nid = (.*)\n.*\n.*/,
        'holder = "bob"\nchange = "lost"\nid = $1',
    ),
    plan("whose lost key is on a token", /(holder = "bob"\nchange = "lost"\n)/, '$1token = "x"\n', "lost"),
    plan("written after it ends", /created = .*/, 'created = "2026-11-22T00:00:00Z"'),
    plan("that ends before it begins", /not_before = .*/, 'not_before = "2026-11-22T00:00:00Z"'),
    plan("whose root expires before the ceremony", /expires = .*/, 'expires = "2026-11-21T22:00:00Z"'),
    plan("with a threshold of none", "threshold = 2", "threshold = 0"),
    plan("with a threshold above its keys", "threshold = 2", "threshold = 4"),
    plan("in which one person is enough for two", /holder = "carol"/, 'holder = "alice"'),
    plan("without a witness", 'part = "witness"', 'part = "holder"'),
    plan("with two leads", 'part = "witness"', 'part = "lead"'),
    plan("without a lead", 'part = "lead"', 'part = "witness"'),
    plan("whose witness holds a key", 'name = "bob"\npart = "holder"', 'name = "bob"\npart = "witness"'),
    plan("with a holder who holds nothing", "[closing.vault]", '[[person]]\nname = "erin"\npart = "holder"\n\n[closing.vault]'),
    plan("with a key of nobody", 'holder = "bob"', 'holder = "mallory"'),
    plan("with one person twice", 'name = "carol"\npart', 'name = "alice"\npart'),
    plan("with one name for two keys", 'name = "bob-1"', 'name = "alice-1"'),
    { what: "whose plan has one key twice", place: "plan", draft: (draft, ceremony) => swapIds(draft, ceremony, "alice-1", "bob-1") },
    { what: "whose plan has the vault's key sign for the witness", place: "plan", draft: oneCloser },
    { what: "whose plan has a root key sign the close", place: "plan", draft: rootKeyCloses },
    { what: "whose plan has one key for two roles", base: "creation", place: "plan", draft: oneRoleKey },
    plan("with a serial number of no token", /token = "token-alice-1"\n/, ""),
    plan("with copies of a key that can't leave its token", 'make = "token"', 'make = "token"\ncopies = ["second"]'),
    plan("with a copy on the token itself", 'copies = ["second"', 'copies = ["token-alice-1"', "creation"),
    plan("with a slot for a key made by the vault", 'make = "vault"', 'make = "vault"\nslot = "9c"', "creation"),
    plan("with an algorithm nobody knows", /algorithm = "p256"/, 'algorithm = "p521"'),
    plan("with an Ed25519 root key", /algorithm = "p256"/, 'algorithm = "ed25519"'),
    plan("with a repository that has no registry", /gun = .*/, 'gun = "team/app"'),
    plan("with a repository in capitals", /gun = .*/, 'gun = "registry.example.com/Team/app"'),
    plan("with one repository twice", "registry.example.com/team/other", "registry.example.com/team/app", "creation"),
    plan("with version 0 of a root", /root_version = .*/, "root_version = 0"),
    plan("with an old root in a first one", /gun = .*\n/, `$&root_version = 1\n`, "creation"),
    plan("without the roles of a root that begins anew", /\[repository\.roles\.snapshot\]\n.*\n.*\n/, "", "lost"),
    plan("with roles in a rotation", /(root_sha256 = .*\n)/, '$1[repository.roles.targets]\nkeytype = "ed25519"\npublic = "AAAA"\n'),
    plan("with a key of no bytes", /\[closing\.vault\]\nkeytype = (.*)\npublic = (.*)/, '[closing.vault]\nkeytype = $1\npublic = ""'),
    plan("with base64 in another form", /(\[closing\.vault\]\nkeytype = .*\npublic = ".*)="/, '$1"'),
    plan("whose key is of another type than it says", /(\[closing\.witness\]\nkeytype = )"ecdsa"/, '$1"rsa"'),
    { what: "whose plan has a compressed point", place: "plan", draft: compressed },
    { what: "whose plan has a point that is not on its curve", base: "lost", place: "plan", draft: offCurve },
]

/** It is a plan, and not that of this root. */
export const FOREIGN: readonly Mutation[] = [
    { what: "for another lineage", place: 1, draft: planWith(/lineage = ".*"/, `lineage = "${"0".repeat(64)}"`) },
    { what: "for another root of that version", place: 1, draft: planWith(/root_sha256 = ".*"/, `root_sha256 = "${"0".repeat(64)}"`) },
    { what: "for a later version of the root", place: 1, draft: planWith("root_version = 2", "root_version = 3") },
    { what: "for an earlier version of the root", place: "plan", draft: planWith("root_version = 2", "root_version = 1") },
    { what: "for another repository", place: 1, draft: planWith(/gun = .*/, 'gun = "registry.example.com/team/another"') },
    {
        what: "that keeps a key which the root does not have",
        place: 1,
        draft: planWith(/(change = "kept"\nid = ")[0-9a-f]{8}/, "$100000000"),
    },
    { what: "that leaves out a key of the old root", place: 1, draft: withoutBob },
    {
        what: "that loses a root which is not lost",
        base: "lost",
        place: 1,
        draft: planWith('holder = "bob"\nchange = "lost"', 'holder = "lena"\nchange = "retired"'),
    },
    { what: "with another threshold than was built", place: 7, draft: planWith("threshold = 2", "threshold = 1") },
    { what: "with another expiry than was built", place: 7, draft: planWith('expires = "2036-11-21', 'expires = "2036-11-22') },
    { what: "with another algorithm than was made", place: 6, draft: planWith('algorithm = "p256"', 'algorithm = "p384"') },
    { what: "with another token than was used", place: 6, draft: planWith('token = "token-dave-1"', 'token = "dave-2"') },
    {
        what: "with another serial number than was used",
        place: 6,
        draft: planWith('token = "token-dave-1"', 'token = "token-dave-1"\nserial = "1"'),
    },
    { what: "with another slot than was used", place: 6, draft: planWith('slot = "9c"', 'slot = "9d"') },
    { what: "with another touch policy than was used", place: 6, draft: planWith('touch_policy = "always"', 'touch_policy = "never"') },
    { what: "with a token for a kept key that was not there", place: 3, draft: planWith('token = "token-alice-1"', 'token = "elsewhere"') },
    {
        what: "that makes a key on a token which the vault made",
        base: "creation",
        place: 3,
        draft: planWith(/make = "vault"\ncopies = .*/, 'make = "token"'),
    },
    { what: "with one copy more than was made", base: "creation", place: 15, draft: planWith('"third"]', '"third", "fourth"]') },
    {
        what: "with one recipient more than the backup has",
        base: "creation",
        place: 13,
        draft: planWith(`"${RECIPIENTS[1]}"]`, `"${RECIPIENTS[1]}", "${encoded("age", 32)}"]`),
    },
    { what: "with another key for targets than was built", base: "creation", place: 5, draft: otherTargets },
    {
        what: "under another id than the close has",
        place: "close",
        draft: (draft) => Object.assign(draft.statement, { ceremony: "2026-11-21-b" }),
    },
]

function plan(what: string, from: string | RegExp, to: string, base: NonNullable<Mutation["base"]> = "rotation"): Mutation {
    return { what: `whose plan is one ${what}`, base, place: "plan", draft: planWith(from, to) }
}

function withoutBob(draft: Draft): void {
    const gone = replaceIn(draft.plan, /\[\[key\]\]\nname = "bob-1"[^[]*/, "")
    draft.plan = replaceIn(gone, /\[\[person\]\]\nname = "bob"[^[]*/, "")
}

function swapIds(draft: Draft, ceremony: Ceremony, from: string, to: string): void {
    draft.plan = replaceIn(draft.plan, ceremony.key(from).signer.id, ceremony.key(to).signer.id)
}

function oneCloser(draft: Draft): void {
    const [, keytype = "", key = ""] = /\[closing\.vault\]\nkeytype = (.*)\npublic = (.*)/.exec(draft.plan) ?? []
    draft.plan = replaceIn(
        draft.plan,
        /\[closing\.witness\]\nkeytype = .*\npublic = .*/,
        `[closing.witness]\nkeytype = ${keytype}\npublic = ${key}`,
    )
}

function publicText(ceremony: Ceremony, name: string): string {
    const { publicKey } = ceremony.key(name).signer
    return `keytype = "${publicKey.keytype}"\npublic = "${Buffer.from(publicKey.bytes).toString("base64")}"`
}

function rootKeyCloses(draft: Draft, ceremony: Ceremony): void {
    draft.plan = replaceIn(
        draft.plan,
        /\[closing\.witness\]\nkeytype = .*\npublic = .*/,
        `[closing.witness]\n${publicText(ceremony, "alice-1")}`,
    )
}

function oneRoleKey(draft: Draft): void {
    const [, targets = ""] = /\[repository\.roles\.targets\]\n(.*\n.*)\n/.exec(draft.plan) ?? []
    draft.plan = replaceIn(draft.plan, /\[repository\.roles\.timestamp\]\n.*\n.*\n/, `[repository.roles.timestamp]\n${targets}\n`)
}

function otherTargets(draft: Draft): void {
    const [, snapshot = ""] = /\[repository\.roles\.snapshot\]\n(.*\n.*)\n/.exec(draft.plan) ?? []
    const [, targets = ""] = /\[repository\.roles\.targets\]\n(.*\n.*)\n/.exec(draft.plan) ?? []
    draft.plan = draft.plan.replace(snapshot, "SNAPSHOT").replace(targets, snapshot).replace("SNAPSHOT", targets)
}

function offCurve(draft: Draft): void {
    const [, text = ""] = /\[repository\.roles\.targets\]\nkeytype = .*\npublic = "(.*)"/.exec(draft.plan) ?? []
    const spki = Buffer.from(text, "base64")
    draft.plan = replaceIn(draft.plan, text, flip(spki, spki.length - 1).toString("base64"))
}

/** SEC 1 §2.3.3: the same point in fewer bytes, and so another ID. */
function compressed(draft: Draft): void {
    const [, text = ""] = /\[closing\.witness\]\nkeytype = .*\npublic = "(.*)"/.exec(draft.plan) ?? []
    const spki = Buffer.from(text, "base64")
    const point = spki.subarray(-96)
    const short = Buffer.concat([Buffer.from([2 + ((point[95] ?? 0) & 1)]), point.subarray(0, 48)])
    const algorithm = spki.subarray(2, 20)
    const bits = Buffer.concat([Buffer.from([0x03, short.length + 1, 0]), short])
    const whole = Buffer.concat([Buffer.from([0x30, algorithm.length + bits.length]), algorithm, bits])
    draft.plan = replaceIn(draft.plan, text, whole.toString("base64"))
}

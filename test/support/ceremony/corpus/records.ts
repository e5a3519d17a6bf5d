import { encodePem, parsePem } from "../../../../src/crypto/pem.ts"
import { type Draft, type Loose, makeSigner, sha256 } from "../draft.ts"
import { factsWith, flip, type Mutation, outWith } from "../mutations.ts"
import { attestKey, certify } from "../people.ts"
import { type Ceremony, GUN } from "../scenario.ts"

/** The form, the clock and the order of records. */
export const ORDER: readonly Mutation[] = [
    { what: "with a member nobody knows", place: 4, draft: (draft) => Object.assign(draft.record(4), { extra: 1 }) },
    { what: "with a fact nobody knows", place: 4, draft: factsWith(4, { comment: "fine" }) },
    { what: "with a fact too few", place: 4, draft: factsWith(4, { origin: undefined }) },
    { what: "with an empty fact", place: 1, draft: factsWith(1, { program: "" }) },
    { what: "with a fact of another type", place: 13, draft: factsWith(13, { outcome: 1 }) },
    { what: "with a fact that is a list", place: 1, draft: factsWith(1, { program: ["trustkeyd"] }) },
    { what: "with a number below zero", place: 8, draft: factsWith(8, { repository: -1 }) },
    { what: "with a fact that is too large a number", place: 8, draft: factsWith(8, { repository: 2 ** 31 }) },
    { what: "with a step nobody knows", place: 4, draft: (draft) => Object.assign(draft.record(4), { step: "bless" }) },
    { what: "with a note of several lines", place: 4, draft: (draft) => Object.assign(draft.record(4), { note: "a\nb" }) },
    { what: "whose note has a space of no width", place: 4, draft: (draft) => Object.assign(draft.record(4), { note: "a\u200bb" }) },
    { what: "whose note turns the writing around", place: 4, draft: (draft) => Object.assign(draft.record(4), { note: "\u202eb" }) },
    { what: "with a note of more than a kibibyte", place: 4, draft: (draft) => Object.assign(draft.record(4), { note: "é".repeat(513) }) },
    { what: "with a note that is a number", place: 4, draft: (draft) => Object.assign(draft.record(4), { note: 1 }) },
    { what: "with a time of fractions", place: 4, draft: (draft) => Object.assign(draft.record(4), { t: "2026-11-21T18:00:00.5Z" }) },
    { what: "with a time that does not exist", place: 4, draft: (draft) => Object.assign(draft.record(4), { t: "2026-11-31T18:00:00Z" }) },
    { what: "whose clock goes back", place: 5, draft: (draft) => Object.assign(draft.record(4), { t: "2026-11-21T19:00:00Z" }) },
    { what: "opened long before it was packed", place: 2, draft: (draft) => Object.assign(draft.record(1), { t: "2026-11-21T18:30:00Z" }) },
    { what: "opened before its time", place: 2, draft: inTime("2026-11-21T07:59:59Z", 2) },
    { what: "packed before it was planned", place: 1, draft: inTime("2026-11-18T08:59:59Z", 1) },
    { what: "packed when its time was over", place: 1, draft: (draft) => Object.assign(draft.record(1), { t: "2026-11-21T23:00:01Z" }) },
    { what: "closed when its time was over", place: 13, draft: (draft) => Object.assign(draft.record(13), { t: "2026-11-21T23:00:01Z" }) },
    { what: "by somebody who is not in the plan", place: 4, draft: (draft) => Object.assign(draft.record(4), { who: "mallory" }) },
    { what: "with one holder's key presented by another", place: 4, draft: (draft) => Object.assign(draft.record(4), { who: "carol" }) },
    { what: "with one holder's key used by another", place: 9, draft: (draft) => Object.assign(draft.record(9), { who: "carol" }) },
    { what: "packed by a holder", place: 1, draft: (draft) => Object.assign(draft.record(1), { who: "alice" }) },
    { what: "built by a holder", place: 7, draft: (draft) => Object.assign(draft.record(7), { who: "alice" }) },
    { what: "closed by the lead", place: 13, draft: (draft) => Object.assign(draft.record(13), { who: "lena" }) },
    { what: "with a name in out twice", place: 6, draft: twice },
    { what: "with the names in out in another order", place: 7, draft: (draft) => reverse(draft, 7) },
    {
        what: "with the names in in in another order",
        place: 7,
        draft: (draft) => Object.assign(draft.record(7), { in: draft.record(7).in.toReversed() }),
    },
    { what: "that makes something besides", place: 4, draft: (draft) => draft.record(4).out.set("public/zoe", Buffer.from("x")) },
    { what: "that reads something besides", place: 7, draft: (draft) => draft.record(7).in.push({ name: "public/dave-1" }) },
    { what: "that does not read what it signs", place: 8, draft: (draft) => Object.assign(draft.record(8), { in: [] }) },
    {
        what: "that reads another thing than there is",
        place: 8,
        draft: (draft) => Object.assign(draft.record(8).in[1] ?? {}, { sha256: sha256("x") }),
    },
    { what: "packed for another plan", place: 1, draft: factsWith(1, { plan_sha256: sha256("x") }) },
    { what: "opened by another program", place: 2, draft: factsWith(2, { program_sha256: sha256("x") }) },
    { what: "opened with a root missing", place: 2, draft: (draft) => draft.record(2).in.pop() },
    { what: "that was never opened", place: 2, hooks: { omit: (step) => step === "open" } },
    { what: "opened twice", place: 3, draft: (draft) => draft.records.splice(2, 0, draft.record(2)) },
    { what: "packed again midway", place: 4, draft: (draft) => draft.records.splice(3, 0, draft.record(1)) },
    {
        what: "with something after the close",
        place: 14,
        draft: (draft) => draft.records.push({ ...draft.record(12), t: draft.record(13).t }),
    },
    { what: "with a publication in the transcript", place: 13, draft: (draft) => draft.records.splice(12, 0, ...draft.publication) },
    {
        what: "with a record of a vault in the publication",
        place: "publication",
        draft: (draft) => draft.publication.push({ ...draft.record(12), t: draft.publication[0]?.t ?? "" }),
    },
    { what: "published twice", place: "publication", draft: (draft) => draft.publication.push(...draft.publication) },
    { what: "published by a holder", place: "publication", draft: (draft) => publication(draft, { who: "alice" }) },
    {
        what: "with a repository published that it does not have",
        place: "publication",
        draft: (draft) => publication(draft, { facts: { repository: 1, server: "x" }, in: [{ name: "root/0" }] }),
    },
    {
        what: "with another root published than was made",
        place: "publication",
        draft: (draft) => publication(draft, { in: [{ name: "root/0", sha256: sha256("x") }] }),
    },
    {
        what: "published long before it was closed",
        place: "publication",
        draft: (draft) => publication(draft, { t: "2026-11-21T17:50:00Z" }),
    },
    { what: "published although it was abandoned", base: "abandoned", place: "publication", draft: publishAnyway },
]

/** Keys that are not what the plan wants, or not what their records say. */
export const KEYS: readonly Mutation[] = [
    { what: "with a key that the plan does not have", place: 4, draft: factsWith(4, { key: "zoe-1" }) },
    { what: "with another key presented", place: 4, draft: (draft, c) => present(draft, 4, c, "carol-1") },
    { what: "with the ID of another key", place: 4, draft: (draft, c) => factsWith(4, { key_id: c.key("carol-1").signer.id })(draft) },
    {
        what: "with another key's public half",
        place: 4,
        draft: (draft, c) => outWith(4, "public/bob-1", () => c.key("carol-1").spki)(draft),
    },
    { what: "with a public half that is none", place: 4, draft: outWith(4, "public/bob-1", () => "hello") },
    {
        what: "with something after a public half",
        place: 4,
        draft: outWith(4, "public/bob-1", (content) => Buffer.concat([content, Buffer.alloc(1)])),
    },
    { what: "with another algorithm than the key has", place: 4, draft: factsWith(4, { algorithm: "p384" }) },
    { what: "with a key presented twice", place: 5, draft: (draft) => draft.records.splice(4, 0, draft.record(4)) },
    { what: "with a kept key made anew", place: 4, draft: (draft) => Object.assign(draft.record(4), { step: "keygen" }) },
    { what: "with a new key that was there", place: 6, draft: (draft) => Object.assign(draft.record(6), { step: "present" }) },
    { what: "with a token but no serial number", place: 4, draft: factsWith(4, { serial: undefined }) },
    { what: "with a key from nowhere", place: 4, draft: factsWith(4, { origin: "found" }) },
    { what: "with a key imported that was to be made", place: 6, draft: factsWith(6, { origin: "imported" }) },
    { what: "with a key made by the vault that was to be made on a token", place: 6, draft: factsWith(6, { origin: "vault" }) },
    {
        what: "with a key made on a token that was to be made by the vault",
        base: "creation",
        place: 3,
        draft: factsWith(3, { origin: "token", token: "second", serial: "1" }),
    },
    { what: "with a token for a key made by the vault", base: "creation", place: 3, draft: factsWith(3, { token: "second", serial: "1" }) },
    { what: "with a new key on a token nobody planned", place: 6, draft: factsWith(6, { token: "mallory" }) },
    { what: "with one key made for two", base: "creation", place: 4, draft: sameKey },
    { what: "with a void key used again", base: "spoilt", place: 11, draft: voidedAgain },
    {
        what: "with a certificate for another repository",
        place: 6,
        draft: certificate((c) => certify(c.key("dave-1").signer, "registry.example.com/team/another").pem),
    },
    {
        what: "with a certificate for all repositories",
        place: 6,
        draft: certificate((c) => certify(c.key("dave-1").signer, "registry.example.com/team/*").pem),
    },
    { what: "with a certificate of another key", place: 6, draft: certificate(() => certify(makeSigner(), GUN).pem) },
    {
        what: "with a certificate that has ended",
        place: 6,
        draft: certificate((c) => certify(c.key("dave-1").signer, GUN, new Date("2020-01-01"), new Date("2026-11-21T18:00:00Z")).pem),
    },
    {
        what: "with a certificate that ends before the ceremony may",
        place: 6,
        draft: certificate((c) => certify(c.key("dave-1").signer, GUN, new Date("2020-01-01"), new Date("2026-11-21T22:00:00Z")).pem),
    },
    {
        what: "with a certificate of the day after tomorrow",
        place: 6,
        draft: certificate((c) => certify(c.key("dave-1").signer, GUN, new Date("2026-11-23"), new Date("2037-01-01")).pem),
    },
    { what: "with a certificate nobody signed", place: 6, draft: certificate((_, pem) => spoilPem(pem)) },
    // The signature covers only the first of the parts.
    { what: "with a certificate of four parts", place: 6, draft: certificate((_, pem) => withFourthPart(pem)) },
    { what: "with text before a certificate", place: 6, draft: certificate((_, pem) => `subject=x\n${pem}`) },
    { what: "with a certificate in other lines", place: 6, draft: certificate((_, pem) => pem.replace(/(.{64})\n(.{10})/, "$1$2\n")) },
    { what: "with a certificate twice in its list", place: 6, draft: certificate((_, pem) => `${pem}${pem}`) },
    { what: "with an attestation and no card", place: 6, draft: (draft) => draft.record(6).out.delete("attestation-intermediate/dave-1") },
    {
        what: "with an attestation of another key",
        place: 6,
        draft: attested((c) => attestKey(c.key("alice-1").spki, c.key("dave-1").serial)),
    },
    { what: "with an attestation of another card", place: 6, draft: attested((c) => attestKey(c.key("dave-1").spki, "99")) },
    {
        what: "with an attestation of another slot",
        place: 6,
        draft: attested((c) => attestKey(c.key("dave-1").spki, c.key("dave-1").serial, { slot: 0x9a })),
    },
    {
        what: "with an attestation of a weaker PIN policy",
        place: 6,
        draft: attested((c) => attestKey(c.key("dave-1").spki, c.key("dave-1").serial, { pinPolicy: 2 })),
    },
    {
        what: "with an attestation of a weaker touch policy",
        place: 6,
        draft: attested((c) => attestKey(c.key("dave-1").spki, c.key("dave-1").serial, { touchPolicy: 1 })),
    },
    {
        what: "with an attestation that does not say the slot",
        place: 6,
        draft: attested((c) => ({
            ...attestKey(c.key("dave-1").spki, c.key("dave-1").serial),
            statement: c.key("dave-1").attestation?.card ?? Buffer.alloc(0),
        })),
    },
    { what: "with an attestation that this card did not sign", place: 6, draft: otherCard },
    { what: "with an attestation that says more than its record", place: 6, draft: factsWith(6, { touch_policy: undefined }) },
    {
        what: "with a key voided by another holder",
        base: "spoilt",
        place: 10,
        draft: (draft) => Object.assign(draft.record(10), { who: "alice" }),
    },
    { what: "with another record voided than the key's", base: "spoilt", place: 10, draft: factsWith(10, { record: 4 }) },
    { what: "with a key voided while the root stands", base: "spoilt", place: 9, draft: (draft) => draft.records.splice(8, 1) },
    { what: "with a key voided twice", base: "spoilt", place: 11, draft: (draft) => draft.records.splice(10, 0, draft.record(10)) },
    { what: "with a key voided that has signed", place: 12, draft: (draft) => voidSigned(draft) },
]

function inTime(t: string, n: number): (draft: Draft) => void {
    return (draft) => {
        for (const record of draft.records.slice(0, n)) record.t = t
    }
}

function reverse(draft: Draft, n: number): void {
    const record = draft.record(n)
    record.out = new Map([...record.out].reverse())
}

/** A Map has each name once; a list of two does not. */
function twice(draft: Draft): void {
    const record = draft.record(6)
    Object.assign(record, { out: [...record.out, ...[...record.out].slice(-1)] })
}

function publication(draft: Draft, change: Loose): void {
    for (const record of draft.publication) Object.assign(record, change)
}

function publishAnyway(draft: Draft): void {
    const facts = { repository: 0, server: "https://notary.example.com" }
    draft.publication.push({ t: "2026-11-21T20:00:00Z", who: "lena", step: "publish", facts, in: [], out: new Map(), note: "" })
}

function present(draft: Draft, n: number, ceremony: Ceremony, name: string): void {
    const { signer, spki } = ceremony.key(name)
    factsWith(n, { key_id: signer.id })(draft)
    outWith(n, "public/bob-1", () => spki)(draft)
}

function sameKey(draft: Draft, ceremony: Ceremony): void {
    const { signer, spki, certified } = ceremony.key("alice-1")
    factsWith(4, { key_id: signer.id })(draft)
    outWith(4, "public/bob-1", () => spki)(draft)
    certified.forEach(({ pem }, i) => {
        outWith(4, `certificate/bob-1/${i}`, () => pem)(draft)
    })
}

function voidedAgain(draft: Draft): void {
    const [first, again] = [draft.record(5), draft.record(11)]
    again.facts = first.facts
    again.out = first.out
}

function withFourthPart(pem: string): string {
    const [{ der } = { der: Buffer.alloc(0) }] = parsePem(pem, "none")
    const longer = Buffer.concat([der, Buffer.from("0500", "hex")])
    longer.writeUInt16BE(der.length - 4 + 2, 2)
    return encodePem("CERTIFICATE", longer)
}

function certificate(make: (ceremony: Ceremony, pem: string) => string): (draft: Draft, ceremony: Ceremony) => void {
    return (draft, ceremony) => outWith(6, "certificate/dave-1/0", (content) => make(ceremony, content.toString()))(draft)
}

function spoilPem(pem: string): string {
    const der = Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ""), "base64")
    const lines =
        flip(der, der.length - 1)
            .toString("base64")
            .match(/.{1,64}/g) ?? []
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`
}

type Attestation = ReturnType<typeof attestKey>

function attested(make: (ceremony: Ceremony) => Attestation): (draft: Draft, ceremony: Ceremony) => void {
    return (draft, ceremony) => {
        const { statement, card } = make(ceremony)
        outWith(6, "attestation/dave-1", () => statement)(draft)
        outWith(6, "attestation-intermediate/dave-1", () => card)(draft)
    }
}

function otherCard(draft: Draft, ceremony: Ceremony): void {
    const { card } = attestKey(ceremony.key("dave-1").spki, "1")
    outWith(6, "attestation-intermediate/dave-1", () => card)(draft)
}

function voidSigned(draft: Draft): void {
    const facts = { key: "alice-1", record: 3, reason: "changed our minds" }
    draft.records.splice(11, 0, { t: draft.record(11).t, who: "alice", step: "void-key", facts, in: [], out: new Map(), note: "" })
}

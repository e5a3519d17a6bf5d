import { canonical, type Draft, type Loose } from "../draft.ts"
import { factsWith, type Mutation, outWith, planWith, replaceIn } from "../mutations.ts"
import { attestKey } from "../people.ts"
import type { Ceremony } from "../scenario.ts"

/** Bundles that look wrong and are good: a checker that refuses one of them is too strict, and no page says that it may be. */
export const ODD: readonly Mutation[] = [
    good(
        "whose plan has spaces wherever they may be",
        planWith(/\[\[person\]\]\nname = "wim"/, ' [[ person ]]  # the witness\n  name  =  "wim"#x'),
    ),
    good("whose plan names a table and the tables in it", planWith("[closing.vault]", "[closing]\n[closing.vault]")),
    good("whose reason looks like a comment", planWith(/reason = .*/, 'reason = "a # b = [c]"')),
    good("whose reason ends in a backslash", planWith(/reason = .*/, 'reason = "a\\\\"')),
    good("whose reason ends in a quotation mark", planWith(/reason = .*/, 'reason = "a\\""')),
    good("whose reason is as long as it may be", planWith(/reason = .*/, `reason = "${"é".repeat(512)}"`)),
    good("whose people have full names", planWith('name = "wim"', 'name = "wim"\nfull_name = "Wim 😀 W."')),
    good("of a rehearsal", planWith("threshold = 2", `threshold = 2\nrehearsal_of = "${"a".repeat(64)}"`)),
    good(
        "whose spare token has the name of the one it stands in for",
        planWith(/(\[\[spare\]\]\ntoken = ).*/, '$1"spare"\nserial = "12345902"'),
        "spoilt",
    ),
    good("whose lost key was held by nobody in the plan", planWith('holder = "bob"', 'holder = "Bob, who left"'), "lost"),
    good("whose lost key had a serial number", planWith('holder = "bob"', 'holder = "bob"\nserial = "1"'), "lost"),
    good("closed in the last second", at(13, "2026-11-21T23:00:00Z")),
    good("opened ten minutes before it was packed", at(1, "2026-11-21T18:06:00Z")),
    good("published years later", (draft) => Object.assign(draft.publication[0] ?? {}, { t: "2036-11-21T18:00:00Z" })),
    good("whose people have something to say", (draft) =>
        Object.assign(draft.record(5), { note: 'the seal said "A 17\\B", <intact> & dry 😀' }),
    ),
    good("with a key that was imported", factsWith(4, { origin: "imported" })),
    good("with a slot said of a key that has no attestation", factsWith(4, { slot: "82", touch_policy: "cached" })),
    good("with an attestation of a key that was there", attestedBefore),
    good("with a key shown a second time", shownAgain),
    good("with a key that goes taken back before it could sign", takenBack),
    good("with one copy more than planned, on the spare token", copied, "creation"),
    { ...good("with an old root that is expired"), hooks: { chain: (body) => ({ ...body, expires: "2001-01-01T00:00:00Z" }) } },
    {
        ...good("with an old root that expires by the clock on somebody's wall"),
        hooks: { chain: (body) => ({ ...body, expires: "2036-01-01T00:00:00.123456789-12:30" }) },
    },
    good(
        "with an old root whose signatures are in another order",
        outWith(1, "chain/0/2", (content) => resigned(content, (list) => list.toReversed())),
    ),
    good(
        "with an old root that has a wrong signature more than enough",
        outWith(1, "chain/0/2", (content) => resigned(content, spoiltLast)),
    ),
    good(
        "with an old root that a stranger has signed too",
        outWith(1, "chain/0/2", (content) => resigned(content, strangers)),
    ),
]

function good(what: string, draft?: Mutation["draft"], base: NonNullable<Mutation["base"]> = "rotation"): Mutation {
    return { what, base, place: "nowhere", ...(draft === undefined ? {} : { draft }) }
}

function at(n: number, t: string): (draft: Draft) => void {
    return (draft) => {
        // What follows on it was later still.
        for (const record of draft.publication) if (n > 1) record.t = t
        draft.record(n).t = t
    }
}

function attestedBefore(draft: Draft, ceremony: Ceremony): void {
    const { spki, serial } = ceremony.key("bob-1")
    const { statement, card } = attestKey(spki, serial, { slot: 0x82, pinPolicy: 2, touchPolicy: 3 })
    const record = draft.record(4)
    record.out = new Map([["attestation-intermediate/bob-1", card], ["attestation/bob-1", statement], ...record.out])
    factsWith(4, { slot: "82", pin_policy: "once", touch_policy: "cached" })(draft)
}

function shownAgain(draft: Draft): void {
    const { t } = draft.record(5)
    const facts = { key: "alice-1", record: 3, reason: "the wrong card" }
    const taken = { t, who: "lena", step: "void-key", facts, in: [], out: new Map(), note: "" }
    draft.records.splice(5, 0, taken, { ...draft.record(3), t })
}

/** Three others are enough. */
function takenBack(draft: Draft): void {
    const { t } = draft.record(7)
    const facts = { key: "bob-1", record: 4, reason: "bob had to go" }
    const signature = draft.number("sign", ({ facts: { key } }) => key === "bob-1")
    draft.records.splice(signature - 1, 1)
    draft.records.splice(7, 0, { t, who: "bob", step: "void-key", facts, in: [], out: new Map(), note: "" })
    const close = draft.record(draft.number("close"))
    close.in = close.in.filter(({ name }) => name !== "signature/bob-1/0")
    close.out = new Map([...close.out].map(([name, content]) => [name, withoutBob(content, draft)]))
}

function withoutBob(content: Buffer, draft: Draft): Buffer {
    const left = draft.records.flatMap(({ facts, step }) => (step === "sign" ? [facts["keyid"]] : []))
    return resigned(content, (list) => list.filter(({ keyid }) => left.includes(keyid)))
}

function copied(draft: Draft): void {
    draft.plan = replaceIn(draft.plan, "[[repository]]", '[[spare]]\ntoken = "fourth"\n\n[[repository]]')
    const first = draft.record(10)
    draft.records.splice(11, 0, { ...draft.record(11), facts: { ...first.facts, token: "fourth", serial: "4" } })
}

type Signatures = readonly Loose[]

function resigned(content: Buffer, change: (signatures: Signatures) => Signatures): Buffer {
    const file: { readonly signed: Loose; readonly signatures: Signatures } = JSON.parse(content.toString())
    const list = change(file.signatures).map(({ keyid, method, sig }) => `{"keyid":"${keyid}","method":"${method}","sig":"${sig}"}`)
    return Buffer.from(`{"signed":${canonical(file.signed)},"signatures":[${list.join(",")}]}`)
}

function spoiltLast(signatures: Signatures): Signatures {
    return signatures.map((signature, index) => (index < 2 ? signature : { ...signature, sig: Buffer.alloc(64).toString("base64") }))
}

function strangers(signatures: Signatures): Signatures {
    return [{ keyid: "a".repeat(64), method: "rsapkcs1v15", sig: "AAAA" }, ...signatures]
}

import { canonical, type Draft, type Loose } from "../draft.ts"
import { fileOf, fileWith, flip, lineWith, type Mutation, replaceIn } from "../mutations.ts"

/** By somebody who gets hold of the stick, and of no key. */
export const FILES: readonly Mutation[] = [
    { what: "with one file more", place: "bundle", files: (bundle) => bundle.set("notes.txt", Buffer.from("hello")) },
    {
        what: "with an artefact that no record names",
        place: "bundle",
        files: (bundle) => bundle.set(`artefacts/${"0".repeat(64)}`, Buffer.from("x")),
    },
    {
        what: "with an artefact of another kind of name",
        place: "bundle",
        files: (bundle) => bundle.set(`artefacts/${"A".repeat(64)}`, Buffer.from("x")),
    },
    { what: "with a directory more", place: "bundle", files: (bundle) => bundle.set("artefacts/more/x", Buffer.from("x")) },
    { what: "without its plan", place: "bundle", files: (bundle) => bundle.delete("plan.toml") },
    { what: "without its transcript", place: "bundle", files: (bundle) => bundle.delete("transcript.jsonl") },
    { what: "with an empty publication", place: "bundle", files: (bundle) => bundle.set("publication.jsonl", Buffer.alloc(0)) },
    {
        what: "with an artefact of more than a mebibyte",
        place: "bundle",
        files: (bundle) => bundle.set(`artefacts/${"0".repeat(64)}`, Buffer.alloc(2 ** 20 + 1, 1)),
    },
    {
        what: "with a plan of more than 256 KiB",
        place: "bundle",
        files: fileWith("plan.toml", (text) => `${text}${"# more\n".repeat(40_000)}`),
    },
    {
        what: "with a space more in the plan",
        place: 1,
        files: fileWith("plan.toml", (text) => replaceIn(text, "threshold = 2", "threshold =  2")),
    },
    { what: "with another reason in the plan", place: 1, files: fileWith("plan.toml", (text) => replaceIn(text, "yearly", "weekly")) },
    {
        what: "with the plan of another ceremony",
        place: 1,
        files: (bundle, draft) => bundle.set("plan.toml", Buffer.from(replaceIn(draft.plan, "2026-11-21-a", "2026-11-21-b"))),
    },
    { what: "whose first record is gone", place: 1, files: fileWith("transcript.jsonl", (text) => text.slice(text.indexOf("\n") + 1)) },
    {
        what: "with a record gone from the middle",
        place: 5,
        files: fileWith("transcript.jsonl", (text) => withLines(text, (lines) => lines.toSpliced(4, 1))),
    },
    {
        what: "with two records swapped",
        place: 3,
        files: fileWith("transcript.jsonl", (text) => withLines(text, (lines) => lines.with(2, lines[3] ?? "").with(3, lines[2] ?? ""))),
    },
    {
        what: "with a record there twice",
        place: 9,
        files: fileWith("transcript.jsonl", (text) => withLines(text, (lines) => lines.toSpliced(8, 0, lines[7] ?? ""))),
    },
    {
        what: "that ends before the close",
        base: "abandoned",
        place: "close",
        files: fileWith("transcript.jsonl", (text) => withLines(text, (lines) => lines.slice(0, -1))),
    },
    {
        what: "that ends before the record which names the finished root",
        place: "bundle",
        files: fileWith("transcript.jsonl", (text) => withLines(text, (lines) => lines.slice(0, -1))),
    },
    { what: "cut off within its last record", place: 13, files: fileWith("transcript.jsonl", (text) => text.slice(0, -40)) },
    { what: "whose transcript lacks the last line feed", place: 13, files: fileWith("transcript.jsonl", (text) => text.slice(0, -1)) },
    {
        what: "with an empty line in the transcript",
        place: 4,
        files: fileWith("transcript.jsonl", (text) => withLines(text, (lines) => lines.toSpliced(3, 0, ""))),
    },
    { what: "with an empty line at the transcript's end", place: 14, files: fileWith("transcript.jsonl", (text) => `${text}\n`) },
    { what: "with carriage returns", place: 1, files: fileWith("transcript.jsonl", (text) => text.replaceAll("\n", "\r\n")) },
    { what: "with a byte order mark before the first record", place: 1, files: fileWith("transcript.jsonl", (text) => `\ufeff${text}`) },
    { what: "with a space in a record", place: 6, files: lineWith(6, (line) => replaceIn(line, '"facts":', '"facts": ')) },
    {
        what: "with a record's members in another order",
        place: 2,
        files: lineWith(2, (line) => replaceIn(replaceIn(line, ',"who":"lena"', ""), '{"facts"', '{"who":"lena","facts"')),
    },
    {
        what: "with a member there twice",
        place: 2,
        files: lineWith(2, (line) => replaceIn(line, '"who":"lena"', '"who":"lena","who":"lena"')),
    },
    { what: "with a letter escaped", place: 2, files: lineWith(2, (line) => replaceIn(line, '"who":"lena"', '"who":"l\\u0065na"')) },
    { what: "with a number written as a fraction", place: 2, files: lineWith(2, (line) => replaceIn(line, '"n":2,', '"n":2.0,')) },
    {
        what: "with a record that is not UTF-8",
        place: 3,
        files: (bundle) => bundle.set("transcript.jsonl", notUtf8(fileOf(bundle, "transcript.jsonl"), 3)),
    },
    {
        what: "with another time in a record",
        place: 4,
        files: lineWith(4, (line) => replaceIn(line, /"t":"2026-11-21T17:5/, '"t":"2026-11-21T17:4')),
    },
    { what: "with another person in a record", place: 4, files: lineWith(4, (line) => replaceIn(line, '"who":"bob"', '"who":"carol"')) },
    { what: "with another note in a record", place: 4, files: lineWith(4, (line) => replaceIn(line, '"note":""', '"note":"all is well"')) },
    {
        what: "with another serial number in a record",
        place: 6,
        files: lineWith(6, (line) => replaceIn(line, /"serial":"\d/, '"serial":"9')),
    },
    {
        what: "with another digest in a record's in",
        place: 8,
        files: lineWith(8, (line) => replaceIn(line, /("in":\[\{"name":"[^"]*","sha256":")./, "$1g")),
    },
    {
        what: "with another digest in a record's out",
        place: 8,
        files: lineWith(8, (line) =>
            line.replace(/("out":\[\{"name":"[^"]*","sha256":")(.)/, (_, before, digit) => `${before}${digit === "0" ? "1" : "0"}`),
        ),
    },
    {
        what: "with another hash in a record",
        place: 8,
        files: lineWith(8, (line) => line.replace(/"hash":"(.)/, (_, digit) => `"hash":"${digit === "0" ? "1" : "0"}`)),
    },
    {
        what: "with another prev in a record",
        place: 8,
        files: lineWith(8, (line) => line.replace(/"prev":"(.)/, (_, digit) => `"prev":"${digit === "0" ? "1" : "0"}`)),
    },
    { what: "with another number in a record", place: 8, files: lineWith(8, (line) => replaceIn(line, '"n":8,', '"n":9,')) },
    {
        what: "with a hash in capital letters",
        place: 8,
        files: lineWith(8, (line) => line.replace(/"hash":"([0-9a-f]+)"/, (_, hex: string) => `"hash":"${hex.toUpperCase()}"`)),
    },
    { what: "whose published root was changed", place: 1, files: artefact("chain/0/2", (content) => flip(content)) },
    { what: "whose certificate is gone", place: 6, files: artefact("certificate/dave-1/0") },
    {
        what: "whose attestation was changed",
        place: 6,
        files: artefact("attestation/dave-1", (content) => flip(content, content.length - 9)),
    },
    { what: "whose new root was changed", place: 7, files: artefact("signed/0", (content) => flip(content)) },
    { what: "whose signature was changed", place: 9, files: artefact("signature/bob-1/0", (content) => flip(content, content.length - 9)) },
    { what: "whose signature is empty", place: "bundle", files: artefact("signature/bob-1/0", () => Buffer.alloc(0)) },
    { what: "whose finished root is gone", place: 13, files: artefact("root/0") },
    { what: "without a close", place: "close", files: (bundle) => bundle.delete("close.json") },
    { what: "whose close ends in a line feed", place: "close", files: fileWith("close.json", (text) => `${text}\n`) },
    {
        what: "whose close is written with spaces",
        place: "close",
        files: fileWith("close.json", (text) => JSON.stringify(JSON.parse(text), undefined, 1)),
    },
    {
        what: "whose close the vault alone has signed",
        place: "close",
        files: closeWith((close) => ({ ...close, signatures: close.signatures.slice(0, 1) })),
    },
    {
        what: "whose close the vault has signed twice",
        place: "close",
        files: closeWith((close) => ({ ...close, signatures: [close.signatures[0], close.signatures[0]] })),
    },
    {
        what: "whose close the witness has signed first",
        place: "close",
        files: closeWith((close) => ({ ...close, signatures: close.signatures.toReversed() })),
    },
    {
        what: "whose close has one signature more",
        place: "close",
        files: closeWith((close) => ({ ...close, signatures: [...close.signatures, close.signatures[1]] })),
    },
    { what: "whose close says something besides", place: "close", files: closeWith((close) => ({ ...close, note: "signed" })) },
    {
        what: "whose close counts other records",
        place: "close",
        files: closeWith((close) => ({ ...close, statement: { ...close.statement, records: 12 } })),
    },
    {
        what: "whose close says abandoned",
        place: "close",
        files: closeWith((close) => ({ ...close, statement: { ...close.statement, outcome: "abandoned" } })),
    },
    {
        what: "whose close has another form of signature",
        place: "close",
        files: fileWith("close.json", (text) => replaceIn(text, '"method":"eddsa"', '"method":"ecdsa"')),
    },
    {
        what: "whose close is that of another run of the same plan",
        place: "close",
        files: (bundle, draft) => bundle.set("close.json", fileOf(otherRun(draft), "close.json")),
    },
    { what: "whose transcript and close are that of another plan", place: 1, files: (bundle, draft) => otherPlan(draft.plan, bundle) },
    {
        what: "published in another order of hashes",
        place: "publication",
        files: fileWith("publication.jsonl", (text) => text.replace(/"prev":"(.)/, (_, digit) => `"prev":"${digit === "0" ? "1" : "0"}`)),
    },
    {
        what: "whose publication is not to the end",
        place: "publication",
        files: fileWith("publication.jsonl", (text) => text.slice(0, -1)),
    },
    {
        what: "that is another's publication",
        place: "publication",
        files: (bundle, draft) => bundle.set("publication.jsonl", fileOf(otherRun(draft), "publication.jsonl")),
    },
    { what: "whose publication is written on in the transcript", place: 14, files: (bundle) => moved(bundle) },
]

type Close = { readonly signatures: readonly unknown[]; readonly statement: Loose; readonly note?: string }

function closeWith(change: (close: Close) => Close): NonNullable<Mutation["files"]> {
    return fileWith("close.json", (text) => canonical(change(JSON.parse(text))).toString())
}

function withLines(text: string, change: (lines: readonly string[]) => readonly string[]): string {
    return `${change(text.split("\n").slice(0, -1)).join("\n")}\n`
}

function notUtf8(transcript: Buffer, n: number): Buffer {
    const copy = Buffer.from(transcript)
    let at = 0
    for (let line = 1; line < n; line++) at = copy.indexOf("\n", at) + 1
    copy[copy.indexOf('"who":"', at) + 7] = 0xff
    return copy
}

/** The file that a name stands for is changed under its old digest; without `change` it is gone. */
function artefact(name: string, change?: (content: Buffer) => Buffer): NonNullable<Mutation["files"]> {
    return (bundle) => {
        const digest = new RegExp(`"name":"${name}","sha256":"([0-9a-f]{64})"`).exec(fileOf(bundle, "transcript.jsonl").toString())?.[1]
        const file = `artefacts/${digest}`
        if (change === undefined) bundle.delete(file)
        else bundle.set(file, change(fileOf(bundle, file)))
    }
}

/** The same people, the same plan, the same keys; a minute later. */
function otherRun(draft: Draft): Map<string, Buffer> {
    const last = draft.record(draft.records.length)
    last.note = "once more"
    return draft.seal()
}

function otherPlan(plan: string, bundle: Map<string, Buffer>): void {
    bundle.set("plan.toml", Buffer.from(replaceIn(plan, "yearly", "daily")))
}

function moved(bundle: Map<string, Buffer>): void {
    bundle.set("transcript.jsonl", Buffer.concat([fileOf(bundle, "transcript.jsonl"), fileOf(bundle, "publication.jsonl")]))
    bundle.delete("publication.jsonl")
}

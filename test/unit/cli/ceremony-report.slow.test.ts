import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { spoken, verifyCeremony } from "../../../src/ceremony/index.ts"
import { type CeremonyReport, reportOf } from "../../../src/cli/ceremony/report.ts"
import { renderReport } from "../../../src/cli/ceremony/report-page.ts"
import { writeBundle } from "../../../src/cli/ceremony/stick.ts"
import { ceremonyReportCommand } from "../../../src/cli/commands/ceremony-report.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import {
    backedUp,
    built,
    type CeremonyRig,
    ceremonyRig,
    closed,
    done,
    ended,
    filesOf,
    GUNS,
    inputs,
    opened,
    shown,
    signed,
    step,
    wholeCeremony,
} from "../ceremony/rig.ts"
import { type FakeTerminal, fakeCli, fakeTerminal } from "./fake-terminal.ts"

const KINDS = ["create-root", "rotate-root", "replace-holder", "root-lost"] as const

function reportFrom(rig: CeremonyRig): CeremonyReport {
    return reportOf(verifyCeremony(filesOf(rig)))
}

/** Alice's token is spoilt, the first roots are void, one of two is published. */
function eventful(): CeremonyRig {
    let rig = shown(opened(ceremonyRig("replace-holder")))
    rig = step(rig, { step: "void-key", key: "alice-2", reason: "the <b>token</b> fell" }, { note: "nobody was <i>hurt</i>" })
    const other = ceremonyRig("rotate-root").held.get("alice-2") ?? assert.fail()
    rig = { ...rig, held: new Map([...rig.held, ["alice-2", other]]) }
    rig = step(rig, inputs.show(rig, "alice-2", { token: "spare", serial: "99", slot: "9c", pinPolicy: "once", touchPolicy: "always" }))
    rig = step(signed(built(rig)), { step: "void-root", reason: "a line was read wrong" })
    rig = closed(ended(backedUp(signed(step(rig, { step: "build" })))))
    return step(rig, { step: "publish", repository: 1, server: "https://notary.example.com" })
}

describe("the report of a ceremony", () => {
    for (const kind of KINDS) {
        test(`of kind ${kind} has what the bundle has: people, keys, roots, signatures, records`, () => {
            const rig = wholeCeremony(kind)
            const report = reportFrom(rig)
            const { plan, records, state } = rig.bundle
            assert.equal(report.plan, plan.sha256)
            assert.equal(report.lastRecord, records.at(-1)?.hash)
            assert.deepEqual(
                report.records.map(({ n, hash, who }) => [n, hash, who]),
                records.map(({ n, hash, who }) => [n, hash, who]),
            )
            assert.deepEqual(
                report.people.flatMap((person) => person.records).sort((left, right) => left - right),
                records.map(({ n }) => n),
            )
            assert.deepEqual(
                report.keys.map(({ name, id }) => [name, id]),
                plan.keys.map(({ name, change }) => [name, change === "lost" ? undefined : rig.held.get(name)?.id]),
            )
            for (const [index, repository] of report.repositories.entries()) {
                const changes = kind === "rotate-root" || kind === "replace-holder"
                assert.equal(repository.gun, GUNS[index])
                assert.equal(repository.before?.version, kind === "create-root" ? undefined : 3)
                assert.equal(repository.after?.version, changes ? 4 : 1)
                assert.equal(repository.after?.sha256, state.build?.roots[index]?.sha256)
                assert.deepEqual(repository.oldSignatures, changes ? { have: 2, need: 2 } : undefined)
                assert.deepEqual(repository.newSignatures, { have: 3, need: 2 })
                const signers = plan.keys.filter(({ change }) => change !== "lost" && (changes || change !== "retired"))
                assert.deepEqual(
                    repository.signedBy.map(({ key }) => key),
                    signers.map(({ name }) => name),
                )
                assert.ok((repository.difference?.sentences.length ?? 0) > 2)
            }
            assert.deepEqual(
                report.closedBy.map(({ name, keyId }) => [name, keyId]),
                [
                    ["vault", rig.vault.id],
                    ["witness", rig.witness.id],
                ],
            )
        })
    }

    test("shows what was void, and by which record", () => {
        const report = reportFrom(eventful())
        const alice = report.keys.find(({ name }) => name === "alice-2")
        assert.equal(alice?.token, "spare")
        assert.deepEqual(
            alice?.voided.map(({ record, reason }) => [record, reason]),
            [[3, "the <b>token</b> fell"]],
        )
        const voided = report.records.filter(({ voidedBy }) => voidedBy !== undefined)
        const rootVoid = report.records.find((record) => record.step === "void-root")?.n ?? 0
        assert.deepEqual(
            voided.map(({ n, step: name, voidedBy }) => [n, name, voidedBy]),
            [[3, "keygen", 7], [9, "build", rootVoid], ...Array.from({ length: 8 }, (_, index) => [10 + index, "sign", rootVoid])],
        )
        assert.deepEqual(
            report.repositories.map(({ published }) => published?.server),
            [undefined, "https://notary.example.com"],
        )
    })

    test("says what a new key's backups were", () => {
        const backups = new Map(reportFrom(wholeCeremony("create-root")).keys.map((key) => [key.name, key.backups]))
        assert.deepEqual(backups.get("alice-2"), ["can't leave its token"])
        assert.deepEqual(backups.get("lea-1"), [
            "copied to token lea-a, serial copy-0",
            "copied to token lea-b, serial copy-1",
            "exported, sealed for 1, and opened again",
        ])
        assert.deepEqual(backups.get("bob-1"), [])
    })

    test("of an abandoned ceremony says so, and has no roots", () => {
        const report = reportFrom(closed(ended(shown(opened(ceremonyRig("rotate-root"))), "abandoned")))
        assert.equal(report.outcome, "abandoned")
        for (const { after, difference, signedBy } of report.repositories)
            assert.deepEqual([after, difference, signedBy], [undefined, undefined, []])
        const page = renderReport(report)
        assert.ok(page.includes("Verified: abandoned"))
        assert.ok(page.includes("the ceremony was abandoned: there is nothing to publish"))
    })

    test("is not made of a bundle that is not good, naming the record", () => {
        const files = filesOf(wholeCeremony("create-root"))
        const text = files.get("transcript.jsonl")?.toString("utf8") ?? ""
        files.set("transcript.jsonl", Buffer.from(text.replace('"reason"', '"season"').replace("alice", "malic")))
        assert.throws(() => reportOf(verifyCeremony(files)), {
            code: "bundle_invalid",
            message: /^record [0-9]+: .*; of such a bundle there is no report$/,
        })
        assert.throws(() => reportOf(verifyCeremony(filesOf(ended(done(opened(ceremonyRig("create-root"))))))), {
            code: "bundle_invalid",
            message: /not closed/,
        })
    })

    test("is one page of HTML, in which nothing of the bundle is markup", () => {
        const report = reportFrom(eventful())
        const page = renderReport(report)
        const { hex, words } = spoken(report.lastRecord)
        for (const text of [
            hex,
            words,
            "Verified: complete",
            "“nobody was &lt;i&gt;hurt&lt;/i&gt;”",
            "the &lt;b&gt;token&lt;/b&gt; fell",
        ]) {
            assert.ok(page.includes(text), text)
        }
        assert.doesNotMatch(page, /<i>|<script|href=|url\(/)
        assert.deepEqual(
            [...page.matchAll(/ src="([^"]{0,22})/g)].map(([, source]) => source),
            ["data:image/png;base64,"],
        )
        const rehearsal = renderReport(reportFrom(wholeCeremony("create-root", { changes: { rehearsalOf: "ab".repeat(32) } })))
        assert.ok(rehearsal.includes("REHEARSAL: nothing of it may be published"))
    })
})

describe("trustkey ceremony report", () => {
    test("writes the report of a bundle's directory as a page or as JSON, to standard output or to a new file", async () => {
        await using directory = await makeWorkingDirectory("report")
        const bundle = path.join(directory.path, "bundle")
        const rig = wholeCeremony("create-root", { changes: { rehearsalOf: "ab".repeat(32) } })
        await writeBundle(bundle, filesOf(rig))
        const run = async (...args: readonly string[]): Promise<FakeTerminal> => {
            const terminal = fakeTerminal()
            await ceremonyReportCommand(fakeCli(terminal)).parseAsync([bundle, ...args], { from: "user" })
            return terminal
        }
        const page = renderReport(reportFrom(rig))
        const shownPage = await run()
        assert.equal(shownPage.printed(), page)
        assert.match(shownPage.remarks(), /^warning: this is a rehearsal/)
        const [html, json] = [path.join(directory.path, "report.html"), path.join(directory.path, "report.json")]
        await run("--out", html)
        assert.equal(await readFile(html, "utf8"), page)
        await run("--json", "--out", json)
        const plain: unknown = JSON.parse(JSON.stringify(reportFrom(rig)))
        assert.deepEqual(JSON.parse(await readFile(json, "utf8")), plain)
        assert.deepEqual(JSON.parse((await run("--json")).printed()), plain)
        await assert.rejects(run("--out", html), { code: "already_exists" })
    })

    test("refuses a bundle that is not good, and writes nothing", async () => {
        await using directory = await makeWorkingDirectory("report")
        const bundle = path.join(directory.path, "bundle")
        const files = filesOf(wholeCeremony("create-root"))
        await writeBundle(bundle, files)
        await writeFile(
            path.join(bundle, "close.json"),
            (files.get("close.json") ?? Buffer.alloc(0)).toString("latin1").replace("complete", "abandoned"),
        )
        const out = path.join(directory.path, "report.html")
        const command = ceremonyReportCommand(fakeCli(fakeTerminal()))
        await assert.rejects(command.parseAsync([bundle, "--out", out], { from: "user" }), { code: "bundle_invalid", message: /^close: / })
        assert.equal(existsSync(out), false)
    })
})

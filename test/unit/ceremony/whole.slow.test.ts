import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { bundleFiles, progressOf, readBundle, verifyCeremony } from "../../../src/ceremony/index.ts"
import { parseFile, ROOT, verifyRootChain } from "../../../src/tuf/index.ts"
import { ageFile } from "../../support/ceremony/scenario.ts"
import {
    backedUp,
    built,
    ceremonyRig,
    closed,
    completed,
    ended,
    filesOf,
    GUNS,
    inputs,
    opened,
    shown,
    signed,
    step,
    wholeCeremony,
} from "./rig.ts"

const KINDS = ["create-root", "rotate-root", "replace-holder", "root-lost"] as const
const NOW = new Date("2026-11-21T12:00:00Z")

describe("a whole ceremony", () => {
    for (const kind of KINDS) {
        for (const isSmall of [true, false]) {
            test(`TK-CER-1 of kind ${kind}, ${isSmall ? "1-of-1" : "2-of-3"}, is verified from its bundle alone`, () => {
                const rig = wholeCeremony(kind, { isSmall })
                const verdict = verifyCeremony(filesOf(rig))
                assert.deepEqual(verdict.findings, [])
                assert.equal(verdict.ok && verdict.outcome, "complete")
            })
        }

        test(`of kind ${kind} ends in roots that clients follow`, () => {
            const { bundle, chains } = wholeCeremony(kind)
            for (const [index, gun] of GUNS.entries()) {
                const file = parseFile(bundle.artefact(`root/${index}`) ?? Buffer.alloc(0), ROOT)
                const before =
                    kind === "rotate-root" || kind === "replace-holder" ? (chains[index] ?? []).map((root) => parseFile(root, ROOT)) : []
                assert.equal(verifyRootChain(before[0], [...before, file], gun, NOW).content, file.content)
                assert.equal(file.signed.document.version, before.length + 1)
            }
        })
    }

    for (const algorithm of ["p384", "rsa2048"] as const) {
        test(`with a ${algorithm} key is verified`, () => {
            assert.deepEqual(verifyCeremony(filesOf(wholeCeremony("rotate-root", { algorithm, guns: [GUNS[0]] }))).findings, [])
        })
    }

    test("can be stopped and read again after every step, and goes on as if nothing had been", () => {
        const whole = wholeCeremony("replace-holder", { guns: [GUNS[0]] })
        const files = filesOf(whole)
        const lines = (files.get("transcript.jsonl") ?? Buffer.alloc(0)).toString("utf8").trimEnd().split("\n")
        for (let n = 1; n <= lines.length; n++) {
            const named = new Set(whole.bundle.records.slice(0, n).flatMap(({ out }) => out.map(({ sha256 }) => `artefacts/${sha256}`)))
            const part = new Map([...files].filter(([name]) => name === "plan.toml" || named.has(name)))
            part.set("transcript.jsonl", Buffer.from(`${lines.slice(0, n).join("\n")}\n`))
            const bundle = readBundle(part)
            assert.deepEqual(bundle.records, whole.bundle.records.slice(0, n))
            assert.deepEqual(new Map(bundleFiles(bundle)), part)
            const verdict = verifyCeremony(part)
            assert.deepEqual(verdict.findings, [
                {
                    level: "error",
                    record: "close",
                    text: "the ceremony is not closed: there is no close.json; trustkey ceremony resume says what comes next",
                },
            ])
        }
    })

    test("with a spoilt token goes on with the spare, and the spoilt key never comes into the root", () => {
        let rig = shown(opened(ceremonyRig("rotate-root")))
        const spoilt = rig.held.get("alice-2")
        rig = step(rig, { step: "void-key", key: "alice-2", reason: "the token fell into the tea" })
        rig = { ...rig, held: new Map([...rig.held, ["alice-2", ceremonyRig("rotate-root").held.get("alice-2") ?? assert.fail()]]) }
        rig = step(rig, inputs.show(rig, "alice-2", { token: "spare", serial: "99", slot: "9c", pinPolicy: "once", touchPolicy: "always" }))
        rig = completed(rig)
        assert.deepEqual(verifyCeremony(filesOf(rig)).findings, [])
        const root = rig.bundle.artefact("root/0")?.toString("latin1") ?? ""
        assert.ok(spoilt !== undefined && !root.includes(Buffer.from(spoilt.certificateFor(GUNS[0])).toString("base64")))
    })

    test("in which an exported key is made void exports the next one, and what stands is its file alone", () => {
        const before = shown(opened(ceremonyRig("rotate-root")))
        let rig = backedUp(before)
        assert.notEqual(rig.bundle.artefact("backup/lea-1"), undefined)
        rig = step(rig, { step: "void-key", key: "lea-1", reason: "the passphrase was read aloud" })
        assert.equal(rig.bundle.artefact("backup/lea-1"), undefined)
        rig = { ...rig, held: new Map([...rig.held, ["lea-1", ceremonyRig("rotate-root").held.get("lea-1") ?? assert.fail()]]) }
        rig = step(rig, inputs.show(rig, "lea-1"))
        for (const token of ["lea-a", "lea-b"])
            rig = step(rig, { step: "backup", key: "lea-1", how: "copy", token, serial: `again-${token}` })
        rig = step(rig, { step: "backup", key: "lea-1", how: "export", file: ageFile(1) })
        rig = closed(ended(signed(built(rig))))
        assert.deepEqual(verifyCeremony(filesOf(rig)).findings, [])
    })

    test("in which the roots were found wrong builds and signs them again", () => {
        let rig = signed(built(opened(ceremonyRig("rotate-root"))))
        rig = step(rig, { step: "void-root", reason: "a tag was read wrong" })
        assert.equal(progressOf(rig.bundle).phase, "open")
        assert.equal(rig.bundle.artefact("signed/0"), undefined)
        rig = closed(ended(backedUp(signed(step(rig, { step: "build" })))))
        assert.deepEqual(verifyCeremony(filesOf(rig)).findings, [])
    })

    test("that was abandoned is good evidence of that, and has nothing to publish", () => {
        const rig = closed(ended(shown(opened(ceremonyRig("rotate-root"))), "abandoned"))
        const verdict = verifyCeremony(filesOf(rig))
        assert.equal(verdict.ok && verdict.outcome, "abandoned")
        assert.deepEqual(verdict.findings, [
            { level: "warning", record: "close", text: "the ceremony was abandoned: there is nothing to publish" },
        ])
        assert.throws(() => step(rig, { step: "publish", repository: 0, server: "https://notary.example.com" }), { code: "step_refused" })
    })

    test("that was published has that on record, behind what vault and witness signed", () => {
        let rig = wholeCeremony("rotate-root")
        const before = filesOf(rig)
        for (const repository of [1, 0]) rig = step(rig, { step: "publish", repository, server: "https://notary.example.com" })
        const files = filesOf(rig)
        assert.deepEqual(verifyCeremony(files).findings, [])
        for (const [name, bytes] of before) assert.deepEqual(files.get(name), bytes)
        assert.deepEqual(
            readBundle(files).publication.map(({ n, facts }) => [n, facts.get("repository")]),
            [
                [21, 1],
                [22, 0],
            ],
        )
    })

    test("is a rehearsal if its plan says so, and says it", () => {
        const verdict = verifyCeremony(filesOf(wholeCeremony("create-root", { changes: { rehearsalOf: "ab".repeat(32) } })))
        assert.deepEqual(verdict.findings, [
            { level: "warning", record: "plan", text: "this is a rehearsal: nothing of it is to be published" },
        ])
    })
})

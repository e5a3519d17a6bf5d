import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { closeBundle, closeStatement, progressOf, type StepInput, type StepOptions } from "../../../src/ceremony/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { certificateKey, tufKey } from "../../../src/tuf/index.ts"
import { ageFile } from "../../support/ceremony/scenario.ts"
import {
    backedUp,
    built,
    type CeremonyRig,
    ceremonyRig,
    closed,
    done,
    ended,
    firstRootDocument,
    GUNS,
    heldKey,
    inputs,
    opened,
    publishedChain,
    shown,
    signed,
    signedRoot,
    step,
} from "./rig.ts"

type Refusal = readonly [
    title: string,
    rig: () => CeremonyRig,
    input: (rig: CeremonyRig) => StepInput,
    expected: RegExp,
    options?: Partial<StepOptions>,
]

/** Ceremonies are values: each stage is made once and begun upon by many tests. */
function stage(make: () => CeremonyRig): () => CeremonyRig {
    let made: CeremonyRig | undefined
    return () => {
        made ??= make()
        return made
    }
}

const fresh = stage(() => ceremonyRig("replace-holder"))
const packed = stage(() => step(fresh(), inputs.pack(fresh())))
const atVault = stage(() => opened(fresh()))
const allShown = stage(() => shown(atVault()))
const allBuilt = stage(() => built(atVault()))
const allSigned = stage(() => signed(allBuilt()))
const allDone = stage(() => backedUp(allSigned()))
const allEnded = stage(() => ended(allDone()))
const whole = stage(() => closed(allEnded()))
const keygen = (
    rig: CeremonyRig,
    changes: Partial<Extract<StepInput, { readonly step: "keygen" | "present" }>>,
    name = "alice-2",
): StepInput => {
    const input = inputs.show(rig, name)
    return input.step === "keygen" || input.step === "present" ? { ...input, ...changes } : input
}
const PLACE = { token: "alice", serial: "111", slot: "9c", pinPolicy: "once", touchPolicy: "always" } as const
const LONG = new Date("2036-01-01T00:00:00Z")

const REFUSALS: readonly Refusal[] = [
    ["opening what was not packed", fresh, () => inputs.open(), /^open: there is no|^open: the bundle is not packed yet/],
    ["packing twice", packed, (rig) => inputs.pack(rig), /^pack: the bundle is packed already/],
    [
        "packing before the plan was written",
        fresh,
        (rig) => inputs.pack(rig),
        /is before the plan was written/,
        { at: new Date("2026-11-18T08:59:59Z") },
    ],
    [
        "packing after the plan's time",
        fresh,
        (rig) => inputs.pack(rig),
        /after the plan's not_after/,
        { at: new Date("2026-11-21T20:00:01Z") },
    ],
    [
        "packing without the published roots",
        fresh,
        () => ({ step: "pack", program: "trustkey", programSha256: "12".repeat(32), chains: [] }),
        /^pack: registry\.example\.com\/team\/app: 0 versions of root, the plan was made for 3/,
    ],
    [
        "packing roots of another repository",
        fresh,
        (rig) => ({ step: "pack", program: "trustkey", programSha256: "12".repeat(32), chains: [...rig.chains].reverse() }),
        /root version 1: root version 1: 0 valid signatures|for another repository/,
    ],
    [
        "packing roots that the plan's holders don't hold",
        fresh,
        (rig) => ({
            step: "pack",
            program: "trustkey",
            programSha256: "12".repeat(32),
            chains: [publishedChain(GUNS[0], [heldKey(), heldKey(), heldKey()], 2).map(({ file }) => file), rig.chains[1] ?? []],
        }),
        /root version 1 is another than the plan's lineage names/,
    ],
    [
        "packing a program without a hash",
        fresh,
        (rig) => ({ step: "pack", program: "trustkey", programSha256: "12", chains: rig.chains }),
        /the fact "program_sha256" is not what it must be/,
    ],
    [
        "opening with another program",
        packed,
        () => ({ step: "open", programSha256: "34".repeat(32) }),
        /^open: the fact "program_sha256" is not 12/,
    ],
    [
        "opening before the plan's time",
        packed,
        () => inputs.open(),
        /before the plan's not_before/,
        { at: new Date("2026-11-21T07:59:59Z") },
    ],
    ["opening twice", atVault, () => inputs.open(), /^open: the bundle was opened already/],
    [
        "a key before the vault has opened the bundle",
        packed,
        (rig) => inputs.show(rig, "alice-2"),
        /has not been opened at the vault yet/,
        { at: new Date("2026-11-21T09:00:00Z") },
    ],
    [
        "a step with a clock that went back",
        atVault,
        (rig) => inputs.show(rig, "alice-2"),
        /is before record 2/,
        { at: new Date("2026-11-21T08:59:59Z") },
    ],
    [
        "a step after the plan's time",
        atVault,
        (rig) => inputs.show(rig, "alice-2"),
        /after the plan's not_after/,
        { at: new Date("2026-11-21T20:00:01Z") },
    ],
    [
        "a key by somebody who doesn't hold it",
        atVault,
        (rig) => inputs.show(rig, "alice-2"),
        /^keygen: bob may not do this: it is for alice/,
        { who: "bob" },
    ],
    ["a key nobody planned", atVault, (rig) => keygen(rig, { key: "mallory-1" }), /the plan has no key of that name/],
    ["making a key that exists", atVault, (rig) => keygen(rig, { step: "keygen" }, "bob-1"), /key bob-1 exists already/],
    ["presenting a key that is to be made", atVault, (rig) => keygen(rig, { step: "present" }), /key alice-2 is made in the ceremony/],
    [
        "a lost key that turns up",
        atVault,
        (rig) => keygen(rig, { step: "present", certificates: [] }, "carol-1"),
        /present: the plan has no key of that name, or it is lost/,
    ],
    ["a key twice", allShown, (rig) => inputs.show(rig, "alice-2"), /key alice-2 is made already/],
    ["another key than the plan's", atVault, (rig) => keygen(rig, { publicKey: heldKey().publicKey }, "bob-1"), /this is not key bob-1/],
    [
        "a known key as a new one",
        atVault,
        (rig) => keygen(rig, { publicKey: (rig.held.get("carol-1") ?? heldKey()).publicKey }),
        /this key is known already/,
    ],
    ["the vault's own key as a new one", atVault, (rig) => keygen(rig, { publicKey: rig.vault.publicKey }), /this key is known already/],
    [
        "a key of another algorithm",
        atVault,
        (rig) => keygen(rig, { publicKey: heldKey("p384").publicKey }),
        /key alice-2 is p384, the plan says p256/,
    ],
    [
        "an Ed25519 root key",
        atVault,
        (rig) => keygen(rig, { publicKey: heldKey("ed25519").publicKey }),
        /the fact "algorithm" is not one of/,
    ],
    [
        "a key made in the vault that belongs on a token",
        atVault,
        (rig) => keygen(rig, { origin: "vault", place: {} }),
        /key alice-2 is to be made by the token/,
    ],
    ["a key made elsewhere", atVault, (rig) => keygen(rig, { origin: "imported" }), /key alice-2 is to be made by the token/],
    ["a key on nothing", atVault, (rig) => keygen(rig, { place: {} }), /token and serial are missing/],
    ["a token without its serial number", atVault, (rig) => keygen(rig, { place: { token: "alice" } }), /together or not at all/],
    ["the wrong token", atVault, (rig) => keygen(rig, { place: { ...PLACE, token: "bob" } }), /token bob is neither the plan's/],
    [
        "a token of another serial number",
        atVault,
        (rig) => keygen(rig, { place: { ...PLACE, serial: "112" } }),
        /serial number 112, the plan says 111/,
    ],
    [
        "a spare of another serial number",
        atVault,
        (rig) => keygen(rig, { place: { ...PLACE, token: "spare", serial: "98" } }),
        /serial number 98, the plan says 99/,
    ],
    ["another slot", atVault, (rig) => keygen(rig, { place: { ...PLACE, slot: "9a" } }), /slot of key alice-2 is not 9c/],
    [
        "a weaker PIN policy",
        atVault,
        (rig) => keygen(rig, { place: { ...PLACE, pinPolicy: "never" } }),
        /pin_policy of key alice-2 is not once/,
    ],
    [
        "no word on the touch policy",
        atVault,
        (rig) => keygen(rig, { place: { token: "alice", serial: "111", slot: "9c", pinPolicy: "once" } }),
        /touch_policy of key alice-2 is not always/,
    ],
    [
        "a vault's key that lies on a token",
        atVault,
        (rig) => keygen(rig, { place: { token: "lea-a", serial: "1" } }, "lea-1"),
        /is made by the vault, and not on a token yet/,
    ],
    [
        "a present key on another token",
        atVault,
        (rig) => keygen(rig, { place: { token: "spare", serial: "222" } }, "bob-1"),
        /key bob-1 is not on the plan's token/,
    ],
    [
        "a present key on a token of another serial number",
        atVault,
        (rig) => keygen(rig, { place: { token: "bob", serial: "223" } }, "bob-1"),
        /another serial number than the plan says/,
    ],
    ["a missing certificate", atVault, (rig) => keygen(rig, { certificates: [] }), /certificate\/alice-2\/0 is missing in out/],
    [
        "a certificate nobody needs",
        atVault,
        (rig) => keygen(rig, { certificates: [(rig.held.get("bob-1") ?? heldKey()).certificateFor(GUNS[0])] }, "bob-1"),
        /out has something that does not belong/,
    ],
    [
        "certificates in the wrong order",
        atVault,
        (rig) =>
            keygen(rig, { certificates: [...GUNS].reverse().map((gun) => (rig.held.get("alice-2") ?? heldKey()).certificateFor(gun)) }),
        /the certificate for .*app is for another repository/,
    ],
    [
        "another key's certificate",
        atVault,
        (rig) => keygen(rig, { certificates: GUNS.map((gun) => heldKey().certificateFor(gun)) }),
        /the certificate for .*app is for another key/,
    ],
    [
        "a certificate that ends today",
        atVault,
        (rig) =>
            keygen(rig, {
                certificates: GUNS.map((gun) =>
                    (rig.held.get("alice-2") ?? heldKey()).certificateFor(gun, { notAfter: new Date("2026-11-21T19:59:59Z") }),
                ),
            }),
        /ends before the ceremony's time does/,
    ],
    [
        "a certificate that begins next week",
        atVault,
        (rig) =>
            keygen(rig, {
                certificates: GUNS.map((gun) =>
                    (rig.held.get("alice-2") ?? heldKey()).certificateFor(gun, {
                        notBefore: new Date("2026-11-28T00:00:00Z"),
                        notAfter: LONG,
                    }),
                ),
            }),
        /is not valid yet/,
    ],
    [
        "a certificate whose signature was changed",
        atVault,
        (rig) => keygen(rig, { certificates: GUNS.map((gun) => changedPem((rig.held.get("alice-2") ?? heldKey()).certificateFor(gun))) }),
        /signature is not by the key of its issuer|can't be read/,
    ],
    [
        "a certificate in other lines",
        atVault,
        (rig) =>
            keygen(rig, {
                certificates: GUNS.map((gun) =>
                    (rig.held.get("alice-2") ?? heldKey()).certificateFor(gun).replace(/\n(?=[A-Za-z0-9])/, "\r\n"),
                ),
            }),
        /not written as PEM in lines of 64|not a certificate/,
    ],
    [
        "an attestation that can't be read",
        atVault,
        (rig) => keygen(rig, { attestation: { certificate: Buffer.from("x"), intermediate: Buffer.from("y") } }),
        /the attestation can't be read: a length is malformed/,
    ],
    [
        "an attestation of a key that was on no token",
        atVault,
        (rig) => keygen(rig, { attestation: { certificate: Buffer.from("x"), intermediate: Buffer.from("y") } }, "lea-1"),
        /only a token attests/,
    ],
    ["a root before every key is there", atVault, () => ({ step: "build" }), /^build: key alice-2 is not made yet/],
    ["a second root", allBuilt, () => ({ step: "build" }), /the roots are built already/],
    ["a signature before there is a root", allShown, (rig) => inputs.sign(rig, "alice-2", 0), /the roots are not built yet/],
    [
        "a signature by a key that was not presented",
        withoutDave,
        (rig) => inputs.sign(rig, "dave-1", 0),
        /key dave-1 was not presented yet/,
    ],
    [
        "a signature by a lost key",
        allBuilt,
        (rig) => inputs.sign(rig, "carol-1", 0),
        /sign: the plan has no key of that name, or it is lost/,
    ],
    [
        "a second signature",
        () => step(allBuilt(), inputs.sign(allBuilt(), "alice-2", 0)),
        (rig) => inputs.sign(rig, "alice-2", 0),
        /key alice-2 has signed this root already/,
    ],
    [
        "a signature for a repository there isn't",
        allBuilt,
        (rig) => inputs.sign(rig, "alice-2", 2),
        /there is no signed\/2|no such repository|not what it must be/,
    ],
    [
        "a signature over another repository's root",
        allBuilt,
        (rig) => ({ ...inputs.sign(rig, "alice-2", 0), repository: 1 }),
        /is of another key|no good signature/,
    ],
    [
        "a signature by another key",
        allBuilt,
        (rig) => ({ step: "sign", key: "alice-2", repository: 0, signature: wrongKey(rig) }),
        /signature\/alice-2\/0 is of another key/,
    ],
    [
        "a signature that is not good",
        allBuilt,
        (rig) => ({ step: "sign", key: "alice-2", repository: 0, signature: badSignature(rig) }),
        /is no good signature over signed\/0/,
    ],
    ["a key made void that never was", atVault, () => ({ step: "void-key", key: "alice-2", reason: "x" }), /nothing of key alice-2 stands/],
    ["a key made void that is in the roots", allBuilt, () => ({ step: "void-key", key: "alice-2", reason: "x" }), /void the roots first/],
    ["a key made void for no reason", allShown, () => ({ step: "void-key", key: "alice-2", reason: "" }), /a fact is neither text/],
    [
        "a key made void by another holder",
        allShown,
        () => ({ step: "void-key", key: "alice-2", reason: "x" }),
        /bob may not do this: it is for lea or alice/,
        { who: "bob" },
    ],
    ["roots made void that are not there", allShown, () => ({ step: "void-root", reason: "x" }), /no roots are built that could be void/],
    [
        "a backup of a key that was there before",
        allShown,
        () => ({ step: "backup", key: "bob-1", how: "cannot-leave" }),
        /key bob-1 was not made in this ceremony/,
    ],
    [
        "a backup of a key that isn't made",
        atVault,
        () => ({ step: "backup", key: "alice-2", how: "cannot-leave" }),
        /there is no public\/alice-2 yet/,
    ],
    [
        "a copy of a key that can't leave its token",
        allShown,
        () => ({ step: "backup", key: "alice-2", how: "copy", token: "spare", serial: "99" }),
        /key alice-2 can't leave its token/,
    ],
    [
        "no copy of a key the vault made",
        allShown,
        () => ({ step: "backup", key: "lea-1", how: "cannot-leave" }),
        /was made by the vault, to be copied/,
    ],
    [
        "a copy on a token nobody planned",
        allShown,
        () => ({ step: "backup", key: "lea-1", how: "copy", token: "mallory", serial: "1" }),
        /the plan has no copy of key lea-1 on token mallory/,
    ],
    [
        "an export that is no age file",
        allShown,
        () => ({ step: "backup", key: "lea-1", how: "export", file: Buffer.from("a key") }),
        /backup\/lea-1 is not an age file for 1 X25519 recipients/,
    ],
    [
        "an export for one recipient too many",
        allShown,
        () => ({ step: "backup", key: "lea-1", how: "export", file: ageFile(2) }),
        /backup\/lea-1 is not an age file for 1 X25519 recipients/,
    ],
    ["a close before anything is signed", allBuilt, () => ({ step: "close", outcome: "complete" }), /^close: a root has no signature yet/],
    [
        "a close below the threshold",
        () => oneSignatureEach(),
        () => ({ step: "close", outcome: "complete" }),
        /not complete: .*app: 0 of the 2 signatures by the published root's keys/,
    ],
    [
        "a close without backups",
        () => allSigned(),
        () => ({ step: "close", outcome: "complete" }),
        /not complete: key alice-2: no word yet that it can't leave its token/,
    ],
    [
        "a close by somebody who is no witness",
        () => allDone(),
        () => ({ step: "close", outcome: "complete" }),
        /lea may not do this: it is for dana/,
        { who: "lea" },
    ],
    ["a step after the close", () => allEnded(), () => ({ step: "void-root", reason: "x" }), /the ceremony is closed/],
    [
        "publication before the close is signed",
        () => allEnded(),
        () => ({ step: "publish", repository: 0, server: "https://n" }),
        /not closed and signed yet/,
    ],
    [
        "publication twice",
        () => step(whole(), { step: "publish", repository: 0, server: "https://n" }),
        () => ({ step: "publish", repository: 0, server: "https://n" }),
        /on record as published already/,
    ],
    [
        "publication of a repository there isn't",
        whole,
        () => ({ step: "publish", repository: 2, server: "https://n" }),
        /there is no root\/2 yet/,
    ],
    [
        "words that turn round on the screen",
        atVault,
        (rig) => inputs.show(rig, "alice-2"),
        /the note is not what it must be/,
        { note: "ok \u202e" },
    ],
]

function withoutDave(): CeremonyRig {
    let rig = atVault()
    for (const name of ["alice-2", "lea-1", "bob-1"]) rig = step(rig, inputs.show(rig, name))
    return step(rig, { step: "build" })
}

function oneSignatureEach(): CeremonyRig {
    let rig = allBuilt()
    for (const repository of [0, 1]) rig = step(rig, inputs.sign(rig, "alice-2", repository))
    return rig
}

function wrongKey(rig: CeremonyRig): Extract<StepInput, { readonly step: "sign" }>["signature"] {
    const other = heldKey()
    return other.sign(rig.bundle.artefact("signed/0") ?? Buffer.alloc(0), certificateKey(other.certificateFor(GUNS[0])))
}

function badSignature(rig: CeremonyRig): Extract<StepInput, { readonly step: "sign" }>["signature"] {
    const key = rig.held.get("alice-2") ?? heldKey()
    return key.sign(Buffer.from("something else"), certificateKey(key.certificateFor(GUNS[0])))
}

function changedPem(pem: string): string {
    const lines = pem.split("\n")
    const last = lines.length - 3
    return lines.map((line, index) => (index === last ? `${line.startsWith("A") ? "B" : "A"}${line.slice(1)}` : line)).join("\n")
}

describe("a step that is refused", () => {
    for (const [title, make, input, expected, options] of REFUSALS) {
        test(`${title}: nothing is recorded`, () => {
            const rig = make()
            const before = rig.bundle.records
            assert.throws(
                () => step(rig, input(rig), options),
                (error) => {
                    assert.ok(error instanceof TrustkeyError, String(error))
                    const isClock = /before record|before the plan|after the plan's not_after/.test(error.message)
                    assert.equal(error.code, isClock ? "clock_implausible" : "step_refused", error.message)
                    assert.match(error.message, expected)
                    return true
                },
            )
            assert.equal(rig.bundle.records, before)
        })
    }

    test("a close that vault and witness did not both sign, each with the plan's key", () => {
        const rig = ended(done(opened(ceremonyRig("create-root"))))
        const statement = closeStatement(rig.bundle)
        const [vault, witness] = [rig.vault.sign(statement), rig.witness.sign(statement)]
        const tries = [
            { vault: witness, witness: vault },
            { vault, witness: vault },
            { vault: heldKey().sign(statement), witness },
            { vault, witness: rig.witness.sign(Buffer.concat([statement, Buffer.from(" ")])) },
            { vault: { ...vault, method: "rsapss" }, witness },
        ]
        for (const signatures of tries) assert.throws(() => closeBundle(rig.bundle, signatures), { code: "step_refused" })
        assert.equal(closeBundle(rig.bundle, { vault, witness }).isClosed, true)
        assert.throws(() => closeStatement(atVault().bundle), { code: "step_refused" })
    })

    test("a published root that is too large for a bundle is not packed into one", () => {
        const [gun] = GUNS
        const key = heldKey()
        const unused = Array.from({ length: 8000 }, (_, index) => ({ keytype: "ed25519", public: Buffer.alloc(32, `${index} `) }) as const)
        const bare = [heldKey(), heldKey(), heldKey()].map(({ publicKey }) => tufKey(publicKey))
        const { file, signed: root } = signedRoot(firstRootDocument(gun, [key], 1, [...bare, ...unused]), gun, [key])
        assert.ok(file.length > 1024 * 1024)
        const { bundle: small } = ceremonyRig("rotate-root", { isSmall: true, guns: [gun] })
        const rig = ceremonyRig("rotate-root", {
            isSmall: true,
            guns: [gun],
            changes: {
                keys: small.plan.keys.map((planned) => (planned.change === "retired" ? { ...planned, id: key.id } : planned)),
                repositories: [{ gun, published: { lineage: root.sha256, version: 1, sha256: root.sha256 } }],
            },
        })
        const large = { ...rig, chains: [[file]] }
        assert.throws(() => step(large, inputs.pack(large)), { code: "step_refused", message: /has more than 1048576 bytes/ })
    })

    test("is the step that progress says is not possible, and every other one is taken", () => {
        for (const make of [atVault, allShown, allBuilt, () => allSigned()]) {
            const rig = make()
            const { possible, impossible } = progressOf(rig.bundle)
            const about = ({ step: name, key, repository }: { step: string; key?: string; repository?: number }): string =>
                `${name} ${key} ${repository}`
            const inputOf = (candidate: (typeof possible)[number]): StepInput | undefined => {
                const { step: name, key = "", repository = 0, how, token = "" } = candidate
                switch (name) {
                    case "keygen":
                    case "present":
                        return inputs.show(rig, key)
                    case "sign":
                        return inputs.sign(rig, key, repository)
                    case "build":
                        return { step: "build" }
                    case "void-key":
                        return { step: name, key, reason: "x" }
                    case "void-root":
                        return { step: name, reason: "x" }
                    case "backup":
                        if (how === "copy") return { step: name, key, how, token, serial: "7" }
                        return how === "export" ? { step: name, key, how, file: ageFile(1) } : { step: name, key, how: "cannot-leave" }
                    case "close":
                        return { step: name, outcome: candidate.outcome ?? "abandoned" }
                    default:
                        return undefined
                }
            }
            for (const candidate of possible) {
                const input = inputOf(candidate)
                assert.ok(input !== undefined, about(candidate))
                assert.equal(step(rig, input, { who: candidate.who[0] ?? "" }).bundle.records.length, rig.bundle.records.length + 1)
            }
            for (const candidate of impossible) {
                const input = inputOf(candidate)
                if (input === undefined) continue
                assert.throws(() => step(rig, input, { who: candidate.who[0] ?? "" }), { code: "step_refused" }, about(candidate))
            }
        }
    })
})

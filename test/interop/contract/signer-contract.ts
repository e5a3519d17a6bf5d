import assert from "node:assert/strict"
import { createPublicKey, generateKeyPairSync } from "node:crypto"
import { readdirSync, readlinkSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { type PublicKeyBytes, type SealedSecret, Secret, sealSecret, verify } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Intent, KeyRecord } from "../../../src/journal/index.ts"
import type { CardOptions, TokenConfig, TokenState } from "../../../src/keys/index.ts"
import { encodeQuirksFile } from "../../../src/signer/index.ts"
import { KeyRig, killSigner } from "../../support/key-rig.ts"
import { mustRun } from "../../support/process.ts"
import {
    type ContractModule,
    type ContractToken,
    type ContractWorld,
    type ProvisionedKey,
    ToolRefused,
    type Way,
} from "./contract-module.ts"
import { CASE_NAMES, CASES, type CaseName, type Cell, type Column, type ModuleName, REWRITE, readMatrix } from "./matrix.ts"

const NAME = "token"
const SUBJECT = `token:${NAME}`
const CREDENTIAL = "token-pin"
/** For one call; a busy machine needs some of it. */
const DEADLINE_MS = 10_000
const SHORT_DEADLINE_MS = 2_500
/** pcscd looks for cards twice a second; a signer that died often waits for its next life. */
const PATIENCE_MS = 15_000

type Scene = { readonly world: ContractWorld; readonly token: ContractToken; readonly rig: KeyRig }
type SceneOptions = { readonly counted?: boolean; readonly deadlineMs?: number; readonly pinCredential?: string }
type Run = (world: ContractWorld) => Promise<string>

/**
 * What every PKCS#11 token must do, with the real signer program. Each case says in a few words what came of it; these
 * must be the contract's words, or the module's own for that case, and the same as in docs/tokens-matrix.md. No cell
 * is left out: a case a module can't do has an answer too.
 */
export function signerContract(module: ContractModule): void {
    describe(`the contract of a token: ${module.name}`, () => {
        const observed = new Map<CaseName, Cell>()
        let world: ContractWorld | undefined
        before(async () => {
            world = await module.open()
        })
        after(async () => {
            await world?.[Symbol.asyncDispose]()
        })
        for (const name of CASE_NAMES) {
            const deviation = module.deviations[name]
            const expected: Cell = deviation ?? { says: CASES[name].says }
            test(`${name}: ${CASES[name].tries}: ${expected.says}`, async () => {
                assert.ok(world)
                const says = await answerOf(RUNS[name], world)
                // What is seen is written down first: a table written from a failing run would be a lie, so that is refused too.
                if (says === expected.says) observed.set(name, expected)
                assert.equal(says, expected.says, deviation?.because)
            })
        }

        test("its column in docs/tokens-matrix.md is what came of this run", async () => {
            const missing = CASE_NAMES.filter((name) => !observed.has(name))
            assert.deepEqual(missing, [], "these cases were not as expected")
            const column = Object.fromEntries(observed) as Column
            const directory = process.env["TRUSTKEYD_MATRIX_DIRECTORY"]
            if (directory !== undefined) return writeColumn(directory, module.name, column)
            assert.deepEqual(readMatrix().get(module.name), column, `docs/tokens-matrix.md says something else; write it anew: ${REWRITE}`)
        })
    })
}

async function writeColumn(directory: string, module: ModuleName, column: Column): Promise<void> {
    await mkdir(directory, { recursive: true })
    await writeFile(path.join(directory, `${module}.json`), JSON.stringify({ module, column }))
}

async function answerOf(run: Run, world: ContractWorld): Promise<string> {
    try {
        return await run(world)
    } catch (error) {
        // A typed refusal is an answer; anything else is a defect.
        if (error instanceof TrustkeyError) return `\`${error.code}\``
        if (error instanceof ToolRefused) return "not by its own tools"
        throw error
    }
}

const RUNS: Record<CaseName, Run> = {
    discovery: (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            const { state, label, serial, manufacturer, model, tries } = await shown(rig)
            assert.deepEqual({ state, label, serial, tries }, { state: "present", label: token.label, serial: token.serial, tries: "ok" })
            assert.match(manufacturer, token.manufacturer)
            assert.match(model, token.model)
            return "found"
        }),

    "one key": (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            const made = await token.provision("generated")
            await rig.login(NAME, token.pin)
            const objects = await rig.keys.objects(NAME)
            const object = objects.find(({ id }) => Buffer.from(id).toString("hex") === made.id)
            assert.ok(object, `the list lacks the key: ${objects.map(({ uri }) => uri).join(" ")}`)
            const key = await enroll(rig, object.uri)
            assert.ok(isThat(key, made))
            assert.equal(key.home.kind === "token" && key.home.uri, object.uri)
            return "that key"
        }),

    "no key": (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            const made = await token.provision("generated")
            await rig.login(NAME, token.pin)
            const error = await refusal(enroll(rig, `${token.uri};id=%7f`))
            if (error.code !== "not_found") throw error
            return `\`${error.code}\`, ${listed(error, token, [uriId(made.id)])}`
        }),

    "several keys": (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            const ids = [(await token.provision("generated")).id, (await token.provision("imported")).id]
            await rig.login(NAME, token.pin)
            // A YubiKey shows its attestation key too.
            const objects = (await rig.keys.objects(NAME)).filter(({ id }) => ids.includes(Buffer.from(id).toString("hex")))
            const labels = new Set(objects.map(({ label }) => label))
            assert.equal(objects.length, 2)
            const [label = ""] = labels
            const uri = `${token.uri};object=${encodeURIComponent(label)}`
            if (labels.size === 2) {
                assert.equal((await enroll(rig, uri)).id, objects.find((object) => object.label === label)?.keyId)
                return "labels are the module's own"
            }
            const error = await refusal(enroll(rig, uri))
            if (error.code !== "object_ambiguous") throw error
            return `\`${error.code}\`, ${listed(error, token, ids.map(uriId)) === "those there listed" ? "both listed" : "not listed"}`
        }),

    "several tokens": async (world) => {
        await using pair = await world.pair()
        await using rig = await openRig(world.way, [configOf(world.way, NAME, { ...pair.tokens[0], uri: pair.bothUri })])
        const error = await refusal(rig.login(NAME, pair.tokens[0].pin))
        const names = pair.tokens.map(({ serial }) => serial)
        return `\`${error.code}\`, ${listed(error, pair.tokens[0], names) === "those there listed" ? "both listed" : "not listed"}`
    },

    create: (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            await rig.login(NAME, token.pin)
            const card = token.slot === undefined ? {} : { card: await cardOptions(rig, token) }
            const key = await rig.keys.create({ ...NEW_KEY, algorithm: "p256", home: { kind: "token", token: NAME, ...card } })
            assert.equal(key.origin, "generated")
            await signTwice(rig, key)
            return "made, and signs"
        }),

    import: (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            await rig.login(NAME, token.pin)
            const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
            using pkcs8 = new Secret(privateKey.export({ type: "pkcs8", format: "der" }))
            const sealed = await sealFor(rig, "import", pkcs8)
            const place = token.slot === undefined ? { serial: token.serial } : { card: await cardOptions(rig, token) }
            const home = { kind: "token", token: NAME, ...place } as const
            const key = await rig.keys.importKey({ ...NEW_KEY, pkcs8: sealed, home, checkAlgorithm: () => {} })
            assert.equal(key.origin, "imported")
            assert.ok(isThat(key, { id: "", publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() }))
            await signTwice(rig, key)
            return "imported, and signs"
        }),

    "take over": (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            const made = await token.provision("imported")
            await rig.login(NAME, token.pin)
            const key = await enrollMade(rig, token, made)
            await signTwice(rig, key)
            return key.origin === "imported" ? "imported, and signs" : "taken for generated, and signs"
        }),

    "sign twice": (world) =>
        withScene(world, {}, async ({ token, rig }) => {
            const made = await token.provision("generated")
            await rig.login(NAME, token.pin)
            const key = await enrollMade(rig, token, made)
            for (const { intent, signature } of await signTwice(rig, key)) {
                await verifyByOpenssl(rig, made.publicKey, intent, signature)
                assert.ok(verify(spkiOf(made.publicKey, key), intent.scheme, intent.bytes, signature))
            }
            return "both verify"
        }),

    "always authenticate": (world) =>
        withScene(world, { counted: true }, async ({ token, rig }) => {
            const made = await token.provision("always")
            await rig.login(NAME, token.pin)
            const key = await enrollMade(rig, token, made)
            const object = (await rig.keys.objects(NAME)).find(({ keyId }) => keyId === key.id)
            const beforehand = await token.logins()
            await signTwice(rig, key)
            const logins = (await token.logins()) - beforehand
            assert.equal(object?.alwaysAuthenticate, logins > 0)
            return logins === 2 ? "PIN each time" : logins === 0 ? "it has no such keys" : `${logins} logins`
        }),

    "wrong PIN": (world) =>
        withScene(world, { counted: true }, async ({ token, rig }) => {
            const error = await refusal(rig.login(NAME, token.wrongPin))
            const tries = await token.logins()
            await rig.login(NAME, token.pin)
            return `\`${error.code}\`, ${triesOf(tries)}`
        }),

    "wrong length": (world) =>
        withScene(world, { counted: true }, async ({ token, rig }) => {
            const error = await refusal(rig.login(NAME, token.impossiblePin))
            const tries = await token.logins()
            await rig.login(NAME, token.pin)
            return `\`${error.code}\`, ${triesOf(tries)}`
        }),

    "near lock": (world) =>
        withScene(world, { counted: true }, async ({ token, rig }) => {
            for (let i = 0; i < 2; i += 1) assert.equal((await refusal(rig.login(NAME, token.wrongPin))).code, "pin_incorrect")
            const beforehand = await token.logins()
            const error = await failureOf(rig.login(NAME, token.pin))
            if (error === undefined) return "taken: it doesn't say so"
            const tries = triesOf((await token.logins()) - beforehand)
            await rig.login(NAME, token.pin, true)
            return `\`${error.code}\`, ${tries}`
        }),

    locked: (world) =>
        withScene(world, { counted: true }, async ({ token, rig }) => {
            for (let i = 0; i < 3; i += 1) await refusal(rig.login(NAME, token.wrongPin, true))
            const beforehand = await token.logins()
            const error = await failureOf(rig.login(NAME, token.pin, true))
            if (error === undefined) return "taken: it never locks"
            return `\`${error.code}\`, ${triesOf((await token.logins()) - beforehand)}`
        }),

    removal: (world) =>
        withScene(world, { deadlineMs: SHORT_DEADLINE_MS }, async (scene) => {
            const { key } = await enrolled(scene)
            // One of them is under way when it goes, wherever its reader is looking at that moment.
            const intents = await Promise.all(Array.from({ length: 200 }, () => scene.rig.promiseCertificate(key)))
            const underWay = intents.map((intent) => failureOf(scene.rig.keys.sign(intent)))
            await underWay[0]
            await scene.token.remove(scene.rig.signerPid(NAME))
            const during = (await Promise.all(underWay)).flatMap((error) => (error === undefined ? [] : [error.code]))
            const codes = await refusedUntil(scene.rig, key, () => isGone(scene.rig))
            await scene.token.giveBack()
            for (const code of during) assert.ok(REMOVED.has(code), code)
            return `\`${codes.at(-1)}\``
        }),

    return: (world) =>
        withScene(world, { deadlineMs: SHORT_DEADLINE_MS }, async (scene) => {
            const { key } = await enrolled(scene)
            for (let round = 0; round < 2; round += 1) {
                await scene.token.remove(scene.rig.signerPid(NAME))
                await refusedUntil(scene.rig, key, () => isGone(scene.rig))
                await scene.token.giveBack()
                await loginAgain(scene)
                await signTwice(scene.rig, key)
            }
            return "signs"
        }),

    swap: async (world) => {
        await using token = await world.fresh()
        await using rig = await openRig(world.way, [configOf(world.way, NAME, loose(token), { deadlineMs: SHORT_DEADLINE_MS })])
        const scene = { world, token, rig }
        const { key, made } = await enrolled(scene)
        const twin = await token.swap(made.id, rig.signerPid(NAME), true)
        // Not a word with the token in between: what it signs now, it signs with the other key.
        for (let i = 0; i < 5; i += 1) await refusal(sign(rig, key))
        await loginAgain(scene)
        const { code } = await refusal(sign(rig, key))
        await refusal(sign(rig, key))
        await twin.undo()
        await loginAgain(scene)
        await signTwice(rig, key)
        return `\`${code}\``
    },

    "stored PIN": async (world) => {
        await using token = await world.fresh()
        const way = world.countedWay
        const options = { deadlineMs: SHORT_DEADLINE_MS, pinCredential: CREDENTIAL }
        await using rig = await openRig(way, [configOf(way, NAME, loose(token), options)])
        await rig.writeCredential(CREDENTIAL, token.pin)
        const made = await token.provision("generated")
        const key = await enrollMade(rig, token, made)
        await signTwice(rig, key)
        const twin = await token.swap(made.id, rig.signerPid(NAME), false)
        const beforehand = await twin.logins()
        for (let i = 0; i < 5; i += 1) {
            await refusal(sign(rig, key))
            await shown(rig)
        }
        const told = (await twin.logins()) - beforehand
        await twin.undo()
        // One that has signed with another key is out of use until a person vouches for it.
        if (told > 0) await loginAgain({ world, token, rig })
        await retried(() => signTwice(rig, key))
        return told === 0 ? "not told to the other token" : "told to the other token"
    },

    crash: (world) =>
        withScene(world, {}, async (scene) => {
            const { key } = await enrolled(scene)
            const intents = await Promise.all(Array.from({ length: 40 }, () => scene.rig.promiseCertificate(key)))
            const early = intents.map((intent) => scene.rig.keys.sign(intent))
            await early[1]
            const pending = [...early, ...intents.map((intent) => scene.rig.keys.sign(intent))]
            killSigner(scene.rig, NAME)
            const codes = new Set<string>()
            for (const result of await Promise.allSettled(pending)) {
                if (result.status === "fulfilled") continue
                assert.ok(result.reason instanceof TrustkeyError)
                codes.add(result.reason.code)
            }
            return [...codes].map((code) => `\`${code}\``).join(", ")
        }),

    hang: (world) =>
        withScene(world, { deadlineMs: SHORT_DEADLINE_MS }, async (scene) => {
            const { key } = await enrolled(scene)
            const { code } = await hangDuring(scene, key)
            return `\`${code}\``
        }),

    respawn: (world) =>
        withScene(world, { deadlineMs: SHORT_DEADLINE_MS }, async (scene) => {
            const { key } = await enrolled(scene)
            killSigner(scene.rig, NAME)
            await loginAgain(scene)
            await signTwice(scene.rig, key)
            await hangDuring(scene, key)
            await loginAgain(scene)
            await signTwice(scene.rig, key)
            assert.ok((scene.rig.keys.signers().find(({ name }) => name === NAME)?.restarts ?? 0) >= 2)
            return "signs"
        }),

    backend: (world) =>
        withScene(world, { deadlineMs: SHORT_DEADLINE_MS }, async (scene) => {
            const { key } = await enrolled(scene)
            const { restartBackend } = scene.token
            if (restartBackend === undefined) {
                // Its own pipe is the one socket a signer has; a module that talks to somebody has another.
                assert.deepEqual(socketsOf(scene.rig.signerPid(NAME)), ["3"])
                return "it has none"
            }
            await restartBackend(async () => {
                for (let i = 0; i < 3; i += 1) await refusal(sign(scene.rig, key))
            }, scene.rig.signerPid(NAME))
            await loginAgain(scene)
            await signTwice(scene.rig, key)
            return "an error, then signs"
        }),

    "two tokens": async (world) => {
        await using pair = await world.pair()
        const names = ["first", "second"] as const
        await using rig = await openRig(
            world.way,
            pair.tokens.map((token, index) => configOf(world.way, names[index] ?? "", token)),
        )
        const keys: KeyRecord[] = []
        for (const [index, token] of pair.tokens.entries()) {
            const name = names[index] ?? ""
            const made = await token.provision("generated")
            // ykcs11 resets every card it has seen when it begins and ends, the other signer's as well: then somebody logs in once more.
            await retried(async () => {
                await rig.login(name, token.pin)
                const key = await enrollMade(rig, token, made, name)
                assert.ok(isThat(key, made))
                keys.push(key)
            })
        }
        for (const [index, token] of pair.tokens.entries()) await retried(() => rig.login(names[index] ?? "", token.pin))
        for (const key of keys) await sign(rig, key)
        const asked = await Promise.all(
            Array.from({ length: 10 }, () => keys).flatMap((both) =>
                both.map(async (key) => ({ key, intent: await rig.promiseCertificate(key) })),
            ),
        )
        const signatures = await Promise.all(asked.map(({ intent }) => rig.keys.sign(intent)))
        for (const [index, { key, intent }] of asked.entries()) {
            assert.ok(verify(key.publicKey, intent.scheme, intent.bytes, signatures[index] ?? new Uint8Array()))
        }
        return "each with its own key"
    },
}

async function withScene(world: ContractWorld, options: SceneOptions, work: (scene: Scene) => Promise<string>): Promise<string> {
    const { counted = false, ...rest } = options
    const way = counted ? world.countedWay : world.way
    await using token = await world.fresh()
    await using rig = await openRig(way, [configOf(way, NAME, token, rest)])
    return await work({ world, token, rig })
}

function openRig(way: Way, tokens: readonly TokenConfig[]): Promise<KeyRig> {
    const { module, execPath, vouchedFor: serial } = way
    const accepted = (of: string): string =>
        encodeQuirksFile({ module, serial: of, library: "", writtenAt: "", quirks: { wrapOut: "accepted" } })
    const quirks = serial === undefined ? {} : Object.fromEntries(tokens.map(({ name }) => [name, accepted(serial)]))
    return KeyRig.open({ tokens, quirks, ...(execPath === undefined ? {} : { execPath }) })
}

type Named = Pick<ContractToken, "uri" | "libraryParameters">

function configOf(way: Way, name: string, { uri, libraryParameters }: Named, options: SceneOptions = {}): TokenConfig {
    const { module, environment } = way
    const parameters = libraryParameters === undefined ? {} : { libraryParameters }
    return { module, environment, ...parameters, name, uri, deadlineMs: DEADLINE_MS, ...options }
}

/** So that another token in its place fits as well. */
function loose(token: ContractToken): Named {
    return { ...token, uri: token.looseUri }
}

const NEW_KEY = { purpose: "root", label: "of the contract", bindings: [] } as const

async function cardOptions(rig: KeyRig, { slot, pin }: ContractToken): Promise<CardOptions> {
    using key = new Secret(Buffer.from(slot?.managementKey ?? "", "ascii"))
    const options = { slot: slot?.name ?? "9c", pinPolicy: "always", touchPolicy: "never" } as const
    return { ...options, managementKey: await sealFor(rig, "management-key", key), pin: await rig.seal("login", SUBJECT, pin) }
}

async function sealFor(rig: KeyRig, purpose: string, secret: Secret): Promise<SealedSecret> {
    const { signerPublic, nonce } = await rig.keys.challenge(purpose, SUBJECT)
    return sealSecret(signerPublic, nonce, { purpose, subject: SUBJECT }, secret)
}

/** What is shown of the one token. A module that is refused as a whole throws here what anybody is told. */
async function shown(rig: KeyRig): Promise<TokenState> {
    const [token] = await rig.keys.tokens()
    assert.ok(token)
    return token
}

function enroll(rig: KeyRig, uri: string, token = NAME): Promise<KeyRecord> {
    return rig.keys.enroll({ token, uri, purpose: "root", label: "of the contract", bindings: [] })
}

function enrollMade(rig: KeyRig, token: ContractToken, made: ProvisionedKey, name = NAME): Promise<KeyRecord> {
    return enroll(rig, `${token.uri};${uriId(made.id)}`, name)
}

/** A key made on the token, enrolled, and one signature made. */
async function enrolled({ token, rig }: Scene): Promise<{ key: KeyRecord; made: ProvisionedKey }> {
    const made = await token.provision("generated")
    await rig.login(NAME, token.pin)
    const key = await enrollMade(rig, token, made)
    await signTwice(rig, key)
    return { key, made }
}

/** Its state says so. Of a module that can't even begin without its token nothing more is known than that it fails. */
async function isGone(rig: KeyRig): Promise<boolean> {
    const { state } = await shown(rig)
    return state === "absent" || state === "failed"
}

async function sign(rig: KeyRig, key: KeyRecord): Promise<Uint8Array> {
    const intent = await rig.promiseCertificate(key)
    const signature = await rig.keys.sign(intent)
    assert.ok(verify(key.publicKey, intent.scheme, intent.bytes, signature), "a wrong signature was let out")
    return signature
}

async function signTwice(rig: KeyRig, key: KeyRecord): Promise<readonly { readonly intent: Intent; readonly signature: Uint8Array }[]> {
    const made = []
    for (let i = 0; i < 2; i += 1) {
        const intent = await rig.promiseCertificate(key)
        const signature = await rig.keys.sign(intent)
        assert.ok(verify(key.publicKey, intent.scheme, intent.bytes, signature))
        made.push({ intent, signature })
    }
    return made
}

async function failureOf(work: Promise<unknown>): Promise<TrustkeyError | undefined> {
    try {
        await work
        return undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return error
        throw error
    }
}

/** Whatever is asked must be refused, by a code. */
async function refusal(work: Promise<unknown>): Promise<TrustkeyError> {
    const error = await failureOf(work)
    assert.ok(error, "it was not refused")
    assert.notEqual(error.code, "internal")
    return error
}

async function hangDuring({ token, rig }: Scene, key: KeyRecord): Promise<TrustkeyError> {
    const intent = await rig.promiseCertificate(key)
    await token.hang(rig.signerPid(NAME))
    try {
        return await refusal(rig.keys.sign(intent))
    } finally {
        await token.resume()
    }
}

/** Every request is refused by a code, until `done` and one more. Returns the codes. */
async function refusedUntil(rig: KeyRig, key: KeyRecord, done: () => Promise<boolean>): Promise<readonly string[]> {
    const codes: string[] = []
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
        codes.push((await refusal(sign(rig, key))).code)
        if (await done()) break
        assert.ok(performance.now() < deadline, `it is not seen to be gone: ${codes.join(", ")}`)
        await sleep(100)
    }
    codes.push((await refusal(sign(rig, key))).code)
    return codes
}

/** A person tries until the signer is back and the token is seen again; no code may be about the PIN. */
async function loginAgain({ rig, token }: Scene): Promise<void> {
    await retried(() => rig.login(NAME, token.pin))
}

/** What a call may come to that was under way when the token went. */
const REMOVED = new Set(["token_absent", "token_failed", "token_busy", "login_required", "signer_unavailable", "deadline_exceeded"])

const PASSING = new Set(["signer_unavailable", "deadline_exceeded", "token_absent", "token_failed", "token_busy", "challenge_expired"])

async function retried(work: () => Promise<unknown>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
        const error = await failureOf(work())
        if (error === undefined) return
        if (!PASSING.has(error.code) || performance.now() > deadline) throw error
        await sleep(200)
    }
}

function uriId(hex: string): string {
    return `id=${hex.toUpperCase().replace(/../g, "%$&")}`
}

function triesOf(count: number): string {
    return count === 0 ? "no try" : count === 1 ? "one try" : `${count} tries`
}

/** Whether an error names all candidates, and no secret. */
function listed(error: TrustkeyError, token: ContractToken, names: readonly string[]): string {
    assert.ok(!error.message.includes(token.pin), error.message)
    return names.every((name) => error.message.includes(name)) ? "those there listed" : "not listed"
}

function isThat(key: KeyRecord, made: ProvisionedKey): boolean {
    return Buffer.compare(key.publicKey.bytes, createPublicKey(made.publicKey).export({ type: "spki", format: "der" })) === 0
}

function spkiOf(pem: string, key: KeyRecord): PublicKeyBytes {
    return { keytype: key.publicKey.keytype, bytes: createPublicKey(pem).export({ type: "spki", format: "der" }) }
}

/** The other judge. Our ECDSA signatures are r and s alone; openssl wants DER. */
async function verifyByOpenssl(rig: KeyRig, publicKey: string, intent: Intent, signature: Uint8Array): Promise<void> {
    const place = (name: string): string => path.join(rig.directory, name)
    await writeFile(place("key.pem"), publicKey)
    await writeFile(place("signed"), intent.bytes)
    await writeFile(place("signature"), intent.scheme === "ecdsa" ? derOf(signature) : signature)
    await mustRun("openssl", ["dgst", "-sha256", "-verify", place("key.pem"), "-signature", place("signature"), place("signed")])
}

function derOf(signature: Uint8Array): Buffer {
    const half = signature.length / 2
    const integers = [signature.subarray(0, half), signature.subarray(half)].map((bytes) => {
        const start = Math.max(
            0,
            bytes.findIndex((byte) => byte !== 0),
        )
        const value = Buffer.from(bytes.subarray(start))
        const padded = (value[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), value]) : value
        return Buffer.concat([Buffer.from([0x02, padded.length]), padded])
    })
    const body = Buffer.concat(integers)
    return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

function socketsOf(pid: number): readonly string[] {
    const directory = `/proc/${pid}/fd`
    return readdirSync(directory).filter((fd) => {
        try {
            return readlinkSync(path.join(directory, fd)).startsWith("socket:") && Number(fd) > 2
        } catch {
            // Closed meanwhile.
            return false
        }
    })
}

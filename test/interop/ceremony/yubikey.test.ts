import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { bundleFiles, encodePlan, newBundle, parsePlan, takeStep } from "../../../src/ceremony/index.ts"
import { programFacts } from "../../../src/cli/ceremony/program-hash.ts"
import { writeBundle } from "../../../src/cli/ceremony/stick.ts"
import { generatePrivateKey, pemToPublicKey } from "../../../src/crypto/index.ts"
import { parseGun, type TufKey, tufKey } from "../../../src/tuf/index.ts"
import { startDaemon } from "../../support/daemon.ts"
import { mustRun } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { createAttestationAuthority } from "../../support/yubikey/attestation.ts"
import { startYubikeyRig } from "../../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../../support/yubikey/state.ts"

const DIST = fileURLToPath(new URL("../../../dist", import.meta.url))
const CHECKER = fileURLToPath(new URL("../../../docs/verify-ceremony.py", import.meta.url))
const SERIAL = "12345678"
const authority = createAttestationAuthority("rsa")
const bareKey = (): TufKey => tufKey(generatePrivateKey("p256").publicKey)

describe("a ceremony with a YubiKey", () => {
    test("has the card's word on the key it made on record, and both checkers take it", async () => {
        await using stack = new AsyncDisposableStack()
        const directory = await makeWorkingDirectory("ceremony-yubikey")
        stack.defer(directory.remove)
        const place = (name: string): string => path.join(directory.path, name)
        const rig = stack.use(await startYubikeyRig({ authority, cards: [{ serial: Number(SERIAL) }] }))
        await rig.card.hand(20)
        for (const [name, text] of [
            ["pin", "123456"],
            ["management-key", DEFAULT_MANAGEMENT_KEY],
            ["passphrase", "a long passphrase"],
        ] as const)
            await writeFile(place(name), `${text}\n`, { mode: 0o600 })
        await writeFile(place("root.pem"), authority.rootPem)
        const token = { ...(await rig.card.token()), settings: [`attestation_roots = "${place("root.pem")}"`] }
        const vault = stack.use(await startDaemon({ tokens: { yubikey: token } }))
        const closing = async (label: string): Promise<TufKey> => {
            const create = ["key", "create", "--purpose", "ceremony", "--label", label, "--passphrase-file", place("passphrase"), "--json"]
            const { id } = JSON.parse(await vault.ok(create)) as { id: string }
            return tufKey(pemToPublicKey(await vault.ok(["key", "public", id])))
        }

        const now = Math.floor(Date.now() / 1000) * 1000
        const plan = parsePlan(
            encodePlan({
                id: "yubikey",
                kind: "create-root",
                reason: "a test",
                created: new Date(now - 60_000),
                notBefore: new Date(now - 60_000),
                notAfter: new Date(now + 3_600_000),
                expires: new Date(now + 3000 * 86_400_000),
                threshold: 1,
                people: [
                    { name: "lea", part: "lead" },
                    { name: "dana", part: "witness" },
                    { name: "alice", part: "holder" },
                ],
                closing: { vault: await closing("vault"), witness: await closing("witness") },
                keys: [
                    {
                        ...{ change: "new", name: "alice-1", holder: "alice", token: "yubikey", serial: SERIAL, algorithm: "p256" },
                        ...{ make: "token", slot: "9c", pinPolicy: "always", touchPolicy: "always", copies: [] },
                    },
                ],
                spares: [],
                repositories: [
                    {
                        gun: parseGun("registry.example.com/team/app"),
                        roles: new Map([
                            ["targets", bareKey()],
                            ["snapshot", bareKey()],
                            ["timestamp", bareKey()],
                        ]),
                    },
                ],
                backupRecipients: [],
            }),
        )
        const { sha256 } = await programFacts(DIST, "test")
        const packed = takeStep(
            newBundle(plan),
            { step: "pack", program: "trustkey", programSha256: sha256, chains: [[]] },
            { at: new Date(now) },
        )
        const stick = place("stick")
        await writeBundle(stick, new Map([...bundleFiles(packed)].map(([name, content]) => [name, Buffer.from(content)])))

        const secrets = ["--pin-file", place("pin"), "--management-key-file", place("management-key")]
        const step = (name: string, ...args: string[]): Promise<string> => vault.ok(["ceremony", "step", name, stick, ...args])
        await vault.ok(["ceremony", "open", stick, "--as", "lea", "--plan", plan.sha256])
        assert.match(await step("keygen", "alice-1", "--as", "alice", ...secrets), /on token yubikey, serial 12345678/)
        const code = /^Code {2}((?:[0-9a-f]{4} ){4}) /m.exec(await step("build", "--as", "lea"))?.[1] ?? ""
        await step("sign", "alice-1", "--as", "alice", "--code", code, "--pin-file", place("pin"))
        await step("backup", "alice-1", "--as", "alice")
        const passphrases = ["--passphrase-file", place("passphrase"), "--witness-passphrase-file", place("passphrase")]
        await vault.ok(["ceremony", "close", stick, "--as", "dana", ...passphrases])

        const keygen = (await readFile(path.join(stick, "transcript.jsonl"), "utf8")).split("\n")[2] ?? ""
        const { facts, out } = JSON.parse(keygen) as { facts: Record<string, string>; out: { name: string }[] }
        assert.deepEqual(
            [facts["serial"], facts["slot"], facts["pin_policy"], facts["touch_policy"], facts["origin"]],
            [SERIAL, "9c", "always", "always", "token"],
        )
        assert.ok(out.some(({ name }) => name === "attestation/alice-1"))
        assert.match(await vault.ok(["ceremony", "verify", stick]), /The bundle is good/)
        await mustRun("python3", [CHECKER, stick])
    })
})

import assert from "node:assert/strict"
import { X509Certificate } from "node:crypto"
import { describe, test } from "node:test"
import type { TokenConfig } from "../../src/keys/index.ts"
import { KeyRig } from "../support/key-rig.ts"
import { mustRun, runCommand } from "../support/process.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"

const PIN = "123456"

function tokenOf(module: string, uri: string, environment: Readonly<Record<string, string>>): TokenConfig {
    return { name: "token", module, uri, environment, deadlineMs: 20_000 }
}

/** Which key is in each slot, by Yubico's own tool and the card's attestation. */
async function contents(card: YubikeyRig): Promise<readonly string[]> {
    const slots: string[] = []
    for (const slot of ["9a", "9c", "9d", "9e", "82"]) {
        const { status, stdout } = await runCommand("yubico-piv-tool", ["-a", "attest", "-s", slot], { env: card.env })
        slots.push(status === 0 ? new X509Certificate(stdout).publicKey.export({ type: "spki", format: "der" }).toString("hex") : "empty")
    }
    return slots
}

describe("the doctor on real modules", () => {
    test("finds a YubiKey fit through ykcs11 and OpenSC, makes nothing on it, and spends no try on what is no PIN", async () => {
        await using card = await startYubikeyRig()
        const made = ["-a", "generate", "-s", "9c", "-A", "ECCP256", "--pin-policy=always"]
        await mustRun("yubico-piv-tool", made, { env: card.env })
        const before = await contents(card)
        assert.deepEqual(
            before.map((key) => key !== "empty"),
            [false, true, false, false, false],
        )
        for (const [module, family] of [
            [card.module, "ykcs11"],
            [card.openscModule, "opensc"],
        ] as const) {
            // OpenSC has serials of its own.
            const uri = family === "ykcs11" ? "pkcs11:serial=12345678" : await labelOf(card)
            await using rig = await KeyRig.open({
                tokens: [tokenOf(module, uri, card.moduleEnv)],
            })
            assert.equal((await rig.keys.examine("token", false)).report.verdict, "incomplete", family)
            const { pinsTried } = await card.card.look()
            for (const wrong of ["12345", "123456789"]) await assert.rejects(rig.login("token", wrong), { code: "pin_incorrect" })
            assert.equal((await card.card.look()).pinsTried, pinsTried, family)
            await rig.login("token", PIN)
            const { profile, report } = await rig.keys.examine("token", false)
            assert.deepEqual([profile.family, report.verdict], [family, "fit"], report.reason)
            assert.equal(profile.wrap?.verdict, "kept")
            assert.equal(profile.quirks.keyIds, "piv")
            const p256 = profile.algorithms.find(({ algorithm }) => algorithm === "p256")
            // OpenSC speaks of making keys to the security officer alone.
            assert.deepEqual([p256?.makes, p256?.signs], [family === "ykcs11" ? "advertised" : "no", "advertised"], family)
            // A key is made by naming its slot, so that none is replaced.
            await assert.rejects(rig.createOnToken("token"), { code: "invalid_request", message: /slot/ })
        }
        assert.deepEqual(await contents(card), before)
    })
})

async function labelOf(card: YubikeyRig): Promise<string> {
    const slots = await mustRun("pkcs11-tool", ["--module", card.openscModule, "--list-token-slots"], { env: card.env })
    const label = /token label\s+:\s+(.*?)\s*$/m.exec(slots)?.[1]
    assert.ok(label !== undefined, slots)
    return `pkcs11:token=${encodeURIComponent(label)}`
}

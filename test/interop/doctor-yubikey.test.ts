import assert from "node:assert/strict"
import { test } from "node:test"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { writeSecret } from "../support/temp.ts"
import { startYubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_PIN } from "../support/yubikey/state.ts"

type Report = { readonly checks: readonly { name: string; verdict: string; findings: readonly string[] }[] }

async function firmware(daemon: Daemon): Promise<string> {
    const { checks }: Report = JSON.parse((await daemon.trustkey(["doctor", "--json"])).stdout)
    const { verdict, findings } = checks.find(({ name }) => name === "token firmware") ?? assert.fail("no such check")
    return `${verdict}: ${findings.join("\n")}`
}

test("the doctor names a YubiKey's flawed firmware and its factory secrets, and logs nobody out to find them", async () => {
    await using yubikey = await startYubikeyRig({ cards: [{ serial: 12_345_678, firmware: [5, 4, 3] }] })
    await using daemon = await startDaemon({ tokens: { yubikey: await yubikey.card.token() } })
    const found = await firmware(daemon)
    assert.match(found, /^warning: yubikey: firmware before 5\.7\.0 leaks elliptic-curve keys while it signs \(EUCLEAK/)
    assert.match(found, /yubikey: the PIN is the one every card is sold with/)
    assert.match(found, /yubikey: the management key is the one every card is sold with/)

    await daemon.ok(["token", "login", "yubikey", "--pin-file", await writeSecret(daemon.directory, "pin", DEFAULT_PIN)])
    assert.equal(await firmware(daemon), "warning: not looked at, for somebody is logged in: yubikey")
    assert.match(await daemon.ok(["token", "list"]), /^yubikey +logged-in /m)
})

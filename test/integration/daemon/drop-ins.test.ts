import assert from "node:assert/strict"
import { cp, mkdir, readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { mustRun, runCommand } from "../../support/process.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"
import { layOutUnits, UNITS } from "../../support/units.ts"

const EXAMPLES = path.join(UNITS, "examples")
const page = await readFile(path.resolve(import.meta.dirname, "../../../docs/operate.md"), "utf8")
/** Of docs/operate.md: the drop-in, and the exposure that systemd gives the unit with it. */
const RATED = Array.from(page.matchAll(/^\| `([a-z-]+\.conf)` \| [^|]+ \| (\d\.\d) \| /gm), ([, name = "", exposure = ""]) => ({
    name,
    exposure,
}))

async function unitsWith(dropIn?: string): Promise<WorkingDirectory> {
    const root = await makeWorkingDirectory("drop-in")
    await layOutUnits(root.path)
    const directory = path.join(root.path, "etc/systemd/system/trustkeyd.service.d")
    await mkdir(directory, { recursive: true })
    if (dropIn !== undefined) await cp(path.join(EXAMPLES, dropIn), path.join(directory, dropIn))
    return root
}

async function exposure(root: string): Promise<string> {
    const printed = await mustRun("systemd-analyze", ["security", "--offline=yes", "--no-pager", `--root=${root}`, "trustkeyd.service"])
    return /Overall exposure level for trustkeyd\.service: (\d+\.\d)/.exec(printed)?.[1] ?? assert.fail(printed)
}

describe("the examples of drop-ins", () => {
    test("are all on docs/operate.md, and each says the same of itself", async () => {
        assert.deepEqual(RATED.map(({ name }) => name).sort(), (await readdir(EXAMPLES)).sort())
        for (const { name, exposure: stated } of RATED) {
            const text = await readFile(path.join(EXAMPLES, name), "utf8")
            assert.ok(text.startsWith("# systemctl edit trustkeyd: ") && text.includes(`exposure ${stated}`), name)
        }
    })

    test("are good in systemd's eyes, and cost what docs/operate.md says", async () => {
        await using plain = await unitsWith()
        const [, shipped] = /The unit as it is has (\d\.\d)\./.exec(page) ?? []
        assert.equal(await exposure(plain.path), shipped)
        for (const { name, exposure: stated } of RATED) {
            await using root = await unitsWith(name)
            const { status, stderr } = await runCommand("systemd-analyze", ["verify", `--root=${root.path}`, "trustkeyd.service"])
            assert.deepEqual([status, stderr], [0, ""], name)
            assert.equal(await exposure(root.path), stated, name)
        }
    })

    test("open what they are for, and nothing besides", async () => {
        const opened: Readonly<Record<string, readonly string[]>> = {
            "yubikey.conf": ["Requires", "After"],
            "unattended.conf": ["LoadCredentialEncrypted", "LoadCredentialEncrypted"],
            "tpm.conf": ["PrivateDevices", "DevicePolicy", "DeviceAllow", "SupplementaryGroups", "SystemCallFilter", "ReadWritePaths"],
            "network-hsm.conf": ["PrivateNetwork", "RestrictAddressFamilies", "IPAddressAllow"],
        }
        for (const [name, settings] of Object.entries(opened)) {
            const text = await readFile(path.join(EXAMPLES, name), "utf8")
            assert.deepEqual(
                Array.from(text.matchAll(/^(\w+)=/gm), ([, setting]) => setting),
                settings,
                name,
            )
        }
    })
})

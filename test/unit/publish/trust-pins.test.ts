import assert from "node:assert/strict"
import { globSync, readFileSync } from "node:fs"
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { after, before, beforeEach, describe, test } from "node:test"
import { TrustkeyError } from "../../../src/errors.ts"
import { checkPinsOfNewRoot, checkPinsOfNextRoot, type PinRule, readTrustPins } from "../../../src/publish/index.ts"
import { certificateKey, keyIdOf, parseGun, type TufKey } from "../../../src/tuf/index.ts"
import { buildAuthority, buildCertificate } from "../../support/certificate-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const APP = "registry.example.com/team/app"
const ID = "0".repeat(64)
const OTHER = "1".repeat(64)
const authority = buildAuthority({ name: "Example Root" })

let directory: string
let administrator: string
let user: string

async function write(file: string, text: string, mode = 0o600): Promise<void> {
    await writeFile(file, text)
    await chmod(file, mode)
}

async function ruleFor(gun: string): Promise<PinRule> {
    return (await readTrustPins({ administrator, user })).ruleFor(parseGun(gun))
}

/** The certificate IDs of each pin that decides. */
async function pinned(gun: string): Promise<readonly (readonly string[])[]> {
    return (await ruleFor(gun)).pins.map(({ certificates }) => [...(certificates ?? [])].map((id) => id.slice(0, 1)))
}

async function refusal(): Promise<TrustkeyError> {
    const error = await readTrustPins({ administrator, user }).catch((caught: unknown) => caught)
    assert.ok(error instanceof TrustkeyError, String(error))
    return error
}

const pin = (gun: string, digit: string): string => `[[pin]]\ngun = ["${gun}"]\ncertificates = ["${digit.repeat(64)}"]\n`

test("every command reaches a trust server's metadata through the session, which asks the pins", () => {
    const cli = path.resolve(import.meta.dirname, "../../../src/cli")
    const reaching = globSync("**/*.ts", { cwd: cli }).filter((file) =>
        /\b(?:fetchRepository|publishFiles)\b/.test(readFileSync(path.join(cli, file), "utf8")),
    )
    assert.deepEqual(reaching, ["trust/session.ts"])
})

describe("the client's pins", () => {
    before(async () => {
        directory = await mkdtemp(path.join(tmpdir(), "trustkeyd-pins-"))
        administrator = path.join(directory, "administrator.toml")
        user = path.join(directory, "user.toml")
        await write(path.join(directory, "ca.pem"), authority.pem)
    })
    after(() => rm(directory, { recursive: true }))
    beforeEach(async () => {
        await rm(administrator, { force: true })
        await rm(user, { force: true })
    })

    test("allow first use when there are none, and neither file forbids it", async () => {
        assert.deepEqual(await ruleFor(APP), { pins: [], indexes: [], firstUse: true, source: user })
        await write(user, "")
        assert.equal((await ruleFor(APP)).firstUse, true)
        await write(user, "first_use = false\n")
        assert.equal((await ruleFor(APP)).firstUse, false)
        await write(user, "first_use = true\n")
        await write(administrator, "first_use = false\n")
        assert.equal((await ruleFor(APP)).firstUse, false)
    })

    test("count by the most specific pattern, whatever their order", async () => {
        const lines = [pin("**", "1"), pin("registry.example.com/**", "2"), pin("registry.example.com/team/*", "3"), pin(APP, "4")]
        for (const text of [lines.join(""), lines.toReversed().join("")]) {
            await write(user, text)
            assert.deepEqual(await pinned(APP), [["4"]])
            assert.deepEqual(await pinned("registry.example.com/team/other"), [["3"]])
            assert.deepEqual(await pinned("registry.example.com/other"), [["2"]])
            assert.deepEqual(await pinned("localhost:5000/x"), [["1"]])
        }
    })

    test("stand beside each other when they are equally specific", async () => {
        await write(user, pin(APP, "1") + pin(APP, "2"))
        assert.deepEqual(await pinned(APP), [["1"], ["2"]])
    })

    test("of the administrator win over the user's, however specific these are", async () => {
        await write(administrator, pin("registry.example.com/**", "1"))
        await write(user, pin(APP, "2") + pin("localhost:5000/x", "3"))
        assert.deepEqual(await pinned(APP), [["1"]])
        assert.equal((await ruleFor(APP)).source, administrator)
        assert.deepEqual(await pinned("localhost:5000/x"), [["3"]])
        assert.equal((await ruleFor("localhost:5000/x")).source, user)
    })

    test("take a repository with capital letters in its host as it is written", async () => {
        await write(user, pin("Registry.Example.com/team/app", "1"))
        assert.deepEqual(await pinned("Registry.Example.com/team/app"), [["1"]])
        assert.deepEqual(await pinned(APP), [])
    })

    test("find an authority's file beside the configuration, or where an absolute path says", async () => {
        for (const name of ["ca.pem", path.join(directory, "ca.pem")]) {
            await write(user, `[[pin]]\ngun = ["**"]\nauthority = "${name}"\n`)
            const rule = await ruleFor(APP)
            const issued = buildCertificate({ name: APP, issuer: authority, keyUsage: 0x80 })
            checkPinsOfNewRoot(rule, parseGun(APP), [certificateKey(issued.pem)], 1, NOW)
            const own = certificateKey(buildCertificate({ name: APP }).pem)
            const refused = { code: "pin_mismatch", message: /no pinned authority/ }
            assert.throws(() => checkPinsOfNewRoot(rule, parseGun(APP), [own], 1, NOW), refused)
        }
    })

    test("demand of a new root that as many of its keys as its threshold are accepted", async () => {
        await write(user, `[[pin]]\ngun = ["**"]\nauthority = "ca.pem"\n`)
        const rule = await ruleFor(APP)
        const issued = (): TufKey => certificateKey(buildCertificate({ name: APP, issuer: authority, keyUsage: 0x80 }).pem)
        const own = certificateKey(buildCertificate({ name: APP }).pem)
        checkPinsOfNewRoot(rule, parseGun(APP), [own, issued(), issued()], 2, NOW)
        const refused = { code: "pin_mismatch", message: /no pinned authority/ }
        assert.throws(() => checkPinsOfNewRoot(rule, parseGun(APP), [own, own, issued()], 2, NOW), refused)
    })

    test("with certificates and an authority demand both", async () => {
        const issued = certificateKey(buildCertificate({ name: APP, issuer: authority, keyUsage: 0x80 }).pem)
        const check = async (ids: readonly string[]): Promise<void> => {
            await write(user, `[[pin]]\ngun = ["**"]\nauthority = "ca.pem"\ncertificates = ${JSON.stringify(ids)}\n`)
            checkPinsOfNewRoot(await ruleFor(APP), parseGun(APP), [issued], 1, NOW)
        }
        await check([ID, keyIdOf(issued)])
        await assert.rejects(check([ID]), { code: "pin_mismatch", message: /this certificate is not pinned/ })
    })

    test("of certificates vouch for the root that follows, and an authority has to be behind its keys again", async () => {
        const issued = certificateKey(buildCertificate({ name: APP, issuer: authority, keyUsage: 0x80 }).pem)
        const own = certificateKey(buildCertificate({ name: APP }).pem)
        const check = async (toml: string, key: TufKey): Promise<void> => {
            await write(user, `[[pin]]\ngun = ["**"]\n${toml}\n`)
            checkPinsOfNextRoot(await ruleFor(APP), parseGun(APP), [key], 1, NOW)
        }
        await check(`certificates = ["${ID}"]`, own)
        await check(`authority = "ca.pem"\ncertificates = ["${ID}"]`, issued)
        await assert.rejects(check(`authority = "ca.pem"\ncertificates = ["${ID}"]`, own), {
            code: "pin_mismatch",
            message: /no pinned authority/,
        })
        await write(user, "")
        checkPinsOfNextRoot(await ruleFor(APP), parseGun(APP), [own], 1, NOW)
    })

    test("are refused with every mistake at once, each with its file and place", async () => {
        await write(
            administrator,
            [
                "first_us = false",
                "[[pin]]",
                'gun = ["registry.example.com/Team", "[ab]", "registry.example.com/**"]',
                `certificates = ["${ID.slice(1)}", "${"A".repeat(64)}", "${OTHER}"]`,
                "[[pin]]",
                'gun = ["**"]',
                "[[pin]]",
                "gun = []",
                'authority = "none.pem"',
                "[[pin]]",
                'authority = "administrator.toml"',
                "certificate = 1",
            ].join("\n"),
        )
        const { code, message } = await refusal()
        assert.equal(code, "config_invalid")
        const lines = message.split("\n").map((line) => line.replace(`${administrator}: `, ""))
        assert.ok(lines.every((line) => !line.includes(directory)))
        for (const expected of [
            /^first_us: there is no such field$/,
            /^pin #1\.gun #1: not the name of a repository/,
            /^pin #1\.gun #2: "\[" has no meaning/,
            /^pin #1\.certificates #1: not a key ID/,
            /^pin #1\.certificates #2: not a key ID/,
            /^pin #2: pins nothing/,
            /^pin #3\.gun: must not be empty/,
            /^pin #3\.authority: the file does not exist$/,
            /^pin #4\.gun: missing$/,
            /^pin #4\.authority: there is no certificate in it/,
            /^pin #4\.certificate: there is no such field$/,
        ])
            assert.ok(
                lines.some((line) => expected.test(line)),
                `${expected} in\n${lines.join("\n")}`,
            )
        assert.equal(lines.length, 11)
        await write(administrator, "first_use = \n")
        assert.match((await refusal()).message, /administrator\.toml: line 1, column \d+: /)
    })

    test("come from no file that others may write, and name no such file", async () => {
        for (const mode of [0o620, 0o602, 0o666]) {
            await write(user, "", mode)
            const { code, message } = await refusal()
            assert.equal(code, "file_unsafe")
            assert.match(message, /user\.toml can be written by others/)
        }
        await write(path.join(directory, "open.pem"), authority.pem, 0o666)
        await write(user, '[[pin]]\ngun = ["**"]\nauthority = "open.pem"\n', 0o644)
        assert.equal((await refusal()).code, "file_unsafe")
        await rm(user)
        await symlink(directory, user)
        assert.equal((await refusal()).code, "file_unsafe")
    })
})

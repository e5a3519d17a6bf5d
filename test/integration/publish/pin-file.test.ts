import assert from "node:assert/strict"
import { chmod, readFile, stat, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import type { ErrorCode } from "../../../src/errors.ts"
import { changePinFile, type PinChange, readPinFile } from "../../../src/publish/index.ts"
import { buildAuthority } from "../../support/certificate-builder.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const APP = "registry.example.com/team/app"
const OTHER = "registry.example.com/team/other"
const [ONE, TWO] = ["11".repeat(32), "22".repeat(32)]

const WRITTEN = `# ours, do not touch
first_use = true # for now

# the app
[[pin]]
gun = ["${APP}"]
certificates = [
    "${ONE}", # alice's token
]
# said by alice on the phone

# everything else
[[pin]] # by our authority
gun = ["registry.example.com/**"]
authority = "ca.pem"
`

type Scene = AsyncDisposable & {
    readonly file: string
    change(change: PinChange): Promise<string>
    refused(change: PinChange, code: ErrorCode, message?: RegExp): Promise<void>
}

async function start(text?: string): Promise<Scene> {
    const directory = await makeWorkingDirectory("pin-file")
    const file = path.join(directory.path, "trustkey", "client.toml")
    await writeFile(path.join(directory.path, "ca.pem"), buildAuthority({ name: "Example Root" }).pem, { mode: 0o600 })
    if (text !== undefined) {
        await changePinFile(file, { kind: "first-use", allowed: true }, 0o600)
        await writeFile(file, text.replace('"ca.pem"', JSON.stringify(path.join(directory.path, "ca.pem"))))
    }
    return {
        file,
        change: async (change) => {
            await changePinFile(file, change, 0o600)
            return (await readFile(file, "utf8")).replaceAll(`${directory.path}/`, "")
        },
        refused: async (change, code, message = /./) => {
            const before = await readFile(file, "utf8")
            await assert.rejects(changePinFile(file, change, 0o600), { code, message })
            assert.equal(await readFile(file, "utf8"), before)
        },
        [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    }
}

const setting = (gun: string, certificate: string): PinChange => ({ kind: "set", pin: { gun: [gun], certificates: [certificate] } })
const block = (gun: string, certificate: string): string => `[[pin]]\ngun = ["${gun}"]\ncertificates = ["${certificate}"]\n`

describe("a client.toml that is changed by command", () => {
    test("is made where there is none, for its user alone, and reads as what was said", async () => {
        await using scene = await start()
        assert.equal(await scene.change(setting(APP, ONE)), block(APP, ONE))
        assert.equal((await stat(scene.file)).mode & 0o777, 0o600)
        assert.equal((await stat(path.dirname(scene.file))).mode & 0o777, 0o700)
        assert.deepEqual(await readPinFile(scene.file), { firstUse: true, pins: [{ gun: [APP], certificates: [ONE] }] })
        assert.equal(await scene.change({ kind: "first-use", allowed: false }), `first_use = false\n${block(APP, ONE)}`)
        assert.equal(await scene.change({ kind: "remove", gun: APP }), "first_use = false\n")
    })

    test("keeps what people wrote in it, comments included, and its mode", async () => {
        await using scene = await start(WRITTEN)
        await chmod(scene.file, 0o640)
        assert.equal(await scene.change({ kind: "first-use", allowed: false }), WRITTEN.replace("true # for", "false # for"))
        const text = WRITTEN.replace("true # for", "false # for")
        assert.equal(await scene.change(setting(OTHER, TWO)), `${text}\n${block(OTHER, TWO)}`)
        const gone = /\[\[pin\]\]\ngun = \["registry.example.com\/team\/app"\]\n(?:.*\n){3}/
        assert.equal(await scene.change({ kind: "remove", gun: APP }), `${text.replace(gone, "")}\n${block(OTHER, TWO)}`)
        assert.equal((await stat(scene.file)).mode & 0o777, 0o640)
    })

    test("has one pin of a GUN, however often it is set: of two, either would do", async () => {
        await using scene = await start(`${block(APP, ONE)}\n${block(OTHER, ONE)}\n${block(APP, TWO)}`)
        assert.equal(await scene.change(setting(APP, "33".repeat(32))), `${block(OTHER, ONE)}\n${block(APP, "33".repeat(32))}`)
        await scene.change(setting(APP, "33".repeat(32)))
        assert.equal((await readPinFile(scene.file)).pins.length, 2)
    })

    test("stays as it is when it can't be changed without guessing, or has mistakes", async () => {
        const shared = `[[pin]]\ngun = ["${APP}", "${OTHER}"]\ncertificates = ["${ONE}"]\n`
        const inline = `pin = [{ gun = ["${APP}"], certificates = ["${ONE}"] }]\n`
        for (const [text, change] of [
            [shared, setting(APP, TWO)],
            [shared, { kind: "remove", gun: APP }],
            [inline, setting(OTHER, TWO)],
            [inline, { kind: "remove", gun: APP }],
            [`"first_use" = true\n`, { kind: "first-use", allowed: false }],
            ["frist_use = true\n", setting(APP, ONE)],
            ["", { kind: "set", pin: { gun: [APP], authority: "/nonexistent/\u007f.pem" } }],
            ["", { kind: "set", pin: { gun: [APP], certificates: ["not an ID"] } }],
        ] as readonly (readonly [string, PinChange])[]) {
            await using scene = await start(text)
            await scene.refused(change, "config_invalid", /client\.toml/)
        }
        await using scene = await start(block(OTHER, ONE))
        await scene.refused({ kind: "remove", gun: APP }, "not_found")
    })

    test("is no link, and nobody else's to write", async () => {
        await using scene = await start(block(OTHER, ONE))
        const link = `${scene.file}.link`
        await symlink(scene.file, link)
        await assert.rejects(changePinFile(link, setting(APP, ONE), 0o600), { code: "file_unsafe" })
        await chmod(scene.file, 0o666)
        await scene.refused(setting(APP, ONE), "file_unsafe")
    })
})

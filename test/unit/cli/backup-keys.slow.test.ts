import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type KeyPassphraseOptions, KeyPassphrases } from "../../../src/cli/backup/key-passphrases.ts"
import { openForDrill } from "../../../src/cli/backup/open-keys.ts"
import { thingOfGroup } from "../../../src/cli/secrets.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { makeWorkingDirectory, writeSecret } from "../../support/temp.ts"
import { fakeDaemon, fakeSigner } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const ID = "3f".repeat(32)

async function withList(content: string, check: (open: () => Promise<KeyPassphrases>) => Promise<void>): Promise<void> {
    await using directory = await makeWorkingDirectory("passphrases")
    const keyPassphrases = await writeSecret(directory.path, "list", content)
    await check(() => KeyPassphrases.open(fakeCli(fakeTerminal()), { keyPassphrases }))
}

function texts(passphrases: KeyPassphrases, name: string): readonly string[] {
    return passphrases.for(name).map((secret) => secret.reveal((bytes) => bytes.toString()))
}

describe("a list of passphrases", () => {
    test("has one for each group or key, with spaces in it if it likes", () =>
        withList(`group:release correct horse  battery \n\n${ID} grüße\n`, async (open) => {
            using passphrases = await open()
            assert.deepEqual(texts(passphrases, "group:release"), ["correct horse  battery "])
            assert.deepEqual(texts(passphrases, ID), ["grüße"])
            assert.deepEqual(texts(passphrases, "group:other"), [])
        }))

    test("is refused by the line that is none, and the line is not shown", async () => {
        for (const line of [
            "group:release",
            "group:release ",
            " swordfish",
            "release swordfish",
            `${ID.slice(1)} swordfish`,
            "group:A swordfish",
        ])
            await withList(`group:ok fine\n${line}\n`, async (open) => {
                await assert.rejects(open(), (error) => {
                    assert.ok(error instanceof TrustkeyError && error.code === "invalid_request")
                    assert.match(error.message, /^line 2 of /)
                    return !error.message.includes("swordfish")
                })
            })
        await withList("group:a one\ngroup:a two\n", (open) => assert.rejects(open(), /line 2 .*another line names/))
    })
})

type Opening = { readonly opened: boolean; readonly tried: readonly string[]; readonly remarks: string }

/** A scratch daemon whose group opens with `right`, after `pauses` refusals for being asked too often. */
async function opening(
    options: {
        readonly right: string
        readonly given?: KeyPassphraseOptions & { readonly descriptors?: Readonly<Record<number, string>> }
        readonly typed?: readonly string[]
        readonly credential?: "none" | "works" | "absent"
        readonly pauses?: number
    },
    times = 1,
): Promise<Opening> {
    const { right, given = {}, typed, credential = "none" } = options
    const signer = fakeSigner()
    const tried: string[] = []
    let pauses = options.pauses ?? 0
    const daemon = fakeDaemon({
        challenge: signer.challenge,
        unlock: async ({ sealed }) => {
            if (pauses > 0) {
                pauses -= 1
                throw new TrustkeyError("overloaded", "too many wrong passphrases; try again in 1 s")
            }
            const secret = sealed === undefined ? `credential ${credential}` : signer.open("unlock", "group:release", sealed)
            tried.push(secret)
            if (secret !== right) throw new TrustkeyError(sealed === undefined ? "not_found" : "open_failed", "no")
            return ""
        },
    })
    const terminal = fakeTerminal({
        ...(typed === undefined ? {} : { typed }),
        ...(given.descriptors === undefined ? {} : { descriptors: given.descriptors }),
    })
    const cli = fakeCli(terminal)
    using passphrases = await KeyPassphrases.open(cli, given)
    let opened = false
    for (let time = 0; time < times; time += 1)
        opened = await openForDrill(cli, daemon, thingOfGroup("release"), credential === "none" ? "" : "ci-key", passphrases)
    return { opened, tried, remarks: terminal.remarks() }
}

describe("a key of a drill", () => {
    test("opens with the passphrase that was given, or is left out where nobody can be asked", async () => {
        const given = { keyPassphraseFd: 3, descriptors: { 3: "given" } }
        assert.deepEqual(await opening({ right: "given", given }), { opened: true, tried: ["given"], remarks: "" })
        assert.deepEqual(await opening({ right: "another", given }), { opened: false, tried: ["given"], remarks: "" })
        assert.deepEqual(await opening({ right: "another" }), { opened: false, tried: [], remarks: "" })
    })

    test("is asked for, three times, and an empty answer leaves it out", async () => {
        const typed = ["wrong", "wronger", "right", "never"]
        const found = await opening({ right: "right", typed })
        assert.deepEqual(found.tried, ["wrong", "wronger", "right"])
        assert.ok(found.opened)
        assert.equal((await opening({ right: "never", typed })).opened, false)
        assert.deepEqual(await opening({ right: "right", typed: [""] }), { opened: false, tried: [], remarks: "" })
    })

    test("opens by what has opened another before anybody is asked again", async () => {
        assert.deepEqual((await opening({ right: "typed once", typed: ["typed once"] }, 2)).tried, ["typed once", "typed once"])
    })

    test("opens by its credential, and by its passphrase where the credential isn't", async () => {
        assert.deepEqual((await opening({ right: "credential works", credential: "works" })).tried, ["credential works"])
        const typed = ["right"]
        assert.deepEqual((await opening({ right: "right", credential: "absent", typed })).tried, ["credential absent", "right"])
    })

    test("is tried again when the daemon wants a pause", async () => {
        assert.deepEqual((await opening({ right: "right", typed: ["right"], pauses: 1 })).tried, ["right"])
    })
})

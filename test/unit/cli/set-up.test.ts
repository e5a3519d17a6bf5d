import assert from "node:assert/strict"
import { readFile, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { Cli } from "../../../src/cli/context.ts"
import { findTokens } from "../../../src/cli/setup/find-tokens.ts"
import { isAdministrator, ownerOf, type SetUpOptions, setUp } from "../../../src/cli/setup/set-up.ts"
import type { Terminal } from "../../../src/cli/terminal.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { parseNameDatabase } from "../../../src/storage/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { type FakeTerminal, fakeCli, fakeContext, fakeTerminal } from "./fake-terminal.ts"

const YKCS11 = "/usr/lib/libykcs11.so"
const OPENSC = "/usr/lib/opensc-pkcs11.so"
const SOFT = "/usr/lib/softhsm/libsofthsm2.so"
const READER = "Yubico YubiKey OTP+FIDO+CCID 00 00"
const ALICE = `age1${"q".repeat(58)}`

type Answer = { readonly code: number; readonly stdout?: string; readonly stderr?: string }

function token(label: string, serial: string, description = "a slot"): object {
    return { label, serial, manufacturer: "maker", model: "model", description, uri: `pkcs11:serial=${serial}` }
}

const found = (...tokens: readonly object[]): Answer => ({ code: 0, stdout: `a module's chatter\n${JSON.stringify(tokens)}\n` })

/** `trustkey init` on a configuration of its own; each module answers as it is said, and the daemon takes everything but what it is told not to. */
class Rig {
    readonly file: string
    readonly terminal: FakeTerminal
    readonly asked: { readonly args: readonly string[]; readonly env: Terminal["ttyName"] | object }[] = []
    readonly #answers: Readonly<Record<string, Answer>>
    readonly #judgement: Answer

    constructor(directory: string, typed: readonly string[] | undefined, answers: Readonly<Record<string, Answer>>, judgement: Answer) {
        this.file = path.join(directory, "trustkeyd.toml")
        this.terminal = fakeTerminal(typed === undefined ? {} : { typed })
        this.#answers = answers
        this.#judgement = judgement
    }

    async setUp(options: SetUpOptions): Promise<number> {
        const run: Terminal["run"] = async (program, args, { env, onStdout, onStderr }) => {
            this.asked.push({ args, env })
            const module = args.at(-1) ?? ""
            const { code, stdout = "", stderr = "" } = program === "timeout" ? (this.#answers[module] ?? found()) : this.#judgement
            onStdout?.(Buffer.from(stdout))
            onStderr?.(Buffer.from(stderr))
            return code
        }
        const cli = new Cli(fakeContext({ ...this.terminal, run }))
        try {
            return await setUp(cli, { config: this.file, module: Object.keys(this.#answers), ...options })
        } finally {
            await cli.close()
        }
    }

    /** The daemon is somebody else's to restart here, so that is how it ends when something was written. */
    async written(options: SetUpOptions): Promise<string> {
        assert.equal(await this.code(options), "daemon_unreachable", this.terminal.remarks())
        return await this.text()
    }

    async code(options: SetUpOptions): Promise<string> {
        try {
            await this.setUp(options)
            return "done"
        } catch (error) {
            assert.ok(error instanceof TrustkeyError, String(error))
            return error.code
        }
    }

    text(): Promise<string> {
        return readFile(this.file, "utf8")
    }
}

async function rig(
    answers: Readonly<Record<string, Answer>>,
    { typed, text = "", judgement = { code: 0 } }: { typed?: readonly string[]; text?: string; judgement?: Answer } = {},
): Promise<Rig & AsyncDisposable> {
    const directory = await makeWorkingDirectory("set-up")
    const made = new Rig(directory.path, typed, answers, judgement)
    await writeFile(made.file, text, { mode: 0o600 })
    return Object.assign(made, { [Symbol.asyncDispose]: () => directory.remove() })
}

describe("setting up", () => {
    test("is for root and the machine's own daemon, unless a configuration is named", () => {
        const cli = (uid: number, env = {}): Cli => new Cli({ ...fakeContext(fakeTerminal(), env), uid })
        assert.equal(isAdministrator(cli(0), {}), true)
        assert.equal(isAdministrator(cli(1000), {}), false)
        assert.equal(isAdministrator(cli(0, { TRUSTKEYD_SOCKET: "/tmp/sign.sock" }), {}), false)
        assert.equal(isAdministrator(cli(1000), { config: "/tmp/trustkeyd.toml" }), true)
        assert.equal(isAdministrator(fakeCli(fakeTerminal()), {}), false)
    })

    test("gives the machine's configuration to the daemon's group, and another one to nobody: it is not ours to give", () => {
        const names = parseNameDatabase("", "trustkeyd:x:901:\n")
        assert.deepEqual(ownerOf({}, names), { gid: 901 })
        assert.deepEqual(ownerOf({ config: "/home/alice/trustkeyd.toml" }, names), {})
        assert.deepEqual(ownerOf({}, parseNameDatabase("", "")), {})
    })

    test("knows one YubiKey from two modules, and takes Yubico's", async () => {
        const card = { [YKCS11]: found(token("YubiKey PIV", "12345678", READER)), [OPENSC]: found(token("root", "00000000", READER)) }
        await using one = await rig(card)
        const text = await one.written({})
        assert.match(text, /^module = "\/usr\/lib\/libykcs11\.so"$/m)
        assert.match(text, /^uri = "pkcs11:serial=12345678"$/m)
        await using alone = await rig({ [OPENSC]: card[OPENSC] })
        assert.match(await alone.written({}), /^module = "\/usr\/lib\/opensc-pkcs11\.so"$/m)
    })

    test("shows a person all tokens there are, and takes the one that is chosen", async () => {
        const tokens = { [YKCS11]: found(token("card", "1")), [SOFT]: found(token("soft", "2"), token("other", "3")) }
        await using chosen = await rig(tokens, { typed: ["2", ""] })
        assert.match(await chosen.written({ token: "vault" }), /name = "vault".*uri = "pkcs11:serial=2"/s)
        assert.match(chosen.terminal.remarks(), /1 {2}maker model "card" serial 1\n {2}2 {2}maker model "soft" serial 2\n {2}3/)
        for (const typed of ["", "0", "4", "soft", "1.5"]) {
            await using other = await rig(tokens, { typed: [typed, ""] })
            assert.equal(await other.code({}), "declined", typed)
            assert.equal(await other.text(), "")
        }
        await using nobody = await rig(tokens)
        assert.equal(await nobody.code({}), "usage")
    })

    test("a module that hangs or crashes is named with what it said, nothing that would move a terminal, and the others are asked", async () => {
        const answers = {
            "/a/hangs.so": { code: 124 },
            "/b/crashes.so": { code: 139 },
            "/c/speaks.so": { code: 1, stderr: "first\nit \u001b[31mcan't" },
            "/d/chatters.so": { code: 0, stdout: "[]\nfinalized\n" },
            "/e/lies.so": { code: 0, stdout: "[null]\n" },
            [SOFT]: found(token("soft", "2")),
        }
        await using machine = await rig(answers)
        await machine.written({})
        const remarks = machine.terminal.remarks()
        assert.match(remarks, /warning: \/a\/hangs\.so: did not answer within 30 seconds\n/)
        assert.match(remarks, /warning: \/b\/crashes\.so: ended with 139\n/)
        assert.match(remarks, /warning: \/c\/speaks\.so: it .*can't\n/)
        assert.match(remarks, /warning: \/d\/chatters\.so: what it said can't be understood\n/)
        assert.match(remarks, /warning: \/e\/lies\.so: what it said can't be understood\n/)
        assert.ok(!remarks.includes("\u001b"))
    })

    test("attack: a module that runs as the daemon's user has no terminal of root's to type into", async () => {
        const asked: (readonly string[])[] = []
        const run: Terminal["run"] = async (program, args, { onStdout }) => {
            asked.push([program, ...args])
            onStdout?.(Buffer.from("[]\n"))
            return 0
        }
        const cli = new Cli(fakeContext({ ...fakeTerminal(), run }))
        await findTokens(cli, [SOFT], {}, "trustkeyd")
        await cli.close()
        const [command = []] = asked
        assert.deepEqual(command.slice(0, 5), ["timeout", "--kill-after=1", "30", "setsid", "setpriv"])
    })

    test("gives a module the environment it will have, and nothing of ours", async () => {
        await using machine = await rig({ [SOFT]: found(token("soft", "2")) })
        const text = await machine.written({ environment: ["SOFTHSM2_CONF=/etc/a b.conf", "EMPTY="] })
        const [search] = machine.asked
        assert.deepEqual(search?.env, { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", SOFTHSM2_CONF: "/etc/a b.conf", EMPTY: "" })
        assert.match(text, /^environment = \{ "SOFTHSM2_CONF" = "\/etc\/a b\.conf", "EMPTY" = "" \}$/m)
        await using fresh = await rig({ [SOFT]: found(token("soft", "2")) })
        for (const wrong of ["=x", "A B=c", "NAME"]) assert.equal(await fresh.code({ environment: [wrong] }), "usage")
    })

    test("asks for whom backups are once, and writes what is said to what is there", async () => {
        const text = "[backup]\nrecipients = []\n[[token]]\nname = 'a'\n"
        await using asked = await rig({}, { typed: [ALICE], text })
        assert.match(await asked.written({}), new RegExp(`^recipients = \\["${ALICE}"\\]$`, "m"))
        assert.match(asked.terminal.shown(), /For whom are backups\?/)
        await using again = await rig({}, { typed: [], text: await asked.text() })
        assert.equal(await again.setUp({}), 1)
        assert.equal(again.terminal.shown(), "")
        await using later = await rig({}, { typed: [""], text })
        assert.equal(await later.setUp({}), 0)
        assert.equal(await later.text(), text)
    })

    test("a configuration that is a symbolic link is left to whoever made it one", async () => {
        await using machine = await rig({ [SOFT]: found(token("soft", "2")) })
        const link = `${machine.file}.link`
        await symlink(machine.file, link)
        assert.equal(await machine.code({ config: link }), "usage")
        assert.equal(await machine.text(), "")
    })

    test("what the daemon refuses is not written, and said in its words; accounts are not for another's configuration", async () => {
        const judgement = { code: 78, stderr: "trustkeyd: token #1.module: must be an absolute path [config_invalid]\n" }
        await using machine = await rig({ [SOFT]: found(token("soft", "2")) }, { judgement })
        await assert.rejects(machine.setUp({}), /^TrustkeyError: token #1\.module: must be an absolute path; nothing was written$/)
        assert.equal(await machine.text(), "")
        assert.equal(await machine.code({ signer: ["alice"] }), "usage")
    })
})

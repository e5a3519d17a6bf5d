import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import fc from "fast-check"
import { readConfig, withRecipients, withSigners, withToken } from "../../../src/cli/setup/config-text.ts"
import { parseConfig } from "../../../src/config/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { parseNameDatabase, parseToml } from "../../../src/storage/index.ts"

const SHIPPED = readFileSync(path.resolve(import.meta.dirname, "../../../packaging/trustkeyd.toml"), "utf8")
const NAMES = parseNameDatabase("root:x:0:0::/root:/bin/sh\n", "root:x:0:\ntrustkey-sign:x:900:\n")
const TOKEN = { name: "root-token", module: "/usr/lib/x86_64-linux-gnu/libykcs11.so", uri: "pkcs11:serial=12345678", environment: {} }
const [ALICE, BOB] = [`age1${"q".repeat(58)}`, `age1${"p".repeat(58)}`] as const

function code(work: () => unknown): string | undefined {
    try {
        work()
        return undefined
    } catch (error) {
        assert.ok(error instanceof TrustkeyError)
        return error.code
    }
}

describe("what trustkey init writes into the configuration", () => {
    test("goes after what was there, every comment kept, and is what the daemon reads", () => {
        const text = withSigners(withToken(SHIPPED, TOKEN))
        assert.ok(text.startsWith(SHIPPED))
        const config = parseConfig(text, NAMES)
        assert.deepEqual(
            config.tokens.map(({ name, module }) => [name, module]),
            [[TOKEN.name, TOKEN.module]],
        )
        assert.deepEqual(readConfig(text).tokens, [TOKEN.name])
        assert.ok(readConfig(text).named.includes("group:trustkey-sign"))
        assert.equal(readConfig(SHIPPED).named.includes("group:trustkey-sign"), false)
    })

    test("names a token as it is called, whatever stands in its names", () => {
        fc.assert(
            fc.property(
                fc.string({ unit: "binary" }),
                fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), fc.string()),
                (text, environment) => {
                    const table = { ...TOKEN, uri: `pkcs11:token=${text}`, environment }
                    const [token] = (parseToml(withToken(SHIPPED, table)) as { token: (typeof table)[] }).token
                    assert.equal(token?.uri, table.uri)
                    assert.deepEqual({ ...token?.environment }, { ...environment })
                },
            ),
        )
    })

    test("adds recipients to those there are, once each, where the file has them", () => {
        const files = [
            "",
            "log_level = 'info'",
            "[backup]\nmax_age = '8d' # days\n[limits]\n",
            "[ backup ] # for whom\nrecipients = []\n",
            `[backup]\nrecipients = ["${BOB}"]\nmax_age = '8d'\n`,
            `[backup]\nrecipients = [\n  # Bob's\n  "${BOB}",\n]\n`,
        ]
        for (const before of files) {
            const old = readConfig(before).recipients
            const after = withRecipients(before, [ALICE])
            assert.deepEqual(readConfig(after).recipients, [ALICE, ...old], before)
            assert.equal(withRecipients(after, [ALICE]), after)
            for (const comment of before.match(/#.*/g) ?? []) assert.ok(after.includes(comment), after)
        }
    })

    test("is refused, and nothing is made of it, where the file is written so that a line would land elsewhere", () => {
        const files = [
            `backup = { recipients = [] }\n`,
            `log = """\n[backup]\n"""\n[backup]\nmax_age = '8d'\n`,
            `[other]\nrecipients = []\n[backup]\nrecipients = []\n`,
            `"backup".recipients = []\n`,
        ]
        for (const text of files)
            assert.equal(
                code(() => withRecipients(text, [ALICE])),
                "config_invalid",
                text,
            )
        assert.equal(
            code(() => withToken("token = []\n", TOKEN)),
            "config_invalid",
        )
        assert.equal(
            code(() => withToken("not toml", TOKEN)),
            "config_invalid",
        )
        assert.equal(
            code(() => readConfig("token = 5\n")),
            "config_invalid",
        )
    })
})

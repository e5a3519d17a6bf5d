import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { missingIn, type PageLine, parsePage } from "../sandbox/page.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { startNotary } from "../support/notary.ts"
import { mustRun } from "../support/process.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY, DEFAULT_PIN, DEFAULT_PUK } from "../support/yubikey/state.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")
const page = await readFile(path.join(ROOT, "docs/yubikey.md"), "utf8")
/** Of the configuration file, and of a program that isn't ours. */
const OTHER_BLOCKS = /^```(toml|console)\n([\s\S]*?)^```$\n/gm
const sections = parsePage(page.replace(OTHER_BLOCKS, ""))
const toml = Array.from(page.matchAll(OTHER_BLOCKS)).find(([, language]) => language === "toml")?.[2] ?? ""

const SERIAL = 12_345_678
const NEW_PIN = "48151623"

/** What a person answers who sees this last on the terminal. */
const ANSWERS: readonly (readonly [question: RegExp, answer: (expects: number) => string])[] = [
    [/New PIN (?:again )?of token [^\n]*: $/, () => NEW_PIN],
    [/PIN of token [^\n]*: $/, (expects) => (expects === 0 ? pin : "00000000")],
    [/PUK of token [^\n]*: $/, () => DEFAULT_PUK],
    [/Management key of token [^\n]*: $/, () => DEFAULT_MANAGEMENT_KEY],
    [/(?:Enter|Repeat) passphrase for [^\n]*: $/, () => "correct-horse-battery"],
]
let pin = DEFAULT_PIN

for (const firmware of [
    [5, 4, 3],
    [5, 7, 4],
] as const) {
    describe(`docs/yubikey.md, with firmware ${firmware.join(".")}`, () => {
        const stack = new AsyncDisposableStack()
        let yubikey: YubikeyRig
        let daemon: Daemon
        let env: Readonly<Record<string, string>>

        before(async () => {
            pin = DEFAULT_PIN
            yubikey = stack.use(await startYubikeyRig({ cards: [{ serial: SERIAL, firmware }] }))
            await yubikey.card.hand(300)
            const notary = stack.use(await startNotary())
            const roots = path.join(yubikey.directory, "roots.pem")
            await writeFile(roots, yubikey.authority.rootPem, { mode: 0o644 })
            const token = { ...(await yubikey.card.token()), settings: [`attestation_roots = "${roots}"`] }
            daemon = stack.use(await startDaemon({ tokens: { "root-a": token } }))
            const place = (name: string): string => path.join(daemon.directory, name)
            await mkdir(place(`docker/tls/${notary.host}`), { recursive: true, mode: 0o700 })
            await copyFile(notary.caFile, place(`docker/tls/${notary.host}/ca.crt`))
            await mkdir(place("bin"))
            const program = path.join(ROOT, "dist/trustkey.cjs")
            await writeFile(place("bin/trustkey"), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o700 })
            env = {
                PATH: `${place("bin")}:/usr/bin:/bin`,
                HOME: daemon.directory,
                TERM: "xterm",
                LC_ALL: "C.UTF-8",
                TRUSTKEYD_SOCKET: daemon.signSocket,
                TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket,
                DOCKER_CONFIG: place("docker"),
                DOCKER_CONTENT_TRUST_SERVER: notary.url,
            }
        })
        after(() => stack.disposeAsync())

        /** On a terminal, where a person answers what is asked. */
        async function type({ line, status: expects }: PageLine): Promise<string> {
            const child = spawn("script", ["-qefc", line, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] })
            let seen = ""
            let answered = 0
            child.stdout.on("data", (piece: Buffer) => {
                seen += piece.toString()
                const open = seen.slice(answered)
                const answer = ANSWERS.find(([question]) => question.test(open))?.[1]
                if (answer === undefined) return
                answered = seen.length
                child.stdin.write(`${answer(expects)}\n`)
                if (/New PIN of/.test(open)) pin = NEW_PIN
            })
            const [status] = await once(child, "close")
            assert.equal(status, expects, `${line}\n${seen}`)
            return seen.replaceAll("\r\u001b[K", "\n").replaceAll("\r\n", "\n")
        }

        test("the configuration of the page is taken", async () => {
            const file = path.join(daemon.directory, "page.toml")
            await writeFile(file, toml.replace(/^module = .*$/m, `module = "${yubikey.module}"`), { mode: 0o600 })
            await mustRun(process.execPath, [path.join(ROOT, "dist/trustkeyd.cjs"), "--check-config", "--config", file])
            assert.match(toml, new RegExp(`^name = "root-a"\n.*\nuri = "pkcs11:serial=${SERIAL}"$`, "m"))
        })

        for (const { title, blocks } of sections) {
            test(`every line does what the page says: ${title}`, async () => {
                for (const block of blocks) {
                    if (block.kind === "text") continue
                    let shown = ""
                    for (const line of block.lines) shown += `${await type(line)}\n`
                    assert.equal(missingIn(shown, block.prints), undefined, shown)
                }
            })
        }

        test("no try is left spent, and the key is where it was", async () => {
            const { pinLeft, pukLeft } = await yubikey.card.look()
            assert.deepEqual([pinLeft, pukLeft], [3, 3])
            assert.match(await daemon.ok(["key", "list"]), /^[0-9a-f]{12} +root +p256 +token:root-a /m)
        })
    })
}

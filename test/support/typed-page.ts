import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { type Block, missingIn, type PageLine } from "../sandbox/page.ts"
import type { Daemon } from "./daemon.ts"
import type { TrustRig } from "./trust-rig.ts"

const PROGRAM = path.resolve(import.meta.dirname, "../../dist/trustkey.cjs")

/** Of what is exported. */
export const FILE_PASSPHRASE = "stock-client-passphrase"

/** Types the lines of a page on a terminal, as somebody would who has its names set in his shell, and answers what is asked. */
export class Typist {
    readonly #rig: TrustRig
    readonly #daemon: Daemon
    #names: Readonly<Record<string, string>>

    private constructor(rig: TrustRig, daemon: Daemon, names: Readonly<Record<string, string>>) {
        this.#rig = rig
        this.#daemon = daemon
        this.#names = names
    }

    /** Beside `daemon`, with the docker directory of the rig. */
    static async open(rig: TrustRig, daemon: Daemon, names: Readonly<Record<string, string>>): Promise<Typist> {
        const bin = path.join(daemon.directory, "bin")
        await mkdir(bin, { recursive: true })
        await writeFile(path.join(bin, "trustkey"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, { mode: 0o700 })
        return new Typist(rig, daemon, names)
    }

    /** Every line ends as the page says, and prints what it says; `NAME=$(…)` sets a name for the lines after it. */
    async type(blocks: readonly Block[]): Promise<void> {
        for (const block of blocks) {
            if (block.kind === "text") continue
            let shown = ""
            for (const line of block.lines) {
                const [, name, command] = /^([A-Z]+)=\$\((.*)\)$/.exec(line.line) ?? []
                const printed = await this.#line(command === undefined ? line : { ...line, line: command })
                if (name !== undefined) this.#names = { ...this.#names, [name]: printed.trim() }
                shown += `${printed}\n`
            }
            assert.equal(missingIn(shown, block.prints), undefined, shown)
        }
    }

    async #line({ line, status: expects }: PageLine): Promise<string> {
        const answers = this.#answers()
        const { env, directory: cwd } = { env: this.#environment(), directory: this.#daemon.directory }
        const child = spawn("script", ["-qefc", line, "/dev/null"], { env, cwd, stdio: ["pipe", "pipe", "inherit"] })
        let seen = ""
        let answered = 0
        child.stdout.on("data", (piece: Buffer) => {
            seen += piece.toString()
            const open = seen.slice(answered)
            const [question, answer] = answers.find(([asked]) => asked.test(open)) ?? []
            if (question === undefined || answer === undefined) return
            answered = seen.length
            child.stdin.write(`${question.exec(open)?.groups?.["typed"] ?? answer}\n`)
        })
        const [status] = await once(child, "close")
        assert.equal(status, expects, `${line}\n${seen}`)
        return seen.replaceAll("\r\u001b[K", "\n").replaceAll("\r\n", "\n")
    }

    #environment(): Readonly<Record<string, string>> {
        return {
            PATH: `${path.join(this.#daemon.directory, "bin")}:/usr/bin:/bin`,
            HOME: this.#daemon.directory,
            TERM: "xterm",
            LC_ALL: "C.UTF-8",
            TRUSTKEYD_SOCKET: this.#daemon.signSocket,
            TRUSTKEYD_ADMIN_SOCKET: this.#daemon.adminSocket,
            DOCKER_CONFIG: this.#rig.docker.configDirectory,
            DOCKER_CONTENT_TRUST_SERVER: this.#rig.notary.url,
            ...this.#names,
        }
    }

    /** What a person answers who sees this last on the terminal. */
    #answers(): readonly (readonly [question: RegExp, answer: string])[] {
        return [
            [/PIN of token [^\n]*: $/, this.#rig.token.userPin],
            [/assphrase for the file [^\n]*: $/, FILE_PASSPHRASE],
            [/pass phrase for [^\n]*:$/, FILE_PASSPHRASE],
            [/assphrase [^\n]*: $/, "correct horse battery"],
            // What is to be typed stands in the question.
            [/Type "?(?<typed>[0-9a-f]{8}(?: is still needed)?)"? to [a-z ]+: $/, ""],
            [/\[keep\/unbind\/remove\] $/, "keep"],
            [/\? \[y\/N\] $/, "y"],
        ]
    }
}

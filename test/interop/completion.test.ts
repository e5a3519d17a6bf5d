import assert from "node:assert/strict"
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { mustRun } from "../support/process.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"

const PROGRAM = path.resolve(import.meta.dirname, "../../dist/trustkey.cjs")

/** What is typed, and what stands there after the shell has put in everything that fits. */
const TYPED: readonly (readonly [typed: string, offered: readonly string[]])[] = [
    ["trustkey jou", ["journal"]],
    ["trustkey journal ", ["show", "void"]],
    ["trustkey key create --purpose ta", ["targets"]],
    ["trustkey key create --purpose=ta", ["--purpose=targets"]],
    ["trustkey trust sign localhost:5", ["localhost:5000/app"]],
    ["trustkey trust sign --passphrase-file sec", ["secret-file", "secret-place/"]],
    ["trustkey trust sign --passphrase-file=sec", ["--passphrase-file=secret-file", "--passphrase-file=secret-place/"]],
    ["trustkey ceremony open sec", ["secret-place/"]],
    ["trustkey nonsense ", []],
]

let directory: WorkingDirectory
let env: Record<string, string>

before(async () => {
    directory = await makeWorkingDirectory("completion")
    const place = (name: string): string => path.join(directory.path, name)
    await mkdir(place("bin"))
    await symlink(process.execPath, place("bin/node"))
    await writeFile(place("bin/trustkey"), `#!/bin/sh\nexec node '${PROGRAM}' "$@"\n`, { mode: 0o755 })
    await mkdir(place("docker/trust/tuf/localhost:5000/app/metadata"), { recursive: true })
    await mkdir(place("secret-place"))
    await writeFile(place("secret-file"), "")
    env = {
        PATH: `${place("bin")}:/usr/sbin:/usr/bin:/sbin:/bin`,
        LANG: "C.UTF-8",
        TERM: "dumb",
        HOME: directory.path,
        DOCKER_CONFIG: place("docker"),
        TRUSTKEYD_SOCKET: place("nobody.sock"),
    }
    for (const shell of ["bash", "zsh", "fish"]) {
        await mkdir(place(shell))
        const script = await mustRun(path.join(place("bin"), "trustkey"), ["completion", shell], { env })
        await writeFile(place(`${shell}/_trustkey`), script)
    }
})
after(async () => {
    await directory?.remove()
})

describe("trustkey's words are completed", () => {
    test("by bash, whatever is in them", async () => {
        // What bash does itself is tried with a function of ours in the place of compopt: it has no line to complete here.
        const script = [
            ". bash/_trustkey",
            'compopt() { [ "$2" = dirnames ] && kind=-d || kind=-f; }',
            "ask() {",
            "    local kind=",
            `    COMP_LINE=$1; COMP_POINT=\${#COMP_LINE}; _trustkey 2> /dev/null`,
            `    [ -z "$kind" ] || COMPREPLY=($(compgen $kind -- "\${1##*[ =]}"))`,
            `    echo "\${COMPREPLY[*]}"`,
            "}",
            ...TYPED.map(([typed]) => `ask '${typed}'`),
        ]
        const stdout = await mustRun("bash", ["--norc", "-c", script.join("\n")], { env, cwd: directory.path })
        // Bash takes what stands before a colon or an equal sign as typed.
        const expected = TYPED.map(([, offered]) => offered.map((word) => word.replace(/^.*[:=]/, "").replace(/\/$/, "")).sort())
        assert.deepEqual(
            stdout
                .split("\n")
                .slice(0, -1)
                .map((line) => line.split(" ").filter(Boolean).sort()),
            expected,
        )
    })

    test("by zsh, found through fpath or sourced", async () => {
        for (const load of [
            "fpath=($PWD/zsh $fpath); autoload -Uz compinit; compinit -D -u",
            "autoload -Uz compinit; compinit -D -u; . zsh/_trustkey",
        ]) {
            const setup = [
                load,
                "unsetopt beep",
                // All that fits is put into the line at once.
                "zle -C everything complete-word _generic; bindkey '^T' everything",
                "zstyle ':completion:everything:*' completer _all_matches _complete; zstyle ':completion:everything:*' insert yes",
                'note() { print -r -- "$BUFFER" >> noted; BUFFER= }; zle -N note; bindkey "^G" note',
            ]
            await writeFile(path.join(directory.path, ".zshrc"), `${setup.join("\n")}\n`)
            await writeFile(path.join(directory.path, "noted"), "")
            const keys = `${TYPED.map(([typed]) => `${typed}\u0014\u0007`).join("")}exit\r`
            await mustRun("script", ["-qefc", "zsh --no-globalrcs -i", "/dev/null"], { env, cwd: directory.path, input: keys })
            const noted = (await readFile(path.join(directory.path, "noted"), "utf8")).split("\n").slice(0, -1)
            assert.equal(noted.length, TYPED.length, noted.join("\n"))
            for (const [index, [typed, offered]] of TYPED.entries()) {
                const begun = typed.slice(0, typed.lastIndexOf(" ") + 1)
                const line = noted[index] ?? ""
                assert.ok(line.startsWith(begun), line)
                assert.deepEqual(line.slice(begun.length).split(" ").filter(Boolean).sort(), offered, typed)
            }
        }
    })

    test("by fish", async () => {
        const script = ["source fish/_trustkey", ...TYPED.flatMap(([typed]) => [`complete -C '${typed}'`, "echo ."])]
        const stdout = await mustRun("fish", ["--no-config", "-c", script.join("\n")], { env, cwd: directory.path })
        const offered = stdout
            .split(/^\.\n/m)
            .slice(0, -1)
            .map((lines) =>
                Array.from(lines.matchAll(/^(.*?)(?:\t.*)?$/gm), ([, word = ""]) => word)
                    .filter(Boolean)
                    .sort(),
            )
        assert.deepEqual(
            offered,
            TYPED.map(([, words]) => words),
        )
    })
})

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { type PageLine, parsePage, type Section } from "../sandbox/page.ts"
import { buildDeb } from "../support/deb.ts"
import { fencedBlocks } from "../support/documented.ts"
import { bootMachine, debianTree, type Machine } from "../support/nspawn.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

const VERSIONS = ["0.1.0-0trustkeyd1", "0.1.1~rc1-0trustkeyd1"] as const
/** Of the configuration file and of a drop-in: other tests have them in use. */
const OTHER_BLOCKS = /^```(toml|ini)\n[\s\S]*?^```$\n/gm

/** docs/install.md, docs/operate.md and docs/upgrade.md, by their sections' titles. Of the first not how it is built, nor the first run, which is package-first-run.test.ts's. */
const [install, operate, upgrade] = await Promise.all(["install", "operate", "upgrade"].map(sectionsOf))

async function sectionsOf(name: string): Promise<readonly Section[]> {
    const page = await readFile(path.resolve(import.meta.dirname, `../../docs/${name}.md`), "utf8")
    return parsePage(page.replace(OTHER_BLOCKS, ""))
}

/** A doctor finds in such a machine what it finds: a person is needed for some of it. */
const STATUSES: Readonly<Record<string, readonly number[]>> = { "trustkey doctor": [0, 5] }

let older: string
let newer: string
const shared = new AsyncDisposableStack()

before(
    async () => {
        const { path: output } = shared.use(await makeWorkingDirectory("service-pages"))
        older = await buildDeb({ output, version: VERSIONS[0] })
        newer = await buildDeb({ output, version: VERSIONS[1] })
    },
    { timeout: 170_000 },
)
after(() => shared.disposeAsync())

/** A machine at which the lines of a page are typed, in root's directory. */
class Typed {
    readonly machine: Machine
    /** What stands for VERSION on the pages. */
    version: string

    constructor(machine: Machine, version: string) {
        this.machine = machine
        this.version = version
    }

    async section(sections: readonly Section[] | undefined, title: string): Promise<void> {
        const section = sections?.find((candidate) => candidate.title === title) ?? assert.fail(`no page has "${title}"`)
        for (const block of section.blocks) if (block.kind === "lines") await this.lines(block.lines)
    }

    async lines(lines: readonly PageLine[]): Promise<void> {
        for (const { line, status } of lines) {
            const command = line.replace(/ +# .*$/, "")
            const typed = command
                .replace(/trustkeyd_VERSION_\w+\.deb/, path.basename(this.version))
                .replace(/trustkeyd_OLDER_\w+\.deb/, path.basename(older))
            const result = await this.machine.run(["sh", "-c", `cd /root && ${typed}`], {
                env: { DEBIAN_FRONTEND: "noninteractive" },
                input: "y\n",
            })
            const expected = STATUSES[command] ?? [status]
            assert.ok(expected.includes(result.status), `${typed} ended with ${result.status}\n${result.stdout}${result.stderr}`)
        }
    }

    /** Lines as they stand, in one shell. */
    async shell(lines: string): Promise<void> {
        const { status, stdout, stderr } = await this.machine.run(["sh", "-euc", `cd /root\n${lines}`])
        assert.equal(status, 0, `${lines}\n${stdout}${stderr}`)
    }

    async keys(): Promise<readonly string[]> {
        const { keys }: { keys: { id: string }[] } = JSON.parse(await this.machine.ok(["trustkey", "key", "list", "--json"]))
        return keys.map(({ id }) => id)
    }

    async bring(...files: readonly string[]): Promise<void> {
        for (const file of files) await this.machine.write(`/root/${path.basename(file)}`, await readFile(file))
    }
}

const installed = (machine: Machine): Promise<string> => machine.ok(["dpkg-query", "-W", "-f", "${" + "Version}", "trustkeyd"])

describe("docs/install.md, docs/operate.md and docs/upgrade.md, typed at a booted Debian", () => {
    const stack = new AsyncDisposableStack()
    let typed: Typed
    let kept: readonly string[]

    before(async () => void (await debianTree("bookworm")), { timeout: 600_000 })
    before(async () => void (await debianTree("trixie")), { timeout: 600_000 })
    before(
        async () => {
            typed = new Typed(stack.use(await bootMachine("bookworm")), older)
            await typed.bring(older, newer)
            await typed.machine.write("/root/passphrase", "correct horse battery staple\n", 0o600)
        },
        { timeout: 120_000 },
    )
    after(() => stack.disposeAsync())

    test("install: the package is there, and what is off by default can be switched on", async () => {
        await typed.section(install, "Install it")
        const enabled = await typed.machine.ok(["systemctl", "is-enabled", "trustkeyd.service", "trustkeyd-lock.service"])
        assert.equal(enabled, "enabled\nenabled\n")
        const create = ["trustkey", "key", "create", "--purpose", "delegation", "--label", "kept", "--passphrase-file", "/root/passphrase"]
        await typed.machine.ok(create)
        kept = await typed.keys()
        assert.equal(kept.length, 1)
    })

    for (const title of ["See how it is", "See what was done", "Start, stop, reload", "What is kept"]) {
        test(`operate: ${title}`, async () => {
            await typed.section(operate, title)
            assert.deepEqual(await typed.keys(), kept)
        })
    }

    test("operate: each way to lock everything does, and the daemon goes on", async () => {
        const locking = operate
            ?.find(({ title }) => title === "Lock everything")
            ?.blocks.flatMap((block) => (block.kind === "lines" ? block.lines : []))
        assert.equal(locking?.length, 2)
        const [id = ""] = kept
        const ready = async (): Promise<boolean> => JSON.parse(await typed.machine.ok(["trustkey", "key", "show", id, "--json"])).ready
        for (const line of locking) {
            await typed.machine.ok(["trustkey", "key", "unlock", id, "--passphrase-file", "/root/passphrase"])
            assert.equal(await ready(), true)
            await typed.lines([line])
            for (let tries = 0; (await ready()) && tries < 50; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100))
            assert.equal(await ready(), false, line.line)
        }
    })

    test("operate: a drop-in goes in and out, and the daemon runs with it", async () => {
        const blocks = operate
            ?.find(({ title }) => title === "Drop-ins")
            ?.blocks.flatMap((block) => (block.kind === "lines" ? [block.lines] : []))
        assert.equal(blocks?.length, 2)
        const isolated = async (): Promise<string> =>
            (await typed.machine.ok(["systemctl", "show", "--value", "--property", "PrivateNetwork", "trustkeyd.service"])).trim()
        for (const [index, lines] of blocks.entries()) {
            await typed.lines(lines)
            assert.equal(await isolated(), index === 0 ? "no" : "yes")
            assert.deepEqual(await typed.keys(), kept)
        }
    })

    test("unattended: a credential, the group it opens after every start, and a key in it (docs/unattended.md)", async () => {
        const blocks = fencedBlocks("docs/unattended.md").filter(({ language }) => language !== "text")
        const [secret, dropIn, group, key, rules, job, ...more] = blocks.map(({ lines }) => lines.join("\n"))
        assert.deepEqual([blocks.map(({ language }) => language).join(" "), more], ["sh ini sh sh toml sh", []])
        const { machine } = typed
        await typed.shell(secret ?? "")
        await machine.write("/etc/systemd/system/trustkeyd.service.d/unattended.conf", `${dropIn}\n`)
        await machine.ok(["useradd", "--system", "ci"])
        await machine.ok(["sh", "-c", "cat >> /etc/trustkeyd/trustkeyd.toml"], { input: `\n${rules}\n` })
        await typed.shell("systemctl daemon-reload\nsystemctl restart trustkeyd")
        // The passphrase from a file: nobody is at a keyboard.
        await typed.shell(`${group} --passphrase-file /root/passphrase`)
        const before = await typed.keys()
        const [create = "", publish = ""] = (key ?? "").split("\n")
        await typed.shell(create)
        const [id = ""] = (await typed.keys()).filter((made) => !before.includes(made))
        await typed.shell(publish.replace(" ID ", ` ${id} `))
        assert.match(await machine.ok(["cat", "/root/ci.pub"]), /BEGIN PUBLIC KEY/)
        await typed.shell("systemctl restart trustkeyd")
        assert.equal(JSON.parse(await machine.ok(["trustkey", "key", "show", id, "--json"])).ready, true)
        // The job gets as far as a machine without a trust server does.
        const signed = await machine.run(["sh", "-c", (job ?? "").replace("sha256:…", `sha256:${"ab".repeat(32)} --size 1234`)], {
            env: { DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" },
        })
        assert.match(signed.stderr, /\[server_unreachable\]|can't be reached/)
        kept = await typed.keys()
    })

    test("upgrade: before, over it, and back, with every key", async () => {
        const copy = "/var/lib/trustkeyd.before"
        await typed.section(upgrade, "Before")
        await typed.machine.ok(["test", "-e", copy])
        typed.version = newer
        // Its last line takes the copy away, which going back may need.
        const [over = assert.fail("nothing to type"), away] = linesOf(upgrade, "Upgrade")
        await typed.lines(over)
        assert.equal(await installed(typed.machine), VERSIONS[1])
        assert.deepEqual(await typed.keys(), kept)
        await typed.section(upgrade, "Going back")
        assert.equal(await installed(typed.machine), VERSIONS[0])
        assert.deepEqual(await typed.keys(), kept)
        await typed.lines(away ?? [])
        assert.notEqual((await typed.machine.run(["test", "-e", copy])).status, 0)
    })

    test("upgrade: to another machine, which has another Debian and other numbers for users", async () => {
        const other = new Typed(stack.use(await bootMachine("trixie")), older)
        await other.bring(older)
        await other.machine.ok(["useradd", "--system", "--uid", "640", "somebody"])
        await other.section(install, "Install it")
        const [away = [], there = []] = linesOf(upgrade, "To another machine")
        await typed.lines(away)
        const carried = await typed.machine.ok(["base64", "/root/trustkeyd-state.tar"])
        await other.machine.write("/root/trustkeyd-state.tar", Buffer.from(carried, "base64"))
        await other.lines(there)
        assert.deepEqual(await other.keys(), kept)
        await other.machine.write("/root/passphrase", "correct horse battery staple\n", 0o600)
        await other.machine.ok(["trustkey", "key", "unlock", kept[0] ?? "", "--passphrase-file", "/root/passphrase"])
        assert.equal((await other.machine.ok(["stat", "-c", "%a %U", "/var/lib/trustkeyd"])).trim(), "700 trustkeyd")
        assert.notEqual((await typed.machine.run(["trustkey", "status"])).status, 0)
    })

    test("remove: the package goes and the keys stay, purged too", async () => {
        await typed.section(install, "Remove")
        await typed.machine.ok(["test", "-e", "/var/lib/trustkeyd"])
        assert.notEqual((await typed.machine.run(["test", "-e", "/etc/trustkeyd/trustkeyd.toml"])).status, 0)
    })
})

function linesOf(sections: readonly Section[] | undefined, title: string): readonly (readonly PageLine[])[] {
    const section = sections?.find((candidate) => candidate.title === title) ?? assert.fail(`no page has "${title}"`)
    return section.blocks.flatMap((block) => (block.kind === "lines" ? [block.lines] : []))
}

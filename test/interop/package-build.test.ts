import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdir, readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { gunzipSync } from "node:zlib"
import { buildDeb, copyCheckout } from "../support/deb.ts"
import { mustRun, runCommand } from "../support/process.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"

const DATE = "1750000000"
const MAINTAINER = "Release Engineering <release@trustkeyd.invalid>"

let directory: WorkingDirectory
let deb: string
let content: string

before(
    async () => {
        directory = await makeWorkingDirectory("package")
        deb = await buildDeb({ output: path.join(directory.path, "first"), date: DATE, maintainer: MAINTAINER })
        content = path.join(directory.path, "content")
        await mkdir(content)
        await mustRun("dpkg-deb", ["--extract", deb, content])
    },
    { timeout: 170_000 },
)

after(() => directory.remove())

const inPackage = (file: string): string => path.join(content, file)

async function files(): Promise<readonly string[]> {
    return (await mustRun("find", [".", "-type", "f", "-printf", "%P\\n"], { cwd: content })).trimEnd().split("\n")
}

type Bill = { readonly components: readonly { readonly name: string; readonly version: string }[] }

describe("the Debian package", () => {
    test("is the same file when it is built elsewhere, with another umask, in another time zone", async () => {
        const elsewhere = path.join(directory.path, "somewhere", "else")
        await mkdir(elsewhere, { recursive: true })
        await copyCheckout(elsewhere)
        const output = path.join(directory.path, "second")
        const again = await buildDeb({
            output,
            checkout: elsewhere,
            umask: "077",
            timeZone: "Pacific/Auckland",
            date: DATE,
            maintainer: MAINTAINER,
        })
        const digest = async (file: string): Promise<string> =>
            createHash("sha256")
                .update(await readFile(file))
                .digest("hex")
        assert.equal(path.basename(again), path.basename(deb))
        assert.equal(await digest(again), await digest(deb))
    })

    test("names whoever was said to answer for it", async () => {
        assert.equal(await mustRun("dpkg-deb", ["--field", deb, "Maintainer"]), `${MAINTAINER}\n`)
        const changes = gunzipSync(await readFile(inPackage("usr/share/doc/trustkeyd/changelog.Debian.gz"))).toString("utf8")
        assert.ok(changes.includes(` -- ${MAINTAINER}  `), changes)
        await assert.rejects(buildDeb({ output: directory.path, maintainer: "somebody" }), /a maintainer is like/)
    })

    test("has no error and no warning in lintian's eyes", async () => {
        const { stdout } = await runCommand("lintian", ["--tag-display-limit", "0", deb], { timeoutMs: 170_000 })
        assert.equal(stdout, "")
    })

    test("brings a runtime and three addons for this processor, and nothing that needs a Node or a compiler on the target", async () => {
        const all = await files()
        const addons = all.filter((file) => file.endsWith(".node"))
        // Which builds of an addon there are for a processor is its maker's to say.
        assert.deepEqual(addons.map((file) => path.basename(file).split(".")[0]).sort(), ["argon2", "koffi", "pkcs11"])
        for (const file of ["usr/lib/trustkeyd/node", ...addons]) {
            const header = await readFile(inPackage(file))
            // e_machine, ELF specification: 62 is x86-64, 183 AArch64.
            assert.equal(header.readUInt16LE(18), process.arch === "arm64" ? 183 : 62, file)
        }
        for (const file of all.filter((name) => !/\.node$|trustkeyd\/node$/.test(name)))
            assert.doesNotMatch((await readFile(inPackage(file))).subarray(0, 80).toString("latin1"), /^#!.*node/, file)
        const control = await mustRun("dpkg-deb", ["--field", deb, "Depends"])
        assert.doesNotMatch(control, /nodejs|npm|g\+\+|python/)
        assert.match(control, /libc6 \(>= 2\.\d+\)/)
    })

    test("has programs of which V8 holds each character in one byte", async () => {
        const programs = (await files()).filter((file) => /^usr\/lib\/trustkeyd\/dist\/[^/]+\.cjs$/.test(file))
        assert.ok(programs.length >= 5)
        for (const file of programs) assert.doesNotMatch(await readFile(inPackage(file), "utf8"), /[\u0080-\uffff]/, file)
    })

    test("says of every npm package that is inside which version it is and what its terms are", async () => {
        const bill: Bill = JSON.parse(await readFile(inPackage("usr/share/doc/trustkeyd/sbom.cdx.json"), "utf8"))
        const copyright = await readFile(inPackage("usr/share/doc/trustkeyd/copyright"), "utf8")
        const inside = new Set<string>()
        for (const file of await files()) {
            const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file) ?? []
            if (name !== undefined) inside.add(name)
            // esbuild says where each module of a bundle is from.
            if (!file.endsWith(".cjs") || file.includes("node_modules")) continue
            for (const [, module] of (await readFile(inPackage(file), "utf8")).matchAll(/^ *\/\/ node_modules\/((?:@[^/]+\/)?[^/\n]+)\//gm))
                if (module !== undefined) inside.add(module)
        }
        assert.ok(inside.has("koffi") && inside.has("@grpc/grpc-js"))
        inside.add(`node-linux-${process.arch}`)
        assert.deepEqual(bill.components.map(({ name }) => name).sort(), [...inside].sort())
        for (const { name, version } of bill.components) assert.ok(copyright.includes(`Comment: ${name} ${version}\n`), name)
    })

    test("has a manual page with every command", async () => {
        const page = await mustRun("zcat", [inPackage("usr/share/man/man1/trustkey.1.gz")])
        for (const command of ["trustkey init", "trustkey trust sign", "trustkey key create", "trustkey ceremony step keygen"])
            assert.ok(page.includes(`\n.SS ${command}\n`), command)
        for (const file of ["man1/trustkey.1", "man5/trustkeyd.toml.5", "man8/trustkeyd.8"]) {
            const args = ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", inPackage(`usr/share/man/${file}.gz`)]
            const { stderr } = await runCommand("man", args, { env: { ...process.env, MANWIDTH: "120" } })
            assert.equal(stderr, "", file)
        }
    })

    test("has a manual page of the configuration, with every field that the installed file shows", async () => {
        const page = await mustRun("zcat", [inPackage("usr/share/man/man5/trustkeyd.toml.5.gz")])
        const shipped = await readFile(inPackage("etc/trustkeyd/trustkeyd.toml"), "utf8")
        const fields = Array.from(shipped.matchAll(/^#?(\w+) = /gm), ([, name = ""]) => name)
        assert.ok(fields.includes("state_directory") && fields.includes("max_validity"))
        for (const name of fields) assert.ok(page.includes(`\n.TP\n.B ${name}\n`), name)
    })

    test("lets bash, zsh and fish complete, each from where it looks", async () => {
        for (const [shell, file] of [
            ["bash", "bash-completion/completions/trustkey"],
            ["zsh", "zsh/vendor-completions/_trustkey"],
            ["fish", "fish/vendor_completions.d/trustkey.fish"],
        ] as const) {
            const printed = await mustRun(process.execPath, [path.resolve("dist/trustkey.cjs"), "completion", shell])
            assert.equal(await readFile(inPackage(`usr/share/${file}`), "utf8"), printed)
        }
    })
})

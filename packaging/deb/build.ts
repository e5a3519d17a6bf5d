// npm run deb: the Debian package, from dist/, node_modules/ and what lies in the checkout. Two builds of one commit are the same file.
import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { gzipSync } from "node:zlib"
import { bundledPackages } from "./bundled.ts"
import { copyrightFile } from "./copyright.ts"
import { DOCUMENTATION, PRIVATE, ROOT, Tree } from "./layout.ts"
import { manualPages } from "./manual.ts"
import { addonFiles, stagePrograms } from "./programs.ts"
import { billOfMaterials } from "./sbom.ts"

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" }
/** Of the version, the part for packaging: a package that a distribution makes itself begins with -1, and is newer. */
const REVISION = "0trustkeyd1"
/** Reserved, so that nobody gets mail for a package he did not make (RFC 2606). */
const NOBODY = "trustkeyd maintainers <maintainers@trustkeyd.invalid>"
const HERE = import.meta.dirname

const USAGE = `usage: npm run deb -- [--version VERSION] [--maintainer 'NAME <ADDRESS>'] [--output DIRECTORY] [--quick]
    --version      of the package; default: that of package.json, and -${REVISION}
    --maintainer   who answers for the package; default: an address that nobody has
    --output       default: packaging/build
    --quick        compress less: for tests
`

type Options = { readonly version: string; readonly maintainer: string; readonly output: string; readonly quick: boolean }

function readOptions(): Options {
    const manifest: { version: string } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"))
    const { values } = parseArgs({
        options: {
            version: { type: "string", default: `${manifest.version}-${REVISION}` },
            maintainer: { type: "string", default: NOBODY },
            output: { type: "string", default: path.join(ROOT, "packaging/build") },
            quick: { type: "boolean", default: false },
        },
    })
    if (!/^\d[\w.+~]*-[\w.+~]+$/.test(values.version)) throw new Error(`a version is like ${manifest.version}-${REVISION}\n${USAGE}`)
    if (!/^[^<>,\n]+ <[^<>,@\s]+@[^<>,@\s]+>$/.test(values.maintainer)) throw new Error(`a maintainer is like ${NOBODY}\n${USAGE}`)
    return { version: values.version, maintainer: values.maintainer, output: path.resolve(values.output), quick: values.quick }
}

/** Whatever the machine's clock says, the package is of the commit's time. */
function sourceDate(): Date {
    const given = process.env["SOURCE_DATE_EPOCH"]
    const seconds = given ?? execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" })
    if (!/^\d+\s*$/.test(seconds)) throw new Error(`SOURCE_DATE_EPOCH is no number of seconds: ${seconds}`)
    return new Date(Number(seconds) * 1000)
}

/** As RFC 5322 has it, in UTC. */
function changelogDate(date: Date): string {
    return date.toUTCString().replace("GMT", "+0000")
}

function debianChangelog({ version, maintainer }: Options, date: Date): string {
    return `trustkeyd (${version}) stable; urgency=medium\n\n  * What is new stands in changelog.gz.\n\n -- ${maintainer}  ${changelogDate(date)}\n`
}

/** As small as it gets, which Debian asks for, and without a date. */
function compressed(text: string | Uint8Array): Uint8Array {
    return gzipSync(text, { level: 9 })
}

function stageSystem(tree: Tree): void {
    const unit = (name: string): string => path.join(ROOT, "systemd", name)
    const units = ["trustkeyd.service", "trustkeyd-sign.socket", "trustkeyd-admin.socket", "trustkeyd-lock.service"]
    for (const name of [...units, "trustkeyd-backup.service", "trustkeyd-backup.timer"])
        tree.copy(unit(name), `/usr/lib/systemd/system/${name}`)
    tree.copy(unit("trustkeyd.sysusers"), "/usr/lib/sysusers.d/trustkeyd.conf")
    tree.copy(unit("trustkeyd.tmpfiles"), "/usr/lib/tmpfiles.d/trustkeyd.conf")
    tree.copy(unit("trustkeyd.rules"), "/usr/share/polkit-1/rules.d/trustkeyd.rules")
    for (const name of readdirSync(unit("examples"))) tree.copy(unit(`examples/${name}`), `${DOCUMENTATION}/examples/${name}`)
    tree.copy(path.join(ROOT, "packaging/trustkeyd.toml"), "/etc/trustkeyd/trustkeyd.toml")
}

function stageDocumentation(tree: Tree, options: Options, date: Date): void {
    const { version } = options
    const packages = bundledPackages()
    const files = readdirSync(path.join(ROOT, "docs"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    for (const { parentPath, name } of files) {
        const file = path.join(parentPath, name)
        tree.copy(file, path.join(DOCUMENTATION, path.relative(ROOT, file)))
    }
    for (const file of ["README.md", "SECURITY.md"]) tree.copy(path.join(ROOT, file), path.join(DOCUMENTATION, file))
    tree.write(`${DOCUMENTATION}/changelog.gz`, compressed(readFileSync(path.join(ROOT, "CHANGELOG.md"))))
    tree.write(`${DOCUMENTATION}/changelog.Debian.gz`, compressed(debianChangelog(options, date)))
    tree.write(`${DOCUMENTATION}/copyright`, copyrightFile(packages))
    tree.write(
        `${DOCUMENTATION}/node-LICENSE.gz`,
        compressed(readFileSync(path.join(ROOT, `node_modules/node-linux-${process.arch}/LICENSE`))),
    )
    tree.write(`${DOCUMENTATION}/sbom.cdx.json`, billOfMaterials(packages, version, date))
    for (const { name, section, text } of manualPages(version, date))
        tree.write(`/usr/share/man/man${section}/${name}.${section}.gz`, compressed(text))
    tree.copy(path.join(HERE, "lintian-overrides"), "/usr/share/lintian/overrides/trustkeyd")
}

/** What our native files need, and at which version, as Debian's own tool has it. */
function libraryDependencies(tree: Tree): string {
    const directory = mkdtempSync(path.join(tmpdir(), "trustkeyd-deb-"))
    try {
        mkdirSync(path.join(directory, "debian"))
        writeFileSync(path.join(directory, "debian/control"), "Source: trustkeyd\n\nPackage: trustkeyd\nArchitecture: any\n")
        const files = [`${PRIVATE}/node`, ...addonFiles(tree)].map((file) => `-e${tree.place(file)}`)
        const args = ["-O", "--ignore-missing-info", ...files]
        const output = execFileSync("dpkg-shlibdeps", args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
        const depends = /^shlibs:Depends=(.+)$/m.exec(output)?.[1]
        if (depends === undefined) throw new Error(`dpkg-shlibdeps named no library: ${output}`)
        return depends
    } finally {
        rmSync(directory, { recursive: true })
    }
}

function stageControl(tree: Tree, { version, maintainer }: Options): void {
    const files = tree.list().map((name) => lstatSync(tree.place(name)))
    const kibibytes = files.reduce((sum, file) => sum + (file.isFile() ? Math.ceil(file.size / 1024) : 1), 0)
    const fields: Readonly<Record<string, string>> = {
        VERSION: version,
        ARCHITECTURE: ARCHITECTURES[process.arch] ?? "",
        MAINTAINER: maintainer,
        SIZE: String(kibibytes),
        LIBRARIES: libraryDependencies(tree),
    }
    const template = readFileSync(path.join(HERE, "control"), "utf8")
    const control = template.replace(/@([A-Z]+)@/g, (_, name: string) => fields[name] ?? "")
    const sums = execFileSync(
        "sh",
        ["-c", "find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum"],
        {
            cwd: tree.directory,
        },
    )
    tree.write("/DEBIAN/control", control)
    tree.write("/DEBIAN/conffiles", "/etc/trustkeyd/trustkeyd.toml\n")
    tree.write("/DEBIAN/md5sums", sums)
    for (const script of ["postinst", "prerm", "postrm"]) tree.copy(path.join(HERE, script), `/DEBIAN/${script}`, 0o755)
}

function build(options: Options): string {
    const architecture = ARCHITECTURES[process.arch]
    if (architecture === undefined) throw new Error(`there is no package for ${process.arch}`)
    const date = sourceDate()
    mkdirSync(options.output, { recursive: true })
    const staging = mkdtempSync(path.join(options.output, ".staging-"))
    try {
        const tree = new Tree(path.join(staging, "tree"))
        stagePrograms(tree)
        stageSystem(tree)
        stageDocumentation(tree, options, date)
        stageControl(tree, options)
        tree.settle(date)
        const file = path.join(options.output, `trustkeyd_${options.version}_${architecture}.deb`)
        const unfinished = path.join(staging, "package.deb")
        execFileSync("dpkg-deb", ["-Zxz", `-z${options.quick ? 0 : 6}`, "--root-owner-group", "--build", tree.directory, unfinished], {
            stdio: ["ignore", "ignore", "inherit"],
            env: { ...process.env, SOURCE_DATE_EPOCH: String(date.getTime() / 1000) },
        })
        renameSync(unfinished, file)
        return file
    } finally {
        rmSync(staging, { recursive: true, force: true })
    }
}

try {
    const file = build(readOptions())
    console.log(`${path.relative(process.cwd(), file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`)
} catch (error) {
    console.error(`packaging/deb/build.ts: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
}

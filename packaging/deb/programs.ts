import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import path from "node:path"
import { COMPLETION_SCRIPTS, SHELLS } from "../../src/cli/completion/scripts.ts"
import { launcherText } from "../../src/cli/launcher.ts"
import { PRIVATE, ROOT, type Tree } from "./layout.ts"

/** As packaging/bundle.ts leaves them out of the bundles. */
const NATIVE = ["koffi", "pkcs11js", "argon2"]
const PROGRAMS = { node: `${PRIVATE}/node`, directory: `${PRIVATE}/dist` }

/** Where Debian's shells look for what a package brings. */
const COMPLETIONS = {
    bash: "/usr/share/bash-completion/completions/trustkey",
    zsh: "/usr/share/zsh/vendor-completions/_trustkey",
    fish: "/usr/share/fish/vendor_completions.d/trustkey.fish",
}

/** The files that requiring the native packages loads here, relative to the checkout: those for other platforms are never among them. */
function loadedFiles(): readonly string[] {
    const script = `for (const name of ${JSON.stringify(NATIVE)}) require(name); console.log(JSON.stringify(Object.keys(require.cache)))`
    const printed = execFileSync(process.execPath, ["-e", script], { cwd: ROOT, encoding: "utf8", env: {} })
    const files: readonly string[] = JSON.parse(printed)
    return files.map((file) => path.relative(ROOT, file)).sort()
}

function packageOf(file: string): string {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]
    if (name === undefined) throw new Error(`${file} is in no package`)
    return name
}

/** The native packages and those they load. */
export function nativePackages(): readonly string[] {
    return [...new Set(loadedFiles().map(packageOf))]
}

/** The native files of a staged package, as the target will have them. */
export function addonFiles(tree: Tree): readonly string[] {
    return tree
        .list()
        .filter((file) => file.endsWith(".node"))
        .map((file) => `/${file}`)
}

/** The runtime, the bundles, the addons, and what starts them. */
export function stagePrograms(tree: Tree): void {
    tree.copy(path.join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`), `${PRIVATE}/node`, 0o755)
    // Maps are for those who have the source as well.
    for (const name of readdirSync(path.join(ROOT, "dist")).filter((file) => /\.(?:cjs|metadata|toml)$/.test(file)))
        tree.copy(path.join(ROOT, "dist", name), `${PRIVATE}/dist/${name}`)
    const files = loadedFiles()
    const manifests = new Set(files.map((file) => `node_modules/${packageOf(file)}/package.json`))
    for (const file of new Set([...files, ...manifests])) tree.copy(path.join(ROOT, file), `${PRIVATE}/${file}`)
    strip(tree)
    tree.write("/usr/bin/trustkey", launcherText(PROGRAMS, "trustkey"), 0o755)
    tree.write(
        "/usr/sbin/trustkeyd",
        `#!/bin/sh\nexec ${PROGRAMS.node} --jitless --disable-sigusr1 --max-semi-space-size=2 ${PROGRAMS.directory}/trustkeyd.cjs "$@"\n`,
        0o755,
    )
    tree.write("/usr/libexec/docker/cli-plugins/docker-trustkey", launcherText(PROGRAMS, "docker-trustkey"), 0o755)
    for (const shell of SHELLS) tree.write(COMPLETIONS[shell], COMPLETION_SCRIPTS[shell])
    tryOut(tree)
}

/** Debugging symbols are half of an addon and a seventh of the runtime. */
function strip(tree: Tree): void {
    const files = [PROGRAMS.node, ...addonFiles(tree)]
    execFileSync("strip", ["--strip-unneeded", ...files.map((file) => tree.place(file))])
}

/** What was staged has to load by itself, as the daemon loads it. */
function tryOut(tree: Tree): void {
    const script = NATIVE.map((name) => `require("${name}")`).join("; ")
    execFileSync(tree.place(PROGRAMS.node), ["--jitless", "-e", script], { cwd: tree.place(PRIVATE), env: {} })
    execFileSync(tree.place(PROGRAMS.node), [tree.place(`${PROGRAMS.directory}/trustkey.cjs`), "--version"], { stdio: "ignore", env: {} })
}

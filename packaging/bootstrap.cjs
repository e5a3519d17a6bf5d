"use strict"

// Makes a fresh Debian machine ready, then runs the real program under the Node pinned in package.json.
// Plain CommonJS without dependencies: it runs before anything is installed, on whatever Node brought npm (18 or newer).

const { spawn, spawnSync } = require("node:child_process")
const { createHash } = require("node:crypto")
const fs = require("node:fs")
const { constants } = require("node:os")
const path = require("node:path")

const ROOT = path.resolve(__dirname, "..")
const NODE_PACKAGE = path.join(ROOT, "node_modules", `node-linux-${process.arch}`)
const PINNED_NODE = path.join(NODE_PACKAGE, "bin", "node")
const PKCS11JS = path.join(ROOT, "node_modules", "pkcs11js")
const NATIVE_MODULE = path.join(PKCS11JS, "build", "Release", "pkcs11.node")
const INSTALL_STAMP = path.join(ROOT, "node_modules", ".trustkeyd-installed")
const BUNDLE_STAMP = path.join(ROOT, "dist", ".stamp")
const LOCK = path.join(ROOT, "dist", ".lock")

const PROGRAMS = {
    test: "test/run.ts",
    tokens: "test/tokens.ts",
    sandbox: "test/sandbox/main.ts",
    bench: "bench/run.ts",
    soak: "bench/soak.ts",
    deb: "packaging/deb/build.ts",
}

// One line per need; any package of the line satisfies it, the first is the one that gets installed. The second docker
// name keeps us from replacing an engine somebody installed from docker's own repository.
const DEBIAN_PACKAGES = [
    ["softhsm2"],
    ["notary"],
    ["docker.io", "docker-ce-cli"],
    ["docker-registry"],
    ["opensc"],
    ["openssl"],
    ["strace"],
    ["age"],
    ["g++"],
    ["ca-certificates"],
    ["iproute2"],
    ["git"],
]

// A virtual YubiKey and what talks to it. Only the tests need them: the stock clients take ykcs11's module for a token as
// soon as it is there, so whoever only tries the sandbox doesn't get it.
// NSS's module is one that custody has to refuse.
const TEST_PACKAGES = [
    ["pcscd"],
    ["vsmartcard-vpcd"],
    ["ykcs11"],
    ["yubico-piv-tool"],
    ["libnss3"],
    ["libnss3-tools"],
    ["p11-kit"],
    ["p11-kit-modules"],
    ["pinentry-tty"],
    ["zbar-tools"],
    ["weasyprint"],
    ["poppler-utils"],
    ["fonts-dejavu-core"],
    ["systemd"],
    ["python3"],
    ["mmdebstrap"],
    ["systemd-container"],
    ["lintian"],
    ["zsh"],
    ["fish"],
    ["openssh-server"],
    ["binutils"],
    ["dpkg-dev"],
]

// Token modules that only the long form of the contract takes (npm run test:tokens -- --long).
const LONG_FORM_PACKAGES = [["swtpm"], ["libtpm2-pkcs11-1"], ["tpm2-tools"], ["opencryptoki"]]

// What npm run deb takes.
const DEB_PACKAGES = [["g++"], ["binutils"], ["dpkg-dev"], ["ca-certificates"], ["git"]]

// Newer Debian has the client in a package of its own, which docker.io only recommends.
const DOCKER_CLIENT = "/usr/bin/docker"

// $@ is the list of packages. No service may start because somebody ran a test: where no policy forbids it yet, one
// does for the time of the installation. --no-remove: better to stop than to take software away.
const INSTALL_SCRIPT = `
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
apt-get update -q
case " $* " in *" docker.io "*) docker=wanted ;; *) docker= ;; esac
if [ "$docker" = wanted ] && [ ! -e ${DOCKER_CLIENT} ] && apt-cache show docker-cli > /dev/null 2>&1; then
    set -- "$@" docker-cli
fi
apt-get install -y -q --no-install-recommends --no-remove "$@"
`

class Stop extends Error {}

/** Run `work` and print one line about it, with the time it took. */
function step(what, work) {
    const started = process.hrtime.bigint()
    process.stderr.write(`bootstrap: ${what} ...`)
    try {
        work()
    } catch (error) {
        process.stderr.write(" failed\n")
        throw error
    }
    const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000
    process.stderr.write(` done (${seconds.toFixed(1)} s)\n`)
}

/** Run a program to its end, silently; what it printed is shown only when it fails. */
function run(what, command, args) {
    const result = spawnSync(command, args, {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "pipe"],
        encoding: "utf8",
        maxBuffer: 256 * 1024 * 1024,
    })
    if (result.error !== undefined) throw new Stop(`${what} could not run ${command}: ${result.error.message}`)
    if (result.status !== 0) {
        const lines = `${result.stdout}${result.stderr}`.trimEnd().split("\n")
        const shown = lines.length <= 80 ? lines : [...lines.slice(0, 30), `(${lines.length - 80} lines left out)`, ...lines.slice(-50)]
        const printed = shown.join("\n    ")
        const ended = result.signal === null ? `exit status ${result.status}` : `signal ${result.signal}`
        throw new Stop(`${what} failed (${ended}); it printed:\n    ${printed}`)
    }
    return result.stdout
}

function checkPlatform() {
    if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
        throw new Stop(
            `trustkeyd is built and tested on Linux, x64 or arm64; this is ${process.platform} ${process.arch}. Use a Debian 12 (or newer) machine, virtual machine or container.`,
        )
    }
    if (Number(process.versions.node.split(".")[0]) < 18) {
        throw new Stop(`Node 18 or newer is needed to start; this is ${process.version}. On Debian: apt-get install nodejs npm`)
    }
}

function missingDebianPackages(needed) {
    const every = needed.flat()
    // The exit status is 1 as soon as one name is unknown, so only the output counts.
    const query = spawnSync("dpkg-query", ["-W", "-f", "$" + "{Package} $" + "{db:Status-Status}\\n", ...every], { encoding: "utf8" })
    if (query.error !== undefined) {
        throw new Stop(
            `this needs a Debian-like system (dpkg and apt-get not found). Install by other means, then run the programs by hand: ${needed.map((names) => names[0]).join(" ")}`,
        )
    }
    const installed = new Set(
        query.stdout
            .split("\n")
            .filter((line) => line.endsWith(" installed"))
            .map((line) => line.split(" ")[0]),
    )
    const missing = needed.filter((names) => !names.some((name) => installed.has(name))).map((names) => names[0])
    const wantsDocker = every.includes("docker.io")
    if (wantsDocker && missing.length === 0 && !fs.existsSync(DOCKER_CLIENT)) missing.push("docker-cli")
    return missing
}

function installDebianPackages(needed) {
    const missing = missingDebianPackages(needed)
    if (missing.length === 0) return
    const names = missing.join(" ")
    if (process.getuid() === 0) {
        step(`installing Debian packages (a minute or two): ${names}`, () => {
            run("installing Debian packages", "sh", ["-c", INSTALL_SCRIPT, "sh", ...missing])
        })
        return
    }
    const sudo = spawnSync("sudo", ["-n", "true"], { stdio: "ignore" })
    if (sudo.error !== undefined || sudo.status !== 0) {
        throw new Stop(
            `Debian packages are missing and this user may not install them. Run this, then try again:\n    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`,
        )
    }
    step(`installing Debian packages with sudo (a minute or two): ${names}`, () => {
        run("installing Debian packages", "sudo", ["-n", "sh", "-c", INSTALL_SCRIPT, "sh", ...missing])
    })
}

function sha256(...parts) {
    const hash = createHash("sha256")
    for (const part of parts) hash.update(`${part.length}:`).update(part)
    return hash.digest("hex")
}

function readOrEmpty(file) {
    try {
        return fs.readFileSync(file)
    } catch (error) {
        if (error.code === "ENOENT" || error.code === "ENOTDIR") return Buffer.alloc(0)
        throw error
    }
}

function installStamp() {
    return `${sha256(fs.readFileSync(path.join(ROOT, "package-lock.json")), Buffer.from(process.arch))}\n`
}

function installIsCurrent() {
    return readOrEmpty(INSTALL_STAMP).toString() === installStamp() && fs.existsSync(PINNED_NODE) && fs.existsSync(NATIVE_MODULE)
}

/**
 * True if npm's own record says that exactly the locked packages are there: somebody ran `npm ci` or `npm install` by
 * hand. npm writes that record last, so an interrupted installation does not have it.
 */
function npmHasInstalledTheLock() {
    const record = readOrEmpty(path.join(ROOT, "node_modules", ".package-lock.json"))
    if (record.length === 0) return false
    const there = JSON.parse(record.toString()).packages
    const locked = JSON.parse(fs.readFileSync(path.join(ROOT, "package-lock.json"), "utf8")).packages
    if (Object.keys(there).some((name) => locked[name] === undefined)) return false
    return Object.entries(locked).every(([name, entry]) => {
        if (name === "") return true
        const actual = there[name]
        // Optional packages are the ones for other processors.
        if (actual === undefined) return entry.optional === true && fs.existsSync(PINNED_NODE)
        return actual.version === entry.version && actual.integrity === entry.integrity
    })
}

function npmCi() {
    // An npm that outlived us would go on writing node_modules while the next run does. setpriv is part of every Debian.
    run("npm ci", "setpriv", ["--pdeathsig", "KILL", "--", "npm", "ci", "--loglevel=error", "--no-progress"])
    if (!fs.existsSync(PINNED_NODE)) {
        throw new Stop(
            `npm ci left out node-linux-${process.arch}, the Node we run on. npm says nothing when an optional package can't be had: see that "npm config get omit" does not name optional, then try again`,
        )
    }
}

/**
 * Compile pkcs11js as its binding.gyp says, with the headers of the pinned Node. Not through npm rebuild: Debian's
 * node-gyp links every module with Debian's own libnode, and a second Node in the process crashes it.
 */
function buildNativeModule() {
    const sources = fs.readFileSync(path.join(PKCS11JS, "binding.gyp"), "utf8").match(/src\/\w+\.cpp/g) ?? []
    const includes = [path.join(NODE_PACKAGE, "include", "node"), path.join(PKCS11JS, "includes")]
    const defines = ["NAPI_DISABLE_CPP_EXCEPTIONS", "BUILDING_NODE_EXTENSION", "NODE_GYP_MODULE_NAME=pkcs11"]
    // What node-gyp passes for a release build.
    const flags = ["-std=gnu++20", "-O3", "-fPIC", "-pthread", "-fno-rtti", "-fno-exceptions", "-fno-strict-aliasing", "-shared"]
    const unfinished = `${NATIVE_MODULE}.${process.pid}`
    fs.mkdirSync(path.dirname(NATIVE_MODULE), { recursive: true })
    run("compiling pkcs11js", "g++", [
        ...flags,
        ...defines.map((define) => `-D${define}`),
        ...includes.map((directory) => `-I${directory}`),
        ...sources.map((file) => path.join(PKCS11JS, file)),
        "-o",
        unfinished,
    ])
    fs.renameSync(unfinished, NATIVE_MODULE)
    if (!nativeModuleLoads())
        throw new Stop("pkcs11js was compiled but does not load: report this, it is a fault of packaging/bootstrap.cjs")
}

function nativeModuleLoads() {
    if (!fs.existsSync(NATIVE_MODULE)) return false
    return spawnSync(PINNED_NODE, ["-e", 'require("pkcs11js")'], { cwd: ROOT, stdio: "ignore" }).status === 0
}

function installNpmPackages() {
    if (installIsCurrent()) return
    if (!npmHasInstalledTheLock()) step("installing npm packages as locked", npmCi)
    if (!nativeModuleLoads()) step("compiling pkcs11js for the pinned Node", buildNativeModule)
    fs.writeFileSync(INSTALL_STAMP, installStamp())
}

function listFiles(directory) {
    if (!fs.existsSync(directory)) return []
    return fs
        .readdirSync(directory, { withFileTypes: true })
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .flatMap((entry) => {
            const name = path.join(directory, entry.name)
            return entry.isDirectory() ? listFiles(name) : [name]
        })
}

function bundleHash() {
    const files = [
        ...listFiles(path.join(ROOT, "src")),
        ...listFiles(path.join(ROOT, "proto")),
        path.join(ROOT, "package-lock.json"),
        path.join(ROOT, "packaging", "bundle.ts"),
    ]
    return sha256(...files.flatMap((file) => [Buffer.from(path.relative(ROOT, file)), fs.readFileSync(file)]))
}

function bundleIsCurrent(hash) {
    const [stampedHash, ...outputs] = readOrEmpty(BUNDLE_STAMP).toString().trimEnd().split("\n")
    return stampedHash === hash && outputs.every((name) => fs.existsSync(path.join(ROOT, "dist", name)))
}

function buildBundles() {
    const hash = bundleHash()
    if (bundleIsCurrent(hash)) return
    step("bundling the daemon and its signers", () => {
        run("packaging/bundle.ts", PINNED_NODE, ["packaging/bundle.ts"])
    })
    const outputs = fs.readdirSync(path.join(ROOT, "dist")).filter((name) => /\.(?:cjs|metadata|json)$/.test(name))
    // The hash was taken before bundling: a file changed meanwhile makes the next run bundle again.
    fs.writeFileSync(BUNDLE_STAMP, `${[hash, ...outputs].join("\n")}\n`)
}

function everythingIsReady(needed) {
    return missingDebianPackages(needed).length === 0 && installIsCurrent() && bundleIsCurrent(bundleHash())
}

/** A process's start time tells it from a later one with the same pid. Field 22, counted after the name in brackets. */
function startTime(pid) {
    const stat = readOrEmpty(`/proc/${pid}/stat`).toString()
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
}

function isAlive(owner) {
    const [pid, started] = owner.split(" ")
    return started !== undefined && started !== "" && startTime(pid) === started
}

function takeAwayDeadLock(owner) {
    const dead = `${LOCK}.dead.${process.pid}`
    try {
        fs.renameSync(LOCK, dead)
    } catch (error) {
        if (error.code === "ENOENT") return
        throw error
    }
    // Somebody else was faster, and this is already the next owner's lock: give it back.
    if (fs.readFileSync(path.join(dead, "owner"), "utf8") !== owner) fs.renameSync(dead, LOCK)
    else fs.rmSync(dead, { recursive: true, force: true })
}

/** Two programs started at once must not both write node_modules. */
function withLock(work) {
    try {
        fs.mkdirSync(path.dirname(LOCK), { recursive: true })
        fs.accessSync(path.dirname(LOCK), fs.constants.W_OK)
    } catch (error) {
        if (error.code !== "EACCES" && error.code !== "EROFS") throw error
        throw new Stop(`this user may not write ${path.dirname(LOCK)}; run as the owner of this directory`)
    }
    const me = `${process.pid} ${startTime(process.pid)}`
    const mine = `${LOCK}.${process.pid}`
    // The directory is filled before it gets its name, so a lock without an owner is never seen. Renaming onto one that
    // exists fails because it isn't empty.
    fs.rmSync(mine, { recursive: true, force: true })
    fs.mkdirSync(mine)
    fs.writeFileSync(path.join(mine, "owner"), me)
    let waiting = false
    for (;;) {
        try {
            fs.renameSync(mine, LOCK)
            break
        } catch (error) {
            if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error
        }
        const owner = readOrEmpty(path.join(LOCK, "owner")).toString()
        if (owner !== "" && !isAlive(owner)) {
            takeAwayDeadLock(owner)
            continue
        }
        if (!waiting && owner !== "") {
            process.stderr.write(`bootstrap: waiting for process ${owner.split(" ")[0]}, which is preparing this directory\n`)
            waiting = true
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
    try {
        work()
    } finally {
        // Renamed first: emptied in place it could be taken over, and then emptied again, by us.
        fs.renameSync(LOCK, mine)
        fs.rmSync(mine, { recursive: true, force: true })
    }
}

function packagesFor(action, args) {
    if (action === "deb") return DEB_PACKAGES
    if (action === "sandbox" || action === "bench" || action === "soak") return DEBIAN_PACKAGES
    const everyRun = [...DEBIAN_PACKAGES, ...TEST_PACKAGES]
    return action === "tokens" && args.includes("--long") ? [...everyRun, ...LONG_FORM_PACKAGES] : everyRun
}

function prepare(action, args) {
    checkPlatform()
    const needed = packagesFor(action, args)
    if (everythingIsReady(needed)) return
    withLock(() => {
        installDebianPackages(needed)
        installNpmPackages()
        buildBundles()
    })
}

function runProgram(script, args) {
    if (!fs.existsSync(path.join(ROOT, script))) throw new Stop(`${script} is missing from this checkout`)
    const child = spawn(PINNED_NODE, [script, ...args], { cwd: ROOT, stdio: "inherit" })
    const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]
    for (const signal of forwarded) process.on(signal, () => child.kill(signal))
    child.on("error", (error) => {
        process.stderr.write(`bootstrap: ${PINNED_NODE} could not be started: ${error.message}\n`)
        process.exit(1)
    })
    child.on("exit", (code, signal) => {
        if (signal === null) process.exit(code)
        for (const name of forwarded) process.removeAllListeners(name)
        process.kill(process.pid, signal)
        // Reached only if the signal is one this process survives.
        setTimeout(() => process.exit(128 + constants.signals[signal]), 100)
    })
}

function main() {
    const [action, ...args] = process.argv.slice(2)
    const script = PROGRAMS[action]
    if (action !== "prepare" && script === undefined) {
        process.stderr.write("usage: node packaging/bootstrap.cjs prepare | sandbox | test | tokens | bench | soak | deb [ARGUMENT ...]\n")
        process.exit(2)
    }
    try {
        prepare(action, args)
        if (script !== undefined) runProgram(script, args)
    } catch (error) {
        process.stderr.write(`bootstrap: ${error instanceof Stop ? error.message : error.stack}\n`)
        process.exit(1)
    }
}

main()

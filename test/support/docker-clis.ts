import { existsSync } from "node:fs"
import { access, chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { mustRun, runCommand } from "./process.ts"

export type DockerCli = {
    /** As it calls itself: `20.10.24+dfsg1`. */
    readonly version: string
    readonly major: number
    readonly program: string
}

/** A CLI that apt has no package of today, and what apt said. Its tests can't be registered. */
export type UnavailableCli = { readonly series: string; readonly suite: string; readonly reason: string }

export type DockerClis = { readonly clis: readonly DockerCli[]; readonly unavailable: readonly UnavailableCli[] }

/** The machine's own: Debian 12 has 20.10.24. */
const INSTALLED = "/usr/bin/docker"

/** From newer Debian suites; their programs run on Debian 12's libc. */
const ELSEWHERE = [
    { series: "26.1", suite: "trixie", package: "docker-cli" },
    { series: "28", suite: "sid", package: "docker-cli" },
] as const

type Wanted = (typeof ELSEWHERE)[number]

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/docker-clis", import.meta.url))
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

/**
 * The real docker CLIs: the machine's own always, and one of each newer series as far as apt has a package of it. Those are downloaded
 * and unpacked, never installed; apt checks them against the archive's signature, with sources and state of their own.
 */
export async function findDockerClis(): Promise<DockerClis> {
    const clis = [await cliAt(INSTALLED)]
    const unavailable: UnavailableCli[] = []
    for (const wanted of ELSEWHERE) {
        const found = await fetchCli(wanted)
        if (typeof found === "string") clis.push(await cliAt(found))
        else unavailable.push(found)
    }
    return { clis, unavailable }
}

async function cliAt(program: string): Promise<DockerCli> {
    // docker leaves files in its configuration directory, however little it is asked: there is none it could make.
    const text = await mustRun(program, ["--version"], { env: { PATH: "/usr/bin:/bin", DOCKER_CONFIG: "/dev/null/none" } })
    const [, version, major] = /^Docker version ((\d+)\.[^,\s]+)/.exec(text) ?? []
    if (version === undefined || major === undefined) throw new Error(`${program} calls itself ${JSON.stringify(text)}`)
    return { version, major: Number(major), program }
}

/** The unpacked program: from the cache, else through apt. An unreachable or other archive is an answer; a broken package is an error. */
async function fetchCli(wanted: Wanted): Promise<string | UnavailableCli> {
    const place = path.join(CACHE, `${wanted.suite}-${wanted.series}-${process.arch}`)
    const program = path.join(place, "docker")
    if (existsSync(program)) return program
    await mkdir(CACHE, { recursive: true })
    const work = await mkdtemp(path.join(CACHE, "unpacking-"))
    try {
        const apt = await privateApt(work, wanted.suite)
        const updated = await runCommand("apt-get", [...apt, "update"], { env: APT_ENV, timeoutMs: 180_000 })
        if (updated.status !== 0) return unavailable(wanted, lastLine(updated.stderr))
        const version = await candidate(apt, wanted.package)
        if (version === undefined || !isOfSeries(version, wanted.series)) {
            return unavailable(wanted, `its ${wanted.package} is ${version ?? "missing"}`)
        }
        await mustRun("apt-get", [...apt, "download", `${wanted.package}=${version}`], { cwd: work, env: APT_ENV, timeoutMs: 180_000 })
        const archive = (await readdir(work)).find((name) => name.endsWith(".deb"))
        if (archive === undefined) throw new Error(`apt-get downloaded no ${wanted.package} ${version}`)
        await mustRun("dpkg-deb", ["-x", path.join(work, archive), path.join(work, "root")])
        const unpacked = path.join(work, "whole")
        await mkdir(unpacked)
        await copyFile(path.join(work, "root/usr/bin/docker"), path.join(unpacked, "docker"))
        await chmod(path.join(unpacked, "docker"), 0o755)
        await writeFile(path.join(unpacked, "package"), `${wanted.package} ${version}\n`)
        // Renamed when it is whole. Another test file may have been faster: then theirs is as good.
        await rename(unpacked, place).catch(() => access(program))
        return program
    } finally {
        await rm(work, { recursive: true, force: true })
    }
}

function unavailable({ series, suite }: Wanted, reason: string): UnavailableCli {
    return { series, suite, reason }
}

const APT_ENV = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", HOME: "/nonexistent" }

/** Options that leave the machine's apt alone but for its mirror and the archive's keys. */
async function privateApt(directory: string, suite: string): Promise<readonly string[]> {
    const place = (name: string): string => path.join(directory, name)
    const [state, cache, sources] = [place("state"), place("cache"), place("sources.list")]
    await mkdir(path.join(state, "lists/partial"), { recursive: true })
    await mkdir(path.join(cache, "archives/partial"), { recursive: true })
    await writeFile(path.join(state, "status"), "")
    await writeFile(sources, `deb [signed-by=${KEYRING}] ${await ownMirror()} ${suite} main\n`)
    const options = {
        "Dir::State": state,
        "Dir::State::status": path.join(state, "status"),
        "Dir::Cache": cache,
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "20",
        "Acquire::AllowInsecureRepositories": "false",
        "APT::Get::AllowUnauthenticated": "false",
        // Without it an archive that can't be reached is a remark, and the exit status 0.
        "APT::Update::Error-Mode": "any",
        // apt's own user can't read our directory; what it fetches is checked all the same.
        "APT::Sandbox::User": "root",
    }
    return ["-q", ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`])]
}

/** Where this machine gets its own release from: the mirror that works here. Read from the sources, lists or none. */
async function ownMirror(): Promise<string> {
    const release = await readFile("/etc/os-release", "utf8")
    const codename = /^VERSION_CODENAME=(.+)$/m.exec(release)?.[1]
    const uris = await mustRun("apt-get", ["--print-uris", "update"], { env: APT_ENV })
    for (const [, mirror, suite] of uris.matchAll(/^'(\S+)\/dists\/([^/]+)\/(?:In)?Release'/gm)) {
        if (mirror !== undefined && suite === codename) return mirror
    }
    return "http://deb.debian.org/debian"
}

async function candidate(apt: readonly string[], name: string): Promise<string | undefined> {
    const text = await mustRun("apt-cache", [...apt, "policy", name], { env: APT_ENV })
    const version = /^ {2}Candidate: (\S+)$/m.exec(text)?.[1]
    return version === "(none)" ? undefined : version
}

function isOfSeries(version: string, series: string): boolean {
    return version.startsWith(`${series}.`)
}

function lastLine(text: string): string {
    return text.trimEnd().split("\n").at(-1) ?? ""
}

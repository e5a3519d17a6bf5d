import { createHash, createPublicKey } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import type { Notary } from "../../support/notary.ts"
import { type RepositoryFacts, readRepository } from "./metadata.ts"
import { Names } from "./normalise.ts"
import { type Line, REPOSITORIES } from "./script.ts"
import type { Surroundings, World } from "./world.ts"

/** What one line did, with each world's own IDs, places and names replaced. */
export type Outcome = { readonly [field in Field]: string }
export type Field = (typeof FIELDS)[number]
export const FIELDS = ["exit", "stdout", "stderr", "metadata", "files"] as const

/** Runs lines in one world and says what they did. */
export class Observer {
    readonly #world: World
    readonly #notary: Notary
    readonly #names: Names
    readonly #before = new Map<string, { readonly read: RepositoryFacts; readonly facts: readonly string[] }>()
    #files: readonly string[] = []

    private constructor(world: World, notary: Notary, names: Names, files: readonly string[]) {
        this.#world = world
        this.#notary = notary
        this.#names = names
        this.#files = files
    }

    static async start(world: World, { notary, registry, keyFiles }: Surroundings): Promise<Observer> {
        const names = new Names([
            [world.prefix, "PREFIX"],
            [world.prefix.slice(registry.host.length + 1), "PREFIX-PATH"],
            [registry.host, "REGISTRY"],
            [world.directory, "DIRECTORY"],
            [notary.url, "NOTARY"],
            [notary.host, "NOTARY-HOST"],
            ...(world.name === "ours" ? ([["docker trustkey", "docker trust"]] as const) : []),
        ])
        for (const name of (await readdir(keyFiles)).filter((file) => file.endsWith(".pub")))
            await learnKey(names, path.join(keyFiles, name))
        return new Observer(world, notary, names, await listFiles(world.directory))
    }

    async run(line: Line): Promise<Outcome> {
        const filled = (text: string): string =>
            text
                .replaceAll("PREFIX", this.#world.prefix)
                .replaceAll("NOTARY", this.#notary.url)
                .replaceAll("DIRECTORY", this.#world.directory)
        const env = Object.fromEntries(Object.entries(line.env ?? {}).map(([name, value]) => [name, filled(value)]))
        const args = line.run === "" ? [] : line.run.split(" ").map(filled)
        if (line.locked === true) await this.#world.lock()
        const { status, stdout, stderr } = await this.#world.run(args, { env, ...(line.typed === undefined ? {} : { typed: line.typed }) })
        this.#learnPushed(stdout)
        const files = await this.#newFiles()
        const metadata = await this.#metadata()
        return { exit: `${status}\n`, stdout: this.#names.normalise(stdout), stderr: this.#names.normalise(stderr), metadata, files }
    }

    /** What the engine says it has pushed. */
    #learnPushed(stdout: string): void {
        const [, repository] = /^The push refers to repository \[(\S+)\]$/m.exec(stdout) ?? []
        const [, tag, digest] = /^(\S+): digest: sha256:([0-9a-f]{64}) size: \d+$/m.exec(stdout) ?? []
        if (repository === undefined || digest === undefined) return
        this.#names.learn(digest, `DIGEST-${repository.slice(this.#world.prefix.length + 1)}:${tag}`)
    }

    async #newFiles(): Promise<string> {
        const files = await listFiles(this.#world.directory)
        const fresh = files.filter((name) => !this.#files.includes(name))
        this.#files = files
        for (const name of fresh.filter((file) => file.endsWith(".pub")))
            await learnKey(this.#names, path.join(this.#world.directory, name))
        return fresh.map((name) => `${name}\n`).join("")
    }

    /** What changed in the repositories: versions as they moved, facts that are gone, facts that are new. */
    async #metadata(): Promise<string> {
        const lines: string[] = []
        for (const name of REPOSITORIES) {
            const before = this.#before.get(name)
            const now = await readRepository(this.#notary, `${this.#world.prefix}/${name}`, before?.read)
            if (now === undefined || now === before?.read) continue
            for (const { id, is } of now.keys) this.#names.learn(id, `KEY-${name}-${is}`)
            for (const [role, version] of now.versions) {
                const old = before?.read.versions.get(role)
                if (old === undefined) lines.push(`${name}: ${role} begins with version ${version}`)
                else if (old !== version) lines.push(`${name}: ${role} goes on by ${version - old}`)
            }
            for (const role of before?.read.versions.keys() ?? []) if (!now.versions.has(role)) lines.push(`${name}: ${role} is gone`)
            const facts = now.facts((id) => this.#names.normalise(id))
            lines.push(...(before?.facts ?? []).filter((fact) => !facts.includes(fact)).map((fact) => `${name}: - ${fact}`))
            lines.push(...facts.filter((fact) => before?.facts.includes(fact) !== true).map((fact) => `${name}: + ${fact}`))
            this.#before.set(name, { read: now, facts })
        }
        return lines.map((line) => `${line}\n`).join("")
    }
}

/** What is in docker's configuration and in the user's cache is each program's own affair. */
async function listFiles(directory: string): Promise<readonly string[]> {
    const names = await readdir(directory, { recursive: true })
    return names.filter((name) => !/^(?:config|\.cache)/.test(name)).sort()
}

/** Notary's ID of a public key in a file: SHA-256 over this very JSON text. */
async function learnKey(names: Names, file: string): Promise<void> {
    const headless = (await readFile(file, "utf8")).replaceAll(/^(?:role|gun|path): .*\n/gm, "")
    const key = createPublicKey(headless)
    const keytype = key.asymmetricKeyType === "rsa" ? "rsa" : "ecdsa"
    const bytes = key.export({ type: "spki", format: "der" }).toString("base64")
    const text = `{"keytype":"${keytype}","keyval":{"private":null,"public":"${bytes}"}}`
    names.learn(createHash("sha256").update(text).digest("hex"), `KEY-${path.basename(file, ".pub")}`)
}

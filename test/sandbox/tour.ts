import { existsSync } from "node:fs"
import { readFile, rm } from "node:fs/promises"
import path from "node:path"
import { askHttps } from "../support/https.ts"
import { digestOf, MANIFEST_TYPE } from "../support/image.ts"
import { Lines, type RunLine } from "./lines.ts"
import { type Block, missingIn, parsePage, type Section } from "./page.ts"
import { bringRootKey, isRootKeyReady } from "./root-key.ts"
import { Steps } from "./steps.ts"

const PAGE = path.resolve(import.meta.dirname, "../../docs/sandbox.md")

/** What there is of the tour's repository. */
type State = {
    /** Nothing: no trust data, no signer's key. */
    readonly fresh: boolean
    readonly signers: readonly string[]
    readonly signed: boolean
    /** Signed, and the registry has under the tag what was signed, every byte of it. */
    readonly intact: boolean
    /** A ceremony was planned, and not gone through to the end. */
    readonly planned: boolean
}

/** What a step finds when it begins. Where it is otherwise, everything is cleaned away, and signed unless the step itself does. */
const NEEDS: Readonly<Record<string, { readonly sign: boolean; fits(state: State): boolean }>> = {
    unsigned: { sign: false, fits: () => true },
    sign: { sign: false, fits: ({ fresh }) => fresh },
    signers: { sign: true, fits: ({ signed, signers }) => signed && !signers.includes("bob") },
    tamper: { sign: true, fits: ({ intact }) => intact },
    "second-push": { sign: true, fits: ({ intact }) => intact },
    rotate: { sign: true, fits: ({ signed }) => signed },
    ceremony: { sign: true, fits: ({ signed, planned }) => signed && !planned },
    revoke: { sign: true, fits: ({ signed }) => signed },
    clean: { sign: false, fits: () => true },
}

export const STEP_NAMES: readonly string[] = Object.keys(NEEDS)

export type TourOptions = {
    readonly directory: string
    readonly run: RunLine
    readonly steps: Steps
    readonly signal: AbortSignal
    /** One step, with what it needs; without a name all of them. */
    readonly only: string | undefined
    /** Asked before each of all steps. */
    readonly goOn: () => Promise<void>
}

/** Walk through docs/sandbox.md: its lines are run, and have to do what stands there. */
export async function tour(options: TourOptions): Promise<void> {
    const sections = parsePage(await readFile(PAGE, "utf8")).filter(({ step }) => step !== undefined)
    const given = new Tour(options, sections)
    await given.checkEngine()
    try {
        if (options.only !== undefined) await given.walk(options.only)
        else for (const name of STEP_NAMES) await given.walk(name, options.goOn)
    } finally {
        // Whatever comes between: nobody should be lied to after it.
        await rm(path.join(options.directory, "lie"), { force: true })
    }
}

class Tour {
    readonly #options: TourOptions
    readonly #sections: readonly Section[]
    readonly #registry: Promise<string>

    constructor(options: TourOptions, sections: readonly Section[]) {
        this.#options = options
        this.#sections = sections
        this.#registry = options.run(`printf %s "$REGISTRY"`).then(({ stdout }) => stdout)
    }

    async checkEngine(): Promise<void> {
        const { status, stdout } = await this.#options.run("docker version --format '{{.Server.Version}}'")
        if (status === 0) return
        throw new Error(
            `the tour needs the sandbox's docker engine, which doesn't answer:\n  ${stdout.trim().split("\n").at(-1)}\nIt needs root, /usr/sbin/dockerd (apt-get install docker.io), and a machine or container that lets root mount.`,
        )
    }

    async walk(name: string, goOn: () => Promise<void> = async () => {}): Promise<void> {
        const { steps } = this.#options
        const section = this.#section(name)
        steps.title(`${name.toUpperCase()}: ${section.title.replace(/^[^:]*: /, "")}`)
        const [first, ...rest] = section.blocks
        if (first?.kind !== "text") throw new Error(`in docs/sandbox.md the step ${name} begins without a word`)
        steps.title(first.text)
        await goOn()
        await this.#prepare(name)
        if (name === "clean") await this.#clean(rest, steps)
        else await this.#show(rest, steps)
    }

    async #prepare(name: string): Promise<void> {
        const needs = NEEDS[name]
        if (needs === undefined) throw new Error(`there is no step ${name}; the steps are ${STEP_NAMES.join(", ")}`)
        const state = await this.#state()
        const fits = needs.fits(state)
        if ((name === "sign" || (needs.sign && !fits)) && !(await isRootKeyReady({ run: this.#options.run }))) {
            await this.#quietly("the root key", (steps) => bringRootKey(new Lines(this.#options.run, steps)))
        }
        if (fits) return
        if (!state.fresh)
            await this.#quietly("clean, as it is not as this step needs it", (steps) => this.#clean(this.#section("clean").blocks, steps))
        if (needs.sign) await this.#quietly("sign, which this step needs", (steps) => this.#show(this.#section("sign").blocks, steps))
    }

    /** One line for it, unless it fails. */
    async #quietly(what: string, work: (steps: Steps) => Promise<void>): Promise<void> {
        let printed = ""
        const quiet = new Steps((text) => {
            printed += text
        }, this.#options.signal)
        try {
            await this.#options.steps.run(
                `first ${what}`,
                () => work(quiet),
                () => "done",
            )
        } catch (error) {
            this.#options.steps.title(printed)
            throw error
        }
    }

    #section(name: string): Section {
        const section = this.#sections.find(({ step }) => step === name)
        if (section === undefined) throw new Error(`docs/sandbox.md has no step ${name}`)
        return section
    }

    async #show(blocks: readonly Block[], steps: Steps): Promise<void> {
        for (const block of blocks) {
            if (block.kind === "text") steps.title(block.text)
            else await this.#runLines(block, steps)
        }
    }

    /** What is half there is removed as well; then some lines find nothing to remove, and what counts is what is left. */
    async #clean(blocks: readonly Block[], steps: Steps): Promise<void> {
        if ((await this.#state()).signers.length > 0) await this.#show(blocks, steps)
        else {
            for (const block of blocks) {
                if (block.kind === "text") steps.title(block.text)
                else for (const { line } of block.lines) await steps.command(line, this.#options.run, ({ status }) => `exit code ${status}`)
            }
        }
        if (!(await this.#state()).fresh) throw new Error("something of the tour is left")
    }

    async #runLines({ lines, prints }: Extract<Block, { kind: "lines" }>, steps: Steps): Promise<void> {
        let printed = ""
        for (const [index, { line, status: expected }] of lines.entries()) {
            await steps.command(line, this.#options.run, ({ status, stdout }) => {
                printed += `${stdout}\n`
                if (status !== expected) throw new Error(`this had to end with exit code ${expected}, and ended with ${status}: ${line}`)
                const missing = index === lines.length - 1 ? missingIn(printed, prints) : undefined
                if (missing !== undefined) throw new Error(`this had to be printed, as docs/sandbox.md has it, and was not:\n  ${missing}`)
                return expected === 0 ? "exit code 0" : `exit code ${status}, refused as it must be`
            })
        }
    }

    async #state(): Promise<State> {
        const { directory, run } = this.#options
        const inspected = await run("docker trustkey inspect $REGISTRY/tour/app")
        const isThere = (name: string): boolean => existsSync(path.join(directory, "try", name))
        const planned = ["plan.toml", "vault.pub", "witness.pub"].some(isThere)
        const fresh = !planned && !["alice.pub", "bob.pub"].some(isThere)
        if (inspected.status !== 0) return { fresh, signers: [], signed: false, intact: false, planned }
        const signers = [...inspected.stdout.matchAll(/"Name": "([a-z]+)",\s+"Keys"/g)].flatMap(([, name]) => name ?? [])
        const hex = /"SignedTag": "v1",\s+"Digest": "([0-9a-f]{64})"/.exec(inspected.stdout)?.[1]
        const intact = hex !== undefined && (await this.#isIntact(`sha256:${hex}`))
        return { fresh: false, signers, signed: hex !== undefined, intact, planned }
    }

    async #isIntact(digest: string): Promise<boolean> {
        const { directory, run } = this.#options
        const registry = await this.#registry
        const caFile = path.join(directory, "docker/certs.d", registry, "ca.crt")
        const url = `https://${registry}/v2/tour/app/manifests/v1`
        const { status, body } = await askHttps(url, { caFile, headers: { accept: MANIFEST_TYPE } })
        if (status !== 200 || digestOf(body) !== digest) return false
        return (await run(`fetch-image $REGISTRY/tour/app@${digest}`)).status === 0
    }
}

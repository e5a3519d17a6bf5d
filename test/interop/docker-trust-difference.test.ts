import assert from "node:assert/strict"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { type DockerCli, findDockerClis } from "../support/docker-clis.ts"
import { startDockerd } from "../support/dockerd.ts"
import { startNotary } from "../support/notary.ts"
import { runCommand } from "../support/process.ts"
import { startRegistry } from "../support/registry.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { startAuthority } from "../support/tls.ts"
import { Comparison } from "./docker-trust/compare.ts"
import { makeKeyFiles } from "./docker-trust/key-files.ts"
import { Observer } from "./docker-trust/outcome.ts"
import { COMMANDS, SCRIPT, titleOf } from "./docker-trust/script.ts"
import { importImages, openOurs, openStock, type Surroundings } from "./docker-trust/world.ts"

const { clis, unavailable } = await findDockerClis()

describe("docker trustkey beside docker trust", () => {
    let opened: AsyncDisposableStack
    let shared: Omit<Surroundings, "cli">

    before(async () => {
        opened = new AsyncDisposableStack()
        const directory = opened.use(await makeWorkingDirectory("difference")).path
        const authority = await startAuthority(path.join(directory, "tls"))
        const [notary, registry, engine] = await Promise.all([startNotary({ authority }), startRegistry({ authority }), startDockerd()])
        for (const part of [notary, registry, engine]) opened.use(part)
        const keyFiles = path.join(directory, "keys")
        await makeKeyFiles(keyFiles)
        shared = { notary, registry, engine: engine.host, keyFiles }
    })
    after(() => opened?.disposeAsync())

    test("every line of the script has a title of its own, and there are more than 40", () => {
        const titles = SCRIPT.map(titleOf)
        assert.deepEqual(
            titles.filter((title, index) => titles.indexOf(title) !== index),
            [],
        )
        assert.ok(titles.length > 40)
    })

    test("the machine's own docker CLI has a docker trust to compare with", async (context) => {
        for (const { series, suite, reason } of unavailable) context.diagnostic(`no docker ${series} from ${suite} today: ${reason}`)
        const [{ program = "" } = {}] = clis
        const { status, stdout } = await runCommand(program, ["trust", "--help"])
        assert.equal(status, 0)
        assert.match(stdout, /^Usage: {2}docker trust COMMAND/m)
    })

    for (const cli of clis) describe(`under docker ${cli.version}`, () => compareAll(cli, () => shared))
})

function compareAll(cli: DockerCli, shared: () => Omit<Surroundings, "cli">): void {
    const comparison = new Comparison(cli)
    let opened: AsyncDisposableStack
    let [stock, ours]: Observer[] = []

    before(async () => {
        opened = new AsyncDisposableStack()
        const surroundings = { ...shared(), cli }
        const observers = [openStock, openOurs].map(async (open) => {
            const world = opened.use(await open(surroundings))
            await importImages(world)
            return Observer.start(world, surroundings)
        })
        ;[stock, ours] = await Promise.all(observers)
    })
    after(() => opened?.disposeAsync())

    for (const line of SCRIPT) {
        const title = titleOf(line)
        test(`docker trustkey ${title} does what docker trust does`, async () => {
            assert.ok(stock !== undefined && ours !== undefined)
            const problems = comparison.problems(title, ...(await Promise.all([stock.run(line), ours.run(line)])))
            if (problems.length > 0) assert.fail(problems.join("\n"))
        })
    }

    for (const command of COMMANDS) {
        test(`docker trustkey ${command} --help has docker's usage and every flag of docker's`, async () => {
            assert.ok(stock !== undefined && ours !== undefined)
            const line = { run: `${command} --help` }
            const [theirs, own] = [helpOf((await stock.run(line)).stdout), helpOf((await ours.run(line)).stdout)]
            assert.equal(own.usage, theirs.usage)
            assert.ok(theirs.flags.length > 0)
            assert.deepEqual(
                theirs.flags.filter((flag) => !own.flags.includes(flag)),
                [],
            )
        })
    }

    test("every intended difference of the table was seen", () => {
        assert.deepEqual(comparison.unused(), [])
    })
}

/** The usage line and what the command is for; each flag with its short form and its kind of value. */
function helpOf(text: string): { usage: string; flags: readonly string[] } {
    const [, usage = ""] = /^\n?(Usage: .*\n\n.*\n)/.exec(text) ?? []
    return { usage, flags: Array.from(text.matchAll(/^ {2}(?:-\w, | {4})(--\S+(?: \w+)?)(?= {2}|$)/gm), ([flag]) => flag.trim()) }
}

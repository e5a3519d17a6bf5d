import assert from "node:assert/strict"
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { makeKeyFiles } from "../test/interop/docker-trust/key-files.ts"
import { openOurs, openStock, type World, writePlugin } from "../test/interop/docker-trust/world.ts"
import { findDockerClis } from "../test/support/docker-clis.ts"
import { startDockerd } from "../test/support/dockerd.ts"
import { type Notary, startNotary } from "../test/support/notary.ts"
import { type Registry, startRegistry } from "../test/support/registry.ts"
import { makeWorkingDirectory } from "../test/support/temp.ts"
import { startAuthority } from "../test/support/tls.ts"
import { emptyNode } from "./limits.ts"
import { type Span, startPassThrough } from "./pass-through.ts"
import type { Report } from "./report.ts"
import { PARTS, type Part } from "./workflow-parts.ts"

/**
 * `docker trustkey sign` of a new tag beside the stock `docker trust sign`, of a tag it has signed before and of a new one, turn by turn
 * through the same docker, to the same servers; then as often once more with a clock at every door, for where the time goes.
 */
export async function benchWorkflow(report: Report, runs: number): Promise<void> {
    await using opened = new AsyncDisposableStack()
    const directory = opened.use(await makeWorkingDirectory("bench-workflow")).path
    const authority = await startAuthority(path.join(directory, "tls"))
    const [notary, registry, engine] = await Promise.all([startNotary({ authority }), startRegistry({ authority }), startDockerd()])
    for (const part of [notary, registry, engine]) opened.use(part)
    const keyFiles = path.join(directory, "keys")
    await makeKeyFiles(keyFiles)
    const { clis } = await findDockerClis()
    const [cli] = clis
    assert.ok(cli !== undefined)
    const surroundings = { cli, notary, registry, engine: engine.host, keyFiles }
    const [stock, ours] = [opened.use(await openStock(surroundings)), opened.use(await openOurs(surroundings))]
    for (const world of [stock, ours]) {
        await engine.makeImage(`${world.prefix}/app:first`, world.name)
        await sign(world, "first")
    }
    const newTag = async (world: World, tag: string): Promise<number> => {
        await engine.ok(["tag", `${world.prefix}/app:first`, `${world.prefix}/app:${tag}`])
        return sign(world, tag)
    }
    await newTag(ours, "warm")
    for (let run = 1; run <= runs; run++) {
        report.progress(`sign ${run} of ${runs}`)
        report.add("stock sign, signed before", await sign(stock, "first"))
        report.add("our sign, new tag", await newTag(ours, `run-${run}`))
        report.add("stock sign, new tag", await newTag(stock, `run-${run}`))
    }
    await using doors = await openDoors(path.join(directory, "doors"), { ours, notary, registry })
    for (let run = 0; run <= runs; run++) {
        const tag = `doors-${run}`
        await engine.ok(["tag", `${ours.prefix}/app:first`, `${ours.prefix}/app:${tag}`])
        const parts = await doors.sign(tag)
        // The first has to learn the roots.
        if (run > 0) for (const { part } of PARTS) report.add(`our sign: ${part}`, parts[part])
    }
}

async function sign(world: World, tag: string, env: Readonly<Record<string, string>> = {}): Promise<number> {
    const start = performance.now()
    const { status, stdout, stderr } = await world.run(["sign", `${world.prefix}/app:${tag}`], { env })
    const time = performance.now() - start
    assert.equal(status, 0, `${world.name} sign ${tag}: ${stdout}${stderr}`)
    return time
}

type Doors = AsyncDisposable & { sign(tag: string): Promise<Readonly<Record<Part, number>>> }

/** A second docker configuration, whose ways to the trust server, the daemon and docker itself are watched. */
async function openDoors(
    directory: string,
    { ours, notary, registry }: { readonly ours: World; readonly notary: Notary; readonly registry: Registry },
): Promise<Doors> {
    await using opened = new AsyncDisposableStack()
    await mkdir(directory, { recursive: true })
    const [starts, dockers, config] = ["starts", "dockers", "config"].map((name) => path.join(directory, name))
    assert.ok(starts !== undefined && dockers !== undefined && config !== undefined)
    const server = opened.use(await startPassThrough({ host: "127.0.0.1", port: 0 }, { host: "127.0.0.1", port: notary.ports.server }))
    const socket = path.join(directory, "sign.sock")
    const daemon = opened.use(await startPassThrough({ path: socket }, { path: ours.env["TRUSTKEYD_SOCKET"] ?? "" }))
    for (const place of [`tls/localhost:${server.port}`, `certs.d/${registry.host}`]) {
        await mkdir(path.join(config, place), { recursive: true })
        await copyFile(notary.caFile, path.join(config, place, "ca.crt"))
    }
    await copyFile(path.join(ours.env["DOCKER_CONFIG"] ?? "", "config.json"), path.join(config, "config.json"))
    const docker = path.join(directory, "docker")
    const lines = ["from=$EPOCHREALTIME", '/usr/bin/docker "$@"', "code=$?", `echo "$from $EPOCHREALTIME" >> '${dockers}'`, "exit $code"]
    await writeFile(docker, ["#!/bin/bash", ...lines, ""].join("\n"), { mode: 0o755 })
    await writePlugin(
        config,
        [path.join(ours.env["DOCKER_CONFIG"] ?? "", "cli-plugins/docker-trustkey")],
        `[ "$1" = docker-cli-plugin-metadata ] || echo $EPOCHREALTIME >> '${starts}'`,
        `export DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND='${docker}'`,
    )
    const env = { DOCKER_CONFIG: config, DOCKER_CONTENT_TRUST_SERVER: `https://localhost:${server.port}`, TRUSTKEYD_SOCKET: socket }
    const everything = opened.move()
    return {
        sign: async (tag) => {
            for (const file of [starts, dockers]) await writeFile(file, "")
            for (const door of [server, daemon]) door.takeSpans()
            const from = performance.timeOrigin + performance.now()
            const whole = { from, to: from + (await sign(ours, tag, env)) }
            const [[started = whole.from] = []] = await readTimes(starts)
            const node = { from: started, to: started + (await emptyNode()) }
            return shares(whole, [
                ["docker", [{ from: whole.from, to: started }]],
                ["engine", (await readTimes(dockers)).map(([begin = 0, end = 0]) => ({ from: begin, to: end }))],
                ["trust server", server.takeSpans()],
                ["daemon", daemon.takeSpans()],
                ["node", [node]],
            ])
        },
        [Symbol.asyncDispose]: () => everything.disposeAsync(),
    }
}

/** Lines of bash's EPOCHREALTIME, in milliseconds. */
async function readTimes(file: string): Promise<readonly (readonly number[])[]> {
    const lines = (await readFile(file, "utf8")).trim().split("\n")
    return lines.filter((line) => line !== "").map((line) => line.split(" ").map((seconds) => Number(seconds) * 1000))
}

/** Each moment of the whole belongs to the first part that claims it; what nobody claims is our own work. */
function shares(whole: Span, claims: readonly (readonly [Part, readonly Span[]])[]): Readonly<Record<Part, number>> {
    const marks = [whole, ...claims.flatMap(([, spans]) => spans)].flatMap(({ from, to }) => [from, to])
    const times = [...new Set(marks)].filter((time) => time >= whole.from && time <= whole.to).toSorted((a, b) => a - b)
    const found = { docker: 0, node: 0, engine: 0, "trust server": 0, daemon: 0, ourselves: 0 }
    for (const [index, from] of times.entries()) {
        const to = times[index + 1] ?? from
        const claim = claims.find(([, spans]) => spans.some((span) => span.from <= from && span.to >= to))
        found[claim?.[0] ?? "ourselves"] += to - from
    }
    return found
}

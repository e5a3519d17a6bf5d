import { request } from "node:http"
import { readDockerConfig } from "../../publish/index.ts"
import type { Cli } from "../context.ts"
import { dockerDirectory } from "../trust/session.ts"

const DEFAULT_SOCKET = "/var/run/docker.sock"
const DEFAULT_CONTEXT = "default"
const MAX_ANSWER = 4 * 1024 * 1024
const PATIENCE_MS = 2000
// A name with tag or digest, or an ID: nothing that would have to be escaped in a path.
const REFERENCE = /^\w[\w.:@-]*(?:\/\w[\w.:@-]*)*$/

/**
 * `docker image inspect` of the engine, asked on its own socket: that saves the start of a docker, which takes longer than the answer. As
 * the engine writes it, in JSON. Undefined for every other outcome, no such image included: docker has to be asked then, and says why.
 */
export async function inspectOnSocket(cli: Cli, reference: string): Promise<string | undefined> {
    const socketPath = REFERENCE.test(reference) ? await engineSocket(cli) : undefined
    return socketPath === undefined ? undefined : await get(socketPath, `/images/${reference}/json`)
}

/** Where docker would find the engine by DOCKER_HOST or by nothing at all (docker/cli, resolveContextName). Undefined: by other ways. */
async function engineSocket(cli: Cli): Promise<string | undefined> {
    const { env, docker } = cli.context
    if (docker.globalFlags.length > 0) return undefined
    const host = env["DOCKER_HOST"] ?? ""
    if (host !== "") return host.startsWith("unix:///") ? host.slice("unix://".length) : undefined
    try {
        const { currentContext } = await readDockerConfig(dockerDirectory(cli))
        return (env["DOCKER_CONTEXT"] || currentContext || DEFAULT_CONTEXT) === DEFAULT_CONTEXT ? DEFAULT_SOCKET : undefined
    } catch {
        // What it makes of a configuration that we can't read is docker's business.
        return undefined
    }
}

function get(socketPath: string, path: string): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const question = request({ socketPath, path, agent: false, headers: { host: "docker" } })
    const giveUp = (): void => {
        resolve(undefined)
        question.destroy()
    }
    const timer = setTimeout(giveUp, PATIENCE_MS)
    question.on("error", giveUp)
    question.on("response", (answer) => {
        if (answer.statusCode !== 200) return giveUp()
        const pieces: Buffer[] = []
        let length = 0
        answer.on("data", (piece: Buffer) => {
            pieces.push(piece)
            length += piece.length
            if (length > MAX_ANSWER) giveUp()
        })
        answer.on("end", () => resolve(Buffer.concat(pieces).toString()))
        answer.on("close", giveUp)
    })
    question.end()
    return promise.finally(() => clearTimeout(timer))
}

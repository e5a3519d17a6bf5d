import { spawn } from "node:child_process"
import { TrustkeyError } from "../errors.ts"
import { type DockerConfig, findLogin, readDockerConfig, type StoredLogin } from "./docker-config.ts"
import type { DockerPlace } from "./place.ts"

export type Credentials = { readonly username: string; readonly password: string } | { readonly identityToken: string }

const HELPER_MS = 10_000
const MAX_OUTPUT = 64 * 1024
// Under this user name helpers hand out an identity token (docker/docker-credential-helpers).
const TOKEN_USER = "<token>"
const NOT_FOUND = "credentials not found in native keychain"

/**
 * What `docker login` left for `name` (a registry's `host[:port]`, or Hub's `https://index.docker.io/v1/`), where docker would look:
 * its helper, else the general helper, else config.json. Undefined: nothing, ask without.
 *
 * @throws config_invalid; login_needed: the credential helper failed
 */
export async function credentialsFor(name: string, place: DockerPlace): Promise<Credentials | undefined> {
    const config: DockerConfig = await readDockerConfig(place.configDirectory)
    const helper = config.credentialHelpers.get(name) ?? config.credentialsStore
    if (helper !== undefined) return await askHelper(helper, name, place)
    const login: StoredLogin | undefined = findLogin(config, name)
    if (login === undefined) return undefined
    return login.kind === "password" ? { username: login.username, password: login.password } : { identityToken: login.identityToken }
}

async function askHelper(helper: string, name: string, place: DockerPlace): Promise<Credentials | undefined> {
    const program = `docker-credential-${helper}`
    const milliseconds = Math.min(HELPER_MS, place.times?.totalMs ?? HELPER_MS)
    const { status, output } = await run(program, name, place.environment ?? {}, milliseconds)
    if (status !== 0) {
        // What it wrote may hold anything, so only the one known sentence is looked for and nothing is passed on.
        if (output.trim() === NOT_FOUND) return undefined
        throw new TrustkeyError("login_needed", `the credential helper ${program} failed with exit status ${status}`)
    }
    return parseHelperAnswer(output, program)
}

function parseHelperAnswer(output: string, program: string): Credentials | undefined {
    let answer: unknown
    try {
        answer = JSON.parse(output)
    } catch {
        throw new TrustkeyError("login_needed", `the credential helper ${program} wrote something that isn't JSON`)
    }
    const { Username: username, Secret: secret } = (typeof answer === "object" && answer !== null ? answer : {}) as Record<string, unknown>
    if (typeof username !== "string" || typeof secret !== "string") {
        throw new TrustkeyError("login_needed", `the credential helper ${program} wrote no user name and secret`)
    }
    if (secret === "") return undefined
    return username === TOKEN_USER ? { identityToken: secret } : { username, password: secret }
}

function run(
    program: string,
    input: string,
    environment: Readonly<Record<string, string | undefined>>,
    milliseconds: number,
): Promise<{ status: number; output: string }> {
    return new Promise((resolve, reject) => {
        const refuse = (why: string, cause?: unknown): void => {
            clearTimeout(timer)
            child.kill("SIGKILL")
            // A child of its own may hold the pipes open: its end isn't waited for.
            child.stdout.destroy()
            reject(new TrustkeyError("login_needed", `the credential helper ${program} ${why}`, { cause }))
        }
        const child = spawn(program, ["get"], { env: withoutPassphrases(environment), stdio: ["pipe", "pipe", "ignore"] })
        const timer = setTimeout(() => refuse(`did not answer within ${milliseconds / 1000} s`), milliseconds)
        const chunks: Buffer[] = []
        let length = 0
        child.stdout.on("data", (chunk: Buffer) => {
            length += chunk.length
            if (length > MAX_OUTPUT) refuse(`wrote more than ${MAX_OUTPUT} bytes`)
            else chunks.push(chunk)
        })
        // It may end without reading what it is told.
        child.stdin.on("error", () => {})
        child.stdin.end(`${input}\n`)
        child.on("error", (error) => refuse("can't be run: is it on the PATH?", error))
        child.on("close", (code, signal) => {
            if (code === null) refuse(`was ended by ${signal}`)
            clearTimeout(timer)
            resolve({ status: code ?? 1, output: Buffer.concat(chunks).toString("utf8") })
        })
    })
}

/** TK-SEC-1: the documented passphrase variables are for us, not for other programs. */
function withoutPassphrases(environment: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
    const kept = Object.entries(environment).filter(([name]) => !/PASSPHRASE|^NOTARY_AUTH$/.test(name))
    return Object.fromEntries(kept)
}

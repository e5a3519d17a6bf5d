import assert from "node:assert/strict"
import { once } from "node:events"
import { mkdir, writeFile } from "node:fs/promises"
import { createServer, type RequestListener, type Server } from "node:http"
import path from "node:path"
import { after, before, test } from "node:test"
import { Cli, type DockerCommand, type Environment } from "../../../src/cli/context.ts"
import { openEngine } from "../../../src/cli/engine/engine.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"
import { fakeContext, fakeTerminal } from "./fake-terminal.ts"

const ID = `sha256:${"ab".repeat(32)}`
const DOCKERS_ID = `sha256:${"cd".repeat(32)}`
const IMAGE = "localhost:5000/team/app:v1"

let directory: WorkingDirectory
let server: Server
let answer: RequestListener
const asked: (string | undefined)[] = []

before(async () => {
    directory = await makeWorkingDirectory("engine-socket")
    server = createServer((request, response) => {
        asked.push(`${request.method} ${request.url}`)
        answer(request, response)
    })
    server.listen(path.join(directory.path, "docker.sock"))
    await once(server, "listening")
})
after(async () => {
    server.close()
    await directory?.remove()
})

const good: RequestListener = (_request, response) => response.end(JSON.stringify({ Id: ID, RepoDigests: [] }))

/** Whose answer counted in the end, the socket's or that of docker's command line. */
async function whoSays(reference: string, env: Environment = {}, docker: Partial<DockerCommand> = {}): Promise<"the socket" | "docker"> {
    let runs = 0
    const terminal: ReturnType<typeof fakeTerminal> = {
        ...fakeTerminal(),
        run: async (_program, _args, { onStdout }) => {
            runs += 1
            onStdout?.(Buffer.from(JSON.stringify({ Id: DOCKERS_ID, RepoDigests: [] })))
            return 0
        },
    }
    const context = fakeContext(terminal, { DOCKER_HOST: `unix://${directory.path}/docker.sock`, DOCKER_CONFIG: directory.path, ...env })
    const command = { program: "docker", globalFlags: [], configDirectory: undefined, ...docker }
    asked.length = 0
    const image = await openEngine(new Cli({ ...context, docker: command })).image(reference)
    assert.equal(image?.id, runs === 0 ? ID : DOCKERS_ID)
    return runs === 0 ? "the socket" : "docker"
}

test("an image the engine has is found on its socket, without a docker", async () => {
    answer = good
    assert.equal(await whoSays(IMAGE), "the socket")
    assert.deepEqual(asked, [`GET /images/${IMAGE}/json`])
    assert.equal(await whoSays(`registry.example.com/app@${ID}`), "the socket")
    assert.equal(await whoSays(ID), "the socket")
})

test("for every other answer docker is asked, which says why", async () => {
    const answers: readonly RequestListener[] = [
        (_request, response) => response.writeHead(404).end('{"message":"No such image"}'),
        (_request, response) => response.writeHead(403).end(),
        (_request, response) => response.writeHead(301, { location: "/elsewhere" }).end(),
        (request) => request.socket.destroy(),
        (request) => request.socket.end("SSH-2.0-OpenSSH_9.2\r\n"),
        (request, response) => response.writeHead(200, { "content-length": "100" }).write("{", () => request.socket.destroy()),
        (_request, response) => response.end(Buffer.alloc(4 * 1024 * 1024 + 1, " ")),
    ]
    for (const [index, one] of answers.entries()) {
        answer = one
        assert.equal(await whoSays(IMAGE), "docker", `answer ${index}`)
        assert.equal(asked.length, 1)
    }
    assert.equal(await whoSays(IMAGE, { DOCKER_HOST: `unix://${directory.path}/nobody.sock` }), "docker")
})

test("a name that would have to be escaped goes to docker as it is", async () => {
    answer = good
    for (const name of ["a/../b", "../info", "a?b", "a#b", "a b", "a%2fb", "a//b", "-a", ""]) {
        assert.equal(await whoSays(name), "docker", name)
        assert.deepEqual(asked, [], name)
    }
})

test("where docker may mean another engine than that of the socket, docker is asked", async () => {
    answer = good
    for (const host of ["tcp://127.0.0.1:2375", "ssh://host", "unix://relative.sock", "npipe:////./pipe/x"])
        assert.equal(await whoSays(IMAGE, { DOCKER_HOST: host }), "docker", host)
    assert.equal(await whoSays(IMAGE, {}, { globalFlags: ["--context", "far"] }), "docker")
    // As in docker, DOCKER_HOST wins.
    assert.equal(await whoSays(IMAGE, { DOCKER_CONTEXT: "far" }), "the socket")
    assert.equal(await whoSays(IMAGE, { DOCKER_HOST: "", DOCKER_CONTEXT: "far" }), "docker")
    const config = path.join(directory.path, "config")
    await mkdir(config)
    for (const text of ['{"currentContext":"far"}', "not JSON"]) {
        await writeFile(path.join(config, "config.json"), text)
        assert.equal(await whoSays(IMAGE, { DOCKER_HOST: "", DOCKER_CONFIG: config }), "docker", text)
    }
    assert.deepEqual(asked, [])
})

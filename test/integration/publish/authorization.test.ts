import assert from "node:assert/strict"
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { credentialsFor, type DockerPlace, openTrustServer, parseReference, type TrustServer } from "../../../src/publish/index.ts"
import { answer, type FakeTrustServer, type Handler, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const IMAGE = parseReference("registry.example.com/team/app")
const FILE = "/v2/registry.example.com/team/app/_trust/tuf/root.json"
const TIMES = { connectMs: 10_000, idleMs: 2_000, totalMs: 20_000 }
const PULL = "repository:registry.example.com/team/app:pull"

type Asked = { readonly line: string; readonly authorization: string | undefined; readonly body: string }

type Scene = AsyncDisposable & {
    readonly server: FakeTrustServer
    readonly asked: Asked[]
    readonly place: DockerPlace
    open(actions?: "pull" | "push"): Promise<TrustServer>
    login(config: unknown): Promise<void>
    refused(code: ErrorCode, message: RegExp): Promise<void>
}

const base64 = (text: string): string => Buffer.from(text).toString("base64")
const USER = { auths: { "registry.example.com": { auth: base64("alice:s3cret:word") } } }

/** A server that gives out its root for "Bearer good", and sends whoever lacks it for a token to itself. */
async function start(challenge?: (server: FakeTrustServer) => string): Promise<Scene> {
    const server = await startFakeTrustServer()
    const asked: Asked[] = []
    const place: DockerPlace = { configDirectory: server.configDirectory, trustServer: server.url, times: TIMES }
    const scene: Scene = {
        server,
        asked,
        place,
        open: async (actions = "pull") => await openTrustServer(IMAGE, place, actions),
        login: async (config) => await writeFile(path.join(server.configDirectory, "config.json"), JSON.stringify(config)),
        refused: async (code, message) => {
            const client = await scene.open()
            await assert.rejects(client.get(IMAGE.gun, "root"), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, code, error.message)
                assert.match(error.message, message)
                assert.doesNotMatch(`${error.stack}${String(error.cause)}`, /s3cret|refresh-it|YWxpY2U/)
                return true
            })
        },
        [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
    }
    const wanted = (): string =>
        challenge?.(server) ?? `Bearer realm="${server.url}/token",service="notary",scope="repository:everything:*"`
    const protect: Handler = (request, response) => {
        if (request.headers.authorization === "Bearer good") response.end("the root")
        else answer(response, 401, { errors: [{ code: "UNAUTHORIZED" }] }, { "www-authenticate": wanted() })
    }
    server.handlers.set("*", (request, response) => {
        const chunks: Buffer[] = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
            asked.push({
                line: `${request.method} ${request.url}`,
                authorization: request.headers.authorization,
                body: Buffer.concat(chunks).toString(),
            })
            if (request.url?.startsWith("/token")) answer(response, 200, { token: "good" })
            else protect(request, response)
        })
    })
    return scene
}

describe("a trust server that wants a token", () => {
    test("gets one bought with the registry's password, for our scope and not for its own", async () => {
        await using scene = await start()
        await scene.login(USER)
        assert.equal(String(await (await scene.open()).get(IMAGE.gun, "root")), "the root")
        const [first, token, second] = scene.asked
        assert.deepEqual(first, { line: `GET ${FILE}`, authorization: undefined, body: "" })
        const url = new URL(token?.line.replace("GET ", "") ?? "", scene.server.url)
        assert.deepEqual(Object.fromEntries(url.searchParams), { service: "notary", scope: PULL, account: "alice" })
        assert.equal(token?.authorization, `Basic ${base64("alice:s3cret:word")}`)
        assert.deepEqual(second, { line: `GET ${FILE}`, authorization: "Bearer good", body: "" })
        assert.equal(scene.asked.length, 3)
    })

    test("gets the same one again, and another for more than reading", async () => {
        await using scene = await start()
        await scene.login(USER)
        const client = await scene.open("push")
        await client.get(IMAGE.gun, "root")
        await client.get(IMAGE.gun, "root")
        await client.remove(IMAGE.gun)
        const scopes = scene.asked
            .filter(({ line }) => line.startsWith("GET /token"))
            .map(({ line }) => new URL(line.slice(4), scene.server.url).searchParams.get("scope"))
        assert.deepEqual(scopes, ["repository:registry.example.com/team/app:push,pull", "repository:registry.example.com/team/app:*"])
    })

    test("gets an anonymous one when there is no login", async () => {
        await using scene = await start()
        assert.equal(String(await (await scene.open()).get(IMAGE.gun, "root")), "the root")
        assert.equal(scene.asked[1]?.authorization, undefined)
        assert.doesNotMatch(scene.asked[1]?.line ?? "", /account/)
    })

    test("gets one bought with an identity token", async () => {
        await using scene = await start()
        await scene.login({ auths: { "https://registry.example.com": { auth: base64("<token>:"), identitytoken: "refresh-it" } } })
        assert.equal(String(await (await scene.open()).get(IMAGE.gun, "root")), "the root")
        assert.equal(scene.asked[1]?.line, "POST /token")
        assert.deepEqual(Object.fromEntries(new URLSearchParams(scene.asked[1]?.body)), {
            grant_type: "refresh_token",
            client_id: "trustkey",
            refresh_token: "refresh-it",
            service: "notary",
            scope: PULL,
        })
    })

    test("gets a new one when the old one has run out", async () => {
        await using scene = await start()
        const client = await scene.open()
        await client.get(IMAGE.gun, "root")
        let turned = 0
        const all = scene.server.handlers.get("*") ?? assert.fail()
        scene.server.handlers.set("root", (request, response) => {
            turned += 1
            if (turned === 1) answer(response, 401, {}, { "www-authenticate": `Bearer realm="${scene.server.url}/token"` })
            else all(request, response)
        })
        assert.equal(String(await client.get(IMAGE.gun, "root")), "the root")
        assert.equal(scene.asked.filter(({ line }) => line.startsWith("GET /token")).length, 2)
    })

    test("is told to go away when it never has enough", async () => {
        await using scene = await start()
        scene.server.handlers.set("root", (_, response) => {
            answer(
                response,
                401,
                { errors: [{ code: "UNAUTHORIZED", message: "insufficient scope" }] },
                { "www-authenticate": `Bearer realm="${scene.server.url}/token"` },
            )
        })
        await scene.refused("login_needed", /wants a login \(status 401: UNAUTHORIZED: insufficient scope\)/)
    })

    const BAD_TOKENS: readonly (readonly [name: string, code: ErrorCode, message: RegExp, handler: Handler])[] = [
        ["refuses the password", "login_needed", /refused the login kept/, (_, response) => answer(response, 401, {})],
        ["fails", "server_error", /token server .* failed/, (_, response) => answer(response, 500, {})],
        ["forbids", "server_refused", /token server .* refused \(status 403/, (_, response) => answer(response, 403, {})],
        [
            "sends us on with the password",
            "server_refused",
            /status 302/,
            (_, response) => void response.writeHead(302, { location: "https://localhost:1/" }).end(),
        ],
        ["sends no token", "server_error", /without a usable token/, (_, response) => answer(response, 200, { token: 7 })],
        [
            "sends a token with a header in it",
            "server_error",
            /without a usable token/,
            (_, response) => answer(response, 200, { token: "a\r\nX-Evil: b" }),
        ],
        ["sends no JSON", "server_error", /isn't JSON/, (_, response) => void response.end("good")],
        ["sends without end", "server_error", /sent more than/, (_, response) => void response.end(Buffer.alloc(100_000, " "))],
        ["never answers", "server_unreachable", /sent nothing for 2 s/, () => {}],
    ]
    for (const [name, code, message, handler] of BAD_TOKENS) {
        test(`ends in ${code} when its token server ${name}`, async () => {
            await using scene = await start()
            await scene.login(USER)
            const all = scene.server.handlers.get("*") ?? assert.fail()
            scene.server.handlers.set("*", (request, response) => (request.url?.startsWith("/token") ? handler : all)(request, response))
            await scene.refused(code, message)
        })
    }

    for (const realm of [
        "http://example.com/token",
        "http://127.0.0.1.example.com/token",
        "ftp://localhost/",
        "/token",
        "",
        "https://u:p@localhost/",
        "file:///etc/passwd",
    ]) {
        test(`gets no password by the realm ${JSON.stringify(realm)}`, async () => {
            await using scene = await start(() => `Bearer realm="${realm}"`)
            await scene.login(USER)
            await scene.refused("server_refused", /place that isn't an https URL/)
            assert.equal(scene.asked.length, 1)
        })
    }

    test("gets no password for a realm whose certificate we can't verify", async () => {
        await using realm = await startFakeTrustServer()
        await using scene = await start(() => `Bearer realm="${realm.url}/token"`)
        await scene.login(USER)
        await scene.refused("server_unreachable", /token server .* certificate that no known authority vouches for/)
        assert.deepEqual(realm.requests, [])
    })

    test("may keep its token server elsewhere, behind the same authority or one of its own", async () => {
        await using realm = await startFakeTrustServer()
        realm.handlers.set("*", (_, response) => answer(response, 200, { access_token: "good" }))
        await using scene = await start(() => `Bearer realm="${realm.url}/token"`)
        await mkdir(path.join(scene.server.configDirectory, "tls", realm.host))
        await copyFile(realm.caFile, path.join(scene.server.configDirectory, "tls", realm.host, "ca.crt"))
        await scene.login(USER)
        assert.equal(String(await (await scene.open()).get(IMAGE.gun, "root")), "the root")
        assert.equal(realm.requests.length, 1)
    })
})

describe("a trust server that wants a password", () => {
    test("gets it, over TLS, after asking", async () => {
        await using scene = await start(() => 'Basic realm="notary"')
        await scene.login(USER)
        const all = scene.server.handlers.get("*") ?? assert.fail()
        scene.server.handlers.set("root", (request, response) => {
            if (request.headers.authorization === `Basic ${base64("alice:s3cret:word")}`) response.end("the root")
            else all(request, response)
        })
        assert.equal(String(await (await scene.open()).get(IMAGE.gun, "root")), "the root")
        assert.equal(scene.asked[0]?.authorization, undefined)
    })

    test("gets none when there is none, or when it is wrong", async () => {
        await using scene = await start(() => 'Basic realm="notary"')
        await scene.refused("login_needed", /wants a user name and password/)
        await scene.login({ auths: { "other.example.com": { auth: base64("alice:s3cret") } } })
        await scene.refused("login_needed", /wants a user name and password/)
        await scene.login(USER)
        await scene.refused("login_needed", /wants a login/)
    })

    test("gets none by a challenge we don't know", async () => {
        await using scene = await start(() => "Negotiate")
        await scene.login(USER)
        await scene.refused("login_needed", /./)
        assert.equal(scene.asked.length, 1)
    })

    test("can't have it sent to a third party by a redirect", async () => {
        await using third = await startFakeTrustServer()
        const seen: unknown[] = []
        third.handlers.set("*", (request, response) => {
            seen.push(request.headers.authorization)
            answer(response, 401, {}, { "www-authenticate": `Bearer realm="${third.url}/token"` })
        })
        await using scene = await start()
        await scene.login(USER)
        await copyFile(third.caFile, path.join(scene.server.configDirectory, "tls", scene.server.host, "third.crt"))
        scene.server.handlers.set("root", (request, response) => {
            if (request.headers.authorization === undefined)
                answer(response, 401, {}, { "www-authenticate": `Bearer realm="${scene.server.url}/token"` })
            else response.writeHead(302, { location: `${third.url}/elsewhere` }).end()
        })
        await scene.refused("login_needed", /./)
        assert.deepEqual(seen, [undefined])
    })
})

describe("a credential helper", () => {
    type Helper = AsyncDisposable & { readonly place: DockerPlace; readonly seen: string }

    /** `docker-credential-test` on a PATH of its own, running `script`. */
    async function helper(script: string, config: unknown = { credsStore: "test" }): Promise<Helper> {
        const directory = await makeWorkingDirectory("helper")
        const program = path.join(directory.path, "docker-credential-test")
        const seen = path.join(directory.path, "seen")
        await writeFile(program, `#!/bin/sh\nprintf '%s|' "$1" >>"${seen}"\n${script}\n`)
        await chmod(program, 0o755)
        await writeFile(path.join(directory.path, "config.json"), JSON.stringify(config))
        const environment = {
            PATH: `${directory.path}:/usr/bin:/bin`,
            DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "s3cret",
            NOTARY_AUTH: "s3cret",
        }
        return {
            place: { configDirectory: directory.path, trustServer: undefined, environment },
            seen,
            [Symbol.asyncDispose]: directory.remove,
        }
    }

    test("is asked for the registry's name, and answers with a password or an identity token", async () => {
        await using password = await helper(`cat >>"$(dirname "$0")/seen"; echo '{"ServerURL":"x","Username":"alice","Secret":"s3cret"}'`)
        assert.deepEqual(await credentialsFor("localhost:5000", password.place), { username: "alice", password: "s3cret" })
        assert.equal(await readFile(password.seen, "utf8"), "get|localhost:5000\n")
        await using token = await helper(`echo '{"Username":"<token>","Secret":"refresh-it"}'`)
        assert.deepEqual(await credentialsFor("localhost:5000", token.place), { identityToken: "refresh-it" })
    })

    test("of a registry comes before the general one, and both before the file", async () => {
        const auths = { a: { auth: base64("file:x") }, b: { auth: base64("file:x") } }
        await using own = await helper(`echo '{"Username":"helper","Secret":"x"}'`, { auths, credHelpers: { a: "test" } })
        assert.deepEqual(await credentialsFor("a", own.place), { username: "helper", password: "x" })
        assert.deepEqual(await credentialsFor("b", own.place), { username: "file", password: "x" })
        assert.equal(await credentialsFor("c", own.place), undefined)
    })

    test("that knows no login is no failure", async () => {
        await using none = await helper("echo credentials not found in native keychain; exit 1")
        assert.equal(await credentialsFor("a", none.place), undefined)
    })

    test("TK-SEC-1 gets none of our secrets from the environment", async () => {
        await using curious = await helper(`env >"$(dirname "$0")/environment"; echo '{"Username":"a","Secret":"b"}'`)
        await credentialsFor("a", curious.place)
        assert.doesNotMatch(await readFile(path.join(path.dirname(curious.seen), "environment"), "utf8"), /s3cret/)
    })

    const FAILING: readonly (readonly [name: string, script: string, message: RegExp])[] = [
        ["fails", "echo 's3cret backend error'; exit 3", /failed with exit status 3/],
        ["is killed", "kill -9 $$", /was ended by SIGKILL/],
        ["writes no JSON", "echo s3cret", /isn't JSON/],
        ["writes no secret", `echo '{"Username":"s3cret"}'`, /no user name and secret/],
        ["writes without end", "yes s3cret", /wrote more than 65536 bytes/],
    ]
    for (const [name, script, message] of FAILING) {
        test(`TK-SEC-1 that ${name} ends in login_needed, without a word of what it wrote`, async () => {
            await using failing = await helper(script)
            await assert.rejects(credentialsFor("a", failing.place), (error) => {
                assert.ok(error instanceof TrustkeyError && error.code === "login_needed", String(error))
                assert.match(error.message, message)
                assert.doesNotMatch(`${error.stack}${String(error.cause)}`, /s3cret/)
                return true
            })
        })
    }

    test("that isn't installed is named", async () => {
        await using missing = await helper("", { credsStore: "elsewhere" })
        await assert.rejects(credentialsFor("a", missing.place), {
            code: "login_needed",
            message: /docker-credential-elsewhere can't be run: is it on the PATH/,
        })
    })

    test("that hangs is ended", async () => {
        await using hanging = await helper("exec sleep 30")
        const place = { ...hanging.place, times: { ...TIMES, totalMs: 300 } }
        await assert.rejects(credentialsFor("a", place), { code: "login_needed", message: /did not answer within 0.3 s/ })
    })
})

import assert from "node:assert/strict"
import type { IncomingMessage, ServerResponse } from "node:http"
import path from "node:path"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import {
    type CurrentRepository,
    openTrustCache,
    openTrustServer,
    type PublishedFile,
    parseReference,
    publishFiles,
    type TrustServer,
} from "../../../src/publish/index.ts"
import { parseRoleName } from "../../../src/tuf/index.ts"
import { answer, type FakeTrustServer, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { type BuiltFile, hashOf, TestRepository } from "../../support/repository-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const IMAGE = parseReference("registry.example.com/team/app")
const TIMES = { connectMs: 10_000, idleMs: 10_000, totalMs: 20_000 }
const UPLOAD = "POST /v2/registry.example.com/team/app/_trust/tuf/"

type Upload = { readonly role: string; readonly content: Buffer }

type Scene = AsyncDisposable & {
    readonly server: FakeTrustServer
    readonly client: TrustServer
    readonly repository: TestRepository
    readonly uploads: Upload[]
    publish(files: readonly BuiltFile[]): Promise<CurrentRepository>
    refused(code: ErrorCode, message: RegExp, files?: readonly BuiltFile[]): Promise<void>
}

/** `onUpload`: what the server does with files it was sent, before it answers 200. */
async function start(
    onUpload: (scene: Scene) => void,
    respond?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Scene> {
    const server = await startFakeTrustServer()
    const place = { configDirectory: server.configDirectory, trustServer: server.url, times: TIMES }
    const client = await openTrustServer(IMAGE, place, "push")
    const cache = openTrustCache(path.join(server.configDirectory, "trust"))
    const scene: Scene = {
        server,
        client,
        repository: new TestRepository(IMAGE.gun, NOW),
        uploads: [],
        publish: async (files) => await publishFiles(client, IMAGE.gun, files, cache, NOW),
        refused: async (code, message, files) => {
            await assert.rejects(scene.publish(files ?? changed(scene)), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, code, error.message)
                assert.match(error.message, message)
                return true
            })
        },
        [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
    }
    server.handlers.set(UPLOAD, (request, response) => {
        const chunks: Buffer[] = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
            scene.uploads.push(...parseUpload(request.headers["content-type"] ?? "", Buffer.concat(chunks)))
            onUpload(scene)
            if (respond === undefined) response.end()
            else respond(request, response)
        })
    })
    return scene
}

/** What the client sends; the timestamp is the server's. */
function changed({ repository }: Scene): readonly BuiltFile[] {
    return repository.files.filter(({ role }) => role !== "timestamp")
}

const serveAll = ({ server, repository }: Scene): void => server.serve(repository.files)

function parseUpload(contentType: string, body: Buffer): Upload[] {
    const boundary = /^multipart\/form-data; boundary=([0-9a-f]{60})$/.exec(contentType)?.[1] ?? assert.fail(contentType)
    const text = body.toString("latin1")
    assert.ok(text.endsWith(`\r\n--${boundary}--\r\n`))
    const parts = text
        .slice(0, -`\r\n--${boundary}--\r\n`.length)
        .split(new RegExp(`(?:\r\n)?--${boundary}\r\n`))
        .slice(1)
    return parts.map((part) => {
        const [head = "", ...content] = part.split("\r\n\r\n")
        const role = /^Content-Disposition: form-data; name="files"; filename="([^"]+)"\r\nContent-Type: application\/octet-stream$/.exec(
            head,
        )?.[1]
        return { role: role ?? assert.fail(head), content: Buffer.from(content.join("\r\n\r\n"), "latin1") }
    })
}

describe("publishing", () => {
    test("sends every file byte for byte under its role, and reads it back by hash", async () => {
        await using scene = await start(serveAll)
        scene.repository.release({ v1: 'with <>&" and \u2028 ünïcode' })
        const files = changed(scene)
        const current = await scene.publish(files)
        assert.deepEqual(
            scene.uploads,
            files.map(({ role, content }) => ({ role, content })),
        )
        assert.deepEqual(scene.uploads.map(({ role }) => role).sort(), ["root", "snapshot", "targets", "targets/releases"])
        for (const { role, content } of files) {
            assert.deepEqual(Buffer.from(current.files.find((file) => file.role === role)?.content ?? []), content)
        }
        const asked = scene.server.requests.filter((line) => line.includes(hashOf(scene.repository.targets)))
        assert.equal(asked.length, 1)
    })

    test("trusts the very first root because it is the one just made", async () => {
        await using scene = await start((it) => it.server.serve(new TestRepository(IMAGE.gun, NOW).files))
        await scene.refused("publish_unconfirmed", /can't be confirmed: root version 1 is served with other content/)
    })

    test("doesn't believe a 200 when the server serves something else", async () => {
        await using nothing = await start(() => {})
        await nothing.refused("publish_unconfirmed", /serves now can't be confirmed/)

        await using older = await start(({ server, repository }) => {
            if (repository.targets.version === 1) server.serve(repository.files)
        })
        await older.publish(changed(older))
        older.repository.publish({ v1: "one" })
        await older.refused("publish_unconfirmed", /serves snapshot version 1 instead of 2|serves targets version 1 instead of 2/)
    })

    test("notices a server that writes the files anew", async () => {
        await using scene = await start(({ server, repository }) => {
            const { builder, keys } = repository
            const pretty = {
                ...repository.targets,
                content: Buffer.from(JSON.stringify(JSON.parse(repository.targets.content.toString()), undefined, 1)),
            }
            const snapshot = builder.snapshot({ version: 2, files: [repository.root, pretty], signers: keys.snapshot })
            server.serve([repository.root, pretty, snapshot, builder.timestamp({ version: 2, snapshot, signers: keys.timestamp })])
        })
        await scene.refused("publish_unconfirmed", /serves other bytes as targets version 1/, [
            scene.repository.root,
            scene.repository.targets,
        ])
    })

    test("notices a server that can't make a timestamp of what it took", async () => {
        await using scene = await start(({ server, repository }) => {
            server.serve(repository.files.filter(({ role }) => role !== "timestamp"))
        })
        await scene.refused("publish_unconfirmed", /can't give out a timestamp/)
    })

    test("is content when somebody published after us, and ours is kept", async () => {
        await using scene = await start((it) => {
            serveAll(it)
            const next = it.repository.publish({ v1: "somebody else's" })
            it.server.serve(next.files)
        })
        const files = changed(scene)
        const current = await scene.publish(files)
        assert.equal(current.verified.targets.signed.document.version, 2)
        scene.server.files.delete(`targets.${hashOf(files.find(({ role }) => role === "targets") ?? assert.fail())}`)
        await scene.refused("publish_unconfirmed", /serves targets version 3, and version 1 is nowhere/, files)
    })

    test("passes on what the server says when it refuses", async () => {
        const detail = { Name: "ErrBadRoot", Error: { Msg: "could not rotate trust to a new trusted root" } }
        const document = { errors: [{ code: "INVALID_UPDATE", message: "invalid", detail }] }
        await using scene = await start(
            () => {},
            (_, response) => answer(response, 400, document),
        )
        await scene.refused("server_refused", /status 400: INVALID_UPDATE: invalid: ErrBadRoot: could not rotate trust/)
        assert.equal(scene.server.requests.filter((line) => line === UPLOAD).length, 1)
    })

    test("finds files of an earlier try in their place when the server refuses them now", async () => {
        await using scene = await start(serveAll, (_, response) => answer(response, 400, { errors: [{ code: "VERSION" }] }))
        const current = await scene.publish(changed(scene))
        assert.equal(current.verified.root.signed.document.version, 1)
    })

    test("finds out what became of files whose receipt was lost, and never sends them twice", async () => {
        await using taken = await start(serveAll, (request) => request.socket.destroy())
        await taken.publish(changed(taken))
        assert.equal(taken.server.requests.filter((line) => line === UPLOAD).length, 1)
        await using lost = await start(
            () => {},
            (request) => request.socket.destroy(),
        )
        await lost.refused("server_unreachable", /broke off/)
        assert.equal(lost.server.requests.filter((line) => line === UPLOAD).length, 1)
    })

    test("does not follow a redirect with the files", async () => {
        await using scene = await start(
            () => {},
            (_, response) => void response.writeHead(307, { location: "https://localhost:1/" }).end(),
        )
        await scene.refused("server_refused", /status 307/)
    })

    test("takes neither an endless receipt nor an endless refusal", async () => {
        const endless = (status: number) => (_: IncomingMessage, response: ServerResponse) => {
            response.writeHead(status)
            const timer = setInterval(() => response.write(Buffer.alloc(64 * 1024, "x")), 5)
            response.on("close", () => clearInterval(timer))
        }
        await using receipt = await start(() => {}, endless(200))
        await receipt.refused("server_error", /sent more than 65536 bytes/)
        await using refusal = await start(() => {}, endless(400))
        await refusal.refused("server_refused", /status 400/)
    })

    test("warns when what is published can't be used because something beside it has expired", async () => {
        await using scene = await start(({ server, repository }) => {
            const { builder, keys, root, targets } = repository
            const snapshot = builder.snapshot({ version: 2, files: [root, targets], signers: keys.snapshot, days: -1 })
            server.serve([root, targets, snapshot, builder.timestamp({ version: 2, snapshot, signers: keys.timestamp })])
        })
        const current = await scene.publish([scene.repository.root, scene.repository.targets])
        assert.match(current.warnings.join(), /snapshot expired on .* until it is renewed/)
    })

    test("takes no timestamp, nothing at all, no role twice and nothing that isn't metadata", async () => {
        await using scene = await start(serveAll)
        const { root, timestamp } = scene.repository
        await scene.refused("invalid_request", /server's to make/, [timestamp])
        await scene.refused("invalid_request", /between 1 and/, [])
        await scene.refused("invalid_request", /twice/, [root, root])
        await scene.refused("metadata_rejected", /./, [{ ...root, content: Buffer.from("{}") }])
        assert.deepEqual(scene.server.requests, [])
    })
})

describe("a trust server's other doors", () => {
    const KEY = { keytype: "ecdsa", keyval: { public: Buffer.from("public").toString("base64"), private: null } }
    const BASE = "/v2/registry.example.com/team/app/_trust/tuf"

    test("give a key, a new key, and delete a repository", async () => {
        await using scene = await start(() => {})
        for (const line of [`GET ${BASE}/timestamp.key`, `POST ${BASE}/snapshot.key`])
            scene.server.handlers.set(line, (_, response) => answer(response, 200, KEY))
        scene.server.handlers.set(`DELETE ${BASE}/`, (_, response) => void response.end())
        assert.equal(String(Buffer.from((await scene.client.key(IMAGE.gun, "timestamp")).public)), "public")
        assert.equal((await scene.client.newKey(IMAGE.gun, "snapshot")).keytype, "ecdsa")
        await scene.client.remove(IMAGE.gun)
        assert.deepEqual(scene.server.requests, [`GET ${BASE}/timestamp.key`, `POST ${BASE}/snapshot.key`, `DELETE ${BASE}/`])
        await assert.rejects(scene.client.key(IMAGE.gun, "snapshot"), { code: "server_refused" })
    })

    test("give nothing that isn't a key for one", async () => {
        await using scene = await start(() => {})
        for (const document of [{}, [], { ...KEY, keytype: "dsa" }, { keytype: "ecdsa", keyval: { public: "***" } }]) {
            scene.server.handlers.set(`GET ${BASE}/timestamp.key`, (_, response) => answer(response, 200, document))
            await assert.rejects(scene.client.key(IMAGE.gun, "timestamp"), { code: "metadata_rejected" })
        }
    })

    test("are asked for no file that can't be metadata", async () => {
        await using scene = await start(() => {})
        for (const name of ["../../x", "a?b", "", "A", `${"a".repeat(600)}`, "a b"]) {
            await assert.rejects(scene.client.get(IMAGE.gun, name), { code: "invalid_request" })
        }
        const files: readonly PublishedFile[] = [{ role: parseRoleName("targets"), content: Buffer.from("x") }]
        await assert.rejects(publishFiles(scene.client, IMAGE.gun, files, openTrustCache("/nowhere"), NOW), { code: "metadata_rejected" })
        assert.deepEqual(scene.server.requests, [])
    })
})

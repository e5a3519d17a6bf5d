import assert from "node:assert/strict"
import { after, afterEach, before, describe, test } from "node:test"
import type { ProxyAnswer, ProxyRequest } from "../support/proxy.ts"
import { openTrustRig, signArgs, type TrustRig } from "../support/trust-rig.ts"

const OK: ProxyAnswer = { status: 200, body: Buffer.alloc(0) }
const FAILED: ProxyAnswer = { status: 500, body: Buffer.from('{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":null}]}') }
const REFUSED: ProxyAnswer = {
    status: 400,
    body: Buffer.from('{"errors":[{"code":"INVALID_UPDATE","message":"Update sent by the client is invalid.","detail":null}]}'),
}

const isPublication = ({ method, path }: ProxyRequest): boolean => method === "POST" && path.endsWith("/_trust/tuf/")

describe("a publication that was interrupted is finished by the same command, run again", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })
    afterEach(() => {
        rig.proxy.intercept = undefined
        rig.proxy.alter = undefined
    })

    const through = (): { env: Readonly<Record<string, string>> } => ({ env: rig.throughProxy })

    async function versionsOf(gun: string): Promise<string> {
        const text = await rig.ok(["trust", "list"])
        return new RegExp(`^${gun} .*`, "m").exec(text)?.[0] ?? assert.fail(`${gun} is not known`)
    }

    async function assertSignedOnce(gun: string): Promise<void> {
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
        assert.match(await versionsOf(gun), /targets 2\b.* -$/)
    }

    const failures: readonly { name: string; answer: ProxyAnswer; code: string; status: number }[] = [
        { name: "the connection breaks", answer: "cut", code: "server_unreachable", status: 6 },
        { name: "the server fails", answer: FAILED, code: "server_error", status: 6 },
        { name: "the server refuses", answer: REFUSED, code: "server_refused", status: 4 },
        { name: "the server says yes and keeps nothing", answer: OK, code: "publish_unconfirmed", status: 7 },
    ]
    for (const snapshot of ["server", "daemon"] as const) {
        for (const { name, answer, code, status } of failures) {
            test(`${name}, and the ${snapshot} holds the snapshot key`, async () => {
                const gun = `registry.example.com/${code}/${snapshot}`
                const held = snapshot === "daemon" ? ["--snapshot-key"] : []
                const init = ["trust", "init", gun, "--passphrase-file", rig.passphraseFile, ...held]
                rig.proxy.intercept = (request) => (isPublication(request) ? answer : undefined)
                await rig.refused(init, code, status, through())
                await rig.refused(init, code, status, through())
                rig.proxy.intercept = undefined
                assert.match(await rig.ok(init, through()), /^Initialised/)
                const root = await rig.served(gun, "root")

                rig.proxy.intercept = (request) => (isPublication(request) ? answer : undefined)
                const sign = signArgs(`${gun}:v1`, "ab")
                await rig.refused(sign, code, status, through())
                assert.doesNotMatch(await versionsOf(gun), / -$/)
                assert.deepEqual(await rig.listed(gun), [])
                rig.proxy.intercept = undefined
                await rig.ok(sign, through())
                await assertSignedOnce(gun)
                assert.deepEqual(await rig.served(gun, "1.root"), root)
            })
        }
    }

    test("the server is gone between signing and publishing, for a while", async () => {
        const gun = "registry.example.com/gone/app"
        await rig.init(gun)
        let gone = false
        rig.proxy.intercept = (request) => {
            gone ||= isPublication(request)
            return gone ? "cut" : undefined
        }
        await rig.refused(signArgs(`${gun}:v1`, "ab"), "server_unreachable", 6, through())
        assert.equal(gone, true)
        await rig.refused(signArgs(`${gun}:v1`, "ab"), "server_unreachable", 6, through())
        rig.proxy.intercept = undefined
        await rig.ok(signArgs(`${gun}:v1`, "ab"), through())
        await assertSignedOnce(gun)
    })

    test("the answer gets lost, but the server has it: that is success", async () => {
        const gun = "registry.example.com/lost/answer"
        rig.proxy.alter = (request, answer) => (isPublication(request) ? "cut" : answer)
        assert.match(await rig.ok(["trust", "init", gun, "--passphrase-file", rig.passphraseFile], through()), /^Initialised/)
        await rig.ok(signArgs(`${gun}:v1`, "ab"), through())
        await assertSignedOnce(gun)
    })

    test("the daemon is killed between signing and publishing, and keeps its promise", async () => {
        const gun = "registry.example.com/killed/daemon"
        await rig.init(gun)
        rig.proxy.intercept = (request) => (isPublication(request) ? "cut" : undefined)
        await rig.refused(signArgs(`${gun}:v1`, "ab"), "server_unreachable", 6, through())
        rig.proxy.intercept = undefined
        await rig.daemon.kill()
        const again = await rig.daemon.restart()
        try {
            const { env } = rig.docker
            assert.match(await again.ok(["trust", "list"]), new RegExp(`^${gun} .*1 files$`, "m"))
            // Nothing has to be unlocked: the signature is kept.
            await again.ok(signArgs(`${gun}:v1`, "ab"), { env: { DOCKER_CONFIG: env["DOCKER_CONFIG"] ?? "", ...rig.throughProxy } })
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
        } finally {
            await again.stop()
        }
    })
})

describe("a server that does not give out what it was sent", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })
    afterEach(() => {
        rig.proxy.intercept = undefined
        rig.proxy.alter = undefined
    })

    const through = (): { env: Readonly<Record<string, string>> } => ({ env: rig.throughProxy })

    test("an old state served for ever is noticed by who signs, and by who only looks", async () => {
        const gun = "registry.example.com/frozen/app"
        await rig.init(gun)
        await rig.sign(`${gun}:v1`, "ab")
        const frozen = new Map<string, Buffer>()
        for (const name of ["timestamp", "root"]) frozen.set(name, await rig.served(gun, name))
        await rig.sign(`${gun}:v2`, "cd")
        rig.proxy.intercept = ({ method, path }) => {
            const name = /_trust\/tuf\/(timestamp|root)\.json$/.exec(path)?.[1]
            const body = name === undefined || method !== "GET" ? undefined : frozen.get(name)
            return body === undefined ? undefined : { status: 200, body }
        }
        await rig.refused(["trust", "show", gun], "rollback_detected", 7, through())
        await rig.refused(signArgs(`${gun}:v3`, "ef"), "rollback_detected", 7, through())
        rig.proxy.intercept = undefined
        await rig.sign(`${gun}:v3`, "ef")
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["v1", "v2", "v3"],
        )
    })

    test("a file changed on the way back is an unconfirmed publication, and the next run finds all well", async () => {
        const gun = "registry.example.com/changed/back"
        await rig.init(gun)
        rig.proxy.alter = ({ path }, answer) => {
            if (!/_trust\/tuf\/targets\.[0-9a-f]{64}\.json$/.test(path)) return answer
            return Buffer.from(answer.toString().replace('"length":1234', '"length":1235'))
        }
        await rig.refused(signArgs(`${gun}:v1`, "ab"), "publish_unconfirmed", 7, through())
        rig.proxy.alter = undefined
        await rig.ok(signArgs(`${gun}:v1`, "ab"), through())
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
    })
})

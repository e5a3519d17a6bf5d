import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { checkDigestOptions, type DigestOptions, findImage, type PushingEngine } from "../../../src/cli/trust/digest.ts"
import { openSession } from "../../../src/cli/trust/session.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const DIGEST = `sha256:${"ab".repeat(32)}`
const IMAGE = "registry.invalid/app:v1"

const withoutEngine = (): Promise<PushingEngine> =>
    Promise.reject(new TrustkeyError("engine_unreachable", "Cannot connect to the Docker daemon"))

async function learn(
    options: DigestOptions,
    engine: () => Promise<PushingEngine> = withoutEngine,
    typed?: readonly string[],
): Promise<{ digest: string; size: number }> {
    checkDigestOptions(options)
    const cli = fakeCli(fakeTerminal(typed === undefined ? {} : { typed }))
    return (await findImage(await openSession(cli, IMAGE, "push"), options, engine)).learn()
}

describe("what is signed", () => {
    test("a digest and a size need neither registry nor engine", async () => {
        const asked = (): Promise<PushingEngine> => assert.fail("the engine was asked")
        assert.deepEqual(await learn({ digest: DIGEST, size: 12 }, asked), { digest: DIGEST, size: 12 })
    })

    test("flags that contradict each other are a mistake", async () => {
        await assert.rejects(learn({ digest: DIGEST, size: 12, fromRegistry: true }), { code: "usage" })
        await assert.rejects(learn({ digest: DIGEST, size: 12, local: true }), { code: "usage" })
        await assert.rejects(learn({ local: true, fromRegistry: true }), { code: "usage" })
        await assert.rejects(learn({ digest: "sha256:12" }), { code: "usage" })
        await assert.rejects(learn({ size: 12 }), { code: "usage" })
    })

    test("without an engine and without anybody to ask, docker's own error is told", async () => {
        await assert.rejects(learn({}), { code: "engine_unreachable", message: "Cannot connect to the Docker daemon" })
        await assert.rejects(learn({ local: true }, withoutEngine, ["y"]), { code: "engine_unreachable" })
    })

    test("an engine that lacks the image is asked for nothing more", async () => {
        const engine = { image: () => Promise.resolve(undefined), push: () => assert.fail("pushed") }
        await assert.rejects(
            learn({}, () => Promise.resolve(engine)),
            { code: "digest_required", message: `No such image: ${IMAGE}` },
        )
    })

    test("nothing is pushed before the digest is wanted", async () => {
        const engine = { image: () => Promise.resolve({}), push: () => assert.fail("pushed") }
        const session = await openSession(fakeCli(fakeTerminal()), IMAGE, "push")
        await findImage(session, {}, () => Promise.resolve(engine))
    })

    test("what the engine says it pushed is not believed of a registry that can't show it", async () => {
        const engine = { image: () => Promise.resolve({}), push: () => Promise.resolve({ digest: DIGEST, size: 12 }) }
        await assert.rejects(
            learn({}, () => Promise.resolve(engine)),
            { code: "registry_unreachable" },
        )
    })
})

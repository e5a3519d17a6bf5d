import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Engine } from "../../../src/cli/engine/engine.ts"
import { checkDigestOptions, type DigestOptions, findImage } from "../../../src/cli/trust/digest.ts"
import { openSession } from "../../../src/cli/trust/session.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const DIGEST = `sha256:${"ab".repeat(32)}`
const IMAGE = "registry.invalid/app:v1"

const withoutEngine = (): Promise<Engine> => Promise.reject(new TrustkeyError("engine_unreachable", "Cannot connect to the Docker daemon"))

const FOUND = { id: DIGEST, repoDigests: [] }

/** An engine that is asked for nothing but what the test gives it. */
function engineOf(given: Partial<Engine>): Engine {
    const never = (): never => assert.fail("the engine was asked for something else")
    return { image: never, push: never, pushAll: never, pull: never, tag: never, run: never, ...given }
}

async function learn(
    options: DigestOptions,
    engine: () => Promise<Engine> = withoutEngine,
    typed?: readonly string[],
): Promise<{ digest: string; size: number }> {
    checkDigestOptions(options)
    const cli = fakeCli(fakeTerminal(typed === undefined ? {} : { typed }))
    return (await findImage(await openSession(cli, IMAGE, "push"), options, engine)).learn(() => Promise.resolve())
}

describe("what is signed", () => {
    test("a digest and a size need neither registry nor engine", async () => {
        const asked = (): Promise<Engine> => assert.fail("the engine was asked")
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
        const engine = engineOf({ image: () => Promise.resolve(undefined) })
        await assert.rejects(
            learn({}, () => Promise.resolve(engine)),
            { code: "digest_required", message: `No such image: ${IMAGE}` },
        )
    })

    test("nothing is pushed before the digest is wanted", async () => {
        const engine = engineOf({ image: () => Promise.resolve(FOUND) })
        const session = await openSession(fakeCli(fakeTerminal()), IMAGE, "push")
        await findImage(session, {}, () => Promise.resolve(engine))
    })

    test("what the engine says it pushed counts, with a warning, when we can't reach the registry ourselves", async () => {
        const engine = engineOf({ image: () => Promise.resolve(FOUND), push: () => Promise.resolve({ digest: DIGEST, size: 12 }) })
        const terminal = fakeTerminal()
        const source = await findImage(await openSession(fakeCli(terminal), IMAGE, "push"), {}, () => Promise.resolve(engine))
        assert.deepEqual(await source.learn(() => Promise.resolve()), { digest: DIGEST, size: 12 })
        assert.match(terminal.remarks(), /warning: not compared with what the registry serves: the registry registry\.invalid/)
    })
})

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { whatToSign } from "../../../src/cli/trust/digest.ts"
import { openSession } from "../../../src/cli/trust/session.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const DIGEST = `sha256:${"ab".repeat(32)}`
const OTHER = `sha256:${"cd".repeat(32)}`

async function decide(
    image: string,
    options: Parameters<typeof whatToSign>[1],
    typed?: readonly string[],
): Promise<{ digest: string; size: number }> {
    const cli = fakeCli(fakeTerminal(typed === undefined ? {} : { typed }))
    return whatToSign(await openSession(cli, image, "push"), options)
}

describe("what is signed", () => {
    test("a digest and a size need no registry", async () => {
        assert.deepEqual(await decide("registry.invalid/app:v1", { digest: DIGEST, size: 12 }), { digest: DIGEST, size: 12 })
        assert.deepEqual(await decide(`registry.invalid/app:v1@${DIGEST}`, { size: 12 }), { digest: DIGEST, size: 12 })
    })

    test("two different digests are a mistake, so is believing the registry beside one", async () => {
        await assert.rejects(decide(`registry.invalid/app:v1@${DIGEST}`, { digest: OTHER, size: 12 }), { code: "usage" })
        await assert.rejects(decide("registry.invalid/app:v1", { digest: DIGEST, size: 12, fromRegistry: true }), { code: "usage" })
        await assert.rejects(decide("registry.invalid/app:v1", { size: 12 }), { code: "usage" })
    })

    test("nothing given and nobody to ask names the flags", async () => {
        await assert.rejects(decide("registry.invalid/app:v1", {}), { code: "digest_required", message: /--digest.*--from-registry/ })
    })
})

import assert from "node:assert/strict"
import path from "node:path"
import { test } from "node:test"
import { fetchRepository, openTrustCache, openTrustServer, parseReference, type TrustServer } from "../../../src/publish/index.ts"
import { parseFile, parseRoleName } from "../../../src/tuf/index.ts"
import { startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { TestRepository } from "../../support/repository-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const IMAGE = parseReference("registry.example.com/team/app:v1")

test("a server that holds one run back can't make it forget what another has seen meanwhile", async () => {
    await using server = await startFakeTrustServer()
    const repository = new TestRepository(IMAGE.gun, NOW)
    server.serve(repository.files)
    const place = { configDirectory: server.configDirectory, trustServer: server.url }
    const cache = openTrustCache(path.join(server.configDirectory, "trust"))
    const trustServer = await openTrustServer(IMAGE, place, "pull")
    const fetch = async (from: TrustServer) => await fetchRepository(from, IMAGE.gun, cache, NOW)
    const cachedVersion = async (role: string): Promise<number> => {
        const content = await cache.read(IMAGE.gun, parseRoleName(role))
        return parseFile(content ?? assert.fail(), parseRoleName(role)).signed.document.version
    }
    await fetch(trustServer)
    repository.publish({ v1: "one" })
    server.serve(repository.files)
    const old = repository.files
    let held = false
    const holding: TrustServer = {
        url: trustServer.url,
        key: () => assert.fail(),
        newKey: () => assert.fail(),
        post: () => assert.fail(),
        remove: () => assert.fail(),
        get: async (gun, name, maxBytes) => {
            const content = await trustServer.get(gun, name, maxBytes)
            if (held || !name.startsWith("targets.")) return content
            held = true
            repository.publish({ v1: "two" })
            server.serve(repository.files)
            await fetch(trustServer)
            server.serve(old)
            return content
        },
    }
    await fetch(holding).catch(() => {})
    assert.ok(held)
    assert.deepEqual(await Promise.all(["timestamp", "snapshot", "targets"].map(cachedVersion)), [3, 3, 3])
    await assert.rejects(fetch(trustServer), { code: "rollback_detected" })
})

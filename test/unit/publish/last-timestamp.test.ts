import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { withLastTimestamp } from "../../../src/publish/index.ts"
import { parseGun } from "../../../src/tuf/index.ts"

const GUN = parseGun("registry.example.com/team/app")

/** A server that fails when it is asked for its timestamp, and has these files. */
function failing(code: ErrorCode, files: Readonly<Record<string, string>>) {
    const asked: string[] = []
    return {
        url: "https://notary.example.com",
        asked,
        get: (_gun: string, name: string): Promise<Buffer | undefined> => {
            asked.push(name)
            if (name === "timestamp") return Promise.reject(new TrustkeyError(code, "no"))
            const content = files[name]
            return Promise.resolve(content === undefined ? undefined : Buffer.from(content))
        },
    }
}

describe("the timestamp of a server that can make none any more", () => {
    test("is the newest it has, found from one that was seen", async () => {
        const server = failing("server_error", { "6.timestamp": "six", "7.timestamp": "seven", "8.timestamp": "eight" })
        assert.deepEqual(await withLastTimestamp(server, 7).get(GUN, "timestamp"), Buffer.from("eight"))
        assert.deepEqual(server.asked, ["timestamp", "7.timestamp", "8.timestamp", "9.timestamp"])
    })

    test("is not looked for when the server answers, can't be reached, says no, or has none of those seen", async () => {
        for (const code of ["server_unreachable", "server_refused", "login_needed"] as const) {
            const server = failing(code, { "1.timestamp": "one" })
            await assert.rejects(withLastTimestamp(server, 1).get(GUN, "timestamp"), { code })
            assert.deepEqual(server.asked, ["timestamp"])
        }
        const empty = failing("server_error", {})
        await assert.rejects(withLastTimestamp(empty, 3).get(GUN, "timestamp"), { code: "server_error" })
    })

    test("other files are asked for as always", async () => {
        const server = failing("server_error", { root: "root" })
        assert.deepEqual(await withLastTimestamp(server, 3).get(GUN, "root"), Buffer.from("root"))
        assert.equal(await withLastTimestamp(server, 3).get(GUN, "2.root"), undefined)
        assert.deepEqual(server.asked, ["root", "2.root"])
    })
})

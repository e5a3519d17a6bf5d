import assert from "node:assert/strict"
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { test } from "node:test"
import { generateWire } from "../../../packaging/generate-wire.ts"
import { loadMethod, loadWire } from "../../../src/wire/load.ts"

const WIRE = path.resolve(import.meta.dirname, "../../../src/wire")

test("the generated files are those that proto/ gives (if not: npm run generate)", async () => {
    const expected = await generateWire()
    const entries = await readdir(WIRE, { recursive: true, withFileTypes: true })
    const names = entries.filter((entry) => entry.isFile()).map((entry) => path.relative(WIRE, path.join(entry.parentPath, entry.name)))
    assert.deepEqual(names.filter((name) => name !== "load.ts").sort(), [...expected.keys()].sort())
    for (const [name, content] of expected) {
        assert.equal(await readFile(path.join(WIRE, name), "utf8"), content, `${name} is not current`)
    }
})

test("the embedded descriptor has proto3 semantics: fields have defaults and numbers are numbers", () => {
    const { requestDeserialize, requestSerialize } = loadWire().v1.Signing.service.Sign
    const decoded = requestDeserialize(requestSerialize({ keyId: "k", signed: Buffer.from("{}"), tag: 2 ** 53 - 1 }))
    assert.deepEqual({ ...decoded }, { keyId: "k", gun: "", role: "", signed: Buffer.from("{}"), tag: 2 ** 53 - 1 })
})

test("a method prepared alone writes and reads what it writes and reads among all others", () => {
    const alone = loadMethod("Keys", "Create")
    const among = loadWire().v1.Keys.service.Create
    const bindings = [{ gun: "a/b", role: "root" }]
    const request = { purpose: "PURPOSE_ROOT", label: "release", group: "ci", bindings } as const
    assert.deepEqual(alone.requestSerialize(request), among.requestSerialize(request))
    const answer = { id: "ab", algorithm: "ALGORITHM_P384", bindings, state: "KEY_STATE_LOCKED" } as const
    assert.deepEqual(alone.responseDeserialize(among.responseSerialize(answer)), among.responseDeserialize(among.responseSerialize(answer)))
    assert.equal(alone.path, among.path)
})

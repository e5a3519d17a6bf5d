import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { refusalOf, serverMessage, trustServerParty } from "../../../src/publish/party.ts"

const answer = (status: number, body: string, type = "application/json; charset=utf-8") => ({
    status,
    headers: { "content-type": type },
    body: Buffer.from(body),
})

describe("what a server says when it refuses", () => {
    test("is Notary's reason, which hides in the detail", () => {
        const detail = { Name: "ErrBadRoot", Error: { Msg: "could not rotate trust to a new trusted root" } }
        const document = { errors: [{ code: "INVALID_UPDATE", message: "Update sent by the client is invalid.", detail }] }
        assert.equal(
            serverMessage(answer(400, JSON.stringify(document))),
            "INVALID_UPDATE: Update sent by the client is invalid.: ErrBadRoot: could not rotate trust to a new trusted root",
        )
    })

    test("is made fit for a terminal", () => {
        const message = `\u001b[2J\u202eevil\n${"x".repeat(1000)}`
        const said = serverMessage(answer(400, JSON.stringify({ errors: [{ code: "A", message }] })))
        assert.match(said, /^A: \?\[2J\?evil x+\.\.\.$/)
        assert.equal(said.length, 300)
        assert.equal(serverMessage(answer(400, "\u0007plain\ttext\u009b", "text/plain")), "?plain text?")
    })

    test("is nothing when it is a page, or no error document", () => {
        for (const [body, type] of [
            ["<html>", "text/html"],
            ["{", "application/json"],
            ["[]", "application/json"],
            ['{"errors":{}}', "application/json"],
            ["", ""],
        ] as const) {
            assert.equal(serverMessage(answer(500, body, type)), "")
        }
    })

    test("goes with the code that says what to do", () => {
        const party = trustServerParty("localhost:4443")
        assert.equal(refusalOf(answer(400, "{}"), party).code, "server_refused")
        assert.equal(refusalOf(answer(403, "{}"), party).code, "server_refused")
        assert.equal(refusalOf(answer(301, "{}"), party).code, "server_refused")
        assert.equal(refusalOf(answer(401, "{}"), party).code, "login_needed")
        assert.equal(refusalOf(answer(503, "{}"), party).code, "server_error")
        assert.equal(refusalOf(answer(503, "{}"), party).message, "the trust server localhost:4443 failed (status 503)")
    })
})

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { ERROR_CODES } from "../../../src/errors.ts"
import {
    assembleFile,
    parseFile,
    parseGun,
    parseJson,
    parseRoleName,
    parseSigned,
    verifyRepository,
    verifyRootChain,
} from "../../../src/tuf/index.ts"
import { readVectorJson, withCode } from "./make.ts"

/** See test/vectors/README.md. */
type Case = {
    readonly name: string
    readonly source: string
    readonly call: "parseJson" | "parseSigned" | "parseFile" | "assembleFile" | "verifyRootChain" | "verifyRepository"
    readonly role: string
    readonly gun?: string
    readonly now?: string
    readonly trusted?: string
    readonly input: string | readonly string[] | Readonly<Record<string, string>>
    readonly encoding?: "utf8" | "hex"
    readonly expect: string
}

function parseCases(value: unknown): readonly Case[] {
    return value as readonly Case[]
}

function run(each: Case): void {
    const bytes = (text: string): Buffer => Buffer.from(text, each.encoding ?? "utf8")
    const file = (text: string, role: string) => parseFile(bytes(text), parseRoleName(role))
    const { input, role } = each
    const now = new Date(each.now ?? Number.NaN)
    const trusted = each.trusted === undefined ? undefined : file(each.trusted, "root")
    switch (each.call) {
        case "parseJson":
            assert.ok(typeof input === "string")
            parseJson(bytes(input))
            return
        case "parseSigned":
            assert.ok(typeof input === "string")
            parseSigned(bytes(input), parseRoleName(role))
            return
        case "parseFile":
            assert.ok(typeof input === "string")
            file(input, role)
            return
        case "assembleFile": {
            assert.ok(typeof input === "string")
            const { signed, signatures } = file(input, role)
            assembleFile(signed, signatures)
            return
        }
        case "verifyRootChain": {
            assert.ok(Array.isArray(input))
            const chain = input.map((text: string) => file(text, "root"))
            verifyRootChain(trusted, chain, parseGun(each.gun ?? ""), now)
            return
        }
        case "verifyRepository": {
            assert.ok(typeof input === "object" && !Array.isArray(input))
            const files = Object.entries(input).map(([name, text]) => file(text, name))
            const [timestamp, snapshot, targets] = ["timestamp", "snapshot", "targets"].map((name) =>
                files.find((found) => found.role === name),
            )
            verifyRepository(
                trusted,
                {
                    roots: files.filter((found) => found.role === "root"),
                    delegations: files.filter((found) => found.role.startsWith("targets/")),
                    ...(timestamp && { timestamp }),
                    ...(snapshot && { snapshot }),
                    ...(targets && { targets }),
                },
                parseGun(each.gun ?? ""),
                now,
            )
            return
        }
    }
}

const LISTS = ["json", "bodies", "files", "roots", "repositories"]

describe("every rejection vector is refused for its own reason", () => {
    for (const list of LISTS) {
        for (const each of parseCases(readVectorJson(`reject/${list}.json`))) {
            test(`${each.name} is refused as ${each.expect}`, () => {
                assert.ok(each.source !== "" && ERROR_CODES.some((code) => code === each.expect))
                assert.throws(() => run(each), withCode(each.expect))
            })
        }
    }
})

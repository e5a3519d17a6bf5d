import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { formatExpires, parseExpires } from "../../../src/tuf/index.ts"
import { withCode } from "./make.ts"

describe("expires", () => {
    test("is read with fraction and zone", () => {
        for (const [text, expected] of [
            ["2036-11-18T06:06:39.862606808Z", "2036-11-18T06:06:39.862Z"],
            ["2036-11-18T06:06:39Z", "2036-11-18T06:06:39.000Z"],
            ["2036-11-18T06:06:39.1+02:00", "2036-11-18T04:06:39.100Z"],
            ["2036-12-31T23:30:00-05:45", "2037-01-01T05:15:00.000Z"],
            ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
            ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
        ] as const) {
            assert.equal(parseExpires(text, "go-normal").toISOString(), expected)
        }
    })

    test("that does not exist or is no RFC 3339 is refused", () => {
        for (const text of [
            "",
            "2036-13-18T06:06:39Z",
            "2036-00-18T06:06:39Z",
            "2036-02-30T06:06:39Z",
            "2023-02-29T06:06:39Z",
            "2036-11-18T24:00:00Z",
            "2036-11-18T06:60:39Z",
            "2036-11-18T06:06:60Z",
            "2036-11-18T06:06:39",
            "2036-11-18 06:06:39Z",
            "2036-11-18t06:06:39z",
            "2036-11-18T06:06:39.Z",
            "2036-11-18T06:06:39.1234567890Z",
            "2036-11-18T06:06:39+24:00",
            "2036-11-18T06:06:39+02:60",
            "2036-11-18T06:06:39+0200",
            "2036-11-18T06:06Z",
            "+12036-11-18T06:06:39Z",
            "2036-11-18T06:06:39Z\n",
        ]) {
            for (const form of ["any", "go-normal"] as const)
                assert.throws(() => parseExpires(text, form), withCode("metadata_rejected"), text)
        }
    })

    test("in another form than Go's own is borne in others' files and not signed", () => {
        for (const text of [
            "2036-11-18T06:06:39.120Z",
            "2036-11-18T06:06:39.0Z",
            "2036-11-18T06:06:39+00:00",
            "2036-11-18T06:06:39-00:00",
            "2036-11-18T06:06:39.5+00:00",
        ]) {
            parseExpires(text, "any")
            assert.throws(() => parseExpires(text, "go-normal"), withCode("metadata_rejected"), text)
        }
    })

    test("as we write it is whole seconds in Go's form, and reads as the same second", () => {
        const dates = fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true })
        fc.assert(
            fc.property(dates, (date) => {
                const text = formatExpires(date)
                assert.equal(parseExpires(text, "go-normal").getTime(), Math.floor(date.getTime() / 1000) * 1000)
            }),
        )
    })
})

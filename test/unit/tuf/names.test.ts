import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { isDelegation, parentOf, parseGun, parseKeyId, parseRoleName, ROOT } from "../../../src/tuf/index.ts"
import { withCode } from "./make.ts"

describe("names", () => {
    test("a GUN is a repository as docker normalises it, with its registry", () => {
        for (const gun of [
            "docker.io/library/alpine",
            "localhost/app",
            "localhost:5000/sample/img",
            "example.test:5000/a/b",
            "registry.example.com/team-a/app.web__x/y_z",
            "R.example.com/a",
            "[2001:db8::1]:5000/app",
            `r.example/${"a".repeat(245)}`,
        ]) {
            assert.equal(parseGun(gun), gun)
        }
    })

    test("a GUN that a path, a URL or a person could read otherwise is refused", () => {
        for (const gun of [
            "",
            "alpine",
            "library/alpine",
            "docker.io",
            "docker.io/",
            "/docker.io/a",
            "docker.io//a",
            "docker.io/../a",
            "docker.io/a/..",
            "docker.io/.a",
            "docker.io/A",
            "docker.io/a:tag",
            "docker.io/a@sha256",
            "docker.io/a b",
            "docker.io/a\n",
            "docker.io/a\u0000",
            "docker.io/é",
            "https://docker.io/a",
            "docker.io:/a",
            "docker.io:123456/a",
            "-docker.io/a",
            `r.example/${"a".repeat(246)}`,
        ]) {
            assert.throws(() => parseGun(gun), withCode("invalid_request"), gun)
        }
    })

    test("roles are the four and delegations in Notary's alphabet, as clean paths below 256 characters", () => {
        const longest = `targets/${"a".repeat(247)}`
        for (const role of ["root", "targets", "snapshot", "timestamp", "targets/releases", "targets/a/b-c_1", longest]) {
            assert.equal(parseRoleName(role), role)
        }
        for (const role of [
            "",
            "Root",
            "mirror",
            "targets/",
            "targets//a",
            "targets/a/",
            "targets/A",
            "targets/a.b",
            "targets/..",
            "root/a",
            "targets/a\n",
            `${longest}a`,
        ]) {
            assert.throws(() => parseRoleName(role), withCode("invalid_request"), role)
        }
    })

    test("a delegation's parent is one level up", () => {
        assert.equal(parentOf(parseRoleName("targets/a/b")), "targets/a")
        assert.equal(parentOf(parseRoleName("targets/a")), "targets")
        assert.equal(parentOf(ROOT), undefined)
        assert.equal(isDelegation(parseRoleName("targets")), false)
    })

    test("key IDs are 64 lower-case hexadecimal digits", () => {
        assert.equal(parseKeyId("0a".repeat(32)), "0a".repeat(32))
        for (const id of ["", "0A".repeat(32), "0a".repeat(31), `${"0a".repeat(32)}\n`, "zz".repeat(32)]) {
            assert.throws(() => parseKeyId(id), withCode("invalid_request"))
        }
    })
})

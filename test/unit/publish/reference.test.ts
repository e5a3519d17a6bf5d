import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { TrustkeyError } from "../../../src/errors.ts"
import { credentialsName, type DockerPlace, parseReference, trustServerUrl } from "../../../src/publish/index.ts"

const DIGEST = `sha256:${"ab".repeat(32)}`

describe("an image reference", () => {
    // As distribution/reference normalises them.
    const READ: readonly (readonly [text: string, gun: string, tag: string | undefined, digest: string | undefined])[] = [
        ["alpine", "docker.io/library/alpine", undefined, undefined],
        ["alpine:3.20", "docker.io/library/alpine", "3.20", undefined],
        ["team/app", "docker.io/team/app", undefined, undefined],
        ["docker.io/alpine", "docker.io/library/alpine", undefined, undefined],
        ["index.docker.io/team/app:v1", "docker.io/team/app", "v1", undefined],
        ["localhost/app", "localhost/app", undefined, undefined],
        ["localhost:5000/team/app:v1", "localhost:5000/team/app", "v1", undefined],
        ["registry.example.com/a/b/c", "registry.example.com/a/b/c", undefined, undefined],
        ["registry.example.com/a/b__c-d.e:V1_x", "registry.example.com/a/b__c-d.e", "V1_x", undefined],
        [`registry.example.com/app@${DIGEST}`, "registry.example.com/app", undefined, DIGEST],
        [`registry.example.com/app:v1@${DIGEST}`, "registry.example.com/app", "v1", DIGEST],
        ["127.0.0.1:5000/app", "127.0.0.1:5000/app", undefined, undefined],
        ["host-1/app", "docker.io/host-1/app", undefined, undefined],
        // A host with nothing behind it is an image of Hub's.
        ["registry.example.com", "docker.io/library/registry.example.com", undefined, undefined],
    ]
    for (const [text, gun, tag, digest] of READ) {
        test(`reads ${text}`, () => {
            const reference = parseReference(text)
            assert.deepEqual(
                { ...reference },
                { text, gun, tag, digest, registry: gun.split("/")[0], repository: gun.split("/").slice(1).join("/") },
            )
        })
    }

    const REFUSED = [
        "",
        "/",
        "Alpine",
        "team/App",
        "Host/app",
        "ab".repeat(32),
        "app:",
        "app:v1:v2",
        "app@",
        "app@sha256:abcd",
        `app@sha512:${"ab".repeat(64)}`,
        `app@${DIGEST}@${DIGEST}`,
        "../app",
        "localhost:5000/../app",
        "localhost:5000//app",
        "localhost:5000/",
        "registry.example.com:/app:v1:",
        "registry.example.com:123456/app",
        "-registry.example.com/app",
        "team/-app",
        "team/app-",
        "team/a___b",
        "app:.v1",
        `app:${"v".repeat(129)}`,
        "app\nv1",
        "app v1",
        "https://registry.example.com/app",
        "user@registry.example.com/app",
        `registry.example.com/${"a".repeat(250)}`,
        "a".repeat(5000),
    ]
    for (const text of REFUSED) {
        test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
            assert.throws(() => parseReference(text), { code: "invalid_request" })
        })
    }

    test("is read or refused, whatever it is, and quickly", () => {
        const text = fc.oneof(
            fc.string(),
            fc.string({ unit: fc.constantFrom("a", "-", ".", "_", "/", ":", "@", "0", "A"), maxLength: 1024 }),
        )
        fc.assert(
            fc.property(text, (candidate) => {
                try {
                    assert.equal(parseReference(parseReference(candidate).gun).gun, parseReference(candidate).gun)
                } catch (error) {
                    assert.ok(error instanceof TrustkeyError && error.code === "invalid_request", String(error))
                }
            }),
        )
    })
})

describe("the trust server", () => {
    const place = (trustServer: string | undefined): DockerPlace => ({ configDirectory: "/nowhere", trustServer })

    test("is the registry's host unless docker is told another", () => {
        const reference = parseReference("localhost:5000/app")
        assert.equal(trustServerUrl(reference, place(undefined)), "https://localhost:5000")
        assert.equal(trustServerUrl(reference, place("")), "https://localhost:5000")
        assert.equal(trustServerUrl(reference, place("https://notary.example.com:4443/")), "https://notary.example.com:4443")
        assert.equal(trustServerUrl(reference, place("https://example.com/notary")), "https://example.com/notary")
        assert.equal(trustServerUrl(parseReference("alpine"), place(undefined)), "https://notary.docker.io")
    })

    for (const url of [
        "http://localhost:4443",
        "localhost:4443",
        "https://",
        "https://u:p@example.com",
        "https://example.com/?a",
        "ftp://example.com",
    ]) {
        test(`can't be ${url}`, () => {
            assert.throws(
                () => trustServerUrl(parseReference("alpine"), place(url)),
                (error) => error instanceof TrustkeyError && error.code === "usage" && !error.message.includes("u:p"),
            )
        })
    }

    test("is logged in to with the registry's credentials", () => {
        assert.equal(credentialsName(parseReference("localhost:5000/app")), "localhost:5000")
        assert.equal(credentialsName(parseReference("alpine")), "https://index.docker.io/v1/")
    })
})

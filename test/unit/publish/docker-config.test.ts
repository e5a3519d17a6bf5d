import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { TrustkeyError } from "../../../src/errors.ts"
import { findLogin, parseDockerConfig } from "../../../src/publish/docker-config.ts"

const base64 = (text: string): string => Buffer.from(text).toString("base64")

describe("docker's config.json", () => {
    test("may be empty, and hold much that doesn't concern us", () => {
        for (const text of [
            "{}",
            '{"auths":{},"detachKeys":"ctrl-e","plugins":{"x":{"y":"z"}}}',
            '{"auths":null,"credsStore":""}',
            "\ufeff{}",
        ]) {
            const { logins, credentialHelpers, credentialsStore, currentContext } = parseDockerConfig(text)
            assert.deepEqual([logins, credentialHelpers, credentialsStore, currentContext], [new Map(), new Map(), undefined, undefined])
        }
    })

    test("names the context docker uses, unless that is the default one", () => {
        assert.equal(parseDockerConfig('{"currentContext":"rootless"}').currentContext, "rootless")
        for (const text of ['{"currentContext":""}', '{"currentContext":null}', '{"currentContext":7}'])
            assert.equal(parseDockerConfig(text).currentContext, undefined)
    })

    test("holds user names and passwords, colons and old padding included", () => {
        const auths = {
            "a:5000": { auth: base64("user:pass:word") },
            b: { auth: base64("user:pass\0\0") },
            c: { username: "u", password: "p" },
            d: {},
        }
        const { logins } = parseDockerConfig(JSON.stringify({ auths }))
        assert.deepEqual(Object.fromEntries(logins), {
            "a:5000": { kind: "password", username: "user", password: "pass:word" },
            b: { kind: "password", username: "user", password: "pass" },
            c: { kind: "password", username: "u", password: "p" },
        })
    })

    test("prefers an identity token to the password beside it", () => {
        const { logins } = parseDockerConfig(JSON.stringify({ auths: { a: { auth: base64("<token>:"), identitytoken: "refresh" } } }))
        assert.deepEqual(logins.get("a"), { kind: "identity-token", identityToken: "refresh" })
    })

    test("names credential helpers, which can only be names", () => {
        const config = parseDockerConfig('{"credsStore":"secretservice","credHelpers":{"a:5000":"pass"}}')
        assert.equal(config.credentialsStore, "secretservice")
        assert.equal(config.credentialHelpers.get("a:5000"), "pass")
        for (const helper of ["../evil", "a/b", "-x", "a b", "a;b", 7]) {
            assert.throws(() => parseDockerConfig(JSON.stringify({ credsStore: helper })), { code: "config_invalid" })
            assert.throws(() => parseDockerConfig(JSON.stringify({ credHelpers: { a: helper } })), { code: "config_invalid" })
        }
    })

    test("finds a login however the registry's name was written", () => {
        const auths = {
            "https://index.docker.io/v1/": { auth: base64("hub:x") },
            "https://a.example/v2/": { auth: base64("a:x") },
            "b:443": { auth: base64("b:x") },
        }
        const config = parseDockerConfig(JSON.stringify({ auths }))
        const userOf = (host: string): unknown => {
            const login = findLogin(config, host)
            return login?.kind === "password" ? login.username : undefined
        }
        assert.equal(userOf("https://index.docker.io/v1/"), "hub")
        assert.equal(userOf("a.example"), "a")
        assert.equal(userOf("b:443"), "b")
        assert.equal(userOf("b"), undefined)
        assert.equal(userOf("example"), undefined)
        assert.equal(userOf("__proto__"), undefined)
        assert.equal(userOf("constructor"), undefined)
    })

    test("TK-SEC-1 is never quoted in an error", () => {
        const texts = [
            '{"auths":{"a":{"auth":"c2VjcmV0"}}}',
            '{"auths":{"a":{"auth":"secret" x}}}',
            '{"auths":"secret"}',
            '["secret"]',
            '"secret"',
            "secret",
        ]
        for (const text of texts) {
            assert.throws(
                () => parseDockerConfig(text),
                (error) => {
                    assert.ok(error instanceof TrustkeyError && error.code === "config_invalid", String(error))
                    assert.doesNotMatch(`${error.stack}${String(error.cause)}`, /secret"|c2VjcmV0/)
                    return true
                },
            )
        }
    })
})

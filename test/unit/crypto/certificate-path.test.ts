import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { checkCertificatePath, parseAuthorities } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import {
    type BuiltCertificate,
    buildAuthority,
    buildCertificate,
    type CertificateSpec,
    DIGITAL_SIGNATURE,
    KEY_CERT_SIGN,
    USAGE,
} from "../../support/certificate-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const GUN = "registry.example.com/team/app"
const top = buildAuthority({ name: "Example Root" })
const middle = buildAuthority({ name: "Example Code Signing", issuer: top })

const leafOf = (issuer: BuiltCertificate, spec: Partial<CertificateSpec> = {}): BuiltCertificate =>
    buildCertificate({ name: GUN, issuer, keyUsage: DIGITAL_SIGNATURE, extKeyUsages: [USAGE.codeSigning], ...spec })

const bundle = (...certificates: readonly BuiltCertificate[]): string => certificates.map(({ pem }) => pem).join("")

const check = (pem: string, authorities: string = top.pem, now: Date | undefined = NOW): void =>
    checkCertificatePath(pem, parseAuthorities(authorities), now)

function refused(pem: string, message: RegExp, authorities: string = top.pem, now?: Date): void {
    assert.throws(
        () => check(pem, authorities, now ?? NOW),
        (error) => {
            assert.ok(error instanceof TrustkeyError, String(error))
            assert.equal(error.code, "verification_failed")
            assert.match(error.message, message)
            return true
        },
    )
}

describe("a certificate's path", () => {
    test("leads to the authority, directly, through others in any order, and to an intermediate one that is pinned itself", () => {
        const lower = buildAuthority({ name: "Team CA", issuer: middle })
        check(leafOf(top).pem)
        check(bundle(leafOf(middle), middle))
        check(bundle(leafOf(lower), lower, middle))
        check(bundle(leafOf(lower), middle, lower))
        check(leafOf(middle).pem, middle.pem)
        check(leafOf(middle).pem, bundle(top, middle))
    })

    test("takes RSA and both curves, and any extended key usage that allows code signing", () => {
        const rsa = buildAuthority({ name: "RSA Root", algorithm: "rsa2048" })
        check(leafOf(rsa, { algorithm: "p384" }).pem, rsa.pem)
        const { extKeyUsages: _, ...without } = { extKeyUsages: undefined, name: GUN, issuer: top, keyUsage: DIGITAL_SIGNATURE }
        check(buildCertificate(without).pem)
        check(leafOf(top, { extKeyUsages: [USAGE.any] }).pem)
        check(leafOf(top, { extKeyUsages: [USAGE.serverAuth, USAGE.codeSigning] }).pem)
    })

    test("of somebody who only has the authority's name is no path", () => {
        const impostor = buildAuthority({ name: "Example Root" })
        refused(leafOf(impostor).pem, /is not signed by the certificate "Example Root"/)
        refused(bundle(leafOf(impostor), impostor), /is not signed by/)
        refused(leafOf(buildAuthority({ name: "Other Root" })).pem, /no pinned authority has issued the certificate/)
        refused(buildCertificate({ name: GUN }).pem, /no pinned authority/)
        refused(leafOf(middle).pem, /no pinned authority/)
    })

    test("does not lead through a certificate that may not issue others", () => {
        const plain = leafOf(top, { name: "Somebody" })
        refused(bundle(leafOf(plain), plain), /"Somebody" is no authority's/)
        const lame = buildAuthority({ name: "Lame CA", issuer: top, keyUsage: DIGITAL_SIGNATURE })
        refused(bundle(leafOf(lame), lame), /"Lame CA" may not sign certificates \(key usage\)/)
        const web = buildAuthority({ name: "Web CA", issuer: top, extKeyUsages: [USAGE.serverAuth] })
        refused(bundle(leafOf(web), web), /"Web CA" is not for signing code \(extended key usage\)/)
        const odd = buildAuthority({ name: "Odd CA", issuer: top, critical: ["1.2.3.4"] })
        refused(bundle(leafOf(odd), odd), /"Odd CA" has the critical extension 1\.2\.3\.4/)
    })

    test("is no longer than the authorities on it allow", () => {
        const short = buildAuthority({ name: "Short", pathLength: 0 })
        const below = buildAuthority({ name: "Below", issuer: short })
        check(leafOf(short).pem, short.pem)
        refused(bundle(leafOf(below), below), /"Short" may not have authorities below it/, short.pem)
        const long = buildAuthority({ name: "Long", pathLength: 1 })
        const one = buildAuthority({ name: "One", issuer: long })
        const two = buildAuthority({ name: "Two", issuer: one })
        check(bundle(leafOf(one), one), long.pem)
        refused(bundle(leafOf(two), one, two), /"Long" may not have authorities below it/, long.pem)
    })

    test("is refused with a date that doesn't fit anywhere on it, unless dates don't count", () => {
        const notAfter = new Date(NOW.getTime() - 1000)
        const notBefore = new Date(NOW.getTime() + 2 * 86_400_000)
        const old = buildAuthority({ name: "Old CA", issuer: top, notAfter })
        refused(bundle(leafOf(old), old), /"Old CA" expired on 2026-11-21/)
        refused(leafOf(top, { notAfter }).pem, /team\/app" expired on/)
        refused(leafOf(top, { notBefore }).pem, /is not valid before/)
        const spent = buildAuthority({ name: "Spent", notAfter })
        refused(leafOf(spent).pem, /"Spent" expired/, spent.pem)
        checkCertificatePath(bundle(leafOf(old), old), parseAuthorities(top.pem), undefined)
    })

    test("is refused with SHA-1 on it, below the authority", () => {
        refused(leafOf(top, { sha1: true }).pem, /signed with an outdated or unknown algorithm/)
        const dusty = buildAuthority({ name: "Dusty CA", issuer: top, sha1: true })
        refused(bundle(leafOf(dusty), dusty), /"Dusty CA" is signed with an outdated/)
        // A signature upon oneself proves nothing, whatever it is made with.
        const selfSigned = buildAuthority({ name: "Old Root", sha1: true })
        check(leafOf(selfSigned).pem, selfSigned.pem)
    })

    test("is refused when the first certificate is not for signing", () => {
        refused(leafOf(top, { extKeyUsages: [USAGE.serverAuth] }).pem, /is not for signing code \(extended key usage\)/)
        refused(leafOf(top, { extKeyUsages: [] }).pem, /is not for signing code|not a list of certificates/)
        refused(leafOf(top, { keyUsage: KEY_CERT_SIGN }).pem, /not for signatures \(key usage\)/)
        refused(leafOf(top, { critical: ["1.2.3.4"] }).pem, /critical extension 1\.2\.3\.4/)
        refused(middle.pem, /is an authority's/)
        refused("", /there is no certificate/)
        refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /not a list of certificates/)
    })

    test("takes no time to refuse in a thicket of authorities with one name", () => {
        const thicket = Array.from({ length: 18 }, () => buildAuthority({ name: "Thicket", issuerName: "Thicket" }))
        const started = performance.now()
        refused(bundle(leafOf(thicket[0] ?? assert.fail()), ...thicket), /./)
        assert.ok(performance.now() - started < 2000)
    })

    test("begins at authorities only", () => {
        for (const [pem, message] of [
            ["", /no certificate in it/],
            [leafOf(top).pem, /is no authority's/],
            [buildAuthority({ name: "x", keyUsage: DIGITAL_SIGNATURE }).pem, /may not sign certificates/],
            [buildAuthority({ name: "x", critical: ["2.5.29.30"] }).pem, /constrains names/],
            ["-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", /not a list of certificates/],
            ["-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", /there is a PUBLIC KEY among/],
        ] as const) {
            assert.throws(() => parseAuthorities(pem), { code: "invalid_request", message })
        }
        check(leafOf(top).pem, `# Example's own\n${top.pem}`)
    })
})

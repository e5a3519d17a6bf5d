import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import type { Custody, IssuedCertificate, KeyView } from "../../../src/custody/index.ts"
import { certificateKey, type Gun, keyIdOf, parseGun, ROOT } from "../../../src/tuf/index.ts"
import {
    type BuiltCertificate,
    buildAuthority,
    buildCertificate,
    type CertificateSpec,
    DIGITAL_SIGNATURE,
    USAGE,
} from "../../support/certificate-builder.ts"
import { ADMIN, CustodyRig, caller, GUN, Repository, refused } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")
const top = buildAuthority({ name: "Example Root", algorithm: "p384" })
const middle = buildAuthority({ name: "Example Code Signing", issuer: top })
const stranger = buildAuthority({ name: "Example Code Signing" })

const bundle = (...certificates: readonly BuiltCertificate[]): string => certificates.map(({ pem }) => pem).join("")

/** What an authority makes of a request of this key. */
function issue({ record }: KeyView, spec: Partial<CertificateSpec> = {}): BuiltCertificate {
    return buildCertificate({ name: GUN, issuer: middle, keyUsage: DIGITAL_SIGNATURE, publicKey: record.publicKey, ...spec })
}

describe("a root certificate that an authority issued", () => {
    let rig: CustodyRig
    before(async () => {
        rig = await CustodyRig.withGroup()
    })
    after(() => rig[Symbol.asyncDispose]())

    const keep = (key: KeyView, chainPem: string, gun: Gun = GUN): Promise<IssuedCertificate> =>
        rig.custody.keepRootCertificate(ADMIN, { keyId: key.record.id, gun, chainPem })
    const standing = (key: KeyView, gun: Gun = GUN): ReturnType<Custody["rootCertificate"]> =>
        rig.custody.rootCertificate(ADMIN, { keyId: key.record.id, gun })

    test("stands for the key in place of the one it signed itself, the same ever after", async () => {
        const key = await rig.createKey("root", [])
        const own = await standing(key)
        const chain = bundle(issue(key), middle, top)
        const kept = await keep(key, chain)
        assert.notEqual(kept.tufKeyId, own.tufKeyId)
        assert.equal(kept.tufKeyId, keyIdOf(certificateKey(chain)))
        assert.deepEqual([kept.expires.toISOString(), kept.warnings], ["2040-01-01T00:00:00.000Z", []])
        await rig.restart()
        assert.deepEqual(await standing(key), { pem: kept.pem, tufKeyId: kept.tufKeyId })
        assert.deepEqual(await keep(key, chain), kept)
        // A later one of another authority takes its turn, as long as nothing rests on it.
        await keep(key, issue(key, { issuer: top }).pem)
    })

    test("begins a repository, and from then on no other takes its place here", async () => {
        const gun = parseGun("registry.example.com/team/begun")
        const prepared = await Repository.prepare(rig, { gun })
        const chain = bundle(issue(prepared.root, { name: gun }), middle)
        const kept = await keep(prepared.root, chain, gun)
        const keys = { ...prepared.keys, root: [certificateKey(kept.pem)] }
        const set = prepared.firstSet()
        const bodies = [prepared.body("root", prepared.rootBody(1, { keys })), ...set.bodies.filter(({ role }) => role !== "root")]
        await rig.custody.signSet(ADMIN, { ...set, bodies })
        assert.equal((await keep(prepared.root, chain, gun)).tufKeyId, kept.tufKeyId)
        await assert.rejects(keep(prepared.root, issue(prepared.root, { name: gun }).pem, gun), {
            ...refused("already_exists"),
            message: /names another certificate of this key.*rotate root/,
        })
    })

    test("does not take the place of one that a promised root may name already", async () => {
        const gun = parseGun("registry.example.com/team/promised")
        const prepared = await Repository.prepare(rig, { gun })
        const signed = prepared.rootBody(1)
        await rig.custody.sign(ADMIN, { keyId: prepared.root.record.id, gun, role: ROOT, signed })
        const issued = issue(prepared.root, { name: gun }).pem
        const message = /root 1 of .* is promised and may name the certificate that is kept.*journal void/
        await assert.rejects(keep(prepared.root, issued, gun), { ...refused("already_exists"), message })
        await rig.restart()
        await assert.rejects(keep(prepared.root, issued, gun), { ...refused("already_exists"), message })
        await rig.custody.voidPromise(ADMIN, { gun, role: ROOT, version: 1, confirm: "void 1" })
        await keep(prepared.root, issued, gun)
    })

    test("is said to be one that stock clients with a pinned authority refuse, when it is", async () => {
        const key = await rig.createKey("root", [])
        const { warnings } = await keep(key, issue(key, { extKeyUsages: [USAGE.codeSigning] }).pem)
        assert.match(warnings.join(), /this certificate is refused by stock notary clients that pin an authority/)
        for (const extKeyUsages of [[USAGE.codeSigning, USAGE.serverAuth], [USAGE.any]])
            assert.deepEqual((await keep(key, issue(key, { extKeyUsages }).pem)).warnings, [])
    })

    test("for several repositories (its name ends in a star) is one of each, as Notary counts it", async () => {
        const key = await rig.createKey("root", [])
        const issued = issue(key, { name: "registry.example.com/team/*" }).pem
        assert.equal((await keep(key, issued, GUN)).tufKeyId, (await keep(key, issued, OTHER)).tufKeyId)
        await assert.rejects(keep(key, issued, parseGun("registry.example.com/other/app")), refused("root_rejected"))
    })

    type Attack = { readonly what: string; readonly chain: (key: KeyView) => string; readonly code: string; readonly message: RegExp }
    const attacks: readonly Attack[] = [
        {
            what: "of another key",
            chain: () => bundle(buildCertificate({ name: GUN, issuer: middle }), middle),
            code: "key_unfit",
            message: /the first certificate is for another key/,
        },
        {
            what: "for another repository",
            chain: (key) => bundle(issue(key, { name: OTHER }), middle),
            code: "root_rejected",
            message: /for another repository/,
        },
        {
            what: "behind the authority's",
            chain: (key) => bundle(middle, issue(key)),
            code: "key_unfit",
            message: /the key's own comes first/,
        },
        {
            what: "that makes the key an authority itself",
            chain: (key) => issue(key, { ca: true }).pem,
            code: "root_rejected",
            message: /no CA/,
        },
        {
            what: "beside the certificate of another key that Notary might count",
            chain: (key) => bundle(issue(key), buildCertificate({ name: GUN, issuer: middle })),
            code: "root_rejected",
            message: /one certificate that is no CA/,
        },
        {
            what: "that only claims its authority",
            chain: (key) => bundle(issue(key, { issuer: stranger }), middle),
            code: "verification_failed",
            message: /is not signed by the certificate "Example Code Signing"/,
        },
        {
            what: "of an authority whose own authority is somebody else",
            chain: (key) => bundle(issue(key), middle, buildAuthority({ name: "Example Root" })),
            code: "verification_failed",
            message: /"Example Code Signing" is not signed by the certificate "Example Root"/,
        },
        {
            what: "with an authority in the file that has nothing to do with it",
            chain: (key) => bundle(issue(key), middle, buildAuthority({ name: "Passer-by" })),
            code: "verification_failed",
            message: /is not signed by the certificate "Passer-by"/,
        },
        {
            what: "that is its own authority, by another's signature",
            chain: (key) => issue(key, { issuer: stranger, issuerName: GUN }).pem,
            code: "verification_failed",
            message: /is not signed by/,
        },
        {
            what: "of an authority that may have none below it",
            chain: (key) => {
                const strict = buildAuthority({ name: "Strict", issuer: top, pathLength: 0 })
                const below = buildAuthority({ name: "Below", issuer: strict })
                return bundle(issue(key, { issuer: below }), below, strict)
            },
            code: "verification_failed",
            message: /"Strict" may not have authorities below it/,
        },
        {
            what: "that has ended",
            chain: (key) => bundle(issue(key, { notAfter: new Date("2026-01-01T00:00:00Z") }), middle),
            code: "root_rejected",
            message: /expired on 2026-01-01/,
        },
        {
            what: "that begins in a year",
            chain: (key) => bundle(issue(key, { notBefore: new Date(Date.now() + 366 * 86_400_000) }), middle),
            code: "root_rejected",
            message: /not valid before/,
        },
        {
            what: "of an authority that has ended",
            chain: (key) => {
                const old = buildAuthority({ name: "Old", notAfter: new Date("2026-01-01T00:00:00Z") })
                return bundle(issue(key, { issuer: old }), old)
            },
            code: "verification_failed",
            message: /"Old" expired/,
        },
        {
            what: "signed with SHA-1",
            chain: (key) => issue(key, { sha1: true }).pem,
            code: "root_rejected",
            message: /SHA-1/,
        },
        {
            what: "that is not for signatures",
            chain: (key) => issue(key, { keyUsage: 0x20 }).pem,
            code: "verification_failed",
            message: /not for signatures/,
        },
        {
            what: "for servers only",
            chain: (key) => issue(key, { extKeyUsages: [USAGE.serverAuth] }).pem,
            code: "verification_failed",
            message: /not for signing code/,
        },
        {
            what: "with a critical extension that nobody knows",
            chain: (key) => issue(key, { critical: ["1.3.6.1.4.1.55555.1"] }).pem,
            code: "verification_failed",
            message: /critical extension 1\.3\.6\.1\.4\.1\.55555\.1/,
        },
        {
            what: "that is a text, or half a one",
            chain: (key) => issue(key).pem.slice(0, 200),
            code: "invalid_request",
            message: /not a certificate chain/,
        },
    ]
    for (const { what, chain, code, message } of attacks) {
        test(`${what} is not kept, and the one that was stands`, async () => {
            const key = await rig.createKey("root", [])
            const before = await standing(key)
            await assert.rejects(keep(key, chain(key)), { ...refused(code), message })
            assert.deepEqual(await standing(key), before)
        })
    }

    test("refused, binds the key to nothing", async () => {
        const key = await rig.createKey("root", [])
        await assert.rejects(keep(key, issue(key, { name: OTHER }).pem), refused("root_rejected"))
        assert.deepEqual((await rig.custody.getKey(ADMIN, { id: key.record.id })).record.bindings, [])
    })

    test("is kept only for a root key, and by who may have its certificate made and bind it", async () => {
        const targets = await rig.createKey("targets")
        await assert.rejects(keep(targets, issue(targets).pem), refused("key_unfit"))
        const key = await rig.createKey("root", [])
        const release = caller("release")
        const chainPem = issue(key).pem
        const asked = (): Promise<unknown> => rig.custody.keepRootCertificate(release, { keyId: key.record.id, gun: GUN, chainPem })
        for (const grant of [[], ["certificate"], ["bind"]] as const) {
            rig.allow([{ who: release, do: grant }])
            await assert.rejects(asked(), refused("denied"))
        }
        rig.allow([{ who: release, do: ["certificate", "bind"], gun: OTHER }])
        await assert.rejects(asked(), refused("denied"))
        rig.allow([{ who: release, do: ["certificate", "bind"], gun: GUN }])
        await asked()
        rig.allow([])
    })
})

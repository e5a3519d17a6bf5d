import { canonical, type Draft, keyIdOf, keyJson, type Loose, makeSigner, sha256, signed } from "../draft.ts"
import { factsWith, flip, type Mutation, outWith, replaceIn } from "../mutations.ts"
import { certify } from "../people.ts"
import { ageFile, type Ceremony, GUN } from "../scenario.ts"

const exported = (change: (file: Buffer) => Buffer): ((draft: Draft) => void) => outWith(13, "backup/alice-1", change)
const edited = (file: Buffer, from: string | RegExp, to: string): Buffer =>
    Buffer.from(replaceIn(file.toString("latin1"), from, to), "latin1")

/** What was published before the ceremony. */
export const CHAIN: readonly Mutation[] = [
    { what: "with a version of the old root left out", place: 1, draft: (draft) => draft.record(1).out.delete("chain/0/1") },
    {
        what: "with one version of the old root too many",
        place: 1,
        draft: (draft) => draft.record(1).out.set("chain/0/3", Buffer.from("{}")),
    },
    { what: "with the versions of the old root swapped", place: 1, draft: swapped },
    { what: "with an old root signed by too few", place: 1, draft: outWith(1, "chain/0/2", (content) => signedBy(content, 1)) },
    { what: "with an old root signed by one key twice", place: 1, draft: outWith(1, "chain/0/2", twiceSigned) },
    { what: "with an old root that nobody signed", place: 1, draft: outWith(1, "chain/0/1", (content) => signedBy(content, 0)) },
    { what: "with an old root whose signatures are of the version before", place: 1, draft: (draft) => borrowed(draft) },
    {
        what: "with an old root written with spaces",
        place: 1,
        draft: outWith(1, "chain/0/2", (content) => JSON.stringify(JSON.parse(content.toString()), undefined, 1)),
    },
    { what: "with an old root that has its signatures first", place: 1, draft: outWith(1, "chain/0/2", signaturesFirst) },
    { what: "with an old root that ends in a line feed", place: 1, draft: outWith(1, "chain/0/2", (content) => `${content}\n`) },
    {
        what: "with an old root whose fields are in another order",
        place: 1,
        draft: outWith(1, "chain/0/2", (content) => content.toString().replace(/("_type":"Root"),("consistent_snapshot":false)/, "$2,$1")),
    },
    { what: "with an old root that says something besides", place: 1, hooks: { chain: (body) => ({ ...body, spec_version: "1.0" }) } },
    {
        what: "with an old root of consistent snapshots by another name",
        place: 1,
        hooks: { chain: (body) => ({ ...body, consistent_snapshot: 0 }) },
    },
    { what: "with an old root whose role has a certificate in other lines", place: 1, hooks: { chain: otherLines } },
    { what: "with an old root that has a key of no bytes", place: 1, hooks: { chain: emptyKey } },
    { what: "with an old root that has one key for two, in two forms", place: 1, hooks: { chain: twoForms } },
    {
        what: "with an old root that a key has signed twice",
        place: 1,
        draft: outWith(1, "chain/0/2", (content) => rewritten(content, (list) => [...list, ...list.slice(0, 1)])),
    },
    {
        what: "with an old root signed by a method nobody knows",
        place: 1,
        draft: outWith(1, "chain/0/2", (content) => replaceIn(content.toString(), '"method":"ecdsa"', '"method":"ECDSA"')),
    },
    {
        what: "with an old root of another version",
        place: 1,
        hooks: { chain: (body, version) => (version === 2 ? { ...body, version: 3 } : body) },
    },
    { what: "with an old root of another type", place: 1, hooks: { chain: (body) => ({ ...body, _type: "Targets" }) } },
    {
        what: "with an old root that lacks a role",
        place: 1,
        hooks: { chain: (body) => ({ ...body, roles: without(body["roles"], "snapshot") }) },
    },
    {
        what: "with an old root of a role more",
        place: 1,
        hooks: { chain: (body) => ({ ...body, roles: { ...object(body["roles"]), mirrors: roleOf(body, "snapshot") } }) },
    },
    {
        what: "with an old root whose threshold can't be met",
        place: 1,
        hooks: { chain: (body) => withRole(body, "snapshot", { threshold: 2 }) },
    },
    {
        what: "with an old root that lists a key twice",
        place: 1,
        hooks: { chain: (body) => withRole(body, "snapshot", { keyids: [...idsOf(body, "snapshot"), ...idsOf(body, "snapshot")] }) },
    },
    { what: "with an old root that files a key under another's ID", place: 1, hooks: { chain: misfiled } },
    {
        what: "with an old root that names a key it does not have",
        place: 1,
        hooks: { chain: (body) => withRole(body, "snapshot", { keyids: [sha256("x")] }) },
    },
    { what: "with an old root whose private half is not null", place: 1, hooks: { chain: privateHalf } },
    {
        what: "with an old root whose expiry is not as Go writes it",
        place: 1,
        hooks: { chain: (body) => ({ ...body, expires: "2036-01-01T00:00:00.50Z" }) },
    },
    {
        what: "with an old root that expires at no time there is",
        place: 1,
        hooks: { chain: (body) => ({ ...body, expires: "2036-02-30T00:00:00Z" }) },
    },
    {
        what: "with an old root of a version beyond 32 bits",
        place: 1,
        hooks: { chain: (body, version) => (version === 2 ? { ...body, version: 2 ** 31 } : body) },
    },
    {
        what: "with the same member twice in an old root",
        place: 1,
        hooks: { file: (content) => Buffer.from(replaceIn(content.toString(), '"version":', '"version":7,"version":')) },
    },
]

/** The root that is made. */
export const BUILD: readonly Mutation[] = [
    { what: "whose root skips a version", place: 7, hooks: { root: (body) => ({ ...body, version: 4 }) } },
    { what: "whose root stays at its version", place: 7, hooks: { root: (body) => ({ ...body, version: 2 }) } },
    { what: "whose root has a lower threshold", place: 7, hooks: { root: (body) => withRole(body, "root", { threshold: 1 }) } },
    { what: "whose root has a key more", place: 7, hooks: { root: (body) => keyMore(body, "root") } },
    { what: "whose root gives targets a key more", place: 7, hooks: { root: (body) => keyMore(body, "targets") } },
    {
        what: "whose root keeps the key that goes",
        place: 7,
        hooks: {
            root: (body) =>
                withRole(body, "root", {
                    keyids: Object.keys(object(body["keys"]))
                        .filter((id) => isCertified(body, id))
                        .toSorted(),
                }),
        },
    },
    {
        what: "whose root lacks the key that comes",
        place: 7,
        hooks: { root: (body) => withRole(body, "root", { keyids: idsOf(body, "root").slice(1) }) },
    },
    {
        what: "whose root names its keys in another order",
        place: 7,
        hooks: { root: (body) => withRole(body, "root", { keyids: idsOf(body, "root").toReversed() }) },
    },
    { what: "whose root has forgotten an old certificate", place: 7, hooks: { root: forgetful } },
    { what: "whose root has a key that no role uses", place: 7, hooks: { root: surplusKey } },
    { what: "whose root expires later", place: 7, hooks: { root: (body) => ({ ...body, expires: "2046-11-21T00:00:00Z" }) } },
    { what: "whose root turns consistent snapshots on", place: 7, hooks: { root: (body) => ({ ...body, consistent_snapshot: true }) } },
    { what: "whose root says something besides", place: 7, hooks: { root: (body) => ({ ...body, spec_version: "1.0" }) } },
    {
        what: "whose root is not written canonically",
        place: 7,
        draft: outWith(7, "signed/0", (content) => content.toString().replace(",", ", ")),
    },
    { what: "whose first root is a second one", base: "creation", place: 5, hooks: { root: (body) => ({ ...body, version: 2 }) } },
    { what: "whose repositories get each other's roots", base: "creation", place: 5, draft: exchanged },
    { what: "whose new lineage goes on with the old", base: "lost", place: 5, hooks: { root: (body) => ({ ...body, version: 3 }) } },
    {
        what: "shown as another root",
        place: 7,
        draft: outWith(7, "difference/0", (content) => replaceIn(content.toString(), /\n[0-9a-f]{64}\n/, `\n${"0".repeat(64)}\n`)),
    },
    {
        what: "shown as another repository's root",
        place: 7,
        draft: outWith(7, "difference/0", (content) => replaceIn(content.toString(), GUN, `${GUN}2`)),
    },
    {
        what: "shown as another role",
        place: 7,
        draft: outWith(7, "difference/0", (content) => replaceIn(content.toString(), "\nroot\n", "\ntargets\n")),
    },
    {
        what: "that shows nothing of the root",
        place: 7,
        draft: outWith(7, "difference/0", (content) => content.toString().split("\n").slice(0, 3).concat("").join("\n")),
    },
    { what: "whose difference is not to the end", place: 7, draft: outWith(7, "difference/0", (content) => content.subarray(0, -1)) },
    {
        what: "whose difference has something invisible in it",
        place: 7,
        draft: outWith(7, "difference/0", (content) => `${content}\u2066hidden\n`),
    },
    {
        what: "whose difference is not UTF-8",
        place: 7,
        draft: outWith(7, "difference/0", (content) => Buffer.concat([content, Buffer.from([0xff, 0x0a])])),
    },
    { what: "built before a key was made", place: 6, draft: (draft) => draft.records.splice(5, 1) },
    {
        what: "built twice",
        base: "spoilt",
        place: 9,
        hooks: { omit: (step) => step === "void-root" || step === "void-key" },
        draft: (draft) => draft.records.splice(8, 1),
    },
    { what: "with another build voided", base: "spoilt", place: 9, draft: factsWith(9, { record: 5 }) },
    { what: "with a root voided twice", base: "spoilt", place: 10, draft: (draft) => draft.records.splice(9, 0, draft.record(9)) },
]

/** The signatures, backups and the end. */
export const SIGN: readonly Mutation[] = [
    {
        what: "signed with another key",
        place: 9,
        draft: signature(9, (body, c) => ({ ...signed(c.key("carol-1").signer, body), keyid: certifiedId(c, "bob-1") })),
    },
    {
        what: "signed with a key under another's ID",
        place: 9,
        draft: signature(9, (body, c) => signed(c.key("bob-1").signer, body, certifiedId(c, "carol-1"))),
    },
    { what: "signed under the bare key's ID", place: 9, draft: signature(9, (body, c) => signed(c.key("bob-1").signer, body)) },
    {
        what: "whose record names another key than its signature",
        place: 9,
        draft: (draft, c) => factsWith(9, { keyid: certifiedId(c, "carol-1") })(draft),
    },
    {
        what: "with a signature over something else",
        place: 9,
        draft: signature(9, (_, c) => signed(c.key("bob-1").signer, Buffer.from("{}"), certifiedId(c, "bob-1"))),
    },
    {
        what: "with a signature by another method",
        place: 9,
        draft: signature(9, (body, c) => ({ ...signed(c.key("bob-1").signer, body, certifiedId(c, "bob-1")), method: "rsapss" })),
    },
    {
        what: "with a signature by a method nobody knows",
        place: 9,
        draft: signature(9, (body, c) => ({ ...signed(c.key("bob-1").signer, body, certifiedId(c, "bob-1")), method: "ECDSA" })),
    },
    { what: "with a signature in DER", place: 9, draft: signature(9, (body, c) => derSigned(body, c)) },
    {
        what: "with a signature of zeros",
        place: 9,
        draft: signature(9, (body, c) => ({
            ...signed(c.key("bob-1").signer, body, certifiedId(c, "bob-1")),
            sig: Buffer.alloc(64).toString("base64"),
        })),
    },
    {
        what: "with a signature that says something besides",
        place: 9,
        draft: signature(9, (body, c) => ({ ...signed(c.key("bob-1").signer, body, certifiedId(c, "bob-1")), note: "x" })),
    },
    {
        what: "with a signature not written canonically",
        place: 9,
        draft: outWith(9, "signature/bob-1/0", (content) => replaceIn(content.toString(), ",", ", ")),
    },
    {
        what: "with a signature whose base64 has another form",
        place: 9,
        draft: outWith(9, "signature/bob-1/0", (content) => replaceIn(content.toString(), '=="', '"')),
    },
    { what: "with a signature twice", place: 10, draft: (draft) => draft.records.splice(9, 0, draft.record(9)) },
    { what: "with a signature for a repository it does not have", place: 9, draft: factsWith(9, { repository: 1 }) },
    { what: "with a signature by a key that never came", place: 8, draft: (draft) => draft.records.splice(3, 1) },
    { what: "with a signature by the key that goes, in a new lineage", base: "lost", place: 6, draft: retiredSigns },
    { what: "signed before the root was built", place: 7, draft: (draft) => swap(draft, 7, 8) },
    { what: "with the signature of another repository's root", base: "creation", place: 7, draft: otherRepository },
    { what: "with a signature on a voided root used again", base: "spoilt", place: 13, draft: replayed },
    {
        what: "with a signature and no root standing",
        base: "spoilt",
        place: 10,
        draft: (draft) => draft.records.splice(9, 0, { ...draft.record(8), t: draft.record(9).t }),
    },
    { what: "without a backup", place: 12, hooks: { omit: (step) => step === "backup" } },
    { what: "with a backup twice", place: 13, draft: (draft) => draft.records.splice(12, 0, draft.record(12)) },
    { what: "with the backup of a kept key", place: 12, draft: keptBackup },
    { what: "with a copy of a key that can't leave its token", place: 12, draft: factsWith(12, { how: "copy", token: "x", serial: "1" }) },
    {
        what: "with a key made by the vault that can't leave it",
        base: "creation",
        place: 10,
        draft: (draft) => Object.assign(draft.record(10), { facts: { key: "alice-1", how: "cannot-leave" } }),
    },
    { what: "with two copies on one token", base: "creation", place: 11, draft: factsWith(11, { token: "token-alice-1" }) },
    { what: "with a copy on a token nobody planned", base: "creation", place: 11, draft: factsWith(11, { token: "mallory" }) },
    { what: "with a copy missing", base: "creation", place: 14, draft: (draft) => draft.records.splice(10, 1) },
    { what: "with a copy that names no token", base: "creation", place: 11, draft: factsWith(11, { token: undefined }) },
    { what: "with an export that did not open again", base: "creation", place: 13, draft: factsWith(13, { restored: "no" }) },
    { what: "with an export that nobody opened again", base: "creation", place: 13, draft: factsWith(13, { restored: undefined }) },
    { what: "with an export for others", base: "creation", place: 13, draft: factsWith(13, { recipients: 3 }) },
    {
        what: "with an export for others, and the file is",
        base: "creation",
        place: 13,
        draft: (draft) => {
            factsWith(13, { recipients: 3 })(draft)
            exported(() => ageFile(3))(draft)
        },
    },
    { what: "with an export as it was before it was kept", base: "creation", place: 13, draft: factsWith(13, { sha256: sha256("x") }) },
    { what: "with an export that is not there", base: "creation", place: 13, draft: (draft) => draft.record(13).out.clear() },
    {
        what: "with an export under another key's name",
        base: "creation",
        place: 13,
        draft: (draft) => Object.assign(draft.record(13), { out: new Map([["backup/bob-1", ageFile(2)]]) }),
    },
    {
        what: "with an export on the record of a copy",
        base: "creation",
        place: 12,
        draft: (draft) => draft.record(12).out.set("backup/alice-1", ageFile(2)),
    },
    { what: "with an export for one recipient fewer", base: "creation", place: 13, draft: exported(() => ageFile(1)) },
    { what: "with an export for one recipient more", base: "creation", place: 13, draft: exported(() => ageFile(3)) },
    { what: "with an export for nobody", base: "creation", place: 13, draft: exported(() => ageFile(0)) },
    {
        what: "with an export that is a private key in clear",
        base: "creation",
        place: 13,
        draft: exported(() => Buffer.from("-----BEGIN PRIVATE KEY-----\n")),
    },
    {
        what: "with an export in another version of age",
        base: "creation",
        place: 13,
        draft: exported((file) => edited(file, "/v1\n", "/v2\n")),
    },
    {
        what: "with an export under a passphrase",
        base: "creation",
        place: 13,
        draft: exported((file) => edited(file, "-> X25519 ", "-> scrypt ")),
    },
    {
        what: "with an export for a recipient unseen",
        base: "creation",
        place: 13,
        draft: exported((file) => edited(file, "-> X25519 ", "-> x\n\n-> X25519 ")),
    },
    {
        what: "with an export whose lines end otherwise",
        base: "creation",
        place: 13,
        draft: exported((file) => edited(file, "/v1\n", "/v1\r\n")),
    },
    {
        what: "with an export whose base64 is padded",
        base: "creation",
        place: 13,
        draft: exported((file) => edited(file, /\n---/, "=\n---")),
    },
    {
        what: "with an export whose base64 has bits to spare",
        base: "creation",
        place: 13,
        draft: exported((file) => edited(file, /.\n---/, "B\n---")),
    },
    { what: "with an export that ends with its header", base: "creation", place: 13, draft: exported((file) => file.subarray(0, -232)) },
    { what: "with an export of nothing", base: "creation", place: 13, draft: exported((file) => file.subarray(0, -200)) },
    {
        what: "with an export that begins later",
        base: "creation",
        place: 13,
        draft: exported((file) => Buffer.concat([Buffer.from("\n"), file])),
    },
    { what: "with an export missing", base: "creation", place: 14, draft: (draft) => draft.records.splice(12, 1) },
    {
        what: "with too few signatures of the old root's keys",
        place: 11,
        hooks: { omit: (step, { key }) => step === "sign" && (key === "alice-1" || key === "bob-1") },
    },
    {
        what: "with too few signatures of the new root's keys",
        place: 11,
        hooks: { omit: (step, { key }) => step === "sign" && (key === "carol-1" || key === "dave-1") },
    },
    {
        what: "with a repository that nobody signed",
        base: "creation",
        place: 13,
        hooks: { omit: (step, { repository }) => step === "sign" && repository === 1 },
    },
    { what: "whose finished root lacks a signature", place: 13, draft: outWith(13, "root/0", (content) => signedBy(content, 3)) },
    {
        what: "whose finished root has a signature of zeros",
        place: 13,
        draft: outWith(13, "root/0", (content) =>
            content.toString().replace(/"sig":"[^"]*"/, `"sig":"${Buffer.alloc(64).toString("base64")}"`),
        ),
    },
    { what: "whose finished root has its signatures in another order", place: 13, draft: outWith(13, "root/0", reversed) },
    { what: "whose finished root ends in a line feed", place: 13, draft: outWith(13, "root/0", (content) => `${content}\n`) },
    { what: "whose finished root was changed", place: 13, draft: outWith(13, "root/0", (content) => flip(content)) },
    { what: "that reads one signature too few at the close", place: 13, draft: (draft) => draft.record(13).in.pop() },
    { what: "with an end nobody knows", place: 13, draft: factsWith(13, { outcome: "done" }) },
    { what: "abandoned with a root made", place: 13, draft: factsWith(13, { outcome: "abandoned" }) },
    { what: "closed with nothing built", base: "abandoned", place: 4, draft: factsWith(4, { outcome: "complete" }) },
    {
        what: "closed by others than the plan names",
        place: "close",
        draft: (draft) => Object.assign(draft, { closing: draft.closing.map(({ name }) => ({ name, signer: makeSigner() })) }),
    },
    {
        what: "closed by vault and witness in each other's name",
        place: "close",
        draft: (draft) => {
            const [vault, witness] = draft.closing.map(({ signer }) => signer)
            draft.closing = draft.closing.map(({ name, signer }) => ({ name, signer: (name === "vault" ? witness : vault) ?? signer }))
        },
    },
    { what: "closed when a kept key's certificate had ended", base: "ending", place: 11 },
    {
        what: "whose close names the vault's key and has another's signature",
        place: "close",
        draft: (draft) => {
            const other = makeSigner("ed25519")
            draft.closing = draft.closing.map(({ name, signer }) =>
                name === "vault" ? { name, signer: { ...other, id: signer.id } } : { name, signer },
            )
        },
    },
    {
        what: "whose close is of another kind of statement",
        place: "close",
        draft: (draft) => Object.assign(draft.statement, { _type: "Root" }),
    },
    { what: "whose close has another head", place: "close", draft: (draft) => Object.assign(draft.statement, { head: sha256("x") }) },
    {
        what: "whose close has another time",
        place: "close",
        draft: (draft) => Object.assign(draft.statement, { closed: "2026-11-21T18:00:00Z" }),
    },
    { what: "whose close has another plan", place: "close", draft: (draft) => Object.assign(draft.statement, { plan: sha256("x") }) },
    { what: "whose close has another end", place: "close", draft: (draft) => Object.assign(draft.statement, { outcome: "abandoned" }) },
    {
        what: "whose close says something besides, and is signed",
        place: "close",
        draft: (draft) => Object.assign(draft.statement, { note: "x" }),
    },
]

function object(value: unknown): Loose {
    return Object.fromEntries(Object.entries(value ?? {}))
}

function without(value: unknown, name: string): Loose {
    return Object.fromEntries(Object.entries(object(value)).filter(([key]) => key !== name))
}

function roleOf(body: Loose, name: string): Loose {
    return object(object(body["roles"])[name])
}

function idsOf(body: Loose, role: string): string[] {
    const ids = roleOf(body, role)["keyids"]
    return Array.isArray(ids) ? ids.map(String) : []
}

function withRole(body: Loose, name: string, change: Loose): Loose {
    return { ...body, roles: { ...object(body["roles"]), [name]: { ...roleOf(body, name), ...change } } }
}

function isCertified(body: Loose, id: string): boolean {
    return String(object(object(body["keys"])[id])["keytype"]).endsWith("-x509")
}

function keyMore(body: Loose, role: string): Loose {
    const { id, json } = certify(makeSigner(), GUN)
    return withRole({ ...body, keys: { ...object(body["keys"]), [id]: json } }, role, { keyids: [...idsOf(body, role), id].toSorted() })
}

function surplusKey(body: Loose): Loose {
    const { id, json } = certify(makeSigner(), GUN)
    return { ...body, keys: { ...object(body["keys"]), [id]: json } }
}

function forgetful(body: Loose): Loose {
    const unused = Object.keys(object(body["keys"])).find((id) => isCertified(body, id) && !idsOf(body, "root").includes(id))
    return { ...body, keys: without(body["keys"], unused ?? "") }
}

function misfiled(body: Loose): Loose {
    const [id = ""] = idsOf(body, "snapshot")
    const [other = ""] = idsOf(body, "targets")
    const keys = object(body["keys"])
    return { ...body, keys: { ...keys, [id]: keys[other] } }
}

function privateHalf(body: Loose): Loose {
    const [id = ""] = idsOf(body, "snapshot")
    const key = object(object(body["keys"])[id])
    return { ...body, keys: { ...object(body["keys"]), [id]: { ...key, keyval: { ...object(key["keyval"]), private: "" } } } }
}

function withKey(body: Loose, role: string, keys: readonly { readonly id: string; readonly json: Loose }[]): Loose {
    const added = Object.fromEntries(keys.map(({ id, json }) => [id, json]))
    return withRole({ ...body, keys: { ...object(body["keys"]), ...added } }, role, { keyids: keys.map(({ id }) => id).toSorted() })
}

function otherLines(body: Loose): Loose {
    const { pem } = certify(makeSigner(), GUN)
    return withKey(body, "snapshot", [certifiedAs(pem.replaceAll("\n", "\r\n"))])
}

function certifiedAs(pem: string): { readonly id: string; readonly json: Loose } {
    return { id: keyIdOf("ecdsa-x509", Buffer.from(pem)), json: keyJson("ecdsa-x509", Buffer.from(pem)) }
}

function emptyKey(body: Loose): Loose {
    const [id, json] = [keyIdOf("ecdsa", Buffer.alloc(0)), keyJson("ecdsa", Buffer.alloc(0))]
    return { ...body, keys: { ...object(body["keys"]), [id]: json } }
}

function twoForms(body: Loose): Loose {
    const signer = makeSigner()
    const { publicKey, id } = signer
    return withKey(body, "snapshot", [{ id, json: keyJson(publicKey.keytype, publicKey.bytes) }, certify(signer, GUN)])
}

type File = { readonly signed: Loose; readonly signatures: readonly Loose[] }

function rewritten(content: Buffer, change: (signatures: readonly Loose[]) => readonly Loose[]): Buffer {
    const file: File = JSON.parse(content.toString())
    const list = change(file.signatures).map(({ keyid, method, sig }) => `{"keyid":"${keyid}","method":"${method}","sig":"${sig}"}`)
    return Buffer.from(`{"signed":${canonical(file.signed)},"signatures":[${list.join(",")}]}`)
}

function signedBy(content: Buffer, count: number): Buffer {
    return rewritten(content, (list) => list.slice(0, count))
}

function reversed(content: Buffer): Buffer {
    return rewritten(content, (list) => list.toReversed())
}

function twiceSigned(content: Buffer): Buffer {
    return rewritten(content, ([first = {}]) => [first, first])
}

function signaturesFirst(content: Buffer): Buffer {
    const text = content.toString()
    const at = text.indexOf(',"signatures":')
    return Buffer.from(`{${text.slice(at + 1, -1)},${text.slice(1, at)}}`)
}

function swapped(draft: Draft): void {
    const { out } = draft.record(1)
    const [first, second] = [out.get("chain/0/1"), out.get("chain/0/2")]
    if (first !== undefined && second !== undefined) out.set("chain/0/1", second).set("chain/0/2", first)
}

function borrowed(draft: Draft): void {
    const before: File = JSON.parse(draft.record(1).out.get("chain/0/1")?.toString() ?? "")
    outWith(1, "chain/0/2", (content) => rewritten(content, () => before.signatures))(draft)
}

function exchanged(draft: Draft): void {
    const { out } = draft.record(5)
    const [first, second] = [out.get("signed/0"), out.get("signed/1")]
    if (first !== undefined && second !== undefined) out.set("signed/0", second).set("signed/1", first)
}

function certifiedId(ceremony: Ceremony, name: string): string {
    return ceremony.key(name).certified[0]?.id ?? ""
}

function signature(n: number, make: (body: Buffer, ceremony: Ceremony) => Loose): (draft: Draft, ceremony: Ceremony) => void {
    return (draft, ceremony) => {
        const body = canonical(ceremony.newRoot(0))
        outWith(n, "signature/bob-1/0", () => canonical(make(body, ceremony)))(draft)
    }
}

/** SEQUENCE of two INTEGERs, as X.509 has it and TUF does not. */
function derSigned(body: Buffer, ceremony: Ceremony): Loose {
    const good = signed(ceremony.key("bob-1").signer, body, certifiedId(ceremony, "bob-1"))
    const raw = Buffer.from(String(good["sig"]), "base64")
    const numbers = [raw.subarray(0, 32), raw.subarray(32)].map((half) => {
        const digits = (half[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), half]) : half
        return Buffer.concat([Buffer.from([0x02, digits.length]), digits])
    })
    const content = Buffer.concat(numbers)
    return { ...good, sig: Buffer.concat([Buffer.from([0x30, content.length]), content]).toString("base64") }
}

function retiredSigns(draft: Draft, ceremony: Ceremony): void {
    const { signer, certified } = ceremony.key("alice-1")
    const keyid = certified[0]?.id ?? ""
    const facts = { key: "alice-1", keyid, repository: 0 }
    const content = canonical(signed(signer, canonical(ceremony.newRoot(0)), keyid))
    const record = { ...draft.record(6), who: "alice", facts, out: new Map([["signature/alice-1/0", content]]) }
    draft.records.splice(5, 0, record)
}

function swap(draft: Draft, n: number, m: number): void {
    const [first, second] = [draft.record(n), draft.record(m)]
    ;[first.t, second.t] = [second.t, first.t]
    draft.records[n - 1] = second
    draft.records[m - 1] = first
}

function otherRepository(draft: Draft): void {
    const [first] = [...draft.record(6).out.values()]
    draft.record(7).out = new Map([["signature/alice-1/1", first ?? Buffer.alloc(0)]])
}

function replayed(draft: Draft): void {
    draft.record(13).out = draft.record(7).out
}

function keptBackup(draft: Draft): void {
    Object.assign(draft.record(12), { who: "alice", facts: { key: "alice-1", how: "cannot-leave" }, in: [{ name: "public/alice-1" }] })
}

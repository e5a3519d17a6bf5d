import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Change, PromiseRow, Row, Store } from "../../../src/storage/index.ts"
import { AT, audit, bytes, conflict, digest, GUN, intent, LINEAGE, lineage, mark, refused, setting, ZEROS } from "./fixtures.ts"

export type ContractPlace = AsyncDisposable & { open(): Promise<Store> }

/** What every database behind `Store` has to do. A database is supported when it passes. */
export function storeContract(name: string, makePlace: () => Promise<ContractPlace>): void {
    const onStore = (title: string, check: (store: Store, place: ContractPlace) => Promise<void>) =>
        test(title, async () => {
            await using place = await makePlace()
            await check(await place.open(), place)
        })

    describe(`the store contract: ${name}`, () => {
        onStore("what was committed is there after closing and opening again", async (store, place) => {
            await store.commit([setting("a", "1")])
            await store.close()
            const again = await place.open()
            assert.deepEqual(plain(await again.read({ kind: "setting", name: "a" })), [{ value: "1" }])
            assert.deepEqual(await again.read({ kind: "setting", name: "b" }), [])
        })

        onStore("all changes of a commit happen, or none", async (store) => {
            const both = [setting("a", "1"), { kind: "key.facts", id: "nobody", facts: "{}", previous: "{}" } as const, setting("b", "1")]
            await assert.rejects(store.commit(both), conflict("key.facts"))
            assert.deepEqual(await store.read({ kind: "setting", name: "a" }), [])
        })

        onStore("a commit that conflicts takes none of its companions along", async (store) => {
            const commits = Array.from({ length: 60 }, (_, index) => {
                const changes = [
                    setting(`s${index}`, "x"),
                    ...(index % 3 === 1 ? [{ kind: "lineage.retire", gun: "g", lineage: "l", at: AT } as const] : []),
                ]
                return store.commit(changes)
            })
            const outcomes = await Promise.allSettled(commits)
            for (const [index, outcome] of outcomes.entries()) {
                assert.equal(outcome.status, index % 3 === 1 ? "rejected" : "fulfilled")
                assert.equal((await store.read({ kind: "setting", name: `s${index}` })).length, index % 3 === 1 ? 0 : 1)
            }
        })

        onStore("commits happen in the order of their calls, and a read sees those called before it", async (store) => {
            const writes: Promise<void>[] = []
            const reads: Promise<readonly Row[]>[] = []
            for (let value = 0; value < 200; value += 1) {
                writes.push(store.commit([setting("n", String(value))]))
                reads.push(store.read({ kind: "setting", name: "n" }))
            }
            await Promise.all(writes)
            assert.deepEqual(
                (await Promise.all(reads)).map((rows) => rows[0]?.["value"]),
                writes.map((_, index) => String(index)),
            )
        })

        onStore("a commit's conditions see earlier commits that were not waited for", async (store) => {
            const commits = [store.commit([lineage()]), store.commit([mark(1, digest(1))]), store.commit([mark(2, digest(2))])]
            commits.push(store.commit([mark(1, digest(1))]))
            const outcomes = await Promise.allSettled(commits)
            assert.deepEqual(
                outcomes.map(({ status }) => status),
                ["fulfilled", "fulfilled", "fulfilled", "rejected"],
            )
        })

        onStore("a view into a larger buffer is stored as the view, and text and bytes come back as they were", async (store) => {
            const pool = Buffer.from("secret neighbours: envelope: more")
            const envelope = pool.subarray(19, 27)
            const facts = '{"label":"Schlüssel \u{1f511} \\u0000 ‮"}\u0000tail'
            await store.commit([{ kind: "key.insert", id: "k", facts, envelope }])
            assert.deepEqual(plain(await store.read({ kind: "keys" })), [{ id: "k", facts, envelope: new Uint8Array(envelope) }])
        })

        onStore("keys: inserted once, changed only from what they were", async (store) => {
            const insert = { kind: "key.insert", id: "k", facts: "{1}", envelope: bytes(1) } as const
            await store.commit([insert])
            await assert.rejects(store.commit([insert]), conflict("key.insert"))
            await store.commit([{ kind: "key.facts", id: "k", facts: "{2}", previous: "{1}" }])
            await assert.rejects(store.commit([{ kind: "key.facts", id: "k", facts: "{3}", previous: "{1}" }]), conflict("key.facts"))
            await store.commit([{ kind: "key.envelope", id: "k", envelope: bytes(2), previous: bytes(1) }])
            await assert.rejects(
                store.commit([{ kind: "key.envelope", id: "k", envelope: bytes(3), previous: bytes(1) }]),
                conflict("key.envelope"),
            )
            await store.commit([{ kind: "key.envelope", id: "k", envelope: null, previous: bytes(2) }])
            await store.commit([{ kind: "key.insert", id: "a", facts: "{a}", envelope: null }])
            assert.deepEqual(plain(await store.read({ kind: "keys" })), [
                { id: "a", facts: "{a}", envelope: null },
                { id: "k", facts: "{2}", envelope: null },
            ])
        })

        onStore("groups: inserted once, their envelope changed only from what it was", async (store) => {
            const insert = { kind: "group.insert", name: "ci", facts: "{}", envelope: bytes(1) } as const
            await store.commit([insert])
            await assert.rejects(store.commit([insert]), conflict("group.insert"))
            await store.commit([{ kind: "group.envelope", name: "ci", envelope: bytes(2), previous: bytes(1) }])
            await assert.rejects(
                store.commit([{ kind: "group.envelope", name: "ci", envelope: bytes(3), previous: bytes(1) }]),
                conflict("group.envelope"),
            )
            assert.deepEqual(plain(await store.read({ kind: "groups" })), [{ name: "ci", facts: "{}", envelope: bytes(2) }])
        })

        onStore("a GUN has one active lineage; a retired one can come back with its marks", async (store) => {
            const retire = (name: string) => ({ kind: "lineage.retire", gun: GUN, lineage: name, at: "later" }) as const
            await store.commit([lineage(), mark(5, digest(5))])
            await assert.rejects(store.commit([lineage()]), conflict("lineage.insert"))
            await assert.rejects(store.commit([lineage(GUN, "other")]), conflict("lineage.insert"))
            await store.commit([lineage("another/gun", LINEAGE)])
            await store.commit([retire(LINEAGE)])
            await assert.rejects(store.commit([retire(LINEAGE)]), conflict("lineage.retire"))
            await store.commit([lineage(GUN, "other")])
            await assert.rejects(store.commit([lineage()]), conflict("lineage.insert"))
            await store.commit([retire("other"), lineage()])
            await assert.rejects(store.commit([mark(4, digest(4))]), conflict("mark.raise"))
            assert.deepEqual(plain(await store.read({ kind: "lineages" })), [
                { gun: "another/gun", lineage: LINEAGE, origin: "born", at: AT, retiredAt: null },
                { gun: GUN, lineage: LINEAGE, origin: "born", at: AT, retiredAt: null },
                { gun: GUN, lineage: "other", origin: "born", at: AT, retiredAt: "later" },
            ])
        })

        onStore("what belongs to a lineage needs it, and lacking it is a conflict, not a failure", async (store) => {
            const place = { gun: GUN, lineage: LINEAGE }
            const document = { ...place, role: "targets", version: 1, sha256: digest(1), content: bytes(1) }
            await assert.rejects(store.commit([mark(1, digest(1))]), conflict("mark.raise"))
            await assert.rejects(store.commit([{ kind: "root.insert", ...place, version: 1, content: bytes(1) }]), conflict("root.insert"))
            await assert.rejects(store.commit([{ kind: "document.put", ...document }]), conflict("document.put"))
            await assert.rejects(store.commit([{ kind: "outbox.put", ...document, at: AT }]), conflict("outbox.put"))
            await store.commit([lineage(), mark(1, digest(1))])
        })

        onStore("roots: one file per version, the same one again is fine", async (store) => {
            const root = (version: number, value: number) =>
                ({ kind: "root.insert", gun: GUN, lineage: LINEAGE, version, content: bytes(value) }) as const
            await store.commit([lineage(), root(2, 2), root(1, 1)])
            await store.commit([root(1, 1)])
            await assert.rejects(store.commit([root(1, 9)]), conflict("root.insert"))
            assert.deepEqual(plain(await store.read({ kind: "roots", gun: GUN, lineage: LINEAGE })), [
                { version: 1, content: bytes(1) },
                { version: 2, content: bytes(2) },
            ])
        })

        onStore("documents: the newest put per role", async (store) => {
            const put = (role: string, version: number) =>
                ({
                    kind: "document.put",
                    gun: GUN,
                    lineage: LINEAGE,
                    role,
                    version,
                    sha256: digest(version),
                    content: bytes(version),
                }) as const
            await store.commit([lineage(), put("targets", 1), put("snapshot", 4), put("targets", 3)])
            assert.deepEqual(plain(await store.read({ kind: "documents", gun: GUN, lineage: LINEAGE })), [
                { role: "snapshot", version: 4, sha256: digest(4), content: bytes(4) },
                { role: "targets", version: 3, sha256: digest(3), content: bytes(3) },
            ])
        })

        onStore("TK-JRN-1 TK-JRN-2 the database itself refuses to lower a mark or to give a version a second content", async (store) => {
            await store.commit([lineage(), mark(3, digest(3))])
            await assert.rejects(store.commit([mark(2, digest(2))]), conflict("mark.raise"))
            await assert.rejects(store.commit([mark(3, digest(4))]), conflict("mark.raise"))
            await store.commit([mark(3, digest(3))])
            await store.commit([mark(9, digest(9))])
            assert.deepEqual(plain(await store.read({ kind: "marks" })), [
                { gun: GUN, lineage: LINEAGE, role: "targets", version: 9, sha256: digest(9), expires: AT },
            ])
        })

        onStore("a voided mark goes down only from exactly what it was", async (store) => {
            const lower = (version: number, sha256: string, to: number | null) =>
                ({
                    kind: "mark.lower-void",
                    gun: GUN,
                    lineage: LINEAGE,
                    role: "root",
                    version,
                    sha256,
                    to: to === null ? null : { version: to, sha256: digest(to), expires: AT },
                }) as const
            await store.commit([lineage(), mark(3, digest(3), "root")])
            await assert.rejects(store.commit([lower(3, digest(4), 2)]), conflict("mark.lower-void"))
            await assert.rejects(store.commit([lower(4, digest(3), 2)]), conflict("mark.lower-void"))
            await assert.rejects(store.commit([lower(3, digest(3), 4)]), conflict("mark.lower-void"))
            await store.commit([lower(3, digest(3), 2)])
            assert.equal((await store.read({ kind: "marks" }))[0]?.["version"], 2)
            await assert.rejects(store.commit([lower(3, digest(3), null)]), conflict("mark.lower-void"))
            await store.commit([lower(2, digest(2), null)])
            assert.deepEqual(await store.read({ kind: "marks" }), [])
        })

        onStore("promises: one per place until it is void, signed once, numbered without reuse", async (store) => {
            assert.deepEqual(plain(await store.read({ kind: "next-sequence" })), [{ sequence: 1 }])
            await store.commit([intent(1, { version: 4 })])
            await assert.rejects(store.commit([intent(1, { version: 5 })]), conflict("intent.insert"))
            await assert.rejects(store.commit([intent(2, { version: 4 })]), conflict("intent.insert"))
            await store.commit([{ kind: "intent.void", sequence: 1, at: AT, who: "uid:0(root)" }])
            await assert.rejects(store.commit([{ kind: "intent.void", sequence: 1, at: AT, who: "x" }]), conflict("intent.void"))
            await assert.rejects(store.commit([{ kind: "intent.signed", sequence: 1, signature: bytes(1) }]), conflict("intent.signed"))
            await store.commit([intent(2, { version: 4 })])
            await store.commit([{ kind: "intent.signed", sequence: 2, signature: bytes(8) }])
            await store.commit([{ kind: "intent.signed", sequence: 2, signature: bytes(8) }])
            await assert.rejects(store.commit([{ kind: "intent.signed", sequence: 2, signature: bytes(9) }]), conflict("intent.signed"))
            await assert.rejects(store.commit([{ kind: "intent.signed", sequence: 7, signature: bytes(9) }]), conflict("intent.signed"))
            const place = { gun: GUN, lineage: LINEAGE, role: "targets", version: 4, keyId: digest(7) }
            const common = { ...place, kind: "notary-metadata", scheme: "ecdsa", at: AT, bytes: bytes(1, 2, 3) }
            assert.deepEqual(plain(await store.read({ kind: "intent", ...place })), [
                { ...common, sequence: 1, sha256: digest(1), signature: null, voidedAt: AT, voidedBy: "uid:0(root)" },
                { ...common, sequence: 2, sha256: digest(2), signature: bytes(8), voidedAt: null, voidedBy: null },
            ])
            assert.deepEqual(plain(await store.read({ kind: "promises", gun: GUN, lineage: LINEAGE, role: "targets", version: 4 })), [
                { ...common, sequence: 2, sha256: digest(2), signature: bytes(8), voidedAt: null, voidedBy: null },
            ])
            assert.deepEqual(await store.read({ kind: "promises", gun: GUN, lineage: LINEAGE, role: "targets", version: 5 }), [])
            assert.deepEqual(plain(await store.read({ kind: "next-sequence" })), [{ sequence: 3 }])
        })

        onStore("a certificate can be promised again, with other bytes, until one is kept", async (store) => {
            const promise = { kind: "root-certificate", lineage: "", role: "root", version: 0 }
            await store.commit([intent(1, promise)])
            await store.commit([intent(2, { ...promise, bytes: bytes(9) })])
            const put = (pem: string) => ({ kind: "certificate.put", keyId: digest(7), gun: GUN, pem }) as const
            await store.commit([put("first")])
            await store.commit([put("first")])
            await assert.rejects(store.commit([put("second")]), conflict("certificate.put"))
            const kept = [{ keyId: digest(7), gun: GUN, pem: "first" }]
            assert.deepEqual(plain(await store.read({ kind: "certificate", keyId: digest(7), gun: GUN })), kept)
            assert.deepEqual(plain(await store.read({ kind: "certificates" })), kept)
            assert.deepEqual(await store.read({ kind: "certificate", keyId: digest(7), gun: "other" }), [])
        })

        onStore("a certificate takes the place of the one that was seen there, and of no other", async (store) => {
            const place = { keyId: digest(7), gun: GUN }
            const replace = (previous: string, pem: string) => ({ kind: "certificate.replace", ...place, pem, previous }) as const
            await assert.rejects(store.commit([replace("first", "second")]), conflict("certificate.replace"))
            await store.commit([{ kind: "certificate.put", ...place, pem: "first" }])
            await assert.rejects(store.commit([replace("another", "second")]), conflict("certificate.replace"))
            await store.commit([replace("first", "second")])
            await assert.rejects(store.commit([replace("first", "third")]), conflict("certificate.replace"))
            assert.deepEqual(plain(await store.read({ kind: "certificate", ...place })), [{ ...place, pem: "second" }])
        })

        onStore("promises are listed by pages, by GUN, by role, and those without a signature", async (store) => {
            const changes = [intent(1), intent(2, { role: "snapshot" }), intent(3, { gun: "other" }), intent(4), intent(5)]
            await store.commit([...changes, { kind: "intent.signed", sequence: 4, signature: bytes(1) }])
            await store.commit([{ kind: "intent.void", sequence: 5, at: AT, who: "x" }])
            const sequences = (rows: readonly Row[]) => rows.map((row) => row["sequence"])
            assert.deepEqual(sequences(await store.read({ kind: "intents", after: 0, limit: 2 })), [1, 2])
            assert.deepEqual(sequences(await store.read({ kind: "intents", after: 2, limit: 100 })), [3, 4, 5])
            assert.deepEqual(sequences(await store.read({ kind: "intents", gun: GUN, after: 0, limit: 100 })), [1, 2, 4, 5])
            assert.deepEqual(sequences(await store.read({ kind: "intents", gun: GUN, role: "snapshot", after: 0, limit: 100 })), [2])
            assert.deepEqual(await store.read({ kind: "intents", after: 0, limit: 0 }), [])
            const unsigned = await store.read({ kind: "unsigned-intents" })
            assert.deepEqual(sequences(unsigned), [1, 2, 3])
            assert.equal(unsigned[0]?.["bytes"], undefined)
        })

        onStore("the outbox keeps the order of putting, by GUN and lineage", async (store) => {
            const put = (role: string, version: number, gun = GUN) =>
                ({
                    kind: "outbox.put",
                    gun,
                    lineage: LINEAGE,
                    role,
                    version,
                    sha256: digest(version),
                    content: bytes(version),
                    at: AT,
                }) as const
            await store.commit([lineage(), lineage("other"), put("targets", 2), put("root", 1), put("root", 1, "other")])
            await store.commit([{ ...put("targets", 2), content: bytes(7) }])
            assert.deepEqual(plain(await store.read({ kind: "outbox", gun: GUN, lineage: LINEAGE })), [
                { role: "targets", version: 2, sha256: digest(2), content: bytes(7), at: AT },
                { role: "root", version: 1, sha256: digest(1), content: bytes(1), at: AT },
            ])
            assert.equal((await store.read({ kind: "outbox", gun: "other", lineage: LINEAGE })).length, 1)
            const remove = { kind: "outbox.remove", gun: GUN, lineage: LINEAGE, role: "targets", version: 2 } as const
            await store.commit([remove])
            await store.commit([remove])
            assert.equal((await store.read({ kind: "outbox", gun: GUN, lineage: LINEAGE })).length, 1)
        })

        onStore("the last PIN try of a token, until it is forgotten", async (store) => {
            const put = (value: number) =>
                ({ kind: "pin-try.put", token: "yubi", fingerprint: bytes(value), salt: bytes(1), at: AT }) as const
            await store.commit([put(1)])
            await store.commit([put(2)])
            assert.deepEqual(plain(await store.read({ kind: "pin-tries" })), [
                { token: "yubi", fingerprint: bytes(2), salt: bytes(1), at: AT },
            ])
            await store.commit([{ kind: "pin-try.remove", token: "yubi" }])
            await store.commit([{ kind: "pin-try.remove", token: "yubi" }])
            assert.deepEqual(await store.read({ kind: "pin-tries" }), [])
        })

        onStore("TK-AUD-1 audit records go only to the end of the chain", async (store) => {
            assert.deepEqual(await store.read({ kind: "audit-head" }), [])
            await assert.rejects(store.commit([audit(1, digest(1), digest(2))]), conflict("audit.append"))
            await assert.rejects(store.commit([audit(2, ZEROS, digest(2))]), conflict("audit.append"))
            await store.commit([audit(1, ZEROS, digest(1)), audit(2, digest(1), digest(2)), audit(3, digest(2), digest(3))])
            for (const wrong of [audit(3, digest(2), digest(3)), audit(4, digest(2), digest(4)), audit(5, digest(3), digest(5))]) {
                await assert.rejects(store.commit([wrong]), conflict("audit.append"))
            }
            assert.deepEqual(plain(await store.read({ kind: "audit-head" })), [{ sequence: 3, hash: digest(3) }])
            const sequences = (rows: readonly Row[]) => rows.map((row) => row["sequence"])
            assert.deepEqual(sequences(await store.read({ kind: "audit", after: 1, limit: 10 })), [2, 3])
            assert.deepEqual(sequences(await store.read({ kind: "audit", after: 0, limit: 1 })), [1])
            assert.deepEqual(sequences(await store.read({ kind: "audit-tail", limit: 2 })), [2, 3])
        })

        onStore("what was promised elsewhere comes with its end, once, and void ones are found beside those that bind", async (store) => {
            const promise = { ...promised(intent(1, { role: "root" })), version: 2 }
            const restored = { kind: "intent.restore", promise, signature: null, voided: null } as const
            await store.commit([{ ...restored, sequence: 1, signature: bytes(9) }])
            await assert.rejects(store.commit([{ ...restored, sequence: 2 }]), conflict("intent.restore"))
            await assert.rejects(store.commit([{ ...restored, sequence: 1, voided: { at: AT, by: "x" } }]), conflict("intent.restore"))
            await store.commit([{ ...restored, sequence: 2, voided: { at: AT, by: "uid:1" } }])
            const place = { gun: GUN, lineage: LINEAGE, role: "root" }
            const [kept] = await store.read({ kind: "promises", ...place, version: 2 })
            assert.deepEqual([kept?.["sequence"], kept?.["signature"]], [1, bytes(9)])
            const gone = await store.read({ kind: "void-promises", ...place })
            assert.deepEqual(
                gone.map((row) => [row["sequence"], row["voidedAt"], row["voidedBy"]]),
                [[2, AT, "uid:1"]],
            )
            const close = promised(intent(3, { kind: "ceremony-close", gun: "", lineage: digest(3), role: "root", version: 0 }))
            await store.commit([{ ...restored, promise: close, sequence: 3 }, setting("a", "1")])
            const closes = await store.read({ kind: "closes" })
            assert.deepEqual(
                closes.map((row) => [row["lineage"], row["keyId"]]),
                [[digest(3), digest(7)]],
            )
        })

        onStore("a lineage made elsewhere comes once, and active only where none is", async (store) => {
            const restored = { kind: "lineage.restore", gun: GUN, lineage: LINEAGE, origin: "born", at: AT } as const
            await store.commit([{ ...restored, retiredAt: null }])
            await assert.rejects(store.commit([{ ...restored, retiredAt: null }]), conflict("lineage.restore"))
            await assert.rejects(store.commit([{ ...restored, lineage: digest(1), retiredAt: null }]), conflict("lineage.restore"))
            await store.commit([{ ...restored, lineage: digest(1), retiredAt: AT }])
            const rows = await store.read({ kind: "lineages" })
            assert.deepEqual(
                rows.map((row) => [row["lineage"], row["retiredAt"]]),
                [
                    [LINEAGE, null],
                    [digest(1), AT],
                ],
            )
        })

        onStore("backups and drills are kept once each, the last one last", async (store) => {
            for (const name of ["one", "two"]) {
                await store.commit([{ kind: "backup.insert", fingerprint: name, facts: `{"${name}":1}` }])
                await store.commit([{ kind: "drill.insert", receipt: name, facts: `{"${name}":2}` }])
            }
            await assert.rejects(store.commit([{ kind: "backup.insert", fingerprint: "one", facts: "{}" }]), conflict("backup.insert"))
            await assert.rejects(store.commit([{ kind: "drill.insert", receipt: "one", facts: "{}" }]), conflict("drill.insert"))
            assert.deepEqual(plain(await store.read({ kind: "last-backup" })), [{ fingerprint: "two", facts: '{"two":1}' }])
            assert.deepEqual(plain(await store.read({ kind: "last-drill" })), [{ receipt: "two", facts: '{"two":2}' }])
            assert.deepEqual(plain(await store.read({ kind: "backup", fingerprint: "one" })), [{ fingerprint: "one", facts: '{"one":1}' }])
            assert.deepEqual(await store.read({ kind: "backup", fingerprint: "three" }), [])
        })

        onStore("closing waits for what was called before, and everything after it is refused", async (store) => {
            const before = store.commit([setting("a", "1")])
            const closing = store.close()
            await assert.rejects(store.commit([setting("b", "1")]), refused("storage_failed"))
            await assert.rejects(store.read({ kind: "keys" }), refused("storage_failed"))
            await before
            await closing
            await store.close()
        })
    })
}

function promised(change: Change): PromiseRow {
    return change.kind === "intent.insert" ? change.promise : assert.fail("no promise")
}

/** Rows may have no prototype; what counts is what is in them. */
function plain(rows: readonly Row[]): Row[] {
    return rows.map((row) => ({ ...row }))
}

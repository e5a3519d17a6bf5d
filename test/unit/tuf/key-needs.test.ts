import assert from "node:assert/strict"
import { describe, test } from "node:test"
import {
    canonicalKeyIdOf,
    type KeyId,
    keyIdOf,
    keyNeeds,
    parseFile,
    parseRoleName,
    type RepositoryInUse,
    type RootDocument,
} from "../../../src/tuf/index.ts"
import { GUN, ids, keyMap, LATER, makeFile, makeKey, makeKeys, makeRoot, makeRootKey, makeSigned, type TestKey } from "./make.ts"

type RawRoot = { keys: Record<string, unknown>; roles: Record<string, { keyids: string[] }> }

const ROOT = parseRoleName("root")
const canonical = (key: TestKey): KeyId => canonicalKeyIdOf(key.tuf)

/** The next root with these root keys, everything else as it is. */
function nextRoot(previous: RootDocument, keys: readonly TestKey[], threshold = 1): RootDocument {
    return {
        ...previous,
        version: previous.version + 1,
        keys: new Map([...previous.keys, ...keyMap(keys)]),
        roles: new Map([...previous.roles, ["root", { keyIds: ids(keys), threshold }]]),
    }
}

function inUse(changes: Partial<RepositoryInUse>): RepositoryInUse {
    const newest = changes.roots?.at(-1)?.signed.document.version ?? 0
    return { gun: GUN, roots: [], published: newest, promised: newest, targets: [], ...changes }
}

const told = (needs: ReturnType<typeof keyNeeds>): readonly (readonly [string, string, boolean])[] =>
    needs.map(({ role, kind, needed }) => [role, kind, needed])

describe("who still needs a key", () => {
    const [a, b, c] = [makeRootKey(), makeRootKey(), makeRootKey()]
    const keys = makeKeys([a])
    const root1 = makeRoot(keys)
    const file1 = makeFile(root1, [a])

    test("is nobody when no repository names it and it is bound nowhere", () => {
        assert.deepEqual(keyNeeds(canonical(b), [inUse({ roots: [file1] })]), [])
    })

    test("is whoever changes the repository, as long as the newest root names it", () => {
        const [need] = keyNeeds(canonical(a), [inUse({ roots: [file1] })])
        assert.deepEqual(told(need === undefined ? [] : [need]), [["root", "signs", true]])
        assert.equal(need?.left, 0)
        assert.match(need?.text ?? "", /^its only key: without it no root can be signed any more.*trust reset/)
        const targets = keyNeeds(canonical(keys.targets), [inUse({ roots: [file1] })])
        assert.match(targets[0]?.text ?? "", /no targets can be signed until a new root names another key/)
    })

    for (const [n, threshold, gone, left, text] of [
        [3, 2, 0, 2, /^one of 3 keys; 2 must sign: without it each of the others is needed/],
        [3, 1, 0, 2, /^one of 3 keys; 1 must sign: without it 2 are left/],
        [3, 2, 1, 1, /^one of 3 keys, of which 1 is gone; 2 must sign: without it no root can be signed any more/],
        [2, 2, 0, 1, /^one of 2 keys; 2 must sign: without it no root can be signed any more/],
    ] as const) {
        test(`is said with what is left of ${threshold} of ${n} keys when ${gone} others are gone`, () => {
            const all = [a, b, c].slice(0, n)
            const file = makeFile(makeRoot(makeKeys(all), { rootThreshold: threshold }), all)
            const others = new Set([b, c].slice(0, gone).map(canonical))
            const [need] = keyNeeds(canonical(a), [inUse({ roots: [file] })], { gone: others })
            assert.equal(need?.left, left)
            assert.equal(need?.threshold, threshold)
            assert.match(need?.text ?? "", text)
        })
    }

    test("until the root that replaces it is published, it counts", () => {
        const file2 = makeFile(nextRoot(root1, [b]), [a, b])
        const roots = [file1, file2]
        assert.deepEqual(told(keyNeeds(canonical(a), [inUse({ roots, published: 1 })])), [["root", "replaces", true]])
        assert.deepEqual(
            keyNeeds(canonical(a), [inUse({ roots })]).filter(({ needed }) => needed),
            [],
        )
    })

    test("no client needs it that can walk, and one that can't follows the root it still signed, and none after that", () => {
        const root2 = nextRoot(root1, [b])
        const [file2, file3] = [makeFile(root2, [a, b]), makeFile(nextRoot(root2, [c]), [b, c])]
        const second = keyNeeds(canonical(a), [inUse({ roots: [file1, file2] })])
        assert.deepEqual(told(second), [
            ["root", "cached-roots", false],
            ["root", "old-clients", false],
        ])
        assert.match(second[0]?.text ?? "", /root 1 cached .*need no key.*walk to root 2/)
        assert.match(second[1]?.text ?? "", /root 1 cached can follow now/)
        const third = keyNeeds(canonical(a), [inUse({ roots: [file1, file2, file3] })])
        assert.match(third[1]?.text ?? "", /root 1 cached can't follow to root 3.*remove tuf\/registry.example.com\/team\/app/)
        const other = keyNeeds(canonical(b), [inUse({ roots: [file1, file2, file3] })])
        assert.match(other[1]?.text ?? "", /root 2 cached can follow now/)
    })

    test("a retired key of several is told apart from one that could forge alone", () => {
        const all = [a, b, c]
        const first = makeRoot(makeKeys(all), { rootThreshold: 2 })
        const roots = [makeFile(first, all), makeFile(nextRoot(first, [b, c], 2), all)]
        assert.match(keyNeeds(canonical(a), [inUse({ roots })])[0]?.text ?? "", /whoever has it and others of its time can show/)
        const alone = [file1, makeFile(nextRoot(root1, [b]), [a, b])]
        assert.match(keyNeeds(canonical(a), [inUse({ roots: alone })])[0]?.text ?? "", /: whoever has it can show/)
    })

    test("an old targets key is needed by nobody once its root is gone", () => {
        const fresh = makeKey()
        const roles = new Map([...root1.roles, ["targets", { keyIds: [fresh.id], threshold: 1 }] as const])
        const root2 = { ...root1, version: 2, keys: new Map([...root1.keys, ...keyMap([fresh])]), roles }
        const needs = keyNeeds(canonical(keys.targets), [inUse({ roots: [file1, makeFile(root2, [a])] })])
        assert.deepEqual(told(needs), [["targets", "retired", false]])
    })

    test("a root that is promised and not complete may need every root key of the repository", () => {
        const promised = inUse({ roots: [file1], promised: 2 })
        assert.deepEqual(told(keyNeeds(canonical(a), [promised])), [
            ["root", "signs", true],
            ["root", "promised", true],
        ])
        assert.deepEqual(told(keyNeeds(canonical(b), [promised], { bindings: [{ gun: GUN, role: ROOT }] })), [["root", "promised", true]])
        assert.deepEqual(keyNeeds(canonical(b), [promised]), [])
        const begun = inUse({ promised: 1, published: 0 })
        assert.deepEqual(told(keyNeeds(canonical(b), [begun], { bindings: [{ gun: GUN, role: ROOT }] })), [["root", "promised", true]])
    })

    test("a delegation's keys are counted like others, and of two bodies either names them", () => {
        const [alice, bob] = [makeKey(), makeKey()]
        const role = parseRoleName("targets/alice")
        const delegating = (version: number, holders: readonly TestKey[]) =>
            makeSigned({
                type: "targets",
                version,
                expires: LATER,
                targets: new Map(),
                delegations: { keys: keyMap(holders), roles: [{ name: role, keyIds: ids(holders), threshold: 1, paths: [""] }] },
            })
        const targets = [delegating(2, [alice]), delegating(3, [bob])]
        for (const key of [alice, bob]) {
            const [need] = keyNeeds(canonical(key), [inUse({ roots: [file1], targets })])
            assert.deepEqual([need?.role, need?.kind, need?.needed], [role, "signs", true])
            assert.match(need?.text ?? "", /without it nothing can be signed there until its keys are replaced/)
        }
    })

    test("every repository is asked, and a binding that nothing names is said", () => {
        const other = "registry.example.com/other/app"
        const file = makeFile(makeRoot(makeKeys([makeRootKey({ gun: other }), a])), [a])
        const elsewhere = inUse({ gun: other as typeof GUN, roots: [file] })
        const needs = keyNeeds(canonical(a), [inUse({ roots: [file1] }), elsewhere], {
            bindings: [
                { gun: GUN, role: ROOT },
                { gun: GUN, role: parseRoleName("targets") },
                { gun: "registry.example.com/new" as typeof GUN, role: ROOT },
            ],
        })
        assert.deepEqual(
            needs.map(({ gun, role, kind, needed }) => [gun, role, kind, needed]),
            [
                [GUN, "root", "signs", true],
                [other, "root", "signs", true],
                [GUN, "targets", "bound", false],
                ["registry.example.com/new", "root", "bound", false],
            ],
        )
    })

    test("a key that is listed twice is one, and one that nobody can read is none", () => {
        const odd = keyIdOf({ keytype: "ecdsa-x509", public: Buffer.from("no certificate") })
        const { signed, signatures } = JSON.parse(Buffer.from(file1.content).toString()) as { signed: RawRoot; signatures: unknown }
        signed.keys[odd] = { keytype: "ecdsa-x509", keyval: { private: null, public: Buffer.from("no certificate").toString("base64") } }
        signed.roles["root"]?.keyids.push(a.id, odd)
        const file = parseFile(Buffer.from(JSON.stringify({ signed, signatures })), ROOT)
        assert.match(keyNeeds(canonical(a), [inUse({ roots: [file] })])[0]?.text ?? "", /^its only key/)
    })
})

import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { canonicalKeyIdOf, parseFile, ROOT } from "../../src/tuf/index.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

// Of a root of m of n, any n − m holders are lost: the others put new ones in their place, and stock clients, started at root 1, follow with
// their caches as they are. One more, and nothing can be done; nothing is broken by trying either.

const SHAPES = [
    { m: 1, n: 2 },
    { m: 2, n: 3 },
    { m: 3, n: 5 },
] as const

describe("a root whose holders are lost", () => {
    let rig: TrustRig
    let holders: readonly string[]
    let spares: readonly string[]

    before(async () => {
        rig = await openTrustRig()
        const made: string[] = []
        for (let index = 0; index < 7; index += 1) {
            const create = ["key", "create", "--purpose", "root", "--token", "root-token", "--label", `holder ${index}`, "--json"]
            made.push((JSON.parse(await rig.ok(create)) as { id: string }).id)
        }
        holders = made.slice(0, 5)
        spares = made.slice(5)
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    /** With one signed tag, which the stock clients have seen at root 1. */
    async function repository(gun: string, m: number, n: number): Promise<readonly string[]> {
        const keys = holders.slice(0, n)
        await rig.init(gun, ...keys.flatMap((id) => ["--root-key", id]), "--root-threshold", String(m))
        await rig.sign(`${gun}:v1`, "ab")
        await rig.assertReadable(gun, ["v1"])
        return keys
    }

    /** The key signs nothing there any more, as if its token lay in a river. */
    async function lose(gun: string, ids: readonly string[]): Promise<void> {
        for (const id of ids) await rig.ok(["key", "bind", id, "--remove", `root@${gun}`])
    }

    async function rootOf(gun: string): Promise<{ version: number; threshold: number; holders: readonly string[]; signed: number }> {
        const { signed, signatures } = parseFile(await rig.served(gun, "root"), ROOT)
        const root = signed.document.type === "root" ? signed.document : assert.fail("no root")
        const { keyIds, threshold } = root.roles.get("root") ?? assert.fail("no role root")
        const ids = keyIds.map((id) => canonicalKeyIdOf(root.keys.get(id) ?? assert.fail("no key")))
        return { version: root.version, threshold, holders: ids.sort(), signed: signatures.length }
    }

    for (const { m, n } of SHAPES) {
        for (const lost of subsets(n, n - m)) {
            test(`of ${m} of ${n} holders, ${lost.map((index) => index + 1).join(" and ")} of ${n} replaced by the others`, async () => {
                const gun = `registry.example.com/lost/${m}-of-${n}/without-${lost.join("-")}`
                const keys = await repository(gun, m, n)
                const gone = lost.map((index) => keys[index] ?? assert.fail("no such holder"))
                const fresh = spares.slice(0, gone.length)
                await lose(gun, gone)
                const change = [...gone.flatMap((id) => ["--retire", id]), ...fresh.flatMap((id) => ["--key", id])]
                await rig.ok(["rotate", "root", gun, ...change, "--confirm", "--old-key", "keep"])
                const { version, threshold, holders: now } = await rootOf(gun)
                assert.deepEqual([version, threshold], [2, m])
                assert.deepEqual(now, [...keys.filter((id) => !gone.includes(id)), ...fresh].sort())
                // Updatable again, and by stock clients that have root 1.
                await rig.assertReadable(gun, ["v1"])
                await rig.ok(["rotate", "targets", gun, "--confirm", "--old-key", "keep", "--passphrase-file", rig.passphraseFile])
                await rig.sign(`${gun}:v2`, "cd", "--passphrase-file", rig.passphraseFile)
                await rig.assertReadable(gun, ["v1", "v2"])
                assert.equal((await rootOf(gun)).version, 3)
            })
        }

        test(`of ${m} of ${n} holders one too many: refused before anything is promised, and everything stays readable`, async () => {
            const gun = `registry.example.com/lost/${m}-of-${n}/too-many`
            const keys = await repository(gun, m, n)
            const gone = keys.slice(0, n - m + 1)
            await lose(gun, gone)
            const stderr = await rig.refused(
                ["rotate", "root", gun, "--retire", gone[0] ?? "", "--key", spares[0] ?? "", "--confirm"],
                "set_incomplete",
                5,
            )
            assert.match(stderr, /docs\/recover\.md/)
            assert.equal((await rootOf(gun)).version, 1)
            await rig.sign(`${gun}:v2`, "cd")
            await rig.assertReadable(gun, ["v1", "v2"])
            const promised = JSON.parse(await rig.ok(["journal", "show", gun, "--role", "root", "--json"])) as {
                entries: { version: number }[]
            }
            // Certificates have none.
            assert.equal(Math.max(...promised.entries.map(({ version }) => version)), 1)
        })
    }
})

/** All sets of `k` of the numbers below `n`. */
function subsets(n: number, k: number, from = 0): readonly (readonly number[])[] {
    if (k === 0) return [[]]
    return Array.from({ length: n - from }, (_, index) => from + index).flatMap((first) =>
        subsets(n, k - 1, first + 1).map((rest) => [first, ...rest]),
    )
}

import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { promisify } from "node:util"
import { verifyCeremony } from "../../src/ceremony/index.ts"
import { CORPUS, ODD } from "../support/ceremony/corpus/index.ts"
import type { Bundle } from "../support/ceremony/draft.ts"
import { fuzzed } from "../support/ceremony/fuzz.ts"
import { GOOD } from "../support/ceremony/good.ts"
import { BASE_NAMES, baseDraft, mutate, type Place } from "../support/ceremony/mutations.ts"
import { Ceremony } from "../support/ceremony/scenario.ts"
import { askStranger, CHECKER, writeBundle } from "../support/ceremony/stranger.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { filesOf, wholeCeremony } from "../unit/ceremony/rig.ts"

// The long form (npm run fuzz:ceremonies) looks at many more.
const CASES = Number(process.env["TRUSTKEYD_CEREMONY_CASES"] ?? 60)
const BATCH = 60
const FIRST_SEED = 70_000
const KINDS = ["create-root", "rotate-root", "replace-holder", "root-lost"] as const

type Judged = { readonly ours: Place | undefined; readonly strangers: Place | undefined; readonly texts: string }

/** Where each checker stops; undefined: nowhere. */
async function judge(bundles: readonly Bundle[]): Promise<readonly Judged[]> {
    await using directory = await makeWorkingDirectory("ceremonies")
    const directories: string[] = []
    for (const [index, bundle] of bundles.entries()) directories.push(await writeBundle(bundle, path.join(directory.path, String(index))))
    const strangers = await askStranger(directories)
    assert.equal(strangers.length, bundles.length)
    return bundles.map((bundle, index) => {
        const [ours, stranger] = [verifyCeremony(bundle), strangers[index]]
        const error = ours.findings.find(({ level }) => level === "error")
        assert.equal(ours.ok, error === undefined)
        assert.equal(stranger?.ok, stranger?.place === undefined)
        return { ours: error?.record, strangers: stranger?.place, texts: `ours: ${error?.text}, the stranger's: ${stranger?.text}` }
    })
}

describe("two checkers that share no code", () => {
    test("TK-CER-1 find nothing wrong with a good bundle of any kind", async () => {
        const judged = await judge(Object.values(GOOD).map((scenario) => new Ceremony(scenario).draft.seal()))
        Object.keys(GOOD).forEach((name, index) => {
            const { ours, strangers, texts } = judged[index] ?? {}
            assert.deepEqual([ours, strangers], [undefined, undefined], `${name}: ${texts}`)
        })
    })

    test("find nothing wrong with what trustkeyd itself makes of a ceremony of any kind", async () => {
        const sizes = [true, false].flatMap((isSmall) => KINDS.map((kind) => wholeCeremony(kind, { isSmall })))
        const ceremonies = [
            ...sizes,
            wholeCeremony("rotate-root", { algorithm: "p384" }),
            wholeCeremony("create-root", { algorithm: "rsa2048" }),
        ]
        const judged = await judge(ceremonies.map(filesOf))
        for (const { ours, strangers, texts } of judged) assert.deepEqual([ours, strangers], [undefined, undefined], texts)
    })

    for (const [group, mutations] of Object.entries(CORPUS)) {
        test(`refuse every bundle ${group}, at the same place`, async () => {
            const mutated = mutations.map(mutate)
            const judged = await judge(mutated.map(({ bundle }) => bundle))
            const problems = mutations.flatMap(({ what }, index) => {
                const { ours, strangers, texts } = judged[index] ?? {}
                const place = mutated[index]?.place
                return ours === place && strangers === place
                    ? []
                    : [`a bundle ${what} is wrong at ${place}; ${ours}, ${strangers}: ${texts}`]
            })
            assert.deepEqual(problems, [])
        })
    }

    test("find nothing wrong with what only looks so", async () => {
        const judged = await judge(ODD.map((odd) => mutate(odd).bundle))
        const problems = ODD.flatMap(({ what }, index) => {
            const { ours, strangers, texts } = judged[index] ?? {}
            return ours === undefined && strangers === undefined ? [] : [`a bundle ${what} is good; ${ours}, ${strangers}: ${texts}`]
        })
        assert.deepEqual(problems, [])
    })

    test("are given more than 60 mutations of bundles that are good without them", async () => {
        const titles = Object.values(CORPUS).flatMap((mutations) => mutations.map(({ what }) => what))
        assert.ok(titles.length > 60)
        assert.equal(new Set(titles).size, titles.length)
        const judged = await judge(BASE_NAMES.map((name) => baseDraft(name).seal()))
        for (const { ours, strangers, texts } of judged) assert.deepEqual([ours, strangers], [undefined, undefined], texts)
    })

    test("come to the same verdict on bundles changed at random", async () => {
        for (let done = 0; done < CASES; done += BATCH) {
            const seeds = Array.from({ length: Math.min(BATCH, CASES - done) }, (_, index) => FIRST_SEED + done + index)
            const cases = seeds.map((seed) => ({ seed, ...fuzzed(seed) }))
            const judged = await judge(cases.map(({ bundle }) => bundle))
            cases.forEach(({ seed, changes }, index) => {
                const { ours, strangers, texts } = judged[index] ?? {}
                assert.equal(strangers, ours, `seed ${seed}, ${changes.join("; ")}: ${texts}`)
            })
        }
    })
})

describe("the stranger's checker", () => {
    const run = promisify(execFile)
    const python = (...arguments_: string[]): Promise<{ readonly stdout: string; readonly code: number }> =>
        // Isolated, and without the directories of packages: the standard library is all there is.
        run("python3", ["-I", "-S", CHECKER, ...arguments_], { env: { PATH: process.env["PATH"] ?? "" } }).then(
            ({ stdout }) => ({ stdout, code: 0 }),
            (error: { readonly stdout: string; readonly code: number }) => error,
        )

    test("needs nothing but Python's standard library and openssl, and says what a person has to compare", async () => {
        await using directory = await makeWorkingDirectory("ceremony")
        const draft = baseDraft("rotation")
        const { stdout, code } = await python(await writeBundle(draft.seal(), path.join(directory.path, "stick")))
        assert.equal(code, 0, stdout)
        assert.ok(stdout.startsWith("VERIFIED rotate-root 2026-11-21-a: complete"), stdout)
        assert.ok(stdout.includes(`plan ${createHash("sha256").update(draft.plan).digest("hex")}`), stdout)
        assert.ok(stdout.includes("registry.example.com/team/app: root 3, 2 of 3 keys, expires 2036-11-21T00:00:00Z"), stdout)
    })

    test("names the record it refuses, with exit status 7; 2 is for wrong usage", async () => {
        await using directory = await makeWorkingDirectory("ceremony")
        const draft = baseDraft("rotation")
        draft.record(5).facts["key"] = "mallory-1"
        const stick = await writeBundle(draft.seal(), path.join(directory.path, "stick"))
        const refused = await python(stick)
        assert.deepEqual([refused.code, refused.stdout], [7, "REFUSED at record 5: there is no such key in the plan\n"])
        assert.equal((await python()).code, 2)
        assert.equal((await python(path.join(directory.path, "nowhere"))).code, 2)
    })

    test("follows no link out of the bundle", async () => {
        await using directory = await makeWorkingDirectory("ceremony")
        const bundle = baseDraft("rotation").seal()
        const [artefact = "", content = Buffer.alloc(0)] = [...bundle].find(([name]) => name.startsWith("artefacts/")) ?? []
        bundle.delete(artefact)
        const stick = await writeBundle(bundle, path.join(directory.path, "stick"))
        await writeFile(path.join(directory.path, "elsewhere"), content)
        await symlink("../../elsewhere", path.join(stick, artefact))
        const { stdout, code } = await python(stick)
        assert.deepEqual([code, stdout.slice(0, 17)], [7, "REFUSED at bundle"])
    })

    test("takes no longer for a plan than goes with its length, however it is made", async () => {
        await using directory = await makeWorkingDirectory("ceremony")
        const hostile = [
            " ".repeat(200_000),
            `[${" ".repeat(200_000)}`,
            `a = [${" ".repeat(200_000)}`,
            `a = ${'"\\"'.repeat(60_000)}`,
            `${"[".repeat(200_000)}`,
        ]
        const sticks = hostile.map((line, index) => {
            const draft = baseDraft("rotation")
            draft.plan = `${line}x\n${draft.plan}`
            return writeBundle(draft.seal(), path.join(directory.path, String(index)))
        })
        // A pattern that goes back and forth would need hours for each of them.
        for (const { place, text } of await askStranger(await Promise.all(sticks))) {
            assert.deepEqual([place, text], ["plan", "line 1 is not of the plan's form"])
        }
    })

    test("shares no code: it imports what comes with Python, and runs no other program than openssl", () => {
        const source = readFileSync(CHECKER, "utf8")
        const imported = Array.from(source.matchAll(/^(?:import|from) (\w+)/gm), ([, name]) => name)
        const standard = "base64 binascii datetime functools hashlib json os re stat subprocess sys tempfile tomllib"
        assert.equal(imported.toSorted().join(" "), standard)
        assert.deepEqual(
            Array.from(source.matchAll(/subprocess\.\w+\(\["(\w+)"/g), ([, program]) => program),
            ["openssl"],
        )
    })
})

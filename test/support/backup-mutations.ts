import { canonicalJson } from "../../src/backup/canonical-json.ts"
import { TAR_BLOCK } from "../../src/backup/index.ts"
import { type Json, parseJson } from "../../src/tuf/index.ts"
import { member, membersOf, type RawMember, resealed, unsealed } from "./backup-sample.ts"
import { Random } from "./random.ts"

export type Mutation = { readonly name: string; readonly archive: Buffer }

/**
 * An archive changed at random, by somebody who knows the format: in its bytes, its members, its headers, its JSON, or the bytes that JSON carries; and
 * often with an end that fits again.
 */
export function mutate(archive: Buffer, seed: number): Mutation {
    const random = new Random(seed)
    if (random.below(10) < 3) return ofBytes(archive, random)
    const [name, members] = ofMembers(membersOf(archive), random)
    return random.below(4) > 0 ? { name: `${name}, resealed`, archive: resealed(members) } : { name, archive: unsealed(members) }
}

function ofBytes(archive: Buffer, random: Random): Mutation {
    const copy = Buffer.from(archive)
    const blocks = archive.length / TAR_BLOCK
    const block = (index: number): Buffer => archive.subarray(index * TAR_BLOCK, (index + 1) * TAR_BLOCK)
    const at = random.below(archive.length)
    const here = random.below(blocks)
    switch (random.below(8)) {
        case 0:
            copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
            return { name: `a bit at ${at}`, archive: copy }
        case 1:
            copy[at] = random.below(256)
            return { name: `a byte at ${at}`, archive: copy }
        case 2:
            return { name: `cut off at ${at}`, archive: copy.subarray(0, at) }
        case 3:
            return {
                name: `without block ${here}`,
                archive: Buffer.concat([copy.subarray(0, here * TAR_BLOCK), copy.subarray((here + 1) * TAR_BLOCK)]),
            }
        case 4:
            return {
                name: `block ${here} twice`,
                archive: Buffer.concat([copy.subarray(0, here * TAR_BLOCK), block(here), copy.subarray(here * TAR_BLOCK)]),
            }
        case 5: {
            const there = random.below(blocks)
            block(there).copy(copy, here * TAR_BLOCK)
            block(here).copy(copy, there * TAR_BLOCK)
            return { name: `blocks ${here} and ${there} in each other's place`, archive: copy }
        }
        case 6:
            copy.fill(0, here * TAR_BLOCK, Math.min((here + 1 + random.below(8)) * TAR_BLOCK, copy.length))
            return { name: `zeros from block ${here}`, archive: copy }
        default:
            return {
                name: `more at ${at}`,
                archive: Buffer.concat([copy.subarray(0, at), random.bytes(1024), copy.subarray(at)]),
            }
    }
}

function ofMembers(members: readonly RawMember[], random: Random): readonly [name: string, members: readonly RawMember[]] {
    const index = random.below(members.length)
    const other = random.below(members.length)
    const one = members[index] ?? member("", "")
    const two = members[other] ?? member("", "")
    switch (random.below(12)) {
        case 0:
            return [`without ${one.name}`, members.toSpliced(index, 1)]
        case 1:
            return [`${one.name} twice`, members.toSpliced(index, 0, one)]
        case 2:
            return [`${one.name} and ${two.name} in each other's place`, members.with(index, two).with(other, one)]
        case 3:
            return [`${one.name} elsewhere`, members.toSpliced(index, 1).toSpliced(other, 0, one)]
        case 4:
            return [`${one.name} with the content of ${two.name}`, members.with(index, member(one.name, two.content))]
        case 5:
            return [`${one.name} under the name of ${two.name}`, members.with(index, member(two.name, one.content))]
        case 6: {
            const name = otherName(one.name, random)
            return [`${one.name} as ${name}`, members.with(index, member(name, one.content))]
        }
        case 7: {
            const header = Buffer.from(one.header)
            header[random.below(TAR_BLOCK)] = random.below(256)
            return [`the header of ${one.name}`, members.with(index, { ...one, header })]
        }
        case 8: {
            const content = Buffer.from(one.content)
            if (content.length > 0) content[random.below(content.length)] = random.below(256)
            return [`a byte of ${one.name}`, members.with(index, member(one.name, content))]
        }
        default:
            return ofJson(members, random)
    }
}

function otherName(name: string, random: Random): string {
    return random.one([
        `../${name}`,
        `/${name}`,
        `./${name}`,
        name.replace("/", "//"),
        name.replace(/\d/, (digit) => String((Number(digit) + 1) % 10)),
        name.toUpperCase(),
        `${name}\u0001`,
        name.slice(0, -1),
        `${name}/x`,
        "a".repeat(100),
    ])
}

function ofJson(members: readonly RawMember[], random: Random): readonly [name: string, members: readonly RawMember[]] {
    const readable = members.flatMap((one, index) => {
        try {
            return [{ one, index, value: parseJson(one.content) }]
        } catch {
            return []
        }
    })
    const { one, index, value } = random.one(readable)
    const changed = changeValue(value, random)
    const text = random.below(10) > 0 ? canonicalJson(changed) : canonicalJson(changed).replace(",", random.one([", ", ",\n", ",,"]))
    return [`the JSON of ${one.name}`, members.with(index, member(one.name, text))]
}

/** One place of it changed, found by walking down at random. */
function changeValue(value: Json, random: Random): Json {
    if (value instanceof Map && value.size > 0 && random.below(10) > 0) {
        const name = random.one([...value.keys()])
        const copy = new Map(value)
        switch (random.below(8)) {
            case 0:
                copy.delete(name)
                break
            case 1:
                copy.set(`${name}x`, value.get(name) ?? null)
                break
            case 2:
                copy.set(name, value.get(random.one([...value.keys()])) ?? null)
                break
            default:
                copy.set(name, changeValue(value.get(name) ?? null, random))
        }
        return copy
    }
    if (Array.isArray(value) && value.length > 0 && random.below(10) > 0) {
        const at = random.below(value.length)
        const there = random.below(value.length)
        switch (random.below(5)) {
            case 0:
                return value.toSpliced(at, 1)
            case 1:
                return value.toSpliced(at, 0, value[there] ?? null)
            case 2:
                return value.with(at, value[there] ?? null).with(there, value[at] ?? null)
            default:
                return value.with(at, changeValue(value[at] ?? null, random))
        }
    }
    return changeScalar(value, random)
}

function changeScalar(value: Json, random: Random): Json {
    if (random.below(5) === 0)
        return random.one<Json>([null, true, false, 0, 1, -1, 2 ** 31, 2 ** 53 - 1, "", "\u0000", "\u202e", [], new Map(), "0".repeat(64)])
    if (typeof value === "number") return value + random.one([-1, 1, 1000])
    if (typeof value !== "string" || value === "") return "x"
    const bytes = Buffer.from(value, "base64")
    // What base64 carries has a form of its own.
    if (bytes.length > 32 && bytes.toString("base64") === value) {
        bytes[random.below(bytes.length)] = random.below(256)
        return (random.below(5) > 0 ? bytes : bytes.subarray(0, random.below(bytes.length))).toString("base64")
    }
    const at = random.below(value.length)
    return `${value.slice(0, at)}${random.one(["0", "a", "Z", "/", "..", "\n", "é", ""])}${value.slice(at + 1)}`
}

import assert from "node:assert/strict"
import { randomInt } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import {
    checkShare,
    combineShares,
    createShares,
    encodeShareSet,
    missingShares,
    parseShare,
    parseShareSet,
    type Share,
    type ShareSet,
    shareText,
} from "../../../src/backup/index.ts"
import { decodeBech32, encodeBech32, makeAgeIdentity, Secret, sha256 } from "../../../src/crypto/index.ts"
import { secret, textOf } from "../../support/age-files.ts"

const { identity, recipient } = makeAgeIdentity()
const { set, shares } = await createShares(identity, 3, 5)
const other = await createShares(makeAgeIdentity().identity, 3, 5)
/** The same identity, split once more for other holders. */
const again = await createShares(identity, 3, 5)

/** Share `index` of `of`, from 1 on. */
function share(index: number, of: readonly Share[] = shares): Share {
    const found = of[index - 1]
    assert.ok(found !== undefined)
    return found
}

/** Where a value has its coordinate, by chance: one that another share has as well is told in other words. */
const COORDINATE = 36
const coordinates = new Set(shares.map(({ value }) => value.reveal((bytes) => bytes[COORDINATE])))
const freeCoordinate = [1, 2, 3, 4, 5, 6].find((coordinate) => !coordinates.has(coordinate)) ?? 0

/** With a byte of its value changed, and a checksum that fits. */
function altered(one: Share, at = 0): Share {
    const value = one.value.reveal((bytes) => Buffer.from(bytes))
    value[at] = at === COORDINATE ? freeCoordinate : (value[at] ?? 0) ^ 0x40
    return parseShare(shareText({ ...one, value: new Secret(value) }))
}

/** A public file that says something else, with an ID that goes with it or with the old one. */
function forged(changes: Partial<ShareSet>): Buffer {
    return encodeShareSet({ ...set, ...changes })
}

async function refused(some: readonly Share[], message: string | RegExp, known?: ShareSet): Promise<void> {
    await assert.rejects(combineShares(some, known), { code: "share_invalid", message })
}

describe("an identity in shares", () => {
    test("any three of five give it back, in any order, with the public file and without", async () => {
        for (const some of [
            [1, 2, 3],
            [5, 1, 4],
            [2, 4, 3, 5],
            [5, 4, 3, 2, 1],
        ])
            for (const known of [undefined, set]) {
                const found = await combineShares(
                    some.map((index) => share(index)),
                    known,
                )
                assert.equal(found.recipient, recipient)
                assert.equal(textOf(found.identity), textOf(identity))
            }
    })

    test("of every size: what was typed from the pages gives the identity back", async () => {
        for (const [threshold, count] of [
            [2, 2],
            [2, 3],
            [5, 7],
            [16, 16],
            [2, 255],
        ] as const) {
            const made = await createShares(identity, threshold, count)
            assert.equal(made.shares.length, count)
            const typed = made.shares.slice(-threshold).map((one) => parseShare(secret(textOf(shareText(one)).toLowerCase())))
            assert.equal(textOf((await combineShares(typed, made.set)).identity), textOf(identity))
        }
    })

    test("there is no set in which one share suffices, or more are needed than there are", async () => {
        for (const [threshold, count] of [
            [1, 1],
            [1, 3],
            [0, 3],
            [4, 3],
            [2, 256],
            [2.5, 3],
            [Number.NaN, 3],
        ] as const)
            await assert.rejects(createShares(identity, threshold, count), { code: "invalid_request" }, `${threshold} of ${count}`)
        await assert.rejects(createShares(secret(recipient), 2, 3), { code: "invalid_request" })
    })

    test("too few shares are told how many it takes, and give nothing", async () => {
        await assert.rejects(combineShares([share(1), share(4)], set), {
            code: "invalid_request",
            message: `these are too few shares: 3 of set ${set.set} are needed, and there are 2`,
        })
        await assert.rejects(combineShares([]), { code: "invalid_request" })
        assert.equal(missingShares([]), 2)
        assert.equal(missingShares([share(1)]), 2)
        assert.equal(missingShares([share(1), share(2), share(3), share(4)]), 0)
    })

    test("a share that says fewer are needed is refused by the public file, and without it among the others", async () => {
        const liar = parseShare(shareText({ ...share(2), threshold: 2 }))
        await refused([liar, share(1)], /^these shares don't belong together: share 2 of set .*, 2 needed; share 1 of set .*, 3 needed$/)
        await refused([liar, parseShare(shareText({ ...share(1), threshold: 2 }))], "share 2 is not as it was made: leave it out", set)
        await refused(
            [liar, parseShare(shareText({ ...share(1), threshold: 2 }))],
            /^of the shares 2, 1 at least one is not as it was made/,
        )
    })

    test("shares of two sets don't belong together, of another identity or of the same one", async () => {
        for (const [foreign, of] of [
            [other.shares, other.set],
            [again.shares, again.set],
        ] as const)
            await refused(
                [share(1), share(2), share(3, foreign)],
                `these shares don't belong together: share 1 of set ${set.set}, 3 needed; share 3 of set ${of.set}, 3 needed`,
            )
    })

    test("the same share twice is one, whatever stands in the second", async () => {
        await refused([share(1), share(2), share(2)], "share 2 is there twice")
        await refused([share(1), share(2), altered(share(2))], "share 2 is there twice")
        await refused([share(1), share(2), share(2)], "share 2 is there twice", set)
    })

    test("a share under another's number is refused, and named if the public file is there", async () => {
        const renamed = parseShare(shareText({ ...share(2), index: 4 }))
        await refused([share(1), share(3), renamed], "share 4 is not as it was made: leave it out", set)
        await refused([share(2), share(3), renamed], "share 2 or share 4 is not as it was made")
        const beyond = parseShare(shareText({ ...share(2), index: 6 }))
        await refused([share(1), share(3), beyond], "share 6 is not as it was made: leave it out", set)
    })

    test("an altered share is named with the public file, or when there is one more than needed; else it is one of those there", async () => {
        for (const at of [0, 31, 33, COORDINATE]) {
            const bad = altered(share(4), at)
            await refused([share(1), share(2), bad], "share 4 is not as it was made: leave it out", set)
            await refused([share(1), bad, share(2), share(5)], "share 4 is not as it was made: leave it out, the others are right")
            await refused(
                [share(1), share(2), bad],
                "of the shares 1, 2, 4 at least one is not as it was made; the public file of their set says which",
            )
        }
    })

    test("each share is checked alone against the public file", () => {
        for (const one of shares) checkShare(parseShare(shareText(one)), parseShareSet(encodeShareSet(set)))
        assert.throws(() => checkShare(altered(share(1)), set), {
            code: "share_invalid",
            message: "share 1 is not as it was made: leave it out",
        })
        assert.throws(() => checkShare(share(1, again.shares), set), {
            code: "share_invalid",
            message: `share 1 is of set ${again.set.set}, and the file of set ${set.set}`,
        })
    })

    test("a public file with other commitments, another recipient or another number is refused, or is no file of this share's set", async () => {
        const bad = altered(share(2))
        const commitments = set.commitments.map((each, index) =>
            index === 1
                ? bad.value.reveal((bytes) =>
                      sha256(Buffer.concat([Buffer.from("trustkey-backup-shares/1 commitment"), Buffer.of(3, 2), bytes])).toString("hex"),
                  )
                : each,
        )
        const mallory = makeAgeIdentity().recipient
        for (const changes of [{ commitments }, { recipient: mallory }, { threshold: 2 }, { commitments: set.commitments.slice(1) }])
            assert.throws(() => parseShareSet(forged(changes)), {
                code: "share_invalid",
                message: "the public file of this set of shares was altered: its parts don't make its ID",
            })
        // With an ID that its parts do make, it is another set's, and no share of ours is of it.
        const { shareSetOf } = await import("../../../src/backup/share-set.ts")
        const whole = parseShareSet(encodeShareSet(shareSetOf(mallory, 3, commitments)))
        for (const one of [share(1), bad])
            assert.throws(() => checkShare(one, whole), { code: "share_invalid", message: /^share \d is of set/ })
    })

    test("a public file in any other form is none", () => {
        const text = encodeShareSet(set).toString()
        assert.deepEqual(parseShareSet(Buffer.from(`${text}\n`)), set)
        const bad = [
            "",
            "{}",
            "[]",
            `${text}\n\n`,
            ` ${text}`,
            text.replace("shares/1", "shares/2"),
            text.replace(":3", ":3.0"),
            text.replace(":3", ':"3"'),
            text.replace(":3", ":1"),
            text.replace(":3", ":6"),
            text.replace('"threshold"', '"extra":1,"threshold"'),
            text.replace(recipient, `${recipient.slice(0, -1)}${recipient.endsWith("q") ? "p" : "q"}`),
            text.replace(/[0-9a-f]{64}/, (hash) => hash.toUpperCase()),
            text.replace(/"[0-9a-f]{64}",/, ""),
            text.replace(/"commitments":\[[^\]]*\]/, '"commitments":[]'),
            JSON.stringify(JSON.parse(text), undefined, 2),
        ]
        for (const each of bad) assert.throws(() => parseShareSet(Buffer.from(each)), { code: "share_invalid" }, each)
    })

    test("its text has 90 characters of an alphabet without look-alikes, and is read in any case, with spaces and hyphens", () => {
        for (const one of shares) {
            const text = textOf(shareText(one))
            assert.match(text, /^TKS1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{86}$/)
            for (const typed of [
                text.toLowerCase(),
                text.replace(/.{4}/g, "$& "),
                ` ${text.replace(/.{4}/g, "$&-")}\r\n`,
                `${text.slice(0, 45)}\n\t${text.slice(45).toLowerCase()}`,
            ])
                assert.deepEqual(
                    { ...parseShare(secret(typed)), value: textOf(parseShare(secret(typed)).value) },
                    { ...one, value: textOf(one.value) },
                )
        }
    })

    test("up to four wrong characters are always found, and so are two swapped, one missing and one too many", () => {
        const alphabet = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
        const text = textOf(shareText(share(1)))
        for (let round = 0; round < 2000; round += 1) {
            const typed = [...text]
            for (let count = 1 + randomInt(4); count > 0; count -= 1) typed[4 + randomInt(86)] = alphabet[randomInt(32)] ?? "Q"
            if (typed.join("") === text) continue
            assert.throws(() => parseShare(secret(typed.join(""))), { code: "share_invalid", message: /mistyped/ })
        }
        for (let at = 4; at < 89; at += 1) {
            const swapped = `${text.slice(0, at)}${text[at + 1]}${text[at]}${text.slice(at + 2)}`
            if (swapped !== text) assert.throws(() => parseShare(secret(swapped)), { code: "share_invalid" })
            assert.throws(() => parseShare(secret(text.slice(0, at) + text.slice(at + 1))), {
                code: "share_invalid",
                message: "a share has 90 characters, and this one 89",
            })
            assert.throws(() => parseShare(secret(`${text.slice(0, at)}Q${text.slice(at)}`)), { code: "share_invalid" })
        }
    })

    test("whatever else is given is no share", () => {
        const content = decodeBech32("TKS", Buffer.from(textOf(shareText(share(1)))))
        assert.ok(content !== undefined)
        const made = (change: (bytes: Buffer) => Buffer): string => encodeBech32("TKS", change(Buffer.from(content))).toString()
        const set1 = (at: number, byte: number) => (bytes: Buffer) =>
            Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + 1)])
        const bad: readonly (readonly [string, RegExp])[] = [
            ["", /begins with TKS1/],
            [recipient, /begins with TKS1/],
            [textOf(identity), /begins with TKS1/],
            ["TKS1".repeat(2000), /too long/],
            [made(set1(0, 2)), /newer version/],
            [made(set1(0, 0)), /newer version/],
            [made(set1(11, 1)), /no share, although/],
            [made(set1(12, 0)), /no share, although/],
            [made(set1(49, 0)), /no share, although/],
            [made((bytes) => bytes.subarray(0, -1)), /no share, although/],
            [made((bytes) => Buffer.concat([bytes, Buffer.of(1)])), /no share, although/],
            [made(() => Buffer.of(1)), /no share, although/],
            ["TKS1\u00e9", /characters/],
        ]
        for (const [text, message] of bad) assert.throws(() => parseShare(secret(text)), { code: "share_invalid", message }, text)
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
                assert.throws(() => parseShare(new Secret(Buffer.from(bytes))), { code: "share_invalid" })
            }),
        )
    })

    test("two shares of three say nothing: with each third there is another identity", async () => {
        // Any value of a third share is possible, and gives another secret: all identities remain. Without check bytes of its own the
        // library would give each of them out.
        const { combine } = await import("shamir-secret-sharing")
        const values = [1, 2].map((index) => share(index).value.reveal((bytes) => Uint8Array.from(bytes)))
        const taken = new Set(values.map((value) => value.at(-1)))
        const third = new Uint8Array(37)
        for (let coordinate = 1; taken.has(third[36]) || third[36] === 0; coordinate += 1) third[36] = coordinate
        const firsts = new Set<number>()
        for (let byte = 0; byte < 256; byte += 1) {
            third[0] = byte
            firsts.add((await combine([...values, third]))[0] ?? -1)
        }
        assert.equal(firsts.size, 256)
    })

    test("no two shares, and no two splits, have a value in common", () => {
        const values = [...shares, ...again.shares].map(({ value }) => textOf(value))
        assert.equal(new Set(values).size, 10)
        assert.notEqual(set.set, again.set.set)
        assert.equal(set.recipient, again.set.recipient)
    })
})

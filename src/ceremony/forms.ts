// What single values look like, in the plan as in the records: docs/formats/ceremony-plan.md, "Form".

const MAX_TEXT_BYTES = 1024

/**
 * Code points that draw nothing, or make what follows be drawn somewhere else: a plan that is reviewed, and a record that is read aloud, must be what
 * they look like. Unicode's Default_Ignorable_Code_Point, controls, and U+2028, U+2029, U+FFF9 to U+FFFB: first and last of each range. As numbers and
 * not as properties of a pattern, which would be other ones with another Unicode, and another format.
 */
const UNSEEN: readonly (readonly [number, number])[] = [
    [0x0000, 0x001f],
    [0x007f, 0x009f],
    [0x00ad, 0x00ad],
    [0x034f, 0x034f],
    [0x061c, 0x061c],
    [0x115f, 0x1160],
    [0x17b4, 0x17b5],
    [0x180b, 0x180f],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
    [0x3164, 0x3164],
    [0xfe00, 0xfe0f],
    [0xfeff, 0xfeff],
    [0xffa0, 0xffa0],
    [0xfff0, 0xfffb],
    [0x1bca0, 0x1bca3],
    [0x1d173, 0x1d17a],
    [0xe0000, 0xe0fff],
]

export const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/
export const TOKEN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
export const SERIAL = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
export const HASH = /^[0-9a-f]{64}$/
export const SLOT = /^[0-9a-f]{2}$/

/** Whether nothing in `text` hides itself or turns the reading direction. */
export function isSeen(text: string): boolean {
    return text.isWellFormed() && !Array.from(text, (character) => character.codePointAt(0) ?? 0).some(isUnseen)
}

function isUnseen(codePoint: number): boolean {
    return UNSEEN.some(([first, last]) => codePoint >= first && codePoint <= last)
}

/** 1 to 1024 bytes that are all seen. */
export function isText(text: string): boolean {
    return text.length > 0 && Buffer.byteLength(text) <= MAX_TEXT_BYTES && isSeen(text)
}

/** @returns undefined unless `text` is a moment that exists, as `2026-11-21T18:00:00Z`, from the year 2000 on */
export function parseTime(text: string): Date | undefined {
    if (!/^[2-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return undefined
    const date = new Date(text)
    // A 30th of February, and a 24th hour, roll over: neither comes back the same.
    return !Number.isNaN(date.getTime()) && formatTime(date) === text ? date : undefined
}

export function formatTime(date: Date): string {
    return `${date.toISOString().slice(0, 19)}Z`
}

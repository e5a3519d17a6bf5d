// What single values look like, in the plan as in the records: docs/formats/ceremony-plan.md, "Form".

const MAX_TEXT_BYTES = 1024

/**
 * Code points that draw nothing, or make what follows be drawn somewhere else: a plan that is reviewed, and a record that is read aloud, must be what
 * they look like. Unicode's Default_Ignorable_Code_Point, controls, and U+2028, U+2029, U+FFF9 to U+FFFB.
 */
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: these are what it looks for
// biome-ignore-start lint/suspicious/noMisleadingCharacterClass: each alone
const UNSEEN =
    /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u
// biome-ignore-end lint/suspicious/noMisleadingCharacterClass: each alone
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: these are what it looks for

export const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/
export const TOKEN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
export const SERIAL = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
export const HASH = /^[0-9a-f]{64}$/
export const SLOT = /^[0-9a-f]{2}$/

/** Whether nothing in `text` hides itself or turns the reading direction. */
export function isSeen(text: string): boolean {
    return text.isWellFormed() && !UNSEEN.test(text)
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

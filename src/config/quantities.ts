import { z } from "zod"

const SECOND = 1000
const DAY = 24 * 60 * 60 * SECOND

const UNITS: Readonly<Record<string, number>> = {
    s: SECOND,
    m: 60 * SECOND,
    h: 60 * 60 * SECOND,
    d: DAY,
    // The longest three years there are: what ends three calendar years from now must not be over "3y".
    y: 366 * DAY,
}

const KIBI = 1024
const SIZES: Readonly<Record<string, number>> = { KiB: KIBI, MiB: KIBI * KIBI, GiB: KIBI * KIBI * KIBI }

/** `"90s"`, `"15m"`, `"8h"`, `"90d"`, `"3y"` → milliseconds, between two such texts. */
export function duration(least: string, most: string): z.ZodType<number, string> {
    return quantity(UNITS, 'a time like "30s", "15m", "8h", "90d" or "3y"', least, most)
}

/** `"64KiB"`, `"8MiB"`, `"1GiB"` → bytes, between two such texts. */
export function size(least: string, most: string): z.ZodType<number, string> {
    return quantity(SIZES, 'a size like "512KiB", "8MiB" or "1GiB"', least, most)
}

function quantity(units: Readonly<Record<string, number>>, form: string, least: string, most: string): z.ZodType<number, string> {
    const from = parseQuantity(units, least)
    const to = parseQuantity(units, most)
    return z.string().transform((text, context) => {
        const value = parseQuantity(units, text)
        if (value === undefined) context.addIssue({ code: "custom", message: `must be ${form}` })
        else if (from !== undefined && value < from) context.addIssue({ code: "custom", message: `must be at least "${least}"` })
        else if (to !== undefined && value > to) context.addIssue({ code: "custom", message: `must be at most "${most}"` })
        return value ?? z.NEVER
    })
}

function parseQuantity(units: Readonly<Record<string, number>>, text: string): number | undefined {
    const [, digits, unit] = /^(\d{1,9})([A-Za-z]+)$/.exec(text) ?? []
    const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined
    return digits === undefined || factor === undefined ? undefined : Number(digits) * factor
}

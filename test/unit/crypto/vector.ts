import { readFileSync } from "node:fs"
import path from "node:path"

const FORMATS = path.resolve(import.meta.dirname, "../../../docs/formats")

/** The test vector of a page in docs/formats: lines `name = value`, a value may go on over indented lines. */
export function readVector(page: string): (name: string) => string {
    const block = /```vector\n(.*?)```/s.exec(readFileSync(path.join(FORMATS, page), "utf8"))?.[1]
    if (block === undefined) throw new Error(`${page} has no test vector`)
    const entries = block.replaceAll(/\n +/g, "").trim().split("\n")
    const values = new Map(entries.map((line) => [line.split(" =")[0] ?? "", line.slice(line.indexOf("=") + 1).trim()]))
    return (name) => {
        const value = values.get(name)
        if (value === undefined) throw new Error(`${page} has no ${name}`)
        return value
    }
}

export function hex(text: string): Buffer {
    return Buffer.from(text, "hex")
}

export function flipBit(bytes: Uint8Array, bit: number): Buffer {
    const copy = Buffer.from(bytes)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return copy
}

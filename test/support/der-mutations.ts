/** An element of DER, to be taken apart and put together otherwise. */
type Element = { tag: number; content: Buffer | Element[]; form: keyof typeof LENGTHS }

// As a writer of DER puts lengths, and as nobody should.
const LENGTHS = {
    shortest: (length: number) => lengthOf(length),
    long: (length: number) => Buffer.from([0x83, 0, length >> 8, length & 0xff]),
    longest: (length: number) => Buffer.from([0x85, 0, 0, 0, length >> 8, length & 0xff]),
    open: () => Buffer.from([0x80]),
} as const

const TAGS = [
    1, 2, 3, 4, 5, 6, 0x0a, 0x0c, 0x10, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1c, 0x1e, 0x1f, 0x23, 0x24, 0x30, 0x31, 0x70, 0x80, 0xa0, 0xa3,
]
const TEXTS = [
    "20360101000000Z",
    "360101000000Z",
    "3601010000Z",
    "360230000000Z",
    "500101000000Z",
    "00000101000000Z",
    "*",
    "",
    "é",
    "a\0b",
    "😀",
]
const BYTES = ["", "00", "ff", "80", "0001", "ffff", "0500", "a003020103"]

/** The certificate with one or two things in it otherwise, which no signature covers. `random`: 0 to 1. */
export function mutateDer(der: Buffer, random: () => number): Buffer {
    const [root] = parse(der)
    if (root === undefined) throw new Error("no DER")
    for (let left = random() < 0.8 ? 1 : 2; left > 0; left -= 1) mutateOne(root, random)
    return encode(root)
}

function mutateOne(root: Element, random: () => number): void {
    const pick = <T>(list: readonly T[]): T => {
        const one = list[Math.floor(random() * list.length)]
        if (one === undefined) throw new Error("nothing to pick from")
        return one
    }
    const elements = all(root)
    const one = pick(elements)
    const around = elements.find(({ content }) => Array.isArray(content) && content.includes(one))?.content
    const parent = Array.isArray(around) ? around : [one]
    const leaves = elements.filter((other) => !Array.isArray(other.content))
    const write = (content: (before: Buffer) => Buffer): void => {
        if (!Array.isArray(one.content)) one.content = content(one.content)
    }
    const changes: readonly (() => void)[] = [
        () => {
            one.tag = pick(TAGS)
        },
        () => parent.splice(parent.indexOf(one), 1),
        () => parent.splice(parent.indexOf(one), 0, one),
        () => parent.reverse(),
        () => {
            one.form = pick(["long", "longest", "open"] as const)
        },
        () => {
            if (Array.isArray(one.content) && leaves.length > 0) one.content.push(pick(leaves))
        },
        () => {
            one.content = Array.isArray(one.content) ? [] : Buffer.from(pick(TEXTS))
        },
        () => write(() => Buffer.from(pick(BYTES), "hex")),
        () => write((before) => Buffer.concat([before.subarray(1), Buffer.from([random() * 256])])),
    ]
    pick(changes)()
}

function all(element: Element): Element[] {
    return [element, ...(Array.isArray(element.content) ? element.content.flatMap(all) : [])]
}

function parse(der: Buffer): Element[] {
    const elements: Element[] = []
    for (let at = 0; at < der.length; ) {
        const [tag = 0, short = 0] = [der[at], der[at + 1]]
        const size = short < 0x80 ? 0 : short - 0x80
        const start = at + 2 + size
        const end = start + (size === 0 ? short : der.readUIntBE(at + 2, size))
        const content = der.subarray(start, end)
        elements.push({ tag, content: (tag & 0x20) === 0 ? content : parse(content), form: "shortest" })
        at = end
    }
    return elements
}

function encode({ tag, content, form }: Element): Buffer {
    const inner = Array.isArray(content) ? Buffer.concat(content.map(encode)) : content
    return Buffer.concat([Buffer.from([tag]), LENGTHS[form](inner.length), inner])
}

function lengthOf(length: number): Buffer {
    if (length < 0x80) return Buffer.from([length])
    return length < 0x100 ? Buffer.from([0x81, length]) : Buffer.from([0x82, length >> 8, length & 0xff])
}

/**
 * docker's order of tags (Go's sortorder.NaturalLess): numbers by their value, digits before everything else, other characters by their
 * code; of equal numbers the one with fewer zeros in front comes first. v2 before v10, 1.0 before 1.0-rc.
 */
export function naturally(a: string, b: string): number {
    const [left, right] = [pieces(a), pieces(b)]
    for (let index = 0; index < left.length && index < right.length; index += 1) {
        const order = comparePieces(left[index] ?? "", right[index] ?? "")
        if (order !== 0) return order
    }
    return left.length - right.length
}

/** Runs of digits, and single other characters. */
function pieces(text: string): readonly string[] {
    return text.match(/[0-9]+|[^0-9]/gu) ?? []
}

function comparePieces(a: string, b: string): number {
    const [left, right] = [isNumber(a), isNumber(b)]
    if (left !== right) return left ? -1 : 1
    if (!left) return codeOrder(a, b)
    const [value, other] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")]
    return value.length - other.length || codeOrder(value, other) || a.length - b.length
}

function isNumber(piece: string): boolean {
    return /^[0-9]/.test(piece)
}

function codeOrder(a: string, b: string): number {
    return (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0) || (a < b ? -1 : Number(a > b))
}

/** One way a server offers to be convinced (RFC 9110 §11.6.1). The scheme and the parameters' names are in lower case. */
export type Challenge = { readonly scheme: string; readonly parameters: ReadonlyMap<string, string> }

const MAX_HEADER = 16 * 1024
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
const GAP = /[ \t]*/y
const COMMAS = /[ \t]*(?:,[ \t]*)*/y
const EQUALS = /[ \t]*=[ \t]*/y

/**
 * The challenges of a WWW-Authenticate header, several of them joined by commas included. What can't be read ends the list: what was
 * understood before it still counts. A parameter given twice makes its challenge worthless, and it is left out.
 */
export function parseChallenges(header: string): readonly Challenge[] {
    if (header.length > MAX_HEADER) return []
    const challenges: Challenge[] = []
    let at = 0
    const take = (pattern: RegExp): RegExpExecArray | undefined => {
        pattern.lastIndex = at
        const match = pattern.exec(header)
        if (match === null) return undefined
        at = pattern.lastIndex
        return match
    }
    for (;;) {
        take(COMMAS)
        const scheme = take(TOKEN)?.[0]
        if (scheme === undefined) return challenges
        const parameters = new Map<string, string>()
        let unambiguous = true
        take(GAP)
        const afterScheme = at
        // Basic's and Bearer's challenges have parameters; a token68 belongs to a scheme of no use to us.
        if (take(TOKEN68) === undefined || parameterAt(header, afterScheme)) {
            at = afterScheme
            while (parameterAt(header, at)) {
                const name = (take(TOKEN)?.[0] ?? "").toLowerCase()
                take(EQUALS)
                const quoted = take(QUOTED)?.[1]
                const value = quoted === undefined ? take(TOKEN)?.[0] : quoted.replaceAll(/\\(.)/g, "$1")
                if (value === undefined) return challenges
                if (parameters.has(name)) unambiguous = false
                parameters.set(name, value)
                const afterValue = at
                take(COMMAS)
                if (at === afterValue && at < header.length) break
                if (!parameterAt(header, at)) at = afterValue
            }
        }
        if (unambiguous) challenges.push({ scheme: scheme.toLowerCase(), parameters })
        const before = at
        take(COMMAS)
        if (at === before && at < header.length) return challenges
    }
}

/** `name=value`, which is not a token68's padding: something has to follow the sign. */
function parameterAt(header: string, at: number): boolean {
    const pattern = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=[ \t]*["!#$%&'*+\-.^_`|~0-9A-Za-z]/y
    pattern.lastIndex = at
    return pattern.test(header)
}

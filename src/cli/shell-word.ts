/** A word as a shell reads it, whatever is in it. */
export function shellQuoted(text: string): string {
    return `'${text.replaceAll("'", "'\\''")}'`
}

/** The same for a person to copy: without quotes where none are needed. */
export function shellWord(text: string): string {
    return /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : shellQuoted(text)
}

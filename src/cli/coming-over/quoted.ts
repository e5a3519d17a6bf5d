/** A file's name as a shell reads it. */
export function quoted(file: string): string {
    return /^[\w@%+=:,./-]+$/.test(file) && !file.startsWith("-") ? file : `'${file.replaceAll("'", "'\\''")}'`
}

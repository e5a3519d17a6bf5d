/** Text as it stands: nothing in it is a request to the formatter. */
export function roff(text: string): string {
    return text
        .replaceAll("\\", "\\e")
        .replaceAll("-", "\\-")
        .replaceAll(/^([.'])/gm, "\\&$1")
}

export function heading(name: string, section: number, version: string, date: Date): string {
    return `.TH ${name.toUpperCase()} ${section} "${date.toISOString().slice(0, 10)}" "trustkeyd ${version}"\n`
}

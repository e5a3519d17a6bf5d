/** The values of an option that may be given again and again; docker's help calls such an option a list. */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
    return [...(before ?? []), text]
}

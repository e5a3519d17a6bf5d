import type { Field } from "./outcome.ts"

/** docker's versions by their first number: `from` this one, `before` that one; without them all. */
type Versions = { readonly from?: number; readonly before?: number }

/** A difference that is meant, and the same at every line: what is replaced before the two are held against each other. */
export type Rule = Versions & {
    readonly side: "docker" | "ours"
    readonly field: Field
    readonly pattern: RegExp
    readonly replacement: string
    readonly reason: string
}

/** A difference that is meant at certain lines. */
export type Difference = Versions & {
    /** As `titleOf` calls them. */
    readonly lines: readonly string[]
    readonly field: Field
    /** A part of what docker does; empty when docker does nothing there. */
    readonly docker: string
    /** What stands there with us. */
    readonly ours: string
    readonly reason: string
}

const CAPITALS = "docker 26 begins its errors with a small letter; we say what newer versions say"
const USAGE = "docker 28 has shorter usage errors; we say what newer versions say"

export const RULES: readonly Rule[] = [
    {
        side: "ours",
        field: "stderr",
        pattern: /^ {2}\S.* \[[a-z_]+\]\n/gm,
        replacement: "",
        reason: "after docker's message we say in one line what to do, and the error's code",
    },
    {
        side: "docker",
        field: "stderr",
        pattern: /^time="TIME" .*\n/gm,
        replacement: "",
        reason: "docker lets its library's log through; what a person must know we say in our own words",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^warning: .*\n/gm,
        replacement: "",
        reason: "we warn of what docker does silently",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^Made the (?:root|targets|delegation) key .*\n/gm,
        replacement: "",
        reason: "we say which keys were made",
    },
    {
        side: "docker",
        field: "metadata",
        pattern: /: \+ root expires in 3650 days$/gm,
        replacement: ": + root expires in 3649 days",
        reason: "our root ends a day before its certificate and within a policy's ten years",
    },
    {
        side: "docker",
        field: "metadata",
        pattern: /: targets begins with version 2$/gm,
        replacement: ": targets begins with version 1",
        reason: "docker signs a first targets that it never publishes",
    },
    ...["No signatures or", "Error removing signer", "No tag specified", "Failed to add signer", "No signer", "All signed tags"].map(
        (words): Rule => ({
            side: "docker",
            before: 26,
            field: "stderr",
            pattern: new RegExp(`^${words}`, "gm"),
            replacement: words.charAt(0).toLowerCase() + words.slice(1),
            reason: `${CAPITALS}: ${words}`,
        }),
    ),
    {
        side: "ours",
        before: 26,
        field: "stderr",
        pattern: /repository name \([^)]*\) must be lowercase/g,
        replacement: "repository name must be lowercase",
        reason: "docker 26 names the repository whose name doesn't parse, and so do we",
    },
    {
        side: "docker",
        before: 26,
        field: "stderr",
        pattern: /^Error: No such image: (.+)$/gm,
        replacement: "Error response from daemon: no such image: $1: No such image: $1",
        reason: "docker 26 hands on what the engine says of an image it doesn't have, and so do we",
    },
    {
        side: "docker",
        before: 26,
        field: "stdout",
        pattern: /\nAborting action\.\n/g,
        replacement: "",
        reason: "docker 26 says nothing when a question is declined",
    },
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /please use a different signer name/g,
        replacement: "use a different signer name",
        reason: "docker 28 leaves out a please",
    },
    {
        side: "docker",
        before: 28,
        field: "stdout",
        pattern: /Please confirm you/g,
        replacement: "Confirm you",
        reason: "docker 28 leaves out a please before a question",
    },
    ...(["stdout", "stderr"] as const).map(
        (field): Rule => ({
            side: "docker",
            before: 28,
            field,
            pattern: /^\nUsage:/,
            replacement: "Usage:",
            reason: `docker 28 has no empty line before a help text on ${field}`,
        }),
    ),
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /^"(.+)" requires exactly (.+)\.\nSee .*\n\n(Usage:.*\n)\n.*\n$/,
        replacement: "docker: '$1' requires $2\n\n$3\nRun '$1 --help' for more information\n",
        reason: `${USAGE}: a number of arguments`,
    },
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /^"(.+)" requires at least (.+)\.\nSee .*\n\n(Usage:.*\n)\n.*\n$/,
        replacement: "docker: '$1' requires at least $2\n\n$3\nSee '$1 --help' for more information\n",
        reason: `${USAGE}: a least number of arguments`,
    },
]

export const DIFFERENCES: readonly Difference[] = []

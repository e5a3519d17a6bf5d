import path from "node:path"
import type { Programs } from "./context.ts"
import { shellQuoted } from "./shell-word.ts"

export type LaunchedProgram = "trustkey" | "docker-trustkey" | "docker-trust"

const MARK = "# Written by trustkey. Starts the program with the Node it was built for, whatever is in the PATH."

/**
 * A program file for one of our names. docker starts its plugins as they are, so the Node stands in it with its whole path; a `#!` line
 * could name neither every path nor a flag. SIGUSR1 must not open the inspector of a process that is given passphrases.
 */
export function launcherText({ node, directory }: Programs, program: LaunchedProgram): string {
    const lines = ["#!/bin/sh", MARK]
    if (program !== "trustkey") {
        // docker asks this of every plugin before it does anything. Of what stands beside the program no copy can be out of date.
        const answer = shellQuoted(path.join(directory, `${program}.metadata`))
        lines.push(`if [ "$1" = docker-cli-plugin-metadata ] && read -r answer 2> /dev/null < ${answer}; then`)
        lines.push("    printf '%s\\n' \"$answer\"", "    exit", "fi")
    }
    lines.push(["exec", shellQuoted(node), "--disable-sigusr1", shellQuoted(programFile(directory, program)), '"$@"'].join(" "))
    return `${lines.join("\n")}\n`
}

export function programFile(directory: string, program: LaunchedProgram): string {
    return path.join(directory, `${program}.cjs`)
}

/** Whether a file is one of these, which a newer one may replace. */
export function isLauncher(content: Uint8Array): boolean {
    return Buffer.from(content).toString("latin1").startsWith(`#!/bin/sh\n${MARK}\n`)
}

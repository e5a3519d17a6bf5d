// npm run generate: docs/cli.md, from the definitions that the commands run by.
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { commandLine, fullName, help, leaves } from "./command-line.ts"

const ROOT = path.resolve(import.meta.dirname, "..")
export const REFERENCE = path.join(ROOT, "docs/cli.md")

const HEAD = `# Every command of \`trustkey\`

What \`trustkey COMMAND --help\` prints, in one page; \`man trustkey\` has the same. It is generated (\`npm run generate\`), and a test keeps it
equal. \`docker trustkey\` has the commands of the \`trust\` group ([docker-plugin.md](docker-plugin.md)). Results go to stdout, everything else
to stderr, and questions to the terminal; \`--json\` prints one document. A secret is never an argument. Exit codes:
[errors.md](errors.md).
`

/** What docs/cli.md has to be. */
export function commandReference(): string {
    // A page in the repository is of no version.
    const program = commandLine("")
    const groups = Map.groupBy(leaves(program), (command) => fullName(command).split(" ")[1] ?? "")
    const contents = Array.from(groups, ([group, commands]) => {
        const links = commands.map((command) => `[${fullName(command).split(" ").slice(1).join(" ")}](#${anchor(fullName(command))})`)
        return `* ${commands.length === 1 ? "" : `**${group}**: `}${links.join(" · ")}`
    })
    const everywhere = globalOptions(help(program))
    const entries = leaves(program).map((command) => {
        const text = help(command).split("\n\nGlobal Options:")[0] ?? ""
        return `\n## ${fullName(command)}\n\n\`\`\`text\n${text}\n\`\`\`\n`
    })
    const options = `\nWith every command:\n\n\`\`\`text\n${everywhere}\n\`\`\`\n`
    return `${HEAD}\n${contents.join("\n")}\n${options}${entries.join("")}`
}

function anchor(title: string): string {
    return title.replaceAll(" ", "-")
}

/** The program's own, with which every command's help ends. */
function globalOptions(text: string): string {
    const [, options] = /^Options:\n((?: {2}.*\n)+)/m.exec(text) ?? []
    if (options === undefined) throw new Error("the program has no options")
    return options.trimEnd()
}

if (import.meta.main) {
    const text = commandReference()
    const before = await readFile(REFERENCE, "utf8").catch(() => "")
    await writeFile(REFERENCE, text)
    console.log(`docs/cli.md: ${before === text ? "as it was" : "written"}`)
}

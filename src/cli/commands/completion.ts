import { Argument, type Command } from "commander"
import type { Cli } from "../context.ts"
import { COMPLETION_REQUEST } from "../docker-arguments.ts"
import { newCommand, withExamples } from "../syntax.ts"

const SHELLS = ["bash"] as const

export function completionCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "completion",
        "Print what makes the shell complete trustkey's commands; docker's own completion asks the plugin.",
    )
        .addArgument(new Argument("<shell>", "which shell's").choices(SHELLS))
        .action(() => cli.output.bytes(Buffer.from(BASH)))
    return withExamples(command, ["trustkey completion bash > ~/.local/share/bash-completion/completions/trustkey"])
}

// Bash breaks words at colons and equal signs, which image names and flags are full of: so the line is taken apart here, and what bash
// thinks stands already is taken off again.
const BASH = `# trustkey's completion for bash. It asks trustkey itself.
_trustkey() {
    local line=\${COMP_LINE:0:COMP_POINT} words current before
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=\${words[-1]}
    before=\${current%"\${current##*[:=]}"}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :0) compopt -o default ;;
            :16) compopt -o dirnames ;;
            :*) ;;
            *)
                line=\${line%%$'\\t'*}
                COMPREPLY+=("\${line#"$before"}")
                ;;
        esac
    done < <("\${words[0]}" ${COMPLETION_REQUEST} "\${words[@]:1}" 2> /dev/null)
}
complete -F _trustkey trustkey
`

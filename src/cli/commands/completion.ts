import { Argument, type Command } from "commander"
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from "../completion/scripts.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function completionCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "completion",
        "Print what makes the shell complete trustkey's commands; docker's own completion asks the plugin.",
    )
        .addArgument(new Argument("<shell>", "which shell's").choices(SHELLS))
        .action((shell: Shell) => cli.output.bytes(Buffer.from(COMPLETION_SCRIPTS[shell])))
    return withExamples(command, [
        "trustkey completion bash > ~/.local/share/bash-completion/completions/trustkey",
        "trustkey completion zsh > ~/.zfunc/_trustkey",
        "trustkey completion fish > ~/.config/fish/completions/trustkey.fish",
    ])
}

import { TrustkeyError } from "../errors.ts"
import type { Cli } from "./context.ts"

/** For what can't be undone: a person types what is about to go. @throws declined, no_terminal */
export async function askToType(cli: Cli, question: string, wanted: string, flag = "--confirm"): Promise<string> {
    const typed = (await (await cli.prompts()).line(question, flag)).trim()
    if (typed !== wanted) throw new TrustkeyError("declined", "what was typed is something else")
    return typed
}

import type { Plan } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { codeText } from "../difference.ts"
import { printable } from "../output.ts"

/**
 * So many digits of a hash people compare. Whoever writes the plan can write two, one to be approved and one for the stick: a pair with the same 16
 * digits takes 2^32 tries, which are minutes; with the same 32 it takes 2^64. The printed script has them on one line.
 */
const DIGITS = 32

export type PlanOption = { readonly plan?: string }

/**
 * That a bundle is of the plan that people have on paper. Everything in it follows from its plan, its closing keys too: somebody else's bundle of
 * somebody else's plan is as good as any. So the hash is not shown before it is typed.
 *
 * @throws step_refused, no_terminal
 */
export async function requireSamePlan(cli: Cli, plan: Plan, { plan: given }: PlanOption): Promise<void> {
    const question = `The first ${DIGITS} digits of the plan's hash, from the paper: `
    const typed = (given ?? (await (await cli.prompts()).line(question, "--plan"))).replaceAll(" ", "").toLowerCase()
    if (typed.length >= DIGITS && plan.sha256.startsWith(typed)) {
        cli.output.note(`Plan ${plan.id}: ${codeText(plan.sha256)}`)
        return
    }
    const problem =
        typed.length < DIGITS
            ? `too few digits: ${typed.length}, and the first ${DIGITS} of the plan's hash are needed, a whole line on the paper`
            : `the bundle's plan does not have the hash ${printable(typed)}: it is another plan`
    throw new TrustkeyError("step_refused", problem)
}

import type { PossibleStep } from "../../ceremony/index.ts"
import { shellWord } from "../shell-word.ts"
import type { Work } from "./work.ts"

/** Where a ceremony stands, in a sentence, and what is best done next: commands, with who does each. */
export function standing(work: Work): { readonly where: string; readonly next: readonly string[] } {
    const { phase, possible } = work.progress
    const stick = shellWord(work.stick.directory)
    switch (phase) {
        case "planned":
            return { where: "nothing is recorded yet", next: [`trustkey ceremony pack PLAN --to ${stick}`] }
        case "packed":
            return { where: "packed; not opened at the vault yet", next: [`at the vault: trustkey ceremony open ${stick}`] }
        case "open":
            return { where: "at the vault; the roots are not built yet", next: nextSteps(stick, possible) }
        case "built":
            return { where: "at the vault; the roots are built", next: nextSteps(stick, possible) }
        case "ended":
            return { where: "ended; vault and witness have yet to sign the close", next: [closeCommand(work, stick)] }
        case "closed":
            return afterClose(work, stick)
    }
}

export function tellNext(work: Work): void {
    const { next } = standing(work)
    for (const [index, line] of next.entries()) work.cli.output.note(`${index === 0 ? "Next: " : "      "}${line}`)
}

/** Those that lead on; voids and giving up are for when something went wrong. */
function nextSteps(stick: string, possible: readonly PossibleStep[]): readonly string[] {
    const lines = possible.flatMap((step) => {
        const who = step.who.join(" or ")
        switch (step.step) {
            case "keygen":
            case "present":
            case "sign":
            case "backup":
                return [`${who}: trustkey ceremony step ${step.step} ${stick} ${step.key}`]
            case "build":
                return [`${who}: trustkey ceremony step build ${stick}`]
            case "close":
                return step.outcome === "complete" ? [`${who}: trustkey ceremony close ${stick}`] : []
            default:
                return []
        }
    })
    const isEnough = possible.some(({ step, outcome }) => step === "close" && outcome === "complete")
    return [...new Set(isEnough ? lines.filter((line) => !line.includes(" step sign ")) : lines)]
}

function closeCommand({ state }: Work, stick: string): string {
    const abandoned = state.closed?.facts.get("outcome") === "abandoned"
    return `${state.closed?.who}: trustkey ceremony close ${stick}${abandoned ? " --abandon" : ""}`
}

function afterClose({ plan, state }: Work, stick: string): { readonly where: string; readonly next: readonly string[] } {
    if (state.closed?.facts.get("outcome") !== "complete") return { where: "abandoned; nothing of it is published", next: [] }
    if (state.published.size >= plan.repositories.length)
        return { where: "closed, and published", next: [`trustkey ceremony report ${stick}`] }
    const verify = `online: trustkey ceremony verify ${stick}`
    if (plan.rehearsalOf !== undefined) return { where: "closed; a rehearsal, which is not published", next: [verify] }
    return { where: "closed; not published yet", next: [verify, `then: trustkey ceremony publish ${stick}`] }
}

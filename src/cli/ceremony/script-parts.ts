import type { Person, Plan } from "../../ceremony/index.ts"
import { spoken } from "../../ceremony/index.ts"
import { type Html, html } from "./html.ts"

/** One thing that people do, in the order of the script. Numbers are given when the script is put together. */
export type Step = {
    readonly where: "Online" | "Vault" | "Room"
    readonly who: string
    readonly title: string
    /** As typed, one line each */
    readonly commands?: readonly string[]
    /** What has to be so before the step is initialled; each gets a box to tick. */
    readonly checks: readonly Html[]
    /** Between the checks and what to do otherwise: things to be written down */
    readonly blanks?: Html
    /** Stands under the step where it may go on over pages, as what is in the step may not. */
    readonly appendix?: Html
    readonly otherwise?: readonly Otherwise[]
}

/** `when` ends a sentence that begins with "If"; `act` says what to do. */
export type Otherwise = { readonly when: string; readonly act: Html }

export function stepHtml(step: Step, number: number): Html {
    const commands = step.commands === undefined ? html`` : html`<pre>${step.commands.map((command) => html`${command}\n`)}</pre>`
    const checks = step.checks.map((check) => html`<li><span class="box"></span>${check}</li>`)
    const otherwise = (step.otherwise ?? []).map(({ when, act }) => html`<p class="if"><b>If ${when}:</b> ${act}</p>`)
    return html`<table class="step"><tbody><tr>
<td class="number">${number}</td>
<td class="body"><p class="who"><span class="where ${step.where.toLowerCase()}">${step.where.toUpperCase()}</span> ${step.who}</p>
<p class="title">${step.title}</p>
${commands}<ul class="checks">${checks}</ul>
${step.blanks ?? ""}${otherwise}</td>
<td class="sign"><span class="label">UTC</span><span class="line"><span class="form">:&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;:</span></span>
<span class="label">Lead</span><span class="line"></span><span class="label">Witness</span><span class="line last"></span></td>
</tr></tbody></table>
${step.appendix ?? ""}`
}

/** What people compare, large: the short form of a SHA-256 (hex) in digits and words, and under it all of it on two lines. `beside`: a picture. */
export function fingerprintHtml(label: string, sha256: string, beside: Html = html``): Html {
    const { hex, words } = spoken(sha256)
    const [first, second] = [sha256.slice(0, 32), sha256.slice(32)].map(grouped)
    return html`<div class="print">${beside}<div class="label">${label}</div><div class="hex">${hex}</div><div class="words">${words}</div>
<div class="whole">${first ?? ""}<br>${second ?? ""}</div></div>
`
}

/** Where codes that are not known yet get written down: of each its sixteen digits and its six words. */
export function codeBlanks(labels: readonly string[]): Html {
    const words = [1, 2, 3, 4, 5, 6].map((number) => html`<td class="word">${number}</td>`)
    return html`${labels.map(
        (label) => html`<table class="codes"><tbody>
<tr><td colspan="3">${label}</td><td colspan="3" class="cells">${DIGITS}</td></tr><tr>${words}</tr></tbody></table>
`,
    )}`
}

const DIGITS = html`<span class="digits">____ ____ ____ ____</span>`

/** Room for a key's ID, of which a screen shows twelve digits. */
export const ID_DIGITS = html`<span class="digits">____ ____ ____</span>`

/** Digits in groups of four, so that an eye finds its place again. */
export function grouped(hex: string): string {
    return (hex.match(/.{1,4}/g) ?? []).join(" ")
}

export const BLANK = html`<span class="blank"></span>`
export const SHORT_BLANK = html`<span class="blank short"></span>`
/** What stays on one line. */
export function together(text: string, blank: Html): Html {
    return html`<span class="group">${text} ${blank}</span>`
}

export const WIDE_BLANK = html`<span class="blank wide"></span>`

export function personText({ name, fullName }: Person): string {
    return fullName === undefined ? name : `${fullName} (${name})`
}

/** A person of the plan by their name in it. */
export function personNamed(plan: Plan, name: string): string {
    const person = plan.people.find((one) => one.name === name)
    return person === undefined ? name : personText(person)
}

export function dateText(date: Date): string {
    return `${date.toISOString().slice(0, 10)} ${date.toISOString().slice(11, 19)} UTC`
}

/** First digits of a key ID, as people compare them. */
export function shortId(id: string): string {
    return (id.slice(0, 16).match(/.{4}/g) ?? []).join(" ")
}

/** Whether there is a root before the new one that has to sign it too. */
export function changesRoot({ kind }: Plan): boolean {
    return kind === "rotate-root" || kind === "replace-holder"
}

/** Who leads, as the script names them. */
export function leadOf(plan: Plan): string {
    const lead = plan.people.find(({ part }) => part === "lead")
    return lead === undefined ? "lead" : personNamed(plan, lead.name)
}

/** One of them is enough. */
export function witnessesOf(plan: Plan): string {
    return plan.people
        .filter(({ part }) => part === "witness")
        .map(({ name }) => personNamed(plan, name))
        .join(" or ")
}

/** Of any step in which something is recorded. */
export const TORN: Otherwise = {
    when: "the machine stops, or somebody has to stop",
    act: html`nothing is lost. <code>trustkey ceremony resume STICK</code> says what was recorded last and what is next.`,
}

import type { CeremonyKind, Plan, PlannedKey, PlannedRepository } from "../../ceremony/index.ts"
import { spoken } from "../../ceremony/index.ts"
import { canonicalKeyIdOf } from "../../tuf/index.ts"
import { type Html, html, htmlDocument } from "./html.ts"
import { pageStyle } from "./page-style.ts"
import { backupSteps, keySteps, rootSteps } from "./script-key-steps.ts"
import { changesRoot, dateText, fingerprintHtml, grouped, personText, type Step, shortId, stepHtml } from "./script-parts.ts"
import { beforeSteps, closingSteps, crossingSteps, onlineSteps, openingSteps } from "./script-room-steps.ts"

/**
 * A ceremony's script, to be printed: what people do, in order, with room for initials, times, serial numbers and codes. It follows from the
 * plan alone, so two prints of one plan are the same. HTML in one file; nothing of the plan is markup in it.
 */
export function renderScript(plan: Plan): string {
    const style = pageStyle({
        topLeft: `Ceremony ${plan.id}`,
        topCenter: plan.rehearsalOf === undefined ? "" : "REHEARSAL",
        topRight: `plan ${spoken(plan.sha256).hex}`,
        bottomLeft: "Page initialled by the witness: ________",
    })
    const body = html`${coverPage(plan)}${peoplePage(plan)}${decidedPage(plan)}${stepPages(plan)}${wrongPage(plan)}${exceptionsPage()}${signaturesPage(plan)}`
    return htmlDocument(`Ceremony ${plan.id}: script`, style, body)
}

const KINDS: Readonly<Record<CeremonyKind, string>> = {
    "create-root": "A first root is made",
    "rotate-root": "The root key is rotated",
    "replace-holder": "A holder of the root key is replaced",
    "root-lost": "The root is lost, and begun anew",
}

function coverPage(plan: Plan): Html {
    const { length } = plan.repositories
    return html`<section class="first">
${plan.rehearsalOf === undefined ? html`` : html`<div class="rehearsal">REHEARSAL: nothing of it may be published</div>`}
<h1>Ceremony ${plan.id}</h1>
<p class="subtitle">${KINDS[plan.kind]}, for ${length === 1 ? "one repository" : `${length} repositories`}.</p>
<table class="facts"><tbody>
<tr><th>Reason</th><td>${plan.reason}</td></tr>
<tr><th>At the vault</th><td>from ${dateText(plan.notBefore)}<br>until ${dateText(plan.notAfter)}</td></tr>
<tr><th>Needed afterwards</th><td>${plan.threshold} of ${remaining(plan)} keys sign a root; it expires on ${plan.expires.toISOString().slice(0, 10)}</td></tr>
<tr><th>Plan written</th><td>${dateText(plan.created)}</td></tr>
${plan.rehearsalOf === undefined ? html`` : html`<tr><th>Rehearses plan</th><td class="code">${grouped(plan.rehearsalOf)}</td></tr>`}
</tbody></table>
${fingerprintHtml("The plan. Every machine and every print has to show this:", plan.sha256)}
${plan.kind === "root-lost" ? LOST_WARNING : html``}
<h3>Approved, before the day</h3>
<table><thead><tr><th>name</th><th>signature</th><th class="time">day</th></tr></thead><tbody>
${Array.from({ length: 3 }, () => html`<tr><td class="tall"></td><td></td><td></td></tr>\n`)}</tbody></table>
<h3>How this script is used</h3>
<ul>
<li>The <b>lead</b> reads each step aloud and says what is typed. The <b>witness</b> has a print of their own, compares, and touches no keyboard until the close. A <b>holder</b> alone handles their token and types its PIN; nobody reads a PIN aloud.</li>
<li>A step is finished when its boxes are ticked and the time (UTC) and both initials stand beside it. Then, and not before, comes the next one. No step is skipped.</li>
<li><span class="where">ONLINE</span> is the machine that reaches the servers, <span class="where vault">VAULT</span> the one that never does. <code>STICK</code> stands for a directory of its own on the mounted stick.</li>
<li>Whatever is not as printed is an <b>exception</b>: it gets a number, and is written down at the end of this script. Nobody is in a hurry.</li>
<li>Anybody may say <b>stop</b>. Until something is published the world is unchanged, and every step can be continued later.</li>
</ul>
</section>
`
}

const LOST_WARNING = html`<div class="note"><p><b>This does not bring the old root back.</b> The new root is the beginning of another history: everybody who has trusted these
repositories keeps refusing them until they remove what they remember of the old one. Tell them before, by a way they trust, with the digits and words of the new root.</p></div>
`

function remaining(plan: Plan): number {
    return plan.keys.filter(({ change }) => ["new", "added", "kept"].includes(change)).length
}

function peoplePage(plan: Plan): Html {
    const rows = plan.people.map(
        (
            person,
        ) => html`<tr><td>${personText(person)}</td><td>${person.part}</td><td>${keysOf(plan, person.name)}</td><td class="tall"></td><td></td><td></td></tr>
`,
    )
    const empty = Array.from({ length: 2 }, () => html`<tr><td class="tall"></td><td></td><td></td><td></td><td></td><td></td></tr>\n`)
    const bags = [...bagsOf(plan), "", ""].map((what) => html`<tr><td class="tall">${what}</td><td></td><td></td><td></td><td></td></tr>\n`)
    return html`<section><h2>People</h2>
<table><thead><tr><th class="wide">name</th><th class="part">part</th><th>keys</th><th>signature</th><th class="time">came (UTC)</th><th class="time">left (UTC)</th></tr></thead><tbody>
${rows}${empty}</tbody></table>
<h2>Bags and seals</h2>
<table><thead><tr><th class="wide">what is in it</th><th>number, opened</th><th>whole? initials</th><th>number, closed</th><th>initials</th></tr></thead><tbody>
${bags}</tbody></table>
</section>
`
}

function keysOf(plan: Plan, name: string): string {
    return plan.keys
        .filter(({ holder, change }) => holder === name && change !== "lost")
        .map((key) => key.name)
        .join(", ")
}

function bagsOf(plan: Plan): readonly string[] {
    const tokens = plan.keys.flatMap((key) =>
        key.change === "new" ? [key.token, ...key.copies] : key.change === "lost" ? [] : [key.token ?? key.name],
    )
    return ["vault", ...new Set(tokens), ...plan.spares.map(({ token }) => `${token} (spare)`), "sticks"]
}

function decidedPage(plan: Plan): Html {
    const exist = plan.repositories.some(({ published }) => published !== undefined)
    return html`<section><h2>What is decided</h2>
<h3>Repositories</h3>
${plan.repositories.map((repository, index) => repositoryTable(plan, repository, index))}
${exist ? html`<p class="small">Digits and words of a root are of the SHA-256 of what is signed in it; the vault shows the same.</p>` : html``}
<h3>Keys: ${plan.threshold} of ${remaining(plan)} afterwards</h3>
<table><thead><tr><th>key</th><th>holder</th><th>what becomes of it</th><th class="place">where</th><th class="id">key ID</th></tr></thead><tbody>
${plan.keys.map((key) => keyRow(key))}</tbody></table>
${plan.spares.length === 0 ? html`` : html`<p>Spare tokens: ${plan.spares.map(({ token, serial }) => (serial === undefined ? token : `${token} (serial ${serial})`)).join(", ")}.</p>`}
<p>The close is signed by the vault's key <span class="code">${shortId(canonicalKeyIdOf(plan.closing.vault))}</span> and the witness's <span class="code">${shortId(canonicalKeyIdOf(plan.closing.witness))}</span>.</p>
${plan.backupRecipients.length === 0 ? html`` : html`<h3>Exports are sealed for</h3><p>One of them is at the vault, with the identity: an export that did not open again is on no record.</p><ul>${plan.backupRecipients.map((recipient) => html`<li class="code">${recipient}</li>`)}</ul>`}
</section>
`
}

function repositoryTable(plan: Plan, { gun, published, roles }: PlannedRepository, index: number): Html {
    const signers = Array.from(
        roles ?? [],
        ([role, key]) => html`<br>${role} will be signed by key <span class="code">${shortId(canonicalKeyIdOf(key))}</span>`,
    )
    if (published === undefined) {
        return html`<table class="repository"><tbody><tr><th>${index}</th><td><b>${gun}</b><br>no root before; version 1 is made${signers}</td></tr></tbody></table>\n`
    }
    const { hex, words } = spoken(published.sha256)
    const becomes = plan.kind === "root-lost" ? "is given up; another history begins with version 1" : `becomes ${published.version + 1}`
    return html`<table class="repository"><tbody><tr><th>${index}</th><td><b>${gun}</b><br>root version ${published.version} ${becomes}<br>
published now: <b class="code">${hex}</b> &nbsp; <b>${words}</b><br><span class="full">${grouped(published.sha256)}</span>${signers}</td></tr></tbody></table>
`
}

function keyRow(key: PlannedKey): Html {
    return html`<tr><td><b>${key.name}</b></td><td>${key.holder}</td><td>${becomes(key)}</td><td>${place(key)}</td><td class="code">${key.change === "new" ? "" : shortId(key.id)}</td></tr>
`
}

function becomes(key: PlannedKey): string {
    switch (key.change) {
        case "new":
            return `made new, ${key.algorithm}${key.make === "vault" ? ", by the vault" : ""}`
        case "added":
            return "joins"
        case "kept":
            return "stays"
        case "retired":
            return "signs this change, then leaves"
        case "lost":
            return "lost: leaves without signing"
    }
}

function place(key: PlannedKey): Html {
    const lines = [
        ...(key.change === "lost" || key.token === undefined ? [] : [`token ${key.token}`]),
        ...(key.change === "new" ? key.copies.map((token) => `copy: ${token}`) : []),
        ...(key.serial === undefined ? [] : [`serial ${key.serial}`]),
        ...(key.change === "new" ? policies([key.slot, "slot"], [key.pinPolicy, "PIN"], [key.touchPolicy, "touch"]) : []),
    ]
    return html`${lines.map((line, index) => (index === 0 ? html`${line}` : html`<br>${line}`))}`
}

function policies(...given: readonly (readonly [string | undefined, string])[]): readonly string[] {
    return given.flatMap(([value, name]) => (value === undefined ? [] : [`${name} ${value}`]))
}

type Chapter = { readonly title: string; readonly steps: readonly Step[] }

/** All steps of a ceremony, in order: what the plan says, said to people. */
function chaptersOf(plan: Plan): readonly Chapter[] {
    return [
        { title: "Before the day", steps: beforeSteps(plan) },
        { title: "Opening", steps: openingSteps(plan) },
        { title: "The plan crosses the gap", steps: crossingSteps(plan) },
        { title: "Keys", steps: keySteps(plan) },
        { title: "The new root, and its signatures", steps: rootSteps(plan) },
        { title: "Backups", steps: backupSteps(plan) },
        { title: "Closing", steps: closingSteps(plan) },
        { title: "Back online", steps: onlineSteps(plan) },
    ].filter(({ steps }) => steps.length > 0)
}

function stepPages(plan: Plan): Html {
    let number = 0
    const chapters = chaptersOf(plan).map(({ title, steps }, index) => {
        const pieces = steps.map((step) => {
            number += 1
            return stepHtml(step, number)
        })
        const heading = html`<h2>${title}</h2>`
        return index === 0 ? html`<section>${heading}\n${pieces}` : html`${heading}\n${pieces}`
    })
    return html`${chapters}</section>
`
}

function wrongPage(plan: Plan): Html {
    const spare = plan.spares.length > 0
    const rows: readonly (readonly [when: string, then: string])[] = [
        ["digits or words differ", "Stop. Don't look for a reason to go on. Nothing was made with it; keep the stick in a bag of its own."],
        [
            "the power fails, a program ends, somebody falls ill",
            "trustkey ceremony resume STICK, the same day or later (until the plan's last minute), says what is recorded and what is next.",
        ],
        ["a PIN is refused", "Stop and count: the screen says how many tries are left. Never use the last one."],
        [
            "a token is spoilt",
            spare
                ? "void-key, a bag for it, a spare, and the key's step again. After “Build”, void-root first."
                : "void-key, a bag for it. The plan has no spare: close as abandoned and plan again, unless the same token still works.",
        ],
        [
            "a holder does not come",
            changesRoot(plan)
                ? "Count: the kept and retired keys must reach the old root's threshold, and the new root's keys its own. All new keys must be made."
                : `Count: ${plan.threshold} of the new root's keys must sign it. All new keys must be made.`,
        ],
        [
            "the clock is refused",
            "Compare two watches. Set the vault's clock and write it down. A plan whose time is over is never stretched: write a new one.",
        ],
        [
            "the stick can't be read",
            "Pack again onto another one, or cross by QR codes (pack --qr, open --qr). The plan's words tell whether it is the same.",
        ],
        ["a repository moved on", "Somebody published a newer root since the plan was written. The plan is out of date; write a new one."],
        ["it can't be finished", "trustkey ceremony close STICK --abandon. Nothing has changed for anybody; new keys are worth nothing."],
        [
            "something was published that should not have been",
            "There is no way back, only forward: the next root, signed by the keys of this one.",
        ],
    ]
    return html`<section><h2>If something goes wrong</h2>
<table class="facts"><tbody>${rows.map(([when, then]) => html`<tr><th>${when}</th><td>${then}</td></tr>\n`)}</tbody></table>
<div class="note"><p><b>Until “Publish” nothing has changed for anybody.</b> To stop is always possible, and never a failure of the people in the room.</p></div>
</section>
`
}

function exceptionsPage(): Html {
    const rows = Array.from(
        { length: 12 },
        (_, index) => html`<tr><td class="taller">${index + 1}</td><td></td><td></td><td></td><td></td></tr>\n`,
    )
    return html`<section><h2>Exceptions</h2>
<table><thead><tr><th class="narrow">no.</th><th class="narrow">step</th><th class="time">UTC</th><th>what happened, and what was done</th><th class="time">initials of lead and witness</th></tr></thead><tbody>
${rows}</tbody></table>
</section>
`
}

function signaturesPage(plan: Plan): Html {
    const rows = plan.people.map(
        (person) => html`<tr><td class="taller">${personText(person)}</td><td>${person.part}</td><td></td><td></td></tr>\n`,
    )
    return html`<section><h2>At the end</h2>
<p>This script was followed as it is printed, but for the exceptions listed: number ______ to ______. There were none: <span class="box"></span></p>
<p>Outcome: <span class="box"></span> complete &nbsp; <span class="box"></span> abandoned &nbsp; <span class="box"></span> published</p>
<table><thead><tr><th>name</th><th class="part">part</th><th>signature</th><th class="time">day, UTC</th></tr></thead><tbody>
${rows}</tbody></table>
</section>
`
}

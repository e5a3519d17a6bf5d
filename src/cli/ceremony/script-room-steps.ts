import type { Plan } from "../../ceremony/index.ts"
import { html } from "./html.ts"
import {
    BLANK,
    changesRoot,
    codeBlanks,
    dateText,
    leadOf,
    SHORT_BLANK,
    type Step,
    TORN,
    together,
    WIDE_BLANK,
    witnessesOf,
} from "./script-parts.ts"

/** Days before: the plan, its rehearsal, and a print that the lead can't have changed. */
export function beforeSteps(plan: Plan): readonly Step[] {
    const check: Step = {
        where: "Online",
        who: `${leadOf(plan)}, and everybody who approves the plan`,
        title: "Check the plan that is to be carried out",
        commands: ["trustkey ceremony check plan.toml"],
        checks: [
            html`It says: “The plan is in order, and fits what is published.”`,
            html`The digits, all 64 of them, and the six words it shows are those on the first page of this print.`,
            html`Everybody in the list of people has read the plan, line by line.`,
        ],
        otherwise: [{ when: "anything in the plan is changed", act: html`this print is void. Destroy it, and print the script again.` }],
    }
    const rehearse: Step = {
        where: "Online",
        who: leadOf(plan),
        title: "Rehearse it with software tokens",
        commands: ["trustkey ceremony rehearse plan.toml"],
        checks: [
            html`It ended with “Rehearsed ceremony ${plan.id}: every step of it works here”, not more than seven days before the ceremony. ${together("Day:", SHORT_BLANK)}`,
        ],
        otherwise: [{ when: "it fails", act: html`there is no ceremony before it has passed.` }],
    }
    const copy: Step = {
        where: "Room",
        who: witnessesOf(plan),
        title: "A second print has been out of the lead's hands",
        checks: [
            html`The witness has kept a print of their own since the plan was approved, sealed. ${together("Seal:", SHORT_BLANK)}`,
            html`Its first page has the same digits and words as this one.`,
        ],
        otherwise: [{ when: "they differ", act: html`stop. Nothing has been made. Find out which plan was approved.` }],
    }
    return plan.rehearsalOf === undefined ? [check, rehearse, copy] : [check, copy]
}

export function openingSteps(plan: Plan): readonly Step[] {
    return [
        {
            where: "Room",
            who: "everybody",
            title: "Sign in",
            checks: [
                html`Everybody present has signed the list of people; nobody else is in the room.`,
                html`Phones and cameras are where the witness wants them.`,
                html`The lead has read aloud: the reason, what is decided, and “If something goes wrong”.`,
            ],
            otherwise: [
                {
                    when: "a holder is missing",
                    act: html`go on only if the keys that are here are enough to sign${changesRoot(plan) ? ", for the old root too" : ""}. Write it down as an exception.`,
                },
            ],
        },
        {
            where: "Room",
            who: "lead and witness",
            title: "Open the bags",
            checks: [
                html`Every bag is whole, and has the number that is in the register of bags and seals.`,
                html`Two new sticks are there. One is marked A and one B with a pen.`,
            ],
            otherwise: [
                {
                    when: "a seal is broken or has another number",
                    act: html`what was in the bag is not used. Write it down as an exception.`,
                },
            ],
        },
        {
            where: "Vault",
            who: leadOf(plan),
            title: "The vault is alone, and knows what time it is",
            commands: ["ip -brief link", "date --utc"],
            checks: [
                html`No cable and no radio: every line but that of <code>lo</code> says DOWN, or there is no other.`,
                html`Two watches agree with the vault's clock. ${together("Vault:", SHORT_BLANK)} ${together("Watches:", html`${SHORT_BLANK} ${SHORT_BLANK}`)}`,
                html`It is between ${dateText(plan.notBefore)} and ${dateText(plan.notAfter)}.`,
            ],
            otherwise: [
                {
                    when: "the clock is off",
                    act: html`set it by the watches (<code>date --utc --set '2026-01-31 12:00:00'</code>), and write down by how much as an exception.`,
                },
            ],
        },
    ]
}

export function crossingSteps(plan: Plan): readonly Step[] {
    return [
        {
            where: "Online",
            who: leadOf(plan),
            title: "Pack the plan and the published roots onto stick A",
            commands: ["trustkey ceremony pack plan.toml --to STICK"],
            checks: [html`The digits and words of the plan are those on the first page.`],
            otherwise: [
                {
                    when: "it says that a repository moved on",
                    act: html`the plan is out of date. Nothing has been made: write a new plan, which starts from the newest root.`,
                },
            ],
        },
        {
            where: "Vault",
            who: leadOf(plan),
            title: "Open stick A on the vault",
            commands: ["trustkey ceremony open STICK"],
            checks: [
                html`The vault asks for the plan's digits. The lead types the <b>first 32</b> from the first page, a whole line; the witness looks, with <b>their own</b> print.`,
                html`The lead reads the six words from the screen, aloud. The witness compares them with their own print.`,
                html`The screen names the same repositories and versions as “What is decided”.`,
            ],
            otherwise: [
                {
                    when: "the vault refuses the digits, or a word differs",
                    act: html`stop. Nothing has been made. The stick goes into a bag of its own; it was not written from this plan.`,
                },
                {
                    when: "it says that the program is another one",
                    act: html`stop. Both machines have to run the same package; find out which is the right one.`,
                },
                { when: "it refuses the clock", act: html`go back to the step with the watches, then open again.` },
                TORN,
            ],
        },
    ]
}

export function closingSteps(plan: Plan): readonly Step[] {
    return [
        {
            where: "Vault",
            who: `${witnessesOf(plan)}`,
            title: "Close the ceremony",
            commands: ["trustkey ceremony close STICK"],
            checks: [
                html`The screen says that the outcome is <b>complete</b>; the vault and the witness have both signed.`,
                html`Lead and witness have each written down the code of the last record.`,
            ],
            blanks: codeBlanks(["The last record"]),
            otherwise: [
                {
                    when: "it can't be completed",
                    act: html`<code>trustkey ceremony close STICK --abandon</code>. Nothing has changed for anybody; new keys are worth nothing and can be destroyed.`,
                },
            ],
        },
        {
            where: "Room",
            who: "lead and witness",
            title: "Copy the stick, and put everything away",
            commands: ["cp -r STICK-A/. STICK-B", "trustkey ceremony verify STICK-B"],
            checks: [
                html`Stick B says the same as stick A: good, and the same last record.`,
                html`Tokens, stick B and the vault are in new bags; the numbers are in the register.`,
                exportsKeys(plan)
                    ? html`Stick A stays with the lead. On both sticks is a private key, encrypted: no recipient who should not have it alone gets one.`
                    : html`Stick A stays with the lead; nothing on it is secret.`,
            ],
        },
    ]
}

function exportsKeys({ keys, backupRecipients }: Plan): boolean {
    return backupRecipients.length > 0 && keys.some((key) => key.change === "new" && key.make === "vault")
}

export function onlineSteps(plan: Plan): readonly Step[] {
    const verify: Step = {
        where: "Online",
        who: `${leadOf(plan)}; ${witnessesOf(plan)} watches`,
        title: "Verify the bundle with two programs that share nothing",
        commands: ["trustkey ceremony verify STICK", "python3 docs/verify-ceremony.py STICK", "trustkey ceremony resume STICK"],
        checks: [
            html`The first says “The bundle is good” and “complete”, the second “VERIFIED”; both name the plan of the first page, all 64 digits of it.`,
            html`<code>resume</code> shows the code of the last record that was written down at “Close the ceremony”.`,
            html`Every warning was read, and is explained among the exceptions.`,
        ],
        otherwise: [
            {
                when: "either of them refuses it",
                act: html`nothing is published. Keep both sticks, and find out what happened to the record that is named.`,
            },
        ],
    }
    const publish: Step = {
        where: "Online",
        who: leadOf(plan),
        title: "Publish",
        commands: ["trustkey ceremony publish STICK --dry-run", "trustkey ceremony publish STICK"],
        checks: [
            html`It asks for the plan's digits: the first 32, from the first page.`,
            html`The dry run names the repositories and versions of “What is decided”, and nothing else.`,
            html`Each repository was read back from the server as it was signed.`,
            html`A stock client on another machine sees its tags. ${together("Which:", BLANK)}`,
        ],
        otherwise: [
            { when: "it stops halfway", act: html`run it again: what is published is left alone, and the rest follows.` },
            {
                when: "a repository moved on meanwhile",
                act: html`that root can't be published any more. The others can; for this one a new ceremony is needed.`,
            },
        ],
    }
    const report: Step = {
        where: "Online",
        who: leadOf(plan),
        title: "Report, and put the papers away",
        commands: ["trustkey ceremony report STICK --out report.html"],
        checks: [
            html`The report, a scan of this print and the bundle are in the archive. ${together("Where:", WIDE_BLANK)}`,
            html`The old keys are kept until nobody needs them: <code>trustkey rotate root GUN --explain</code> says who still does.`,
            html`The next rotation has a day: ${SHORT_BLANK}`,
        ],
    }
    return plan.rehearsalOf === undefined ? [verify, publish, report] : [verify, { ...report, checks: report.checks.slice(0, 1) }]
}

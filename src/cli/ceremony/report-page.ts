import { spoken } from "../../ceremony/index.ts"
import { codeText } from "../difference.ts"
import { type Html, html, htmlDocument } from "./html.ts"
import { pageStyle } from "./page-style.ts"
import { pngOf, qrMatrix } from "./qr-code.ts"
import type { CeremonyReport, KeyReport, RecordReport, RepositoryReport } from "./report.ts"
import { fingerprintHtml, grouped, shortId } from "./script-parts.ts"

/** A ceremony's report, to be printed and archived. HTML in one file; nothing of the bundle is markup in it. */
export function renderReport(report: CeremonyReport): string {
    const style = pageStyle({
        topLeft: `Report of ceremony ${report.ceremony}`,
        topCenter: report.isRehearsal ? "REHEARSAL" : "",
        topRight: `last record ${spoken(report.lastRecord).hex}`,
        bottomLeft: "",
    })
    const body = html`${summary(report)}<section>${repositories(report)}${keys(report)}${records(report)}</section>\n`
    return htmlDocument(`Ceremony ${report.ceremony}: report`, style, body)
}

function summary(report: CeremonyReport): Html {
    const published = report.repositories.filter((repository) => repository.published !== undefined).length
    const facts: readonly (readonly [string, string])[] = [
        ["Kind", report.kind],
        ["Reason", report.reason],
        ["Packed, online", report.packed],
        ["At the vault", `from ${report.opened} to ${report.closed}, by its clock`],
        ["Program", `${report.program}, ${report.programSha256.slice(0, 16)}…`],
        ["Root from then on", `${report.threshold} keys sign; it expires on ${report.expires.slice(0, 10)}`],
        ["Published", `${published} of ${report.repositories.length} repositories`],
    ]
    return html`<section class="first">
${report.isRehearsal ? html`<div class="rehearsal">REHEARSAL: nothing of it may be published</div>` : html``}
<h1>Ceremony ${report.ceremony}</h1>
<div class="verdict">Verified: ${report.outcome}</div>
<table class="facts"><tbody>${facts.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>\n`)}</tbody></table>
${fingerprintHtml("The plan", report.plan)}
${fingerprintHtml("The last record, which vault and witness signed", report.lastRecord, codeImage(report.lastRecord))}
<h3>Closed by</h3>
<table><thead><tr><th class="part">who</th><th>key</th><th class="part">method</th></tr></thead><tbody>
${report.closedBy.map(({ name, keyId, method }) => html`<tr><td>${name}</td><td><span class="full">${grouped(keyId)}</span></td><td>${method}</td></tr>\n`)}</tbody></table>
<h3>People</h3>
<table><thead><tr><th class="wide">name</th><th class="part">part</th><th>records</th></tr></thead><tbody>
${report.people.map(({ name, fullName, part, records: numbers }) => html`<tr><td>${fullName === undefined ? name : `${fullName} (${name})`}</td><td>${part}</td><td>${numbers.join(", ")}</td></tr>\n`)}</tbody></table>
${warnings(report)}
</section>
`
}

/** All of a hash, for a scanner: 64 hexadecimal digits, capitals. */
function codeImage(sha256: string): Html {
    const source = `data:image/png;base64,${pngOf(qrMatrix(sha256.toUpperCase()), 4).toString("base64")}`
    return html`<img class="code" alt="the same as a QR code" src="${source}">`
}

function warnings({ warnings: findings }: CeremonyReport): Html {
    if (findings.length === 0) return html`<p>There are no warnings.</p>`
    const lines = findings.map(({ record, text }) => {
        const place = record === undefined ? "" : `${typeof record === "number" ? `record ${record}` : record}: `
        return html`<li>${place}${text}</li>\n`
    })
    return html`<h3>Warnings</h3><ul>${lines}</ul>`
}

function repositories(report: CeremonyReport): Html {
    return html`<h2>Repositories</h2>\n${report.repositories.map(repositoryHtml)}`
}

function repositoryHtml(repository: RepositoryReport): Html {
    const { gun, before, after, difference, oldSignatures, newSignatures, signedBy, published } = repository
    const facts: readonly (readonly [string, Html])[] = [
        ["before", before === undefined ? html`no root` : versionHtml(before.version, before.sha256)],
        ["after", after === undefined ? html`nothing was signed` : versionHtml(after.version, after.sha256)],
        ...(after === undefined ? [] : [["its file", html`<span class="full">${grouped(after.fileSha256)}</span>`] as const]),
        [
            "signatures",
            html`${oldSignatures === undefined ? "" : `old root ${oldSignatures.have}, needed ${oldSignatures.need}; `}new root ${newSignatures.have}, needed ${newSignatures.need}<br>
${signedBy.map(({ key, holder, record }) => html`${key} of ${holder} (record ${record})<br>`)}`,
        ],
        [
            "published",
            published === undefined ? html`not on record` : html`${published.at} at ${published.server} (record ${published.record})`,
        ],
        ...(difference === undefined
            ? []
            : [
                  [
                      "shown to sign",
                      html`${difference.sentences.map((sentence) => html`${sentence}<br>`)}code <b class="code">${spoken(difference.code).hex}</b> &nbsp; <b>${spoken(difference.code).words}</b>`,
                  ] as const,
              ]),
    ]
    return html`<h3>${gun}</h3>
<table class="facts"><tbody>${facts.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>\n`)}</tbody></table>
`
}

function versionHtml(version: number, sha256: string): Html {
    return html`root version ${version}: ${codeText(sha256)}<br><span class="full">${grouped(sha256)}</span>`
}

function keys(report: CeremonyReport): Html {
    return html`<h2>Keys</h2>
<table><thead><tr><th>key</th><th>holder</th><th class="wide">what became of it</th><th class="wide">where</th><th class="hash">key ID</th></tr></thead><tbody>
${report.keys.map(keyRow)}</tbody></table>
`
}

const BECAME: Readonly<Record<KeyReport["change"], string>> = {
    new: "made new",
    added: "joined",
    kept: "stayed",
    retired: "left",
    lost: "lost, left without signing",
}

function keyRow(key: KeyReport): Html {
    const details = [
        key.algorithm,
        key.origin === undefined ? undefined : `origin ${key.origin}`,
        key.isAttested ? "attested" : undefined,
    ].filter((text) => text !== undefined)
    const where = [
        key.token === undefined ? undefined : `token ${key.token}`,
        key.serial === undefined ? undefined : `serial ${key.serial}`,
        key.slot === undefined ? undefined : `slot ${key.slot}`,
        key.pinPolicy === undefined ? undefined : `PIN ${key.pinPolicy}`,
        key.touchPolicy === undefined ? undefined : `touch ${key.touchPolicy}`,
        ...key.backups,
    ]
    const voided = key.voided.map(
        ({ record, keyId, reason }) => html`<br><b>void:</b> record ${record}, <span class="code">${shortId(keyId)}</span>: ${reason}`,
    )
    const record = key.record === undefined ? "" : ` (record ${key.record})`
    return html`<tr><td><b>${key.name}</b></td><td>${key.holder}</td><td>${BECAME[key.change]}${record}${details.length === 0 ? "" : html`<br>${details.join(", ")}`}${voided}</td><td>${lines(where)}</td><td class="code">${key.id === undefined ? "" : shortId(key.id)}</td></tr>
`
}

function lines(texts: readonly (string | undefined)[]): Html {
    return html`${texts.filter((text) => text !== undefined).map((text) => html`${text}<br>`)}`
}

function records(report: CeremonyReport): Html {
    return html`<h2>The record</h2>
<table><thead><tr><th class="number">no.</th><th class="at">UTC</th><th class="part">who</th><th class="step">step</th><th>what</th><th class="hash">hash</th></tr></thead><tbody>
${report.records.map(recordRow)}</tbody></table>
<p>Each record names the hash of the one before, the first the plan's. To verify all of it again, without this program:</p>
<pre>python3 docs/verify-ceremony.py BUNDLE</pre>
`
}

function recordRow({ n, at, who, step, what, note, hash, voidedBy }: RecordReport): Html {
    const words = note === "" ? html`` : html`<br>“${note}”`
    const voided = voidedBy === undefined ? html`` : html`<br><b>void by record ${voidedBy}</b>`
    return html`<tr><td>${n}</td><td class="small">${at.slice(0, 10)}<br>${at.slice(11, 19)}</td><td>${who}</td><td>${step}</td><td class="small">${what}${words}${voided}</td><td class="small code">${shortId(hash)}</td></tr>
`
}

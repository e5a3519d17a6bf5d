import { type Share, type ShareSet, shareText } from "../../backup/index.ts"
import { type Html, html, htmlDocument } from "../ceremony/html.ts"
import { pageStyle } from "../ceremony/page-style.ts"
import { pngOf, qrMatrix } from "../ceremony/qr-code.ts"

const GROUPS_IN_LINE = 6

/** TKS1 QQQQ …: in groups of four, six of them in a line. */
export function groupedShare(share: Share): readonly string[] {
    using text = shareText(share)
    const groups = text.reveal((bytes) => bytes.toString("latin1")).match(/.{1,4}/g) ?? []
    return Array.from({ length: Math.ceil(groups.length / GROUPS_IN_LINE) }, (_, line) =>
        groups.slice(line * GROUPS_IN_LINE, (line + 1) * GROUPS_IN_LINE).join(" "),
    )
}

/** What one holder gets on paper: the share as a code and as text, and what it is for. It is a secret as a whole. */
export function sharePage(share: Share, set: ShareSet, made: Date): string {
    const count = set.commitments.length
    const title = `Share ${share.index} of ${count}`
    const date = made.toISOString().slice(0, 10)
    const style = pageStyle({ topLeft: title, topCenter: "SECRET", topRight: set.set, bottomLeft: `Made ${date}` })
    using text = shareText(share)
    const code = pngOf(qrMatrix(text.reveal((bytes) => bytes.toString("latin1")))).toString("base64")
    return htmlDocument(`${title} of set ${set.set}`, `${style}${SHARE_STYLE}`, pageBody(share, set, { title, date, code }))
}

function pageBody(share: Share, set: ShareSet, { title, date, code }: { title: string; date: string; code: string }): Html {
    const lines = groupedShare(share).map((line, index) => html`<tr><th>${index + 1}</th><td>${line}</td></tr>\n`)
    return html`<section class="first">
<h1>${title}</h1>
<p class="subtitle">of the identity that opens the backups of trustkeyd which are made for its recipient</p>
<table class="facts">
<tr><th>Set</th><td><code>${set.set}</code></td></tr>
<tr><th>Needed</th><td>${set.threshold} of ${set.commitments.length} shares; fewer say nothing</td></tr>
<tr><th>Recipient</th><td><code>${set.recipient}</code></td></tr>
<tr><th>Made</th><td>${date}</td></tr>
<tr><th>Holder</th><td><span class="blank wide"></span></td></tr>
</table>
<p class="share-code"><img alt="The share as a QR code" src="data:image/png;base64,${code}"></p>
<table class="share-text">
${lines}</table>
<p class="small">Letters and digits; there is no O, I, B and no 1 but the one in TKS1. Upper or lower case, spaces and hyphens don't matter.</p>
<div class="note">
<p><strong>Keep this page where only you get at it, and away from the others.</strong> Whoever has ${set.threshold} of them reads every backup.</p>
<ul>
<li>Is it still right? <code>trustkey backup shares check --share-set backup-shares.json</code></li>
<li>To open a backup: <code>trustkey backup restore FILE --shares</code></li>
<li>Without trustkeyd's daemon: <code>trustkey backup shares combine --out identity.txt</code>, then <code>age -d -i identity.txt FILE</code></li>
</ul>
</div>
</section>`
}

const SHARE_STYLE = `.share-code { text-align: center; margin: 0 0 4mm }
.share-code img { width: 62mm; height: 62mm; image-rendering: pixelated }
table.share-text th { width: 8mm; text-align: center }
table.share-text td { font-family: "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; font-size: 15pt; letter-spacing: 0.4mm; white-space: nowrap }
`

import { TrustkeyError } from "../../errors.ts"

/** What stands in the margins of every page. */
export type Margins = { readonly topLeft: string; readonly topCenter: string; readonly topRight: string; readonly bottomLeft: string }

/** For A4 and US Letter (no size is asked for), in black and white. */
export function pageStyle({ topLeft, topCenter, topRight, bottomLeft }: Margins): string {
    return `@page {
    margin: 19mm 14mm 20mm 14mm;
    @top-left { content: "${quoted(topLeft)}"; font: bold 9pt "DejaVu Sans", sans-serif }
    @top-center { content: "${quoted(topCenter)}"; font: bold 9pt "DejaVu Sans", sans-serif }
    @top-right { content: "${quoted(topRight)}"; font: 9pt "DejaVu Sans Mono", monospace }
    @bottom-left { content: "${quoted(bottomLeft)}"; font: 9pt "DejaVu Sans", sans-serif }
    @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 9pt "DejaVu Sans", sans-serif }
}
${SHEET}`
}

/** Text in a style sheet can't be escaped so that every reader agrees; what is needed there needs no escaping. @throws internal */
function quoted(text: string): string {
    if (!/^[A-Za-z0-9 :.,_-]*$/.test(text)) throw new TrustkeyError("internal", "this text can't stand in a page's margin")
    return text
}

const SHEET = `html { font: 10pt/1.38 "DejaVu Sans", Verdana, Arial, sans-serif; color: #000; background: #fff }
body { margin: 0 auto; max-width: 182mm }
h1 { font-size: 22pt; line-height: 1.15; margin: 0 0 2mm }
h2 { font-size: 14pt; margin: 5mm 0 3mm; padding-bottom: 1mm; border-bottom: 0.6mm solid #000; break-after: avoid }
h3 { font-size: 10.5pt; margin: 4mm 0 1.5mm; break-after: avoid }
p { margin: 0 0 2mm }
ul, ol { margin: 0 0 2mm; padding-left: 6mm }
li { margin: 0 0 1mm }
section { break-before: page }
section > h2:first-child { margin-top: 0 }
section.first { break-before: auto }
table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: 0 0 4mm }
td, li, p, h1 { overflow-wrap: anywhere }
th, td { border: 0.25mm solid #000; padding: 1.4mm 2mm; vertical-align: top; text-align: left }
th { font-size: 8.5pt; background: #e8e8e8; break-after: avoid }
tr { break-inside: avoid }
thead { display: table-header-group }
code, .code { font-family: "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; font-size: 9pt; overflow-wrap: anywhere }
.note { border: 0.6mm solid #000; padding: 2.5mm 3mm; margin: 0 0 4mm; break-inside: avoid }
.note p:last-child, .note ul:last-child { margin-bottom: 0 }
.rehearsal { border: 1.2mm solid #000; padding: 2mm 3mm; margin: 0 0 4mm; font-size: 15pt; font-weight: bold; text-align: center }
.subtitle { font-size: 12pt; margin-bottom: 4mm }
table.facts th { width: 36mm; font-size: 9pt }
.print { break-inside: avoid; margin: 0 0 4mm; border: 0.6mm solid #000; padding: 2.5mm 3mm }
.print .label { font-size: 8.5pt }
.print .hex { font-family: "DejaVu Sans Mono", monospace; font-size: 15pt; font-weight: bold; letter-spacing: 0.3mm }
.print .words { font-size: 13pt; font-weight: bold }
table.repository { margin-bottom: 2.5mm }
table.repository th { width: 7mm; font-size: 11pt; text-align: center }
th.part { width: 17mm }
th.place { width: 42mm }
th.id { width: 44mm }
.full { font-family: "DejaVu Sans Mono", monospace; font-size: 7.4pt; white-space: nowrap }
.group { white-space: nowrap }
.print .whole { font-family: "DejaVu Sans Mono", monospace; font-size: 10.5pt; line-height: 1.45; margin-top: 1mm }
.step { break-inside: avoid; margin: 0 0 3.5mm }
table.step > tbody > tr > td { padding: 0 }
table.step td.number { width: 12mm; text-align: center; font-size: 17pt; font-weight: bold; padding-top: 2mm; border-width: 0.5mm 0.25mm 0.5mm 0.5mm }
table.step td.body { padding: 2mm 3mm 1.5mm; border-width: 0.5mm 0.25mm }
table.step td.sign { width: 31mm; border-width: 0.5mm 0.5mm 0.5mm 0.25mm }
.who { font-size: 8.5pt; letter-spacing: 0.15mm; margin: 0 0 1mm }
.where { display: inline-block; border: 0.35mm solid #000; padding: 0 1.5mm; font-weight: bold; margin-right: 1.5mm }
.where.vault { background: #000; color: #fff; print-color-adjust: exact; -webkit-print-color-adjust: exact }
.title { font-size: 11pt; font-weight: bold; margin: 0 0 1.5mm }
pre { font-family: "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; font-size: 8.8pt; line-height: 1.5; margin: 0 0 2mm; padding: 1mm 2mm;
    border-left: 0.8mm solid #000; white-space: pre-wrap; overflow-wrap: anywhere }
ul.checks { list-style: none; padding-left: 0 }
ul.checks > li { position: relative; padding-left: 6.5mm; margin-bottom: 1.2mm }
.box { display: inline-block; width: 3.2mm; height: 3.2mm; border: 0.35mm solid #000; vertical-align: -0.5mm }
ul.checks > li > .box { position: absolute; left: 0; top: 0.6mm }
p.if { margin: 0 0 1mm; padding-left: 6.5mm; font-size: 9pt }
p.if code, .small code { font-size: 8.2pt }
.sign .label { display: block; font-size: 7.5pt; padding: 1mm 1.5mm 0 }
.sign .line { display: block; height: 7mm; border-bottom: 0.25mm solid #000 }
.sign .line.last { border-bottom: 0 }
.sign .form { display: block; text-align: center; font-family: "DejaVu Sans Mono", monospace; font-size: 9pt; padding-top: 2.6mm; letter-spacing: 0.4mm }
.blank { display: inline-block; border-bottom: 0.3mm solid #000; min-width: 38mm; height: 5mm; vertical-align: -0.6mm }
.blank.short { min-width: 20mm }
.blank.wide { min-width: 78mm }
table.codes { margin: 1mm 0 2mm; break-inside: avoid }
table.codes td { padding: 0.8mm 1.2mm; font-size: 8.5pt; vertical-align: middle }
table.codes td.word { height: 6.5mm; vertical-align: top; font-size: 6.5pt; padding: 0.4mm 0.8mm }
td.cells, .digits { white-space: nowrap; font-family: "DejaVu Sans Mono", monospace; font-size: 11pt; letter-spacing: 0.6mm }
img.code { width: 32mm; height: 32mm; image-rendering: pixelated; float: right; margin: -1mm -1mm -1mm 3mm }
.print::after { content: ""; display: block; clear: both }
.verdict { border: 1.2mm solid #000; padding: 2mm 3mm; margin: 0 0 4mm; font-size: 15pt; font-weight: bold; text-align: center }
th.number { width: 9mm }
th.at { width: 21mm }
th.step { width: 18mm }
th.hash { width: 22mm }
td.tall { height: 7mm }
td.taller { height: 14mm }
th.narrow { width: 10mm }
th.time { width: 24mm }
th.wide { width: 48mm }
.small { font-size: 8.5pt }
@media screen { body { padding: 10mm } section { margin-top: 14mm } }
`

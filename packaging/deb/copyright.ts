import type { BundledPackage } from "./bundled.ts"

const HEADER = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: trustkeyd
Comment: The bundled JavaScript and native files are of the packages named below; which versions, and from where, is in sbom.cdx.json.

Files: *
Copyright: the trustkeyd authors
License: Apache-2.0
`

const APACHE = `License: Apache-2.0
 Licensed under the Apache License, Version 2.0. On Debian systems its text is in /usr/share/common-licenses/Apache-2.0.
`

/** The copyright file in Debian's machine-readable form: what is bundled keeps its own terms, word for word. */
export function copyrightFile(packages: readonly BundledPackage[]): string {
    const stanzas = packages.map((bundled) => stanza(bundled))
    return [HEADER, ...stanzas, APACHE].join("\n")
}

function stanza({ name, version, licence, licenceText }: BundledPackage): string {
    const runtime = name.startsWith("node-linux-")
    const files = runtime ? "usr/lib/trustkeyd/node" : licenceFiles(name)
    const head = `Files: ${files}\nCopyright: ${holders(name, licenceText)}\n`
    const comment = `Comment: ${name} ${version}\n`
    if (licence === "Apache-2.0") return `${head}License: Apache-2.0\n${comment}`
    if (runtime)
        return `${head}License: Expat-and-others-node\n The whole text, with that of what the runtime itself bundles, is node-LICENSE.gz beside this file.\n${comment}`
    return `${head}License: ${short(name, licence)}\n${indented(licenceText)}${comment}`
}

/** In the bundles no package has a file of its own. */
function licenceFiles(name: string): string {
    return `usr/lib/trustkeyd/node_modules/${name}/* usr/lib/trustkeyd/dist/*`
}

/** A short name stands for one text; these differ in whom they name. */
function short(name: string, licence: string): string {
    return `${licence}-${name.replaceAll(/[@/]+/g, "-").replace(/^-/, "")}`
}

function holders(name: string, text: string): string {
    const lines = text.split("\n").map((line) => line.replaceAll(/[*#]/g, "").trim())
    const named = lines.filter((line) => /^(?:\(c\)|copyright\b).*(?:\d{4}|\(c\))/i.test(line))
    const cleaned = named.map((line) => line.replace(/^copyright\s*/i, "").replace(/^(?:\(c\)|©)\s*/i, ""))
    return cleaned.length === 0 ? `the authors of ${name}` : [...new Set(cleaned)].slice(0, 3).join("\n ")
}

function indented(text: string): string {
    const lines = text.trimEnd().split(/\r?\n/)
    return lines.map((line) => (line.trim() === "" ? " .\n" : ` ${line.trimEnd()}\n`)).join("")
}

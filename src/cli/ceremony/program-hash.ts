import path from "node:path"
import { sha256 } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { listDirectory, readBytes } from "../../storage/index.ts"

/** What runs: name and version, and one hash over every program of the package, so that both machines can be seen to run the same. */
export async function programFacts(directory: string, version: string): Promise<{ readonly program: string; readonly sha256: string }> {
    const names = (await listDirectory(directory)).filter((name) => /\.(cjs|ts)$/.test(name))
    if (names.length === 0) throw new TrustkeyError("internal", "the package's programs are not there to be hashed")
    const lines: string[] = []
    for (const name of names) {
        const content = await readBytes(path.join(directory, name))
        if (content !== undefined) lines.push(`${sha256(content).toString("hex")}  ${name}\n`)
    }
    // As sha256sum *.cjs | sha256sum has it.
    return { program: `trustkey ${version}`, sha256: sha256(Buffer.from(lines.join(""))).toString("hex") }
}

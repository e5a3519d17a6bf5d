import { ROOT } from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { versionsText } from "../present.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import type { TrustSession } from "../trust/session.ts"
import { letGo } from "./old-keys.ts"
import { roleIn } from "./publish-root.ts"
import type { Rotated } from "./rotate.ts"
import type { Collecting } from "./rotate-root.ts"
import type { TellOptions } from "./tell.ts"

export type TellRootOptions = TellOptions

/** What the rotation came to, for a person or a script; and what becomes of the keys that count no more. */
export async function concludeRoot(
    session: TrustSession,
    daemon: Daemon,
    result: Rotated | Collecting,
    options: TellRootOptions,
): Promise<void> {
    const { output } = session.cli
    if (result.outcome === "collecting") {
        if (options.json === true) output.json({ role: "root", ...result })
        else tellCollecting(session, result)
        return
    }
    const { gun, outcome, says, published, difference, code } = result
    if (options.json !== true) tell(session, result)
    const gone = outcome === "planned" ? [] : retired(result)
    let left: Awaited<ReturnType<typeof letGo>> = []
    try {
        left = await letGo(session, daemon, [ROOT], gone, options.oldKey)
    } finally {
        if (options.json === true) output.json({ gun, role: "root", outcome, planned: says, published, difference, code, oldKeys: left })
    }
}

function tell({ cli: { output } }: TrustSession, { gun, outcome, says, published, difference }: Rotated): void {
    switch (outcome) {
        case "planned":
            output.line(`Would rotate root of ${gun}:`)
            for (const sentence of [...says, ...difference]) output.line(`  ${sentence}`)
            return
        case "finished":
            output.line(`Finished the rotation of root of ${gun} that was begun before: ${versionsText(published)}`)
            return
        case "rotated":
            output.line(`Rotated root of ${gun}: ${versionsText(published)}`)
    }
}

function tellCollecting({ cli: { output } }: TrustSession, { gun, version, file, signers, lacking, next }: Collecting): void {
    output.line(`Root version ${version} of ${gun} waits for signatures: ${file}`)
    output.facts([
        ["signed by", signers.map(shortId).join(", ")],
        ["still needs", lacking.join("; ")],
    ])
    output.note(`The next holder compares the code and signs: ${next}`)
    output.note(`Then here: trustkey rotate root ${gun} --signature signed-root.json`)
}

/** By canonical ID: the keys of the root before that the new one does not name. */
function retired({ before, after }: Rotated): readonly string[] {
    const [was, is] = [before, after].map((file) => roleIn(rootDocumentOf(file), "root").keyIds)
    return (was ?? []).filter((id) => !(is ?? []).includes(id))
}

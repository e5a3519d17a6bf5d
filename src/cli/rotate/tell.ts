import { type BaseRole, parseRoleName } from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { versionsText } from "../present.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import type { TrustSession } from "../trust/session.ts"
import type { Collecting } from "./complete-root.ts"
import { type LetGo, letGo } from "./old-keys.ts"
import type { OldKeyChoice } from "./options.ts"
import { roleIn } from "./publish-root.ts"
import type { Rotated } from "./rotate.ts"

export type TellOptions = { readonly json?: boolean; readonly oldKey?: OldKeyChoice }

/** What a rotation came to, for a person or a script; and what becomes of the keys that count no more. */
export async function conclude(
    session: TrustSession,
    daemon: Daemon,
    role: BaseRole,
    result: Rotated | Collecting,
    options: TellOptions,
): Promise<void> {
    const { output } = session.cli
    if (result.outcome === "collecting") {
        if (options.json === true) output.json({ role, ...result })
        else tellCollecting(session, role, result)
        return
    }
    const { gun, outcome, says, published, difference, code } = result
    if (options.json !== true) tell(session, role, result)
    const gone = outcome === "planned" ? [] : goneKeys(role, result)
    let left: readonly LetGo[] = []
    try {
        left = await letGo(session, daemon, [parseRoleName(role)], gone, options.oldKey)
    } finally {
        if (options.json === true) output.json({ gun, role, outcome, planned: says, published, difference, code, oldKeys: left })
    }
}

function tell({ cli: { output } }: TrustSession, role: string, { gun, outcome, says, published, difference }: Rotated): void {
    switch (outcome) {
        case "planned":
            output.line(`Would rotate ${role} of ${gun}:`)
            for (const sentence of [...says, ...difference]) output.line(`  ${sentence}`)
            return
        case "finished":
            output.line(`Finished the rotation of ${role} of ${gun} that was begun before: ${versionsText(published)}`)
            return
        case "rotated":
            output.line(`Rotated ${role} of ${gun}: ${versionsText(published)}`)
    }
}

function tellCollecting({ cli: { output } }: TrustSession, role: string, { gun, version, file, signers, lacking, next }: Collecting): void {
    output.line(`Root version ${version} of ${gun} waits for signatures: ${file}`)
    output.facts([
        ["signed by", signers.map(shortId).join(", ")],
        ["still needs", lacking.join("; ")],
    ])
    output.note(`The next holder compares the code and signs: ${next}`)
    output.note(`Then here: trustkey rotate ${role} ${gun} --signature signed-root.json`)
}

/** By canonical ID: the keys of the root before that the new one does not name for the role. */
function goneKeys(role: BaseRole, { before, after }: Rotated): readonly string[] {
    const [was, is] = [before, after].map((file) => roleIn(rootDocumentOf(file), role).keyIds)
    return (was ?? []).filter((id) => !(is ?? []).includes(id))
}

import { parseRoleName, type RoleName } from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { versionsText } from "../present.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import type { TrustSession } from "../trust/session.ts"
import { type LetGo, letGo } from "./old-keys.ts"
import type { OldKeyChoice } from "./options.ts"
import { roleIn } from "./publish-root.ts"
import type { Rotated } from "./rotate.ts"

export type TellOptions = { readonly json?: boolean; readonly oldKey?: OldKeyChoice }

/** What a rotation came to, for a person or a script; and what becomes of the keys it took away. */
export async function conclude(
    session: TrustSession,
    daemon: Daemon,
    role: "targets" | "snapshot" | "timestamp",
    rotated: Rotated,
    options: TellOptions,
): Promise<void> {
    const { output } = session.cli
    const { gun, outcome, says, published, difference, code } = rotated
    if (options.json !== true) tell(session, role, rotated)
    const name: RoleName = parseRoleName(role)
    const gone = outcome === "planned" ? [] : goneKeys(role, rotated)
    let left: readonly LetGo[] = []
    try {
        left = await letGo(session, daemon, [name], gone, options.oldKey)
    } finally {
        if (options.json === true) output.json({ gun, role, outcome, planned: says, published, difference, code, oldKeys: left })
    }
}

function tell({ cli }: TrustSession, role: string, { gun, outcome, says, published }: Rotated): void {
    switch (outcome) {
        case "planned":
            cli.output.line(`Would rotate ${role} of ${gun}:`)
            for (const sentence of says) cli.output.line(`  ${sentence}`)
            return
        case "finished":
            cli.output.line(`Finished the rotation of ${role} of ${gun} that was begun before: ${versionsText(published)}`)
            return
        case "rotated":
            cli.output.line(`Rotated ${role} of ${gun}: ${versionsText(published)}`)
    }
}

/** By canonical ID. */
function goneKeys(role: "targets" | "snapshot" | "timestamp", { before, after }: Rotated): readonly string[] {
    const [was, is] = [before, after].map((file) => roleIn(rootDocumentOf(file), role).keyIds)
    return (was ?? []).filter((id) => !(is ?? []).includes(id))
}

import { type Command, Option } from "commander"
import { parseRoleName } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { versionsText } from "../present.ts"
import type { DelegationOptions, RotatedDelegation } from "../rotate/delegation.ts"
import { type ExplainOptions, explainRole, withExplain } from "../rotate/explain-command.ts"
import { type OldKeyChoice, withAgreement, withOldKey, withRoleKeys } from "../rotate/options.ts"
import { newCommand, repeated, withExamples } from "../syntax.ts"

type Options = Omit<DelegationOptions, "witness"> &
    ExplainOptions & {
        readonly witness?: readonly string[]
        readonly oldKey?: OldKeyChoice
        readonly json?: boolean
    }

export function rotateDelegationCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "delegation",
        "Replace a signer's key, also a lost one, and sign what it signed again. Takes the key of the role above, as a rule targets.",
    )
        .argument("<repository>", "the image's name without a tag")
        .argument("<role>", "targets/alice, or just alice")
        .addOption(
            new Option(
                "--witness <role=digits>",
                "sign what this delegation holds, although no signature on it counted before; digits as a run without it says (repeatable)",
            ).argParser(repeated),
        )
        .action((repository: string, role: string, options: Options) => rotateDelegation(cli, repository, role, options))
    return withExamples(withExplain(withAgreement(withOldKey(withRoleKeys(command)))), [
        "trustkey rotate delegation registry.example.com/team/app alice",
        "trustkey rotate delegation registry.example.com/team/app alice --key ./alice-2026.pub",
        "trustkey rotate delegation registry.example.com/team/app targets/releases --keep --new-in-group ci",
        "trustkey rotate delegation registry.example.com/team/app alice --retire 3fa9c2d1e0aa",
    ])
}

async function rotateDelegation(cli: Cli, repository: string, name: string, options: Options): Promise<void> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const { DelegationRotation } = await import("../rotate/delegation.ts")
    const { letGo } = await import("../rotate/old-keys.ts")
    const { witnessOf } = await import("../trust/witness.ts")
    const role = parseRoleName(name.startsWith("targets/") ? name : `targets/${name}`)
    if (options.explain === true) return await explainRole(cli, repository, role, options)
    const order = { ...options, witness: witnessOf(options.witness) }
    const session = await openRepositorySession(cli, repository, "push")
    const daemon = await cli.daemon()
    using rotation = new DelegationRotation(session, daemon, role, order)
    const rotated = await rotation.run()
    if (options.json !== true) tell(cli, rotated)
    let oldKeys: Awaited<ReturnType<typeof letGo>> = []
    try {
        oldKeys = await letGo(session, daemon, rotated.roles, rotated.gone, options.oldKey)
    } finally {
        const { gun, outcome, says, published, difference, code, unsigned } = rotated
        if (options.json === true) cli.output.json({ gun, role, outcome, planned: says, published, difference, code, unsigned, oldKeys })
    }
}

function tell({ output }: Cli, { gun, role, outcome, says, published, unsigned }: RotatedDelegation): void {
    if (outcome === "planned") {
        output.line(`Would rotate ${role} of ${gun}:`)
        for (const sentence of says) output.line(`  ${sentence}`)
        return
    }
    const done = outcome === "finished" ? `Finished the rotation of ${role} of ${gun} that was begun before` : `Rotated ${role} of ${gun}`
    output.line(`${done}: ${versionsText(published)}`)
    for (const { role: left, reason } of unsigned) output.warn(`${left} of ${gun} counts no more until it is signed again: ${reason}`)
}

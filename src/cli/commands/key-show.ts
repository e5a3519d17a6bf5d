import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { printNeeds } from "../key-needs.ts"
import { keyJson, printKey } from "../present.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

type ShowOptions = { attestationRoots?: string; json?: boolean }

export function keyShowCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "show",
        "Show everything that is public about one key, and who still needs it; a YubiKey's attestation is verified again, here.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .addOption(new Option("--attestation-roots <file>", "PEM certificates to believe attestations by, besides Yubico's"))
        .addOption(jsonOption())
        .action((id: string, options: ShowOptions) => showKey(cli, id, options))
    return withExamples(command, ["trustkey key show 3fa9c2d1e0aa"])
}

async function showKey(cli: Cli, id: string, options: ShowOptions): Promise<void> {
    const { attestedFacts, judge } = await import("../attestation.ts")
    const roots = options.attestationRoots === undefined ? undefined : await readRoots(options.attestationRoots)
    const key = await (await cli.daemon()).getKey(id)
    const judgement = judge(key, roots)
    if (options.json === true) cli.output.json({ ...keyJson(key), attested: judgement && { ...judgement, facts: attestedFacts(key) } })
    else {
        printKey(cli.output, key, judgement?.text)
        printNeeds(cli.output, key)
    }
    if (judgement?.verdict === "invalid")
        throw new TrustkeyError("attestation_invalid", `the attestation kept with key ${key.id.slice(0, 12)} is not valid`)
}

async function readRoots(file: string): Promise<import("../../crypto/index.ts").AttestationRoots> {
    const { parseAttestationRoots } = await import("../../crypto/index.ts")
    const { readTextFile } = await import("../../storage/index.ts")
    return parseAttestationRoots(await readTextFile(file))
}

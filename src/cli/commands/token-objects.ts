import type { Command } from "commander"
import type { Cli } from "../context.ts"
import type { DaemonTokenObject } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function tokenObjectsCommand(cli: Cli): Command {
    const command = newCommand(cli, "objects", "List the private keys on a token, enrolled or not. Needs the admin socket.")
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .addOption(jsonOption())
        .action(async (name: string | undefined, options: { json?: boolean }) => {
            const { chooseToken } = await import("../choose-token.ts")
            const daemon = await cli.daemon("admin")
            const objects = await daemon.tokenObjects(await chooseToken(daemon, name))
            if (options.json === true) cli.output.json({ objects: objects.map(objectJson) })
            else printObjects(cli, objects)
        })
    return withExamples(command, ["trustkey token objects root-token", "trustkey token objects root-token --json"])
}

function objectJson(object: DaemonTokenObject): object {
    return { ...object, id: Buffer.from(object.id).toString("hex") }
}

function printObjects(cli: Cli, objects: readonly DaemonTokenObject[]): void {
    if (objects.length === 0) {
        cli.output.note("No private keys on this token.")
        return
    }
    const rows = objects.map((object) => {
        // What an owner of a hardware key wants to see: made there, can't leave.
        const kept = object.sensitive && !object.extractable ? "stays on the token" : "can leave the token"
        const origin = object.local ? "made there" : "imported"
        return [shortId(object.keyId) || "unreadable", object.algorithm, object.label, origin, kept, object.uri]
    })
    cli.output.table(["KEY ID", "ALGORITHM", "LABEL", "ORIGIN", "PROTECTION", "URI"], rows)
}

import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { CREATE_FLAGS } from "../engine/docker-flags.ts"
import { engineCommand } from "../engine/engine-command.ts"

export function trustCreateCommand(cli: Cli): Command {
    return engineCommand(cli, {
        name: "create",
        description: "Make a container from what is signed under an image's tag, as docker create with content trust.",
        operands: ["<image>", "[command...]"],
        flags: CREATE_FLAGS,
        examples: [
            "trustkey trust create --rm -it registry.example.com/team/app:v1 sh",
            "trustkey trust create --pull always registry.example.com/team/app:v1",
        ],
        run: async (args) => {
            const { startContainer } = await import("../trust/start-container.ts")
            await startContainer(cli, "create", args)
        },
    })
}

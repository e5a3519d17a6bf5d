import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { RUN_FLAGS } from "../engine/docker-flags.ts"
import { engineCommand } from "../engine/engine-command.ts"

export function trustRunCommand(cli: Cli): Command {
    return engineCommand(cli, {
        name: "run",
        description: "Run a container from what is signed under an image's tag, as docker run with content trust.",
        operands: ["<image>", "[command...]"],
        flags: RUN_FLAGS,
        examples: [
            "trustkey trust run --rm -it registry.example.com/team/app:v1 sh",
            "trustkey trust run --pull always registry.example.com/team/app:v1",
        ],
        run: async (args) => {
            const { startContainer } = await import("../trust/start-container.ts")
            await startContainer(cli, "run", args)
        },
    })
}

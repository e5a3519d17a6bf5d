import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { BUILD_FLAGS } from "../engine/docker-flags.ts"
import { engineCommand } from "../engine/engine-command.ts"

export function trustBuildCommand(cli: Cli): Command {
    return engineCommand(cli, {
        name: "build",
        description: "Build an image from a Dockerfile, each image it is built from being what is signed under its tag.",
        operands: ["<path>"],
        flags: BUILD_FLAGS,
        examples: [
            "trustkey trust build --tag registry.example.com/team/app:v1 .",
            "trustkey trust build --file docker/Dockerfile --build-arg BASE=3.20 .",
            "trustkey trust build - < Dockerfile",
        ],
        run: async (args) => {
            const { build } = await import("../dockerfile/build-image.ts")
            await build(cli, args)
        },
    })
}

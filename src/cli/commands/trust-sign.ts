import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, wholeNumber, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { SignOptions } from "../trust/sign-image.ts"

export function trustSignCommand(cli: Cli): Command {
    const command = newCommand(cli, "sign", "Sign an image")
        .argument("<image:tag>", "the image with its tag, as docker takes it")
        .option("--local", "sign the engine's own image, pushing it, although the tag is signed already")
        .option("--digest <digest>", "what is signed: sha256: and 64 hex digits, from whoever built the image")
        .addOption(new Option("--size <bytes>", "the manifest's length, when the registry can't be asked").argParser(wholeNumber(1)))
        .option("--from-registry", "sign what the registry says the tag is, unseen")
        .option("--renew", "sign again although nothing changes, for a new expiry date")
        .option("--resign", "take along the tags of a signer who has left, where a role has to be begun anew")
        .option("--as <name>", "the first signer's name in a new repository; else the user name of the docker login")
        .option("--root-key <id>", "for a new repository: this root key, when there are several or the only one is not your own")
        .option("--group <name>", "for a new repository: seal its keys in this key group")
        .addOption(jsonOption())
        .action(async (image: string, options: SignOptions & { json?: boolean }) => {
            const { signImage } = await import("../trust/sign-image.ts")
            await signImage(cli, image, options)
        })
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust sign registry.example.com/team/app:v1",
        "trustkey trust sign registry.example.com/team/app:v1 --digest sha256:5d1f...e0 --size 1362",
        "trustkey trust sign registry.example.com/team/app:v1 --from-registry",
    ])
}

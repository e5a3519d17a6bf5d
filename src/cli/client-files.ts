import path from "node:path"
import type { PinFiles } from "../publish/index.ts"
import type { Cli } from "./context.ts"

const ADMINISTRATOR_CONFIG = "/etc/trustkeyd/client.toml"

/** Where it says which roots are trusted, and what asks for PINs. XDG base directories: a relative path counts as none. */
export function pinFiles(cli: Cli): PinFiles {
    const { env, home, administratorConfig } = cli.context
    const configured = env["XDG_CONFIG_HOME"] ?? ""
    const base = path.isAbsolute(configured) ? configured : path.join(home, ".config")
    return { administrator: administratorConfig ?? ADMINISTRATOR_CONFIG, user: path.join(base, "trustkey", "client.toml") }
}

import { parse, TomlError } from "smol-toml"
import { TrustkeyError } from "../errors.ts"

/** The value a TOML text stands for, as strangers wrote it. @throws config_invalid naming line and column, without a word of the text */
export function parseToml(text: string): unknown {
    try {
        return parse(text)
    } catch (error) {
        if (!(error instanceof TomlError)) throw error
        // The library's message goes on with an excerpt of the file.
        const [reason = "not TOML"] = error.message.split("\n")
        throw new TrustkeyError("config_invalid", `line ${error.line}, column ${error.column}: ${reason}`, { cause: error })
    }
}

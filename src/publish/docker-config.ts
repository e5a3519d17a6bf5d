import path from "node:path"
import { TrustkeyError } from "../errors.ts"
import { readBytes } from "../storage/index.ts"

/** What `docker login` wrote for one registry. */
export type StoredLogin =
    | { readonly kind: "password"; readonly username: string; readonly password: string }
    | { readonly kind: "identity-token"; readonly identityToken: string }

export type DockerConfig = {
    readonly logins: ReadonlyMap<string, StoredLogin>
    /** The helper for every registry not named in `credentialHelpers`; undefined: the file itself. */
    readonly credentialsStore: string | undefined
    readonly credentialHelpers: ReadonlyMap<string, string>
    /** Of `docker context use`; undefined: the default one. */
    readonly currentContext: string | undefined
}

const MAX_CONFIG = 1024 * 1024
// It becomes a part of a program's name.
const HELPER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** `config.json`; one that isn't there is an empty one. @throws config_invalid, storage_failed */
export async function readDockerConfig(configDirectory: string): Promise<DockerConfig> {
    const file = path.join(configDirectory, "config.json")
    const bytes = await readBytes(file, { maxBytes: MAX_CONFIG })
    return parseDockerConfig(bytes === undefined ? "{}" : bytes.toString("utf8"))
}

/** Reads the parts that concern credentials. No message repeats anything the file holds. @throws config_invalid */
export function parseDockerConfig(text: string): DockerConfig {
    const document = parseObject(text)
    const logins = new Map<string, StoredLogin>()
    for (const [host, entry] of Object.entries(parseTable(document["auths"], "auths"))) {
        const login = parseLogin(parseTable(entry, "an entry of auths"))
        if (login !== undefined) logins.set(host, login)
    }
    const credentialHelpers = new Map<string, string>()
    for (const [host, name] of Object.entries(parseTable(document["credHelpers"], "credHelpers"))) {
        const helper = parseHelper(name, "credHelpers")
        if (helper !== undefined) credentialHelpers.set(host, helper)
    }
    const context = document["currentContext"]
    const currentContext = typeof context === "string" && context !== "" ? context : undefined
    return { logins, credentialHelpers, credentialsStore: parseHelper(document["credsStore"], "credsStore"), currentContext }
}

function parseObject(text: string): Record<string, unknown> {
    let document: unknown
    try {
        document = JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text)
    } catch {
        // The parser's message quotes the text around the mistake, which may be a password.
        throw new TrustkeyError("config_invalid", "docker's config.json isn't JSON")
    }
    return parseTable(document, "the document")
}

function parseTable(value: unknown, what: string): Record<string, unknown> {
    if (value === undefined || value === null) return {}
    if (typeof value !== "object" || Array.isArray(value))
        throw new TrustkeyError("config_invalid", `docker's config.json: ${what} isn't an object`)
    return value as Record<string, unknown>
}

function parseHelper(value: unknown, where: string): string | undefined {
    if (value === undefined || value === null || value === "") return undefined
    if (typeof value !== "string" || !HELPER.test(value)) {
        throw new TrustkeyError("config_invalid", `docker's config.json: ${where} names a credential helper that can't be one`)
    }
    return value
}

function parseLogin(entry: Record<string, unknown>): StoredLogin | undefined {
    const { identitytoken: identityToken, auth, username, password } = entry
    if (typeof identityToken === "string" && identityToken !== "") return { kind: "identity-token", identityToken }
    if (typeof auth === "string" && auth !== "") return parseBasic(auth)
    if (typeof username === "string" && username !== "" && typeof password === "string") return { kind: "password", username, password }
    // `{}` is what docker leaves behind when a helper holds the login.
    return undefined
}

function parseBasic(auth: string): StoredLogin {
    const text = Buffer.from(auth, "base64").toString("utf8")
    const colon = text.indexOf(":")
    if (colon < 1) throw new TrustkeyError("config_invalid", "docker's config.json: an auth isn't the base64 form of user:password")
    // docker cuts off the zero bytes that old versions put at the end.
    return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") }
}

/** The login for `host`, which may be written `host`, `https://host`, `https://host/v1/` … in the file. */
export function findLogin(config: DockerConfig, host: string): StoredLogin | undefined {
    const exact = config.logins.get(host)
    if (exact !== undefined) return exact
    for (const [name, login] of config.logins) {
        if (hostOf(name) === hostOf(host)) return login
    }
    return undefined
}

function hostOf(name: string): string {
    return name.replace(/^https?:\/\//, "").split("/")[0] ?? ""
}

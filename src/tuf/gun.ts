import { TrustkeyError } from "../errors.ts"

declare const gun: unique symbol
/** Globally unique name: the repository as docker normalises it, with its registry, e.g. `docker.io/library/alpine`. */
export type Gun = string & { readonly [gun]: true }

// distribution/reference: a first component is a host when it has a dot or a port, or is "localhost"; path components are lower case.
const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?`
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"
const GUN = new RegExp(`^(?<host>${HOST})(?:/${COMPONENT})+$`)
const MAX_LENGTH = 255

/** @throws invalid_request unless `text` is a repository name with its registry, at most 255 characters. */
export function parseGun(text: string): Gun {
    // The pattern leaves no room for "..", control characters or anything a file path would read otherwise.
    const host = text.length <= MAX_LENGTH ? GUN.exec(text)?.groups?.["host"] : undefined
    if (host === undefined || !isRegistry(host)) {
        throw new TrustkeyError("invalid_request", "not the name of a repository with its registry, such as registry.example.com/team/app")
    }
    return text as Gun
}

function isRegistry(host: string): boolean {
    return host === "localhost" || host.includes(".") || host.includes(":")
}

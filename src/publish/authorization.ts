import { TrustkeyError } from "../errors.ts"
import { type Challenge, parseChallenges } from "./challenge.ts"
import { type Connections, type FollowedAnswer, isLoopback } from "./connections.ts"
import type { Credentials } from "./credentials.ts"
import { type HttpAnswer, HttpFailure, type HttpQuestion } from "./exchange.ts"
import { asRefusal, bestChallenge, type Party, parseFields, refusalOf } from "./party.ts"

const MAX_TOKEN_ANSWER = 64 * 1024
const CLIENT_ID = "trustkey"
// RFC 6750 §2.1. Whatever else a token server sends would change the header it is put into.
const TOKEN = /^[A-Za-z0-9\-._~+/]{1,32768}=*$/

/**
 * Speaks to one server and logs in when it asks to (docker's token authentication, and Basic). The scope asked for is ours, never the
 * one in the server's challenge: a token for more than the question would be the server's to use elsewhere.
 */
export class AuthorizedServer {
    readonly #connections: Connections
    readonly #base: URL
    readonly #party: Party
    readonly #findCredentials: () => Promise<Credentials | undefined>
    readonly #authorizations = new Map<string, string>()
    #credentials: Promise<Credentials | undefined> | undefined

    constructor(connections: Connections, base: URL, party: Party, findCredentials: () => Promise<Credentials | undefined>) {
        this.#connections = connections
        this.#base = base
        this.#party = party
        this.#findCredentials = findCredentials
    }

    /**
     * Any answer but a 401. Redirects of a GET were followed.
     *
     * @throws the party's codes, login_needed; HttpFailure "too-long" passes through, its meaning depends on what was asked for
     */
    async ask(question: HttpQuestion, scope: string): Promise<HttpAnswer> {
        const first = await this.#send(question, scope)
        if (first.status !== 401) return first
        // Somebody we were redirected to: nobody's login is for them.
        if (first.url.origin !== this.#base.origin) throw refusalOf(first, this.#party)
        const challenge = bestChallenge(parseChallenges(first.headers["www-authenticate"] ?? ""))
        if (challenge === undefined) throw refusalOf(first, this.#party)
        this.#authorizations.set(scope, await this.#answer(challenge, scope))
        const second = await this.#send(question, scope)
        if (second.status === 401) throw refusalOf(second, this.#party)
        return second
    }

    async #send(question: HttpQuestion, scope: string): Promise<FollowedAnswer> {
        const authorization = this.#authorizations.get(scope)
        const headers = { ...question.headers, ...(authorization === undefined ? {} : { authorization }) }
        try {
            return await this.#connections.follow({ ...question, headers })
        } catch (error) {
            if (error instanceof HttpFailure && error.kind === "too-long") throw error
            throw asRefusal(error, this.#party)
        }
    }

    async #answer(challenge: Challenge, scope: string): Promise<string> {
        this.#credentials ??= this.#findCredentials()
        const credentials = await this.#credentials
        if (challenge.scheme === "bearer") return `Bearer ${await this.#token(challenge, scope, credentials)}`
        if (credentials === undefined || !("password" in credentials)) {
            throw new TrustkeyError("login_needed", `${this.#party.name} wants a user name and password; use docker login`)
        }
        return basic(credentials)
    }

    /** distribution's docs: registry/spec/auth/token and …/oauth. */
    async #token(challenge: Challenge, scope: string, credentials: Credentials | undefined): Promise<string> {
        const realm = this.#realm(challenge.parameters.get("realm") ?? "")
        const party: Party = { ...this.#party, name: `the token server ${realm.host}` }
        const fields = new URLSearchParams({ service: challenge.parameters.get("service") ?? "", scope })
        let question: HttpQuestion
        if (credentials !== undefined && "identityToken" in credentials) {
            fields.set("grant_type", "refresh_token")
            fields.set("client_id", CLIENT_ID)
            fields.set("refresh_token", credentials.identityToken)
            const headers = { "content-type": "application/x-www-form-urlencoded" }
            question = { method: "POST", url: realm, headers, body: Buffer.from(fields.toString()), maxBytes: MAX_TOKEN_ANSWER }
        } else {
            const url = new URL(realm)
            if (credentials !== undefined) fields.set("account", credentials.username)
            for (const [name, value] of fields) url.searchParams.append(name, value)
            question = {
                method: "GET",
                url,
                headers: credentials === undefined ? {} : { authorization: basic(credentials) },
                maxBytes: MAX_TOKEN_ANSWER,
            }
        }
        const answer = await this.#askRealm(question, party)
        if (answer.status === 401)
            throw new TrustkeyError("login_needed", `${party.name} refused the login kept for it; use docker login again`)
        if (answer.status !== 200) throw refusalOf(answer, party)
        return parseToken(answer.body, party)
    }

    async #askRealm(question: HttpQuestion, party: Party): Promise<HttpAnswer> {
        try {
            // Not followed: whoever may send us elsewhere may choose who gets the password.
            return await this.#connections.exchange(question)
        } catch (error) {
            throw asRefusal(error, party)
        }
    }

    #realm(text: string): URL {
        const realm = URL.canParse(text) ? new URL(text) : undefined
        // A server elsewhere has no business sending our password to a port of this machine.
        const plainIsFine = realm?.protocol === "http:" && isLoopback(realm) && isLoopback(this.#base)
        if (realm === undefined || (realm.protocol !== "https:" && !plainIsFine) || realm.username !== "" || realm.password !== "") {
            throw new TrustkeyError(this.#party.refused, `${this.#party.name} sends us for a token to a place that isn't an https URL`)
        }
        return realm
    }
}

function parseToken(body: Buffer, party: Party): string {
    let document: unknown
    try {
        document = JSON.parse(body.toString("utf8"))
    } catch {
        throw new TrustkeyError(party.failed, `${party.name} answered with something that isn't JSON`)
    }
    const { token, access_token: accessToken } = parseFields(document)
    const found = typeof token === "string" && token !== "" ? token : accessToken
    if (typeof found !== "string" || !TOKEN.test(found))
        throw new TrustkeyError(party.failed, `${party.name} answered without a usable token`)
    return found
}

function basic(credentials: { readonly username: string; readonly password: string }): string {
    return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`, "utf8").toString("base64")}`
}

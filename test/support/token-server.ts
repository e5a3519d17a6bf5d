import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { createServer } from "node:https"
import type { CertificateAuthority } from "./tls.ts"

export type TokenServer = AsyncDisposable & {
    /** What a registry's or notary-server's `auth.token` section wants. */
    readonly options: Readonly<Record<"realm" | "service" | "issuer" | "rootcertbundle", string>>
    /** `user scope` of every token that was given out; the user is empty for a stranger. */
    readonly given: string[]
}

/**
 * Who hands out tokens for a registry and its Notary (distribution's spec/auth/token): a stranger gets one that allows
 * nothing, a user with the right password one for all that was asked.
 */
export async function startTokenServer(authority: CertificateAuthority, users: Readonly<Record<string, string>>): Promise<TokenServer> {
    const served = await authority.issue("token-server", "server")
    const signer = await authority.issue("token-signer", "both")
    const key = createPrivateKey(readFileSync(signer.keyFile))
    const x5c = [new X509Certificate(readFileSync(signer.certFile)).raw.toString("base64")]
    const given: string[] = []
    const server = createServer({ cert: readFileSync(served.certFile), key: readFileSync(served.keyFile) }, (request, response) => {
        const query = new URL(request.url ?? "/", "https://localhost").searchParams
        const [, encoded] = /^Basic (.+)$/.exec(request.headers.authorization ?? "") ?? []
        // A password may hold colons.
        const login = Buffer.from(encoded ?? "", "base64").toString()
        const [, user = "", password] = /^([^:]*):(.*)$/.exec(login) ?? []
        if (encoded !== undefined && (users[user] === undefined || users[user] !== password)) {
            response.writeHead(401).end()
            return
        }
        const scopes = query.getAll("scope").flatMap((scope) => scope.split(" "))
        given.push(...scopes.map((scope) => `${user} ${scope}`))
        const access = user === "" ? [] : scopes.flatMap(accessOf)
        const now = Math.floor(Date.now() / 1000)
        const claims = {
            iss: "tokens",
            sub: user,
            aud: query.get("service"),
            exp: now + 300,
            nbf: now - 10,
            iat: now,
            jti: randomUUID(),
            access,
        }
        const text = [{ typ: "JWT", alg: "ES256", x5c }, claims].map((part) => base64url(JSON.stringify(part))).join(".")
        const token = `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token, access_token: token, expires_in: 300 }))
    })
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the token server has no port")
    const realm = `https://localhost:${address.port}/token`
    return {
        options: { realm, service: "trustkeyd-test", issuer: "tokens", rootcertbundle: authority.caFile },
        given,
        [Symbol.asyncDispose]: async () => {
            server.closeAllConnections()
            await new Promise((resolve) => server.close(resolve))
        },
    }
}

/** `repository:NAME:pull,push`; the name may hold a port. */
function accessOf(scope: string): readonly { type: string; name: string; actions: readonly string[] }[] {
    const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(scope) ?? []
    if (type === undefined || name === undefined || actions === undefined) return []
    return [{ type, name, actions: actions.split(",") }]
}

function base64url(text: string): string {
    return Buffer.from(text).toString("base64url")
}

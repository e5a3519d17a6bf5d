export type Line = {
    /** What follows `docker trust`. PREFIX is the world's own part of the registry, REGISTRY the registry itself. */
    readonly run: string
    /** Tells lines with the same arguments apart. */
    readonly when?: string
    readonly env?: Readonly<Record<string, string>>
    /** What is typed when a question has been asked on the terminal. Without it there is no terminal, and stdin is at its end. */
    readonly typed?: string
    /** A passphrase has to be given again: docker forgets between two commands anyway, our daemon is told to. */
    readonly locked?: boolean
}

/** How the table of differences names a line. */
export function titleOf({ run, when }: Line): string {
    const said = run === "" ? "without arguments" : run
    return when === undefined ? said : `${said} (${when})`
}

/** Commands whose help is looked at. */
export const COMMANDS = ["sign", "inspect", "revoke", "key generate", "key load", "signer add", "signer remove"] as const

/** The engine's images; each world has content of its own, so that no layer is known already. */
export const IMAGES = ["app:v1", "app:v2", "app:v3", "app:v10", "fresh:v1", "team/one:v1", "asked:v1"] as const

/** Repositories whose metadata are compared after each line. */
export const REPOSITORIES = ["app", "fresh", "one", "two", "asked", "team/one"] as const

const OTHER_DIGEST = `sha256:${"ab".repeat(32)}`
const DOWN = { DOCKER_CONTENT_TRUST_SERVER: "https://localhost:1" }
const NOT_HTTPS = { DOCKER_CONTENT_TRUST_SERVER: "http://localhost:1" }
const NO_URL = { DOCKER_CONTENT_TRUST_SERVER: "https://local host:%1" }
const WRONG = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "not the passphrase" }
const NO_ENGINE = { DOCKER_HOST: "unix:///nonexistent/engine.sock" }
const STRANGER = { DOCKER_CONFIG: "DIRECTORY/config-stranger" }

export const SCRIPT: readonly Line[] = [
    // How it is used
    { run: "" },
    { run: "frobnicate" },
    { run: "--frobnicate" },
    { run: "key" },
    { run: "key frobnicate" },
    { run: "signer" },
    { run: "sign" },
    { run: "sign PREFIX/app:v1 PREFIX/app:v2" },
    { run: "sign --frobnicate PREFIX/app:v1" },
    { run: "inspect" },
    { run: "inspect --format {{.}} PREFIX/app" },
    { run: "revoke" },
    { run: "key generate" },
    { run: "key generate alice bob" },
    { run: "key load" },
    { run: "signer add alice" },
    { run: "signer remove alice" },

    // Keys
    { run: "key generate Alice" },
    { run: "key generate _alice" },
    { run: "key generate alice/bob" },
    { run: "key generate --dir missing alice" },
    { run: "key generate --dir bob.pem zoe" },
    { run: "key generate alice" },
    { run: "key generate alice", when: "again" },
    { run: "key generate --dir keys frank" },
    { run: "key load missing.pem" },
    { run: "key load folder.pem" },
    { run: "key load empty.pem" },
    { run: "key load text.pem" },
    { run: "key load bob.pub" },
    { run: "key load shared.pem" },
    { run: "key load --name Bob bob.pem" },
    { run: "key load --name bob bob.pem" },
    { run: "key load --name bob bob.pem", when: "again" },
    { run: "key load carol.pem" },
    { run: "key load --name dave pkcs8.pem" },
    { run: "key load --name rsa rsa.pem" },
    { run: "key load --name p384 p384.pem" },
    { run: "key load --name ed ed25519.pem" },
    { run: "key load --name sealed sealed.pem", env: WRONG, when: "wrong passphrase" },
    { run: "key load --name sealed dek.pem", env: WRONG, when: "wrong passphrase" },
    { run: "key load --name sha sha256.pem" },
    { run: "key load --name sealed sealed.pem" },
    { run: "key load --name karl carol.pem", when: "a key that is there under another name" },

    // What isn't there
    { run: "inspect PREFIX/app" },
    { run: "inspect PREFIX/app:v1", when: "nothing signed" },
    { run: "inspect --pretty PREFIX/app" },
    { run: "inspect PREFIX/App" },
    { run: "inspect --pretty PREFIX/App" },
    { run: "inspect PREFIX/app PREFIX/fresh" },
    { run: "revoke PREFIX/app:v1" },
    { run: "revoke -y PREFIX/app" },
    { run: "revoke PREFIX/App:v1" },
    { run: `revoke PREFIX/app@${OTHER_DIGEST}` },
    { run: "signer remove bob PREFIX/app", when: "nothing signed" },
    { run: "sign PREFIX/app" },
    { run: `sign PREFIX/app@${OTHER_DIGEST}` },
    { run: `sign PREFIX/app:v1@${OTHER_DIGEST}` },
    { run: "sign PREFIX/App:v1" },
    { run: "sign PREFIX/app:" },
    { run: "sign PREFIX//app:v1" },
    { run: `inspect ${"ab".repeat(32)}` },
    { run: "sign PREFIX/nowhere:v1" },
    { run: "sign --local PREFIX/nowhere:v1" },
    { run: "sign PREFIX/app:v1", env: NO_ENGINE, when: "no engine" },

    // Signers
    { run: "signer add alice PREFIX/app" },
    { run: "signer add --key missing.pub alice PREFIX/app" },
    { run: "signer add --key text.pem alice PREFIX/app" },
    { run: "signer add --key bob.pem bob PREFIX/app" },
    { run: "signer add --key alice.pub releases PREFIX/app" },
    { run: "signer add --key alice.pub Alice PREFIX/app" },
    { run: "signer add --key alice.pub alice PREFIX/App" },
    { run: "signer add --key alice.pub alice PREFIX/app" },
    { run: "signer add --key alice.pub alice PREFIX/app", when: "again" },
    { run: "inspect PREFIX/app", when: "signers, no tags" },
    { run: "inspect --pretty PREFIX/app", when: "signers, no tags" },
    { run: "signer add --key bob.pub bob PREFIX/app" },
    { run: "signer add --key dave.pub --key dora.pub dave PREFIX/app" },
    { run: "signer add --key erin.crt erin PREFIX/app" },
    { run: "signer add --key bob.pub bob PREFIX/one PREFIX/two" },
    { run: "signer add --key carol.pub carol PREFIX/one PREFIX/Two" },
    { run: "signer add --key ed25519.pub eddie PREFIX/one" },
    { run: "signer add --key rsa.pub rita PREFIX/two" },

    // Signing
    { run: "sign PREFIX/app:missing" },
    { run: "sign PREFIX/app:v1" },
    { run: "inspect PREFIX/app:v1" },
    { run: "inspect --pretty PREFIX/app:v1" },
    { run: "sign PREFIX/app:v1", when: "again" },
    { run: "sign PREFIX/app:v1", env: NO_ENGINE, when: "again, no engine" },
    { run: "sign PREFIX/app:v10" },
    { run: "sign PREFIX/app:v2" },
    { run: "sign --local PREFIX/app:v2" },
    { run: "sign PREFIX/app:v3", env: WRONG, locked: true, when: "wrong passphrase" },
    { run: "sign PREFIX/app:v3", locked: true },
    { run: "sign PREFIX/fresh:v1", env: STRANGER, when: "not logged in" },
    { run: "sign PREFIX/fresh:v1" },
    { run: "sign PREFIX/team/one:v1" },
    { run: "sign PREFIX/asked:v1" },

    // What is there
    { run: "inspect PREFIX/app", when: "tags and signers" },
    { run: "inspect --pretty PREFIX/app", when: "tags and signers" },
    { run: "inspect PREFIX/fresh" },
    { run: "inspect --pretty PREFIX/fresh" },
    { run: "inspect PREFIX/app:missing" },
    { run: "inspect --pretty PREFIX/app:missing" },
    { run: "inspect PREFIX/app PREFIX/fresh:v1" },
    { run: "inspect PREFIX/fresh PREFIX/nowhere PREFIX/App" },
    { run: "inspect PREFIX/nowhere PREFIX/nothing" },
    { run: "inspect --pretty PREFIX/fresh PREFIX/app:v1" },
    { run: "inspect --pretty PREFIX/fresh PREFIX/nowhere PREFIX/app" },
    { run: `inspect PREFIX/app@${OTHER_DIGEST}` },

    // Servers
    { run: "inspect PREFIX/app", env: DOWN, when: "server down" },
    { run: "inspect PREFIX/nowhere", env: DOWN, when: "server down" },
    { run: "inspect --pretty PREFIX/nowhere", env: DOWN, when: "server down" },
    { run: "sign PREFIX/app:v1", env: DOWN, when: "server down" },
    { run: "sign PREFIX/nowhere:v1", env: DOWN, when: "server down" },
    { run: "signer add --key bob.pub bob PREFIX/nowhere", env: DOWN, when: "server down" },
    { run: "signer remove bob PREFIX/app", env: DOWN, when: "server down" },
    { run: "revoke PREFIX/app:v1", env: DOWN, when: "server down" },
    { run: "inspect PREFIX/app", env: NOT_HTTPS, when: "server not https" },
    { run: "sign PREFIX/app:v1", env: NOT_HTTPS, when: "server not https" },
    { run: "signer add --key bob.pub bob PREFIX/app", env: NOT_HTTPS, when: "server not https" },
    { run: "revoke PREFIX/app:v1", env: NOT_HTTPS, when: "server not https" },
    { run: "inspect PREFIX/app", env: NO_URL, when: "server no URL" },
    { run: "inspect PREFIX/fresh", env: { DOCKER_CONTENT_TRUST_SERVER: "NOTARY/some/path" }, when: "server with a path" },

    // Revoking
    { run: "revoke PREFIX/app:missing" },
    { run: "revoke PREFIX/app:v2" },
    { run: "revoke PREFIX/app:v2", when: "again" },
    { run: "revoke PREFIX/fresh", when: "nobody to ask" },
    { run: "revoke PREFIX/fresh", typed: "n\r", when: "declined" },
    { run: "revoke PREFIX/fresh", typed: "y\r", when: "confirmed" },
    { run: "revoke -y PREFIX/team/one" },
    { run: "revoke -y PREFIX/team/one", when: "again" },
    { run: "revoke --yes PREFIX/two" },
    { run: "inspect PREFIX/fresh", when: "revoked" },
    { run: "inspect --pretty PREFIX/fresh", when: "revoked" },

    // Signers who leave
    { run: "signer remove nobody PREFIX/app" },
    { run: "signer remove releases PREFIX/app" },
    { run: "signer remove Bob PREFIX/app" },
    { run: "signer remove bob PREFIX/nowhere" },
    { run: "signer remove bob PREFIX/app" },
    { run: "signer remove -f dave PREFIX/app" },
    { run: "signer remove bob PREFIX/two PREFIX/nowhere" },
    { run: "signer remove alice PREFIX/fresh", when: "no tag left to lose" },
    { run: "signer remove alice PREFIX/asked", when: "nobody to ask" },
    { run: "signer remove alice PREFIX/asked", typed: "n\r", when: "declined" },
    { run: "signer remove alice PREFIX/asked", typed: "y\r", when: "confirmed" },
    { run: "sign PREFIX/asked:v1", when: "after its only signer left" },
    { run: "inspect --pretty PREFIX/asked", when: "after its only signer left" },
]

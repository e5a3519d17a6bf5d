import type { Environment } from "./context.ts"

// Those that docker and Notary document, older ones too. Another variable with such a name may be meant for a container: --env NAME.
const SECRETS = /^(?:DOCKER_CONTENT_TRUST_[A-Z_]*PASSPHRASE|NOTARY_[A-Z_]*PASSPHRASE|NOTARY_AUTH)$/

/** TK-SEC-1: what docker, started by us, gets of our environment. The passphrase variables are for us. */
export function withoutSecrets(environment: Environment): Environment {
    return Object.fromEntries(Object.entries(environment).filter(([name]) => !SECRETS.test(name)))
}

import type { PublicKeyBytes } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyHome, TokenHome } from "../journal/index.ts"
import type { CardKey } from "./card-keys.ts"
import type { SealedHome } from "./key-store.ts"
import type { TokenKeys } from "./token-keys.ts"

// Where a new key lies, as it stands in its record.

/** @throws key_unfit */
export function pinned(publicKey: PublicKeyBytes | undefined): PublicKeyBytes {
    if (publicKey === undefined) throw new TrustkeyError("key_unfit", "the token does not show a public key of a kind we use")
    return publicKey
}

export function ourHome(home: SealedHome): KeyHome {
    return home.kind === "group" ? { kind: "group", group: home.group } : { kind: "sealed" }
}

export function cardHome(token: TokenKeys, { facts, pinPolicy, touchPolicy, attestation }: CardKey): TokenHome {
    return {
        ...tokenHome(token, facts),
        ...(pinPolicy === undefined ? {} : { pinPolicy }),
        ...(touchPolicy === undefined ? {} : { touchPolicy }),
        ...(attestation === undefined ? {} : { attestation }),
    }
}

export function tokenHome(token: TokenKeys, key: Parameters<TokenKeys["uriOf"]>[0]): TokenHome {
    return { kind: "token", token: token.config.name, uri: token.uriOf(key), serial: key.serial }
}

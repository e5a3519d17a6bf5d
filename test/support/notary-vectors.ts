import { readFileSync } from "node:fs"
import path from "node:path"
import type { RoleName } from "../../src/tuf/index.ts"
import { parseRoleName } from "../../src/tuf/index.ts"

const DIRECTORY = path.resolve(import.meta.dirname, "..", "vectors", "notary")

/** What a stock client's key file holds. `pkcs8` is DER without encryption. */
export type StockKeyFile = { readonly file: string; readonly role: string; readonly keyId: string; readonly pkcs8: Buffer }

/** All but Ed25519: notary writes that in a dialect of its own, which is no PKCS#8 to anybody else. */
export function stockKeyFiles(): readonly StockKeyFile[] {
    return parseKeyFiles(JSON.parse(readFileSync(path.join(DIRECTORY, "vectors.json"), "utf8")))
        .filter(({ keytype }) => keytype !== "ed25519")
        .map(({ file, pem_headers, key_id, plaintext_pkcs8_hex }) => {
            return { file, role: pem_headers["role"] ?? "", keyId: key_id, pkcs8: Buffer.from(plaintext_pkcs8_hex, "hex") }
        })
}

type KeyFileVector = {
    readonly file: string
    readonly keytype: string
    readonly pem_headers: Readonly<Record<string, string>>
    readonly key_id: string
    readonly plaintext_pkcs8_hex: string
}

function parseKeyFiles(value: unknown): readonly KeyFileVector[] {
    return (value as { readonly key_files: readonly KeyFileVector[] }).key_files
}

/** What docker made of this repository: root, targets, delegations, snapshot, timestamp. */
export const DOCKER_GUN = "localhost:21500/sample/img"

export function dockerRepository(): readonly { readonly role: RoleName; readonly content: Buffer }[] {
    return ["root", "targets", "targets/releases", "targets/dana", "snapshot", "timestamp"].map((role) => {
        return { role: parseRoleName(role), content: readFileSync(path.join(DIRECTORY, "docker", "metadata", `${role}.json`)) }
    })
}

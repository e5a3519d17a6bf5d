import { parseCertificateChain } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { listedKeys, type MetadataFile, type RootChange } from "../../tuf/index.ts"
import { rootExpiry } from "../trust/build-first.ts"
import { rootDocumentOf } from "../trust/build-update.ts"

/** As for a new repository: ten years less a day, and never longer than the first of the root's certificates. */
export function rotationExpiry(now: Date, before: MetadataFile, { rootKeys }: Omit<RootChange, "expires">): Date {
    const { keys, roles } = rootDocumentOf(before)
    const named = rootKeys?.keys ?? listedKeys(keys, roles.get("root")?.keyIds)
    const certificates = named.filter(({ keytype }) => keytype.endsWith("-x509")).map((key) => Buffer.from(key.public).toString("latin1"))
    return rootExpiry(now, certificates.filter(isReadable))
}

/** Others' roots may list what nobody can read; it counts for nothing. */
function isReadable(pem: string): boolean {
    try {
        return parseCertificateChain(pem).length > 0
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

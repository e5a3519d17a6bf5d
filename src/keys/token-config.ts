export type TokenConfig = {
    readonly name: string
    /** The PKCS#11 module, an absolute path. */
    readonly module: string
    /** RFC 7512, token attributes only. */
    readonly uri: string
    /** Name of the credential that holds the PIN. */
    readonly pinCredential?: string
    /** All of the signer's environment: SOFTHSM2_CONF and the like decide which token answers. */
    readonly environment: Readonly<Record<string, string>>
    /** What C_Initialize gets in pReserved; NSS needs it. */
    readonly libraryParameters?: string
    /** After so long without use other programs may have the token; zero: never. Undefined: 10 s for YubiKeys, never for others. */
    readonly releaseAfterMs?: number
    /** A PEM file: roots of attestations that count besides Yubico's. */
    readonly attestationRoots?: string
    /** For one call. Where a touch is needed, time for a person. */
    readonly deadlineMs: number
}

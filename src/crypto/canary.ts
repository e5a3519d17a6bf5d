/** TK-SIG-1: what a key signs to show that it can. Neither JSON nor DER begins like this, so no Intent can have this form. @param about 32 bytes */
export function canaryMessage(about: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from("trustkeyd canary v1\n", "ascii"), about])
}

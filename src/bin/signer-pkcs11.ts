import { runPkcs11Signer } from "../signer/index.ts"

void runPkcs11Signer((code) => process.exit(code))

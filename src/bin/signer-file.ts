import { runFileSigner } from "../signer/index.ts"

void runFileSigner((code) => process.exit(code))

import { type Exit, runSigner } from "../child.ts"
import { openPcsc } from "../piv/pcsc.ts"
import { loadModule } from "./module.ts"
import { Pkcs11Signer } from "./pkcs11-signer.ts"

/** The program of dist/signer-pkcs11.cjs. Returns when it has started; the process ends when its pipe closes. */
export function runPkcs11Signer(exit: Exit): void {
    runSigner((surroundings, configuration) => new Pkcs11Signer(surroundings, configuration, loadModule, openPcsc), exit)
}

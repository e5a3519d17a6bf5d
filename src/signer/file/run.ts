import { type Exit, runSigner } from "../child.ts"
import { FileSigner } from "./file-signer.ts"

/** The program of dist/signer-file.cjs. Returns when it has started; the process ends when its pipe closes. */
export function runFileSigner(exit: Exit): void {
    runSigner((surroundings, configuration) => new FileSigner(surroundings, configuration), exit)
}

import { TrustkeyError } from "../errors.ts"
import { listTokens, runPkcs11Signer } from "../signer/index.ts"

/** `--list-tokens MODULE`: what trustkey init asks when it looks for a token. Without arguments: the signer, which the daemon starts. */
async function list(module: string): Promise<void> {
    try {
        const tokens = await listTokens(module)
        process.stdout.write(`${tokens}\n`, () => process.exit(0))
    } catch (error) {
        process.stderr.write(`${error instanceof TrustkeyError ? error.message : "the module failed"}\n`, () => process.exit(1))
    }
}

const [flag, module] = process.argv.slice(2)
if (flag === "--list-tokens" && module !== undefined) void list(module)
else void runPkcs11Signer((code) => process.exit(code))

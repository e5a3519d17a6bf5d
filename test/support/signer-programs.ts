import { mkdir, rm } from "node:fs/promises"
import path from "node:path"
import { build } from "esbuild"

const ROOT = path.resolve(import.meta.dirname, "..", "..")

export type SignerPrograms = AsyncDisposable & { readonly file: string; readonly pkcs11: string }

/** The signer programs of this working tree, bundled as packaging/bundle.ts does it. Inside the project, where npm's packages are found. */
export async function bundleSigners(): Promise<SignerPrograms> {
    const outdir = path.join(ROOT, "dist", `signers-${process.pid}`)
    await mkdir(outdir, { recursive: true })
    await build({
        absWorkingDir: ROOT,
        entryPoints: { file: "src/bin/signer-file.ts", pkcs11: "src/bin/signer-pkcs11.ts" },
        outdir,
        outExtension: { ".js": ".cjs" },
        bundle: true,
        platform: "node",
        format: "cjs",
        target: "node24",
        external: ["koffi", "pkcs11js", "argon2"],
        banner: { js: '"use strict"; const __bundle_url = require("node:url").pathToFileURL(__filename).href;' },
        define: { "import.meta.url": "__bundle_url" },
        logLevel: "error",
    })
    return {
        file: path.join(outdir, "file.cjs"),
        pkcs11: path.join(outdir, "pkcs11.cjs"),
        [Symbol.asyncDispose]: () => rm(outdir, { recursive: true, force: true }),
    }
}

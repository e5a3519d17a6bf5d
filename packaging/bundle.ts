import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { build } from "esbuild"

// Under --jitless there is no WebAssembly, so type stripping fails and whatever runs there must be plain JavaScript.
const ENTRIES = {
    trustkeyd: "src/bin/trustkeyd.ts",
    "signer-file": "src/bin/signer-file.ts",
    "signer-pkcs11": "src/bin/signer-pkcs11.ts",
    client: "src/bin/client.ts",
    trustkey: "src/bin/trustkey.ts",
    "docker-trustkey": "src/bin/docker-trustkey.ts",
    "docker-trust": "src/bin/docker-trust.ts",
    "database-worker": "src/storage/database-worker.ts",
}

const PLUGINS = ["docker-trustkey", "docker-trust"]

// Packages with a native part find it beside themselves, so they stay where npm put them.
const NATIVE = ["koffi", "pkcs11js", "argon2"]

// CommonJS has no import.meta. The directive has to come first: behind the banner's code it would be a mere string,
// and modules would silently run in sloppy mode.
const BANNER = '"use strict"; const __bundle_url = require("node:url").pathToFileURL(__filename).href;'

async function bundle(root: string): Promise<void> {
    const missing = Object.values(ENTRIES).filter((entry) => !existsSync(path.join(root, entry)))
    if (missing.length > 0) throw new Error(`cannot bundle, these files are missing: ${missing.join(", ")}`)
    const outdir = path.join(root, "dist")
    const { metafile } = await build({
        absWorkingDir: root,
        metafile: true,
        entryPoints: ENTRIES,
        outdir,
        outExtension: { ".js": ".cjs" },
        bundle: true,
        platform: "node",
        format: "cjs",
        target: "node24",
        // src/bin/compiled.ts counts on it.
        charset: "ascii",
        sourcemap: "linked",
        legalComments: "linked",
        external: NATIVE,
        supported: { "dynamic-import": false },
        banner: { js: BANNER },
        define: {
            "import.meta.url": "__bundle_url",
            "import.meta.filename": "__filename",
            "import.meta.dirname": "__dirname",
        },
        logLevel: "warning",
    })
    for (const name of Object.keys(ENTRIES)) escapeRest(path.join(outdir, `${name}.cjs`))
    removeOldBundles(outdir)
    writeMetadata(outdir)
    writePackages(outdir, Object.keys(metafile.inputs))
    // What trustkey init writes where there is no configuration yet.
    copyFileSync(path.join(root, "packaging/trustkeyd.toml"), path.join(outdir, "trustkeyd.toml"))
    for (const name of Object.keys(ENTRIES)) {
        const kilobytes = Math.round(statSync(path.join(outdir, `${name}.cjs`)).size / 1024)
        console.log(`dist/${name}.cjs  ${kilobytes} kB`)
    }
}

/**
 * esbuild leaves comments and regular expressions as they are. With one character beyond Latin-1 in it V8 holds the whole program in two bytes
 * per character, in each process that runs it.
 */
function escapeRest(file: string): void {
    const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
    writeFileSync(file, readFileSync(file, "utf8").replace(/[\u0080-\uffff]/g, escaped))
}

/** What a plugin says it is, in its own words, for its launcher: docker asks too often to start a Node each time. */
function writeMetadata(outdir: string): void {
    for (const name of PLUGINS) {
        const metadata = execFileSync(process.execPath, [path.join(outdir, `${name}.cjs`), "docker-cli-plugin-metadata"])
        writeFileSync(path.join(outdir, `${name}.metadata`), metadata)
    }
}

/** Which npm packages something in the bundles is from: licences and the bill of materials go by it. */
function writePackages(outdir: string, inputs: readonly string[]): void {
    const names = inputs.map((file) => /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [])
    writeFileSync(path.join(outdir, "packages.json"), `${JSON.stringify([...new Set(names.flat())].sort(), undefined, 4)}\n`)
}

/** A bundle whose source is gone would go on being run. */
function removeOldBundles(outdir: string): void {
    for (const file of readdirSync(outdir)) {
        const name = /^(.+)\.(?:cjs(?:\.map|\.LEGAL\.txt)?|metadata)$/.exec(file)?.[1]
        if (name !== undefined && !Object.hasOwn(ENTRIES, name)) rmSync(path.join(outdir, file))
    }
}

try {
    await bundle(path.resolve(import.meta.dirname, ".."))
} catch (error) {
    console.error(`packaging/bundle.ts: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
}

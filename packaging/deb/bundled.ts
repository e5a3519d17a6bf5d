import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { ROOT } from "./layout.ts"
import { nativePackages } from "./programs.ts"

/** A package from npm of which something is in ours. */
export type BundledPackage = {
    readonly name: string
    readonly version: string
    /** SPDX identifier, as its manifest has it, or the one of several that we take. */
    readonly licence: string
    readonly licenceText: string
    /** Of the archive npm checked, as the lock file has it: sha512-BASE64. */
    readonly integrity: string
}

/** Of packages that let us choose, what we choose: which expression, which file, and where in it the text of the other begins. */
const CHOSEN: Readonly<Record<string, { readonly licence: string; readonly file: string; readonly until?: string } | undefined>> = {
    qr: { licence: "MIT", file: "LICENSE-MIT" },
    "node-forge": { licence: "BSD-3-Clause", file: "LICENSE", until: "        GNU GENERAL PUBLIC LICENSE" },
}

type Manifest = { readonly version: string; readonly license: string }
type Lock = { readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string } | undefined>> }

/** Those in the bundles, the native ones with what they load, and the runtime; by name. */
export function bundledPackages(): readonly BundledPackage[] {
    const lock: Lock = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"))
    const inBundles: readonly string[] = JSON.parse(readFileSync(path.join(ROOT, "dist/packages.json"), "utf8"))
    const names = new Set([...inBundles, ...nativePackages(), `node-linux-${process.arch}`])
    return [...names].sort().map((name) => {
        const directory = path.join(ROOT, "node_modules", name)
        const { version, license }: Manifest = JSON.parse(readFileSync(path.join(directory, "package.json"), "utf8"))
        const locked = lock.packages[`node_modules/${name}`]
        if (locked?.integrity === undefined || locked.version !== version)
            throw new Error(`${name} ${version} is not what the lock file has`)
        const licence = CHOSEN[name]?.licence ?? license
        return { name, version, licence, licenceText: readLicence(name, directory), integrity: locked.integrity }
    })
}

function readLicence(name: string, directory: string): string {
    // koffi's native parts have packages of their own, without the text.
    if (name.startsWith("@koromix/koffi-")) return readLicence("koffi", path.join(ROOT, "node_modules/koffi"))
    const chosen = CHOSEN[name]
    const file = chosen?.file ?? readdirSync(directory).find((entry) => /^licen[cs]e(?:\.(?:md|txt))?$/i.test(entry))
    if (file === undefined) throw new Error(`${name} says nowhere what its terms are`)
    const text = readFileSync(path.join(directory, file), "utf8")
    return text.slice(0, chosen?.until === undefined ? undefined : text.indexOf(chosen.until))
}

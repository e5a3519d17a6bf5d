import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import type { BundledPackage } from "./bundled.ts"
import { ROOT } from "./layout.ts"

/** What is inside the package: CycloneDX 1.5, JSON. Hashes are those of the archives npm checked when they were installed. */
export function billOfMaterials(packages: readonly BundledPackage[], version: string, date: Date): string {
    const components = packages.map((bundled) => component(bundled))
    const document = {
        bomFormat: "CycloneDX",
        specVersion: "1.5",
        version: 1,
        metadata: {
            timestamp: date.toISOString().replace(".000Z", "Z"),
            component: {
                type: "application",
                "bom-ref": "trustkeyd",
                name: "trustkeyd",
                version,
                licenses: [{ license: { id: "Apache-2.0" } }],
            },
        },
        components,
        dependencies: [{ ref: "trustkeyd", dependsOn: components.map((each) => each["bom-ref"]) }],
    }
    return `${JSON.stringify(document, undefined, 2)}\n`
}

function component({ name, version, licence, integrity }: BundledPackage) {
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`
    const runtime = name.startsWith("node-linux-")
    const archive = `https://registry.npmjs.org/${name}/-/${path.basename(name)}-${version}.tgz`
    const hashes = [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }]
    return {
        type: runtime ? "platform" : "library",
        "bom-ref": purl,
        name,
        version,
        licenses: [{ license: { id: licence } }],
        purl,
        externalReferences: [{ type: "distribution", url: archive, hashes }],
        // The archive's binary, before it was stripped: release lists of Node have it as well.
        ...(runtime ? { hashes: [{ alg: "SHA-256", content: runtimeHash(name) }], components: partsOfRuntime() } : {}),
    }
}

function runtimeHash(name: string): string {
    return createHash("sha256")
        .update(readFileSync(path.join(ROOT, "node_modules", name, "bin/node")))
        .digest("hex")
}

/** What is compiled into the runtime: that OpenSSL is the one that signs. */
function partsOfRuntime() {
    return Object.entries(process.versions)
        .filter(([name, version]) => name !== "node" && version !== undefined && /\d\.\d/.test(version))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, version]) => ({ type: "library", "bom-ref": `node/${name}`, name, version }))
}

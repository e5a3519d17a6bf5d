import { algorithmOf, certificatesFormProblem } from "../crypto/index.ts"
import {
    assembleFile,
    bareKey,
    canonicalKeyIdOf,
    certificateKey,
    countedRootKeys,
    type Gun,
    type KeyId,
    lineageOf,
    listedKeys,
    type MetadataFile,
    parseFile,
    parseSigned,
    ROOT,
    type RootDocument,
    type TufKey,
    verifyThreshold,
} from "../tuf/index.ts"
import { reading, refuse } from "./fault.ts"
import type { Plan, PlannedRepository } from "./plan.ts"

/**
 * The published roots of a repository, from version 1 to the one the plan names, each as Notary itself writes it: a file that two readers could
 * read in two ways has no place here.
 *
 * @throws Fault
 */
export function readChain(plan: Plan, repository: PlannedRepository, files: readonly Buffer[]): readonly MetadataFile[] {
    const { gun, published } = repository
    const chain = files.map((content, index) => reading(`${gun}, root version ${index + 1}`, () => readRoot(content, gun)))
    for (const [index, file] of chain.entries()) {
        const version = index + 1
        const before = chain[index - 1]
        if (file.signed.document.version !== version)
            refuse(`${gun}: root version ${file.signed.document.version} stands where ${version} should`)
        if (before !== undefined) reading(gun, () => checkSigned(file, before, gun))
    }
    const [first, newest] = [chain[0], chain.at(-1)]
    if (first === undefined || newest === undefined || published === undefined) return chain
    if (lineageOf(first.signed) !== published.lineage) refuse(`${gun}: root version 1 is another than the plan's lineage names`)
    if (newest.signed.sha256 !== published.sha256)
        refuse(`${gun}: root version ${published.version} is another than the one the plan was made for`)
    checkPlannedKeys(plan, gun, rootDocument(newest))
    return chain
}

function readRoot(content: Buffer, gun: Gun): MetadataFile {
    const served = parseFile(content, ROOT)
    const signed = parseSigned(served.signed.bytes, ROOT)
    if (!assembleFile(signed, served.signatures).equals(content)) refuse("it is not written as Notary writes it")
    if (served.signatures.some(({ sig }) => sig.length === 0)) refuse("it has an empty signature")
    const file = { ...served, signed }
    if ([...rootDocument(file).keys.values()].some((key) => key.public.length === 0)) refuse("it has an empty key")
    checkCertificatesForm(rootDocument(file))
    checkSigned(file, file, gun)
    return file
}

/** Whether a key can be used is a question with two answers where its certificate is written in a way that only some readers take. */
function checkCertificatesForm({ keys, roles }: RootDocument): void {
    for (const id of [...roles.values()].flatMap(({ keyIds }) => keyIds)) {
        const key = keys.get(id)
        if (key?.keytype.endsWith("-x509") !== true) continue
        if (!isNormal(key)) refuse("a certificate of a role is not written as PEM in lines of 64")
        const problem = certificatesFormProblem(Buffer.from(key.public).toString("latin1"))
        if (problem !== undefined) refuse(`a certificate of a role: ${problem}`)
    }
}

/** That `file` is signed by the threshold of role root in `trusted`; only keys count whose certificates do. */
function checkSigned(file: MetadataFile, trusted: MetadataFile, gun: Gun): void {
    const root = rootDocument(trusted)
    const role = root.roles.get("root") ?? refuse("it names no keys for root")
    const counted = new Map([...countedRootKeys(root, gun)].filter(([, key]) => isNormal(key)))
    verifyThreshold(file.signed, file.signatures, counted, role, trusted === file ? "its" : `version ${root.version}'s`)
}

export function rootDocument(file: Pick<MetadataFile, "signed">): RootDocument {
    const { document } = file.signed
    return document.type === "root" ? document : refuse("it is no root")
}

/** The keys of role root: TUF key by canonical ID. @throws Fault when there is one that nobody could sign with */
export function rootKeysOf(root: RootDocument): ReadonlyMap<KeyId, TufKey> {
    const keys = listedKeys(root.keys, root.roles.get("root")?.keyIds)
    return new Map(keys.map((key) => [reading("a key of role root", () => usableId(key)), key]))
}

function usableId(key: TufKey): KeyId {
    algorithmOf(bareKey(key))
    const isPlain = !key.keytype.endsWith("-x509") || isNormal(key)
    return isPlain ? canonicalKeyIdOf(key) : refuse("its certificate is not written as PEM in lines of 64")
}

function isNormal(key: TufKey): boolean {
    return Buffer.from(certificateKey(Buffer.from(key.public).toString("latin1")).public).equals(key.public)
}

export function rootThreshold(root: RootDocument): number {
    return root.roles.get("root")?.threshold ?? refuse("it names no keys for root")
}

/** Every key of the published root is accounted for, and what remains of them is what the kind of ceremony is for. */
function checkPlannedKeys(plan: Plan, gun: Gun, root: RootDocument): void {
    const published = rootKeysOf(root)
    const accounted = new Set<KeyId>()
    const lost = new Set<KeyId>()
    for (const key of plan.keys) {
        if (key.change === "new") continue
        const isPublished = published.has(key.id)
        if (key.change === "added") {
            if (isPublished && plan.kind !== "root-lost") refuse(`${gun}: key ${key.name} is to be added, and is in the root already`)
        } else if (!isPublished) refuse(`${gun}: key ${key.name} is ${key.change}, and is not in the published root`)
        if (isPublished) accounted.add(key.id)
        if (key.change === "lost") lost.add(key.id)
    }
    for (const id of published.keys()) if (!accounted.has(id)) refuse(`${gun}: the plan says nothing of key ${id} of the published root`)
    const [left, threshold] = [published.size - lost.size, rootThreshold(root)]
    if (plan.kind === "root-lost" ? left >= threshold : left < threshold)
        refuse(`${gun}: ${left} keys of the published root are left, it needs ${threshold}; that is no ${plan.kind}`)
}

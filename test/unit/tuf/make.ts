import { readFileSync } from "node:fs"
import path from "node:path"
import {
    type Algorithm,
    algorithmOf,
    assembleCertificate,
    certificateScheme,
    generatePrivateKey,
    openPrivateKey,
    rootCertificateTbs,
    signWith,
    tufScheme,
} from "../../../src/crypto/index.ts"
import {
    assembleFile,
    certificateKey,
    type Delegation,
    encodeRoot,
    encodeSnapshot,
    encodeTargets,
    encodeTimestamp,
    type FileMeta,
    fileMetaOf,
    type Gun,
    type KeyId,
    keyIdOf,
    type MetadataDocument,
    type MetadataFile,
    parseFile,
    parseGun,
    parseRoleName,
    parseSigned,
    type RepositoryFiles,
    type RootDocument,
    type Signature,
    type SignedMetadata,
    snapshotMeta,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"

export const GUN: Gun = parseGun("registry.example.com/team/app")
export const NOW = new Date("2026-11-21T12:00:00Z")
export const LATER = new Date("2027-11-21T12:00:00Z")
export const EARLIER = new Date("2026-11-20T12:00:00Z")

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/notary")

export function readVector(name: string): Buffer {
    return readFileSync(path.join(VECTORS, name))
}

export function readVectorJson(name: string): unknown {
    return JSON.parse(readVector(name).toString("utf8"))
}

export type TestKey = { readonly tuf: TufKey; readonly id: KeyId; sign(bytes: Uint8Array): Signature }

/** A key in the form delegations, targets, snapshot and timestamp have it. */
export function makeKey(algorithm: Algorithm = "p256"): TestKey {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    return testKey(tufKey(publicKey), tufScheme(algorithmOf(publicKey)), openPrivateKey(pkcs8))
}

/** A key in a certificate, as role root has it. */
export function makeRootKey(options: { gun?: string; algorithm?: Algorithm; notBefore?: Date; notAfter?: Date } = {}): TestKey {
    const { pkcs8, publicKey } = generatePrivateKey(options.algorithm ?? "p256")
    const key = openPrivateKey(pkcs8)
    const tbs = rootCertificateTbs({
        gun: options.gun ?? GUN,
        publicKey,
        serial: Buffer.alloc(16, 7),
        notBefore: options.notBefore ?? EARLIER,
        notAfter: options.notAfter ?? LATER,
    })
    const pem = assembleCertificate(tbs, publicKey, signWith(key, certificateScheme(algorithmOf(publicKey)), tbs))
    return testKey(certificateKey(pem), tufScheme(algorithmOf(publicKey)), key)
}

function testKey(tuf: TufKey, scheme: ReturnType<typeof tufScheme>, key: ReturnType<typeof openPrivateKey>): TestKey {
    const id = keyIdOf(tuf)
    return { tuf, id, sign: (bytes) => ({ keyId: id, method: scheme, sig: signWith(key, scheme, bytes) }) }
}

export function encode(document: MetadataDocument): Buffer {
    switch (document.type) {
        case "root":
            return encodeRoot(document)
        case "targets":
            return encodeTargets(document)
        case "snapshot":
            return encodeSnapshot(document)
        case "timestamp":
            return encodeTimestamp(document)
    }
}

export function makeSigned(document: MetadataDocument, role: string = document.type): SignedMetadata {
    return parseSigned(encode(document), parseRoleName(role))
}

export function makeFile(document: MetadataDocument, keys: readonly TestKey[], role: string = document.type): MetadataFile {
    const signed = makeSigned(document, role)
    return parseFile(
        assembleFile(
            signed,
            keys.map((key) => key.sign(signed.bytes)),
        ),
        signed.role,
    )
}

export function keyMap(keys: readonly TestKey[]): ReadonlyMap<KeyId, TufKey> {
    return new Map(keys.map(({ id, tuf }) => [id, tuf]))
}

export function ids(keys: readonly TestKey[]): readonly KeyId[] {
    return keys.map(({ id }) => id)
}

export type Keys = { readonly root: readonly TestKey[]; readonly targets: TestKey; readonly snapshot: TestKey; readonly timestamp: TestKey }

export function makeKeys(rootKeys: readonly TestKey[] = [makeRootKey()]): Keys {
    return { root: rootKeys, targets: makeKey(), snapshot: makeKey(), timestamp: makeKey() }
}

export function makeRoot(keys: Keys, changes: Partial<RootDocument> & { rootThreshold?: number } = {}): RootDocument {
    const { rootThreshold = 1, ...rest } = changes
    const one = (key: TestKey) => ({ keyIds: [key.id], threshold: 1 })
    return {
        type: "root",
        version: 1,
        expires: LATER,
        keys: keyMap([...keys.root, keys.targets, keys.snapshot, keys.timestamp]),
        roles: new Map([
            ["root", { keyIds: ids(keys.root), threshold: rootThreshold }],
            ["targets", one(keys.targets)],
            ["snapshot", one(keys.snapshot)],
            ["timestamp", one(keys.timestamp)],
        ]),
        consistentSnapshot: false,
        ...rest,
    }
}

export type DelegationSpec = {
    readonly name: string
    readonly keys: readonly TestKey[]
    readonly threshold?: number
    readonly paths?: readonly string[]
    readonly signers?: readonly TestKey[]
    readonly expires?: Date
    readonly version?: number
    readonly targets?: ReadonlyMap<string, FileMeta>
    readonly below?: readonly DelegationSpec[]
    readonly withoutFile?: boolean
}

function delegationsOf(specs: readonly DelegationSpec[]) {
    const roles: Delegation[] = specs.map((spec) => ({
        name: parseRoleName(spec.name),
        keyIds: ids(spec.keys),
        threshold: spec.threshold ?? 1,
        paths: spec.paths ?? [""],
    }))
    return { keys: keyMap(specs.flatMap(({ keys }) => keys)), roles }
}

function delegationFiles(specs: readonly DelegationSpec[]): MetadataFile[] {
    return specs.flatMap((spec) => {
        if (spec.withoutFile === true) return []
        const file = makeFile(
            {
                type: "targets",
                version: spec.version ?? 1,
                expires: spec.expires ?? LATER,
                targets: spec.targets ?? new Map(),
                delegations: delegationsOf(spec.below ?? []),
            },
            spec.signers ?? spec.keys,
            spec.name,
        )
        return [file, ...delegationFiles(spec.below ?? [])]
    })
}

export function someTarget(text: string): FileMeta {
    return fileMetaOf(Buffer.from(text))
}

export type RepositorySpec = {
    readonly delegations?: readonly DelegationSpec[]
    readonly targets?: ReadonlyMap<string, FileMeta>
    readonly root?: MetadataFile
    readonly expires?: { readonly targets?: Date; readonly snapshot?: Date; readonly timestamp?: Date }
    readonly alsoListed?: ReadonlyMap<string, FileMeta>
}

/** A whole repository, each file signed by its keys, everything listed where it must be. */
export function makeRepository(keys: Keys, spec: RepositorySpec = {}): Required<RepositoryFiles> {
    const root = spec.root ?? makeFile(makeRoot(keys), keys.root)
    const targets = makeFile(
        {
            type: "targets",
            version: 2,
            expires: spec.expires?.targets ?? LATER,
            targets: spec.targets ?? new Map([["v1", someTarget("one")]]),
            delegations: delegationsOf(spec.delegations ?? []),
        },
        [keys.targets],
    )
    const delegations = delegationFiles(spec.delegations ?? [])
    const meta = new Map([...snapshotMeta([root, targets, ...delegations]), ...(spec.alsoListed ?? [])])
    const snapshot = makeFile({ type: "snapshot", version: 3, expires: spec.expires?.snapshot ?? LATER, meta }, [keys.snapshot])
    const timestamp = makeFile(
        {
            type: "timestamp",
            version: 4,
            expires: spec.expires?.timestamp ?? LATER,
            meta: new Map([["snapshot", fileMetaOf(snapshot.content)]]),
        },
        [keys.timestamp],
    )
    return { roots: [root], timestamp, snapshot, targets, delegations }
}

export function withCode(code: string): (error: unknown) => boolean {
    return (error) => error instanceof Error && "code" in error && error.code === code
}

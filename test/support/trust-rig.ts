import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { copyFile, mkdir } from "node:fs/promises"
import path from "node:path"
import { type Daemon, type DaemonToken, startDaemon, type TrustkeyOptions } from "./daemon.ts"
import { type DockerClient, startDockerClient } from "./docker.ts"
import { askHttps } from "./https.ts"
import { type Notary, type NotaryOptions, startNotary } from "./notary.ts"
import { type NotaryClient, startNotaryClient } from "./notary-client.ts"
import { type NotaryProxy, startNotaryProxy } from "./proxy.ts"
import { type SoftHsm, startSoftHsm } from "./softhsm.ts"
import { writeSecret } from "./temp.ts"

/** What the stock clients' passphrases are, so that docker's keys can be used by notary. */
export const STOCK_PASSPHRASE = "stock-client-passphrase"

export type ListedTarget = { readonly name: string; readonly hex: string; readonly size: number; readonly role: string }
export type SignedTag = { readonly tag: string; readonly hex: string; readonly signers: readonly string[] }

/**
 * The real daemon with a root key on a token, a real Notary, and stock clients, for tests of what they make of each other.
 * `trustkey` and `docker` share one configuration directory; `judge` is another machine's docker, `notary` a third's notary.
 */
export type TrustRig = AsyncDisposable & {
    readonly notary: Notary
    /** In front of Notary; who wants it uses `throughProxy` as environment. */
    readonly proxy: NotaryProxy
    readonly token: SoftHsm
    readonly daemon: Daemon
    readonly docker: DockerClient
    readonly judge: DockerClient
    readonly client: NotaryClient
    /** Of the repository keys. */
    readonly passphraseFile: string
    readonly throughProxy: Readonly<Record<string, string>>
    /** `trustkey` that has to succeed; its stdout. */
    ok(args: readonly string[], options?: TrustkeyOptions): Promise<string>
    /** `trustkey` that has to refuse; its stderr. */
    refused(args: readonly string[], code: string, status: number, options?: TrustkeyOptions): Promise<string>
    /** `trust init`, with a new repository key under the passphrase. */
    init(gun: string, ...more: readonly string[]): Promise<string>
    /** `trust sign` of a digest made of one repeated pair of digits. */
    sign(image: string, pair: string, ...more: readonly string[]): Promise<string>
    /** The stock notary client, which has to succeed; its stdout. */
    stock(args: readonly string[], input?: string): Promise<string>
    /** docker beside trustkey, which has to succeed; its stdout. */
    dockerOk(args: readonly string[], input?: string): Promise<string>
    /** What `notary list` shows. */
    listed(gun: string): Promise<readonly ListedTarget[]>
    /** What `docker trust inspect` shows on another machine, by tag; the order docker shows them in is not always the same. */
    signedTags(gun: string): Promise<readonly SignedTag[]>
    /** A metadata file as the server gives it out: `targets`, `1.root`. */
    served(gun: string, name: string): Promise<Buffer>
    /** Both stock clients see these tags of it and no others. */
    assertReadable(gun: string, tags: readonly string[]): Promise<void>
    /** A file in the daemon's directory that only its owner reads; its path. */
    secret(name: string, content: string): Promise<string>
    /** The fingerprint of a repository, worked out from what the server gives out. */
    fingerprint(gun: string): Promise<string>
}

/** `tokens`: beside the one with the root key, which is called root-token. `env`: of the daemon. */
export type TrustRigOptions = NotaryOptions & {
    readonly tokens?: Readonly<Record<string, DaemonToken>>
    readonly env?: Readonly<Record<string, string>>
}

export async function openTrustRig({ tokens = {}, env: daemonEnv = {}, ...options }: TrustRigOptions = {}): Promise<TrustRig> {
    await using opened = new AsyncDisposableStack()
    const [notary, token] = await Promise.all([startNotary(options), startSoftHsm()])
    opened.use(notary)
    opened.use(token)
    const proxy = opened.use(await startNotaryProxy(notary))
    const passphrases = { root: STOCK_PASSPHRASE, targets: STOCK_PASSPHRASE, snapshot: STOCK_PASSPHRASE, delegation: STOCK_PASSPHRASE }
    const stockDocker = { notary, rootPassphrase: STOCK_PASSPHRASE, repositoryPassphrase: STOCK_PASSPHRASE }
    const daemon = opened.use(await startDaemon({ tokens: { "root-token": token, ...tokens }, env: daemonEnv }))
    const docker = opened.use(await startDockerClient(stockDocker))
    const judge = opened.use(await startDockerClient(stockDocker))
    const client = opened.use(await startNotaryClient({ notary, passphrases }))
    const tls = path.join(docker.configDirectory, "tls", proxy.host)
    await mkdir(tls, { recursive: true })
    await copyFile(notary.caFile, path.join(tls, "ca.crt"))

    const secret = (name: string, content: string): Promise<string> => writeSecret(daemon.directory, name, content)
    const passphraseFile = await secret("passphrase", "correct horse battery")
    const env = { DOCKER_CONFIG: docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: notary.url }
    const ok: TrustRig["ok"] = (args, given = {}) => daemon.ok(args, { ...given, env: { ...env, ...given.env } })
    await ok(["init", "--token", "root-token", "--pin-file", await secret("pin", token.userPin)])

    const served: TrustRig["served"] = async (gun, name) => {
        const { status, body } = await askHttps(`${notary.url}/v2/${gun}/_trust/tuf/${name}.json`, { caFile: notary.caFile })
        assert.equal(status, 200, `${name} of ${gun}`)
        return body
    }
    const stock: TrustRig["stock"] = async (args, input) => {
        const { status, stdout, stderr } = await client.run(args, input === undefined ? {} : { input })
        assert.equal(status, 0, `notary ${args.join(" ")}: ${stdout}${stderr}`)
        return stdout
    }
    const listed: TrustRig["listed"] = async (gun) => parseList(await stock(["list", gun]))
    const signedTags: TrustRig["signedTags"] = async (gun) => {
        const { status, stdout, stderr } = await judge.run(["trust", "inspect", gun])
        assert.equal(status, 0, stderr)
        const [repository] = JSON.parse(stdout) as { SignedTags: { SignedTag: string; Digest: string; Signers: string[] }[] }[]
        const tags = (repository?.SignedTags ?? []).map(({ SignedTag: tag, Digest: hex, Signers: signers }) => ({ tag, hex, signers }))
        return tags.sort((a, b) => (a.tag < b.tag ? -1 : 1))
    }
    const everything = opened.move()
    return {
        notary,
        proxy,
        token,
        daemon,
        docker,
        judge,
        client,
        passphraseFile,
        throughProxy: { DOCKER_CONTENT_TRUST_SERVER: proxy.url },
        ok,
        refused: async (args, code, status, given = {}) => {
            const result = await daemon.trustkey(args, { ...given, env: { ...env, ...given.env } })
            assert.match(result.stderr, new RegExp(`\\[${code}\\]`), `${result.stdout}${result.stderr}`)
            assert.equal(result.status, status)
            return result.stderr
        },
        init: (gun, ...more) => ok(["trust", "init", gun, "--passphrase-file", passphraseFile, ...more]),
        sign: (image, pair, ...more) => ok(signArgs(image, pair, ...more)),
        stock,
        dockerOk: async (args, input) => {
            const { status, stdout, stderr } = await docker.run(args, input === undefined ? {} : { input })
            assert.equal(status, 0, `docker ${args.join(" ")}: ${stdout}${stderr}`)
            return stdout
        },
        listed,
        signedTags,
        assertReadable: async (gun, tags) => {
            const [byNotary, byDocker] = [await listed(gun), await signedTags(gun)]
            assert.deepEqual(
                { notary: byNotary.map(({ name }) => name), docker: byDocker.map(({ tag }) => tag) },
                { notary: tags, docker: tags },
            )
        },
        secret,
        served,
        fingerprint: async (gun) => {
            return createHash("sha256")
                .update(signedPart(await served(gun, "1.root")))
                .digest("hex")
                .slice(0, 16)
        },
        [Symbol.asyncDispose]: () => everything.disposeAsync(),
    }
}

/** Arguments that sign a digest made of one repeated pair of digits. */
export function signArgs(image: string, pair: string, ...more: readonly string[]): readonly string[] {
    return ["trust", "sign", image, "--digest", `sha256:${pair.repeat(32)}`, "--size", "1234", ...more]
}

/** What is signed of a file as Go writes it, as long as no character in it has to be escaped. */
export function signedPart(file: Buffer): string {
    const text = file.toString()
    const end = text.lastIndexOf(',"signatures":[')
    assert.ok(text.startsWith('{"signed":') && end > 0)
    return text.slice('{"signed":'.length, end)
}

function parseList(text: string): readonly ListedTarget[] {
    return text.split("\n").flatMap((line) => {
        const [, name, hex, size, role] = /^(\S+) +([0-9a-f]{64}) +(\d+) +(\S+)$/.exec(line.trimEnd()) ?? []
        if (name === undefined || hex === undefined || role === undefined) return []
        return [{ name, hex, size: Number(size), role }]
    })
}

import { symlink } from "node:fs/promises"
import path from "node:path"
import { blobFile } from "../support/image.ts"
import type { CommandResult } from "../support/process.ts"
import { redirectTag } from "../support/proxy.ts"
import { type Parts, TAG, TOKEN } from "./parts.ts"
import type { Steps } from "./steps.ts"

const PIN = ".sandbox/secrets/token-pin"
const PASSPHRASE = ".sandbox/secrets/repository-passphrase"
const OTHER_MACHINE = ".sandbox/other-machine"

/** What trustkeyd is for, shown on the real parts. Throws as soon as something does not go as it must. */
export async function demonstrate(parts: Parts, steps: Steps): Promise<void> {
    const show = new Show(parts, steps)
    await rootKey(show)
    await sign(show)
    await othersAgree(show)
    await tamperWithTheImage(show)
    await tamperWithTheTrustData(show)
    await askForTheWrongSignature(show)
    show.title("Everything the daemon did and refused stands in its audit record, each entry chained to the one before.")
    await show.must("trustkey audit verify", { match: /unbroken/, why: "no entry was changed or taken out" })
}

async function rootKey(show: Show): Promise<void> {
    show.title(
        "Log in to the token that holds the root key. The PIN is read from a file only you can read, and leaves\ntrustkey sealed for the process that talks to the token.",
    )
    await show.must(`trustkey token login ${TOKEN} --pin-file ${PIN}`, {
        match: /is logged-in/,
        why: "the daemon may use the token's keys",
    })
    const kept = await keyOnToken(show)
    if (kept === undefined) {
        show.title("Make the root key. The token makes it and never gives it away: there is no file to steal.")
        const line = `trustkey key create --purpose root --token ${TOKEN} --label 'sandbox root'`
        await show.must(line, { match: /origin +generated/, why: "it was made on the token" })
        return
    }
    show.title("The token still has the root key of last time. The daemon is new, so it is told about the key.")
    const line = `trustkey key enroll --token ${TOKEN} --uri '${kept}' --purpose root --label 'sandbox root'`
    await show.must(line, { match: /^id +[0-9a-f]{64}/m, why: "the key is known again by its public half" })
}

async function keyOnToken(show: Show): Promise<string | undefined> {
    const { stdout } = await show.parts.tools.run(`trustkey token objects ${TOKEN} --json`)
    return /"uri": "([^"]+)"/.exec(stdout)?.[1]
}

async function sign(show: Show): Promise<void> {
    const { gun } = show.parts
    show.title(
        "Begin the repository's trust data: the daemon issues the root certificate and signs with the key on the token, and makes\na repository key, sealed under a passphrase. trustkey publishes the result on notary-server and reads it back.",
    )
    await show.must(`trustkey trust init ${gun} --passphrase-file ${PASSPHRASE}`, {
        match: /^Initialised /m,
        why: "published and confirmed",
    })
    show.title("Sign the image's tag. --from-registry believes what the registry says now; a build would give --digest.")
    await show.must(`trustkey trust sign ${gun}:${TAG} --from-registry`, {
        match: new RegExp(`says ${gun}:${TAG} is ${show.digest} .*\nSigning and pushing trust metadata\nSuccessfully signed`),
        why: "this is the digest of the image we pushed",
    })
}

async function othersAgree(show: Show): Promise<void> {
    const { gun } = show.parts
    show.title("The stock clients judge for themselves: notary, and docker.")
    await show.must(`notary list ${gun}`, { match: show.listed, why: "the digest notary verified is the image's" })
    await show.must(`docker trust inspect --pretty ${gun}`, {
        match: new RegExp(`^${TAG} +${show.hex} `, "m"),
        why: "the digest docker verified is the image's",
    })
    await show.must(`trustkey trust show ${gun}:${TAG}`, {
        match: new RegExp(`^${TAG} +${show.digest} `, "m"),
        why: "and so says trustkey",
    })
}

async function tamperWithTheImage(show: Show): Promise<void> {
    const { parts } = show
    const { gun, image, registry } = parts
    const pull = `fetch-image ${gun}@${show.digest}`
    show.title(
        "Tamper with the image. First as it should be: fetch it by the digest that was signed, as docker pull does (fetch-image\ncompares the same things and needs no engine).",
    )
    await show.must(pull, { match: /every digest is right/, why: "the image is what was signed" })

    const layer = image.layers[0]?.digest ?? ""
    await show.link(blobFile(registry.storage, layer), "layer")
    show.title("Somebody with access to the registry's disk changes one byte of the layer (.sandbox/try/layer is a link to that file).")
    await show.whileChanged("layer", "printf X | dd of=.sandbox/try/layer bs=1 seek=40 conv=notrunc status=none", async () => {
        await show.refused(pull, { status: 7, code: "digest_mismatch", why: "the layer is not the one the signed manifest names" })
    })

    await show.link(blobFile(registry.storage, image.digest), "manifest")
    const [named, other] = [layer.slice(7, 23), [...layer.slice(7, 23)].reverse().join("")]
    show.title("Or the manifest, so that it names another layer.")
    await show.whileChanged("manifest", `sed -i --follow-symlinks s/${named}/${other}/ .sandbox/try/manifest`, async () => {
        await show.refused(pull, { status: 7, code: "digest_mismatch", why: "the manifest is not the one that was signed" })
        const line = `trustkey trust sign ${gun}:${TAG} --from-registry`
        await show.refused(line, { status: 7, code: "digest_mismatch", why: "nor does trustkey sign what contradicts its own digest" })
    })
    await show.must(pull, { match: /every digest is right/, why: "put back" })
}

async function tamperWithTheTrustData(show: Show): Promise<void> {
    const { gun, proxy } = show.parts
    const evil = `sha256:${"e".repeat(64)}`
    const asked = /\/_trust\/tuf\/targets\.[0-9a-f]{64}\.json$/
    show.title(
        `Tamper with the trust data. The proxy at ${proxy.url} stands for somebody between you and notary-server. It now\nserves targets.json with ${TAG} pointing at another digest, all signatures as they were. A machine that never met the\nrepository asks there:`,
    )
    let served = 0
    proxy.alter = ({ path: name }, body) => {
        if (!asked.test(name)) return body
        const changed = redirectTag(body, TAG, evil)
        if (!changed.equals(body)) served += 1
        return changed
    }
    const throughProxy = {
        notary: `notary -s ${proxy.url} -d ${OTHER_MACHINE}/notary list ${gun}`,
        trustkey: `DOCKER_CONFIG=${OTHER_MACHINE} DOCKER_CONTENT_TRUST_SERVER=${proxy.url} trustkey trust show ${gun}`,
    }
    try {
        await show.refused(throughProxy.notary, { why: "notary does not take the changed file" })
        if (served === 0) throw new Error("the proxy was never asked for targets.json, so nothing was shown")
        served = 0
        await show.refused(throughProxy.trustkey, { status: 7, code: "verification_failed", why: "nor does trustkey" })
        if (served === 0) throw new Error("the proxy was never asked for targets.json, so nothing was shown")
    } finally {
        proxy.alter = undefined
    }
    show.title("The proxy passes on what it gets again; the same two commands:")
    await show.must(throughProxy.notary, { match: show.listed, why: "it was the change that was refused, not the proxy" })
    await show.must(throughProxy.trustkey, { match: new RegExp(`^${TAG} +${show.digest} `, "m"), why: "here too" })
}

async function askForTheWrongSignature(show: Show): Promise<void> {
    const { gun } = show.parts
    const current = `.sandbox/docker/trust/tuf/${gun}/metadata/targets.json`
    show.title(
        "Ask the daemon itself for what it must not sign. Somebody who may use the key wants version 1 of targets once more, from\nbefore the tag was signed, to bring back an old state:",
    )
    await show.must(`sed 's/"version":2/"version":1/' ${current} > .sandbox/try/older.json`, { why: "version 1, with the tags of now" })
    await show.refused(`trustkey sign --gun ${gun} --role targets .sandbox/try/older.json`, {
        status: 4,
        code: "rollback_refused",
        why: "a role never goes back in time",
    })
    show.title("Or another content for a version that is out already, to show different people different things:")
    await show.must(`sed 's/"${TAG}":/"latest":/' ${current} > .sandbox/try/other.json`, { why: "version 2, with another tag" })
    await show.refused(`trustkey sign --gun ${gun} --role targets .sandbox/try/other.json`, {
        status: 4,
        code: "equivocation_refused",
        why: "one version has one content",
    })
}

/** Command lines, run and judged. */
class Show {
    readonly parts: Parts
    readonly digest: string
    readonly hex: string
    /** How `notary list` shows the image's tag when digest and size are right. */
    readonly listed: RegExp
    readonly #steps: Steps

    constructor(parts: Parts, steps: Steps) {
        const { digest, size } = parts.image
        this.parts = parts
        this.digest = digest
        this.hex = digest.replace(/^sha256:/, "")
        this.listed = new RegExp(`^${TAG} +${this.hex} +${size} +targets`, "m")
        this.#steps = steps
    }

    title(text: string): void {
        this.#steps.title(text)
    }

    async must(line: string, expected: { readonly match?: RegExp; readonly why: string }): Promise<void> {
        await this.#run(line, ({ status, stdout }) => {
            if (status !== 0) throw new Error(`this had to succeed, and ended with ${status}: ${line}`)
            if (expected.match !== undefined && !expected.match.test(stdout)) {
                throw new Error(`this had to print something like ${expected.match}: ${line}`)
            }
            return expected.why
        })
    }

    async refused(line: string, expected: { readonly status?: number; readonly code?: string; readonly why: string }): Promise<void> {
        await this.#run(line, ({ status, stdout }) => {
            if (status === 0) throw new Error(`THIS HAD TO BE REFUSED, and was not: ${line}`)
            if (expected.status !== undefined && status !== expected.status) {
                throw new Error(`this had to be refused with ${expected.status}, and ended with ${status}: ${line}`)
            }
            if (expected.code !== undefined && !stdout.includes(`[${expected.code}]`)) {
                throw new Error(`this had to be refused as ${expected.code}: ${line}`)
            }
            return `refused with exit status ${status}: ${expected.why}`
        })
    }

    /** A short name for a file with a long one. */
    async link(file: string, name: string): Promise<void> {
        await symlink(file, path.join(this.parts.directory, "try", name))
    }

    /** Change a file, look at what comes of it, and put it back whatever happens. */
    async whileChanged(name: string, change: string, look: () => Promise<void>): Promise<void> {
        const file = `.sandbox/try/${name}`
        await this.must(`cp ${file} ${file}.kept`, { why: "kept, to be put back" })
        try {
            await this.must(change, { why: "changed behind the registry's back" })
            await look()
        } finally {
            await this.must(`cp ${file}.kept ${file}`, { why: "put back" })
        }
    }

    #run(line: string, judge: (result: CommandResult) => string): Promise<CommandResult> {
        return this.#steps.command(line, this.parts.tools.run, judge)
    }
}

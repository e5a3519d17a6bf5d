import { symlink } from "node:fs/promises"
import path from "node:path"
import { blobFile } from "../support/image.ts"
import { Lines } from "./lines.ts"
import { type Parts, TAG } from "./parts.ts"
import { bringRootKey } from "./root-key.ts"
import type { Steps } from "./steps.ts"

const PASSPHRASE = ".sandbox/secrets/repository-passphrase"
const OTHER_MACHINE = ".sandbox/other-machine"

/** What trustkeyd is for, shown on the real parts. Throws as soon as something does not go as it must. */
export async function demonstrate(parts: Parts, steps: Steps): Promise<void> {
    const show = new Show(parts, steps)
    await bringRootKey(show)
    await sign(show)
    await othersAgree(show)
    await tamperWithTheImage(show)
    await tamperWithTheTrustData(show)
    await askForTheWrongSignature(show)
    show.title("Everything the daemon did and refused stands in its audit record, each entry chained to the one before.")
    await show.must("trustkey audit verify", { match: /unbroken/, why: "no entry was changed or taken out" })
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
    await show.must(`docker trustkey sign ${gun}:${TAG} --from-registry`, {
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
        const line = `docker trustkey sign ${gun}:${TAG} --from-registry`
        await show.refused(line, { status: 1, code: "digest_mismatch", why: "nor does trustkey sign what contradicts its own digest" })
    })
    await show.must(pull, { match: /every digest is right/, why: "put back" })
}

async function tamperWithTheTrustData(show: Show): Promise<void> {
    const { gun, proxy } = show.parts
    const evil = `sha256:${"e".repeat(64)}`
    show.title(
        `Tamper with the trust data. The proxy at ${proxy.url} stands for somebody between you and notary-server. What it\nfinds in the file .sandbox/lie is what it says: targets.json has ${TAG} pointing at another digest, all signatures as they were. A\nmachine that never met the repository asks there:`,
    )
    const throughProxy = {
        notary: `notary -s ${proxy.url} -d ${OTHER_MACHINE}/notary list ${gun}`,
        trustkey: `DOCKER_CONFIG=${OTHER_MACHINE} DOCKER_CONTENT_TRUST_SERVER=${proxy.url} trustkey trust show ${gun}`,
    }
    const mustHaveAsked = (): void => {
        const asked = proxy.requests.splice(0).some((request) => /\/_trust\/tuf\/targets\.[0-9a-f]{64}\.json$/.test(request))
        if (!asked) throw new Error("the proxy was never asked for targets.json, so nothing was shown")
    }
    await show.must(`echo ${TAG} ${evil} > .sandbox/lie`, { why: "from now on the proxy lies" })
    try {
        await show.refused(throughProxy.notary, { why: "notary does not take the changed file" })
        mustHaveAsked()
        await show.refused(throughProxy.trustkey, { status: 7, code: "verification_failed", why: "nor does trustkey" })
        mustHaveAsked()
    } finally {
        await show.must("rm .sandbox/lie", { why: "the proxy is honest again" })
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

/** What the lines are about. */
class Show extends Lines {
    readonly parts: Parts
    readonly digest: string
    readonly hex: string
    /** How `notary list` shows the image's tag when digest and size are right. */
    readonly listed: RegExp

    constructor(parts: Parts, steps: Steps) {
        super(parts.tools.run, steps)
        const { digest, size } = parts.image
        this.parts = parts
        this.digest = digest
        this.hex = digest.replace(/^sha256:/, "")
        this.listed = new RegExp(`^${TAG} +${this.hex} +${size} +targets`, "m")
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
}

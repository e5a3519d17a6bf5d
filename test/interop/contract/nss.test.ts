import { randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { buildFaultModule } from "../../support/fault-module.ts"
import { type Nss, startNss } from "../../support/nss.ts"
import { mustRun } from "../../support/process.ts"
import type { ContractToken, ContractWorld, ProvisionedKey, ProvisionedKind } from "./contract-module.ts"
import { signerContract } from "./signer-contract.ts"
import { makeKeyFile } from "./softhsm-shelf.ts"

const UNFIT = {
    says: "`token_unfit`",
    because: "a key that may not leave it comes out of it in clear, wrapped under a key of one's own: none is kept there",
}
const NEVER_LOCKS = "NSS counts no tries"

async function openWorld(): Promise<ContractWorld> {
    const stack = new AsyncDisposableStack()
    const first = await startNss()
    await first[Symbol.asyncDispose]()
    const faults = stack.use(await buildFaultModule(first.module))
    const logins = async (): Promise<number> => (await faults.logins()).length
    const fresh = async (): Promise<ContractToken> => describe(await startNss({ label: "trust" }), await logins(), logins)
    return {
        way: { module: first.module, environment: {} },
        countedWay: { module: faults.module, environment: faults.environment },
        fresh,
        pair: async () => {
            const both = new AsyncDisposableStack()
            const tokens = [both.use(await fresh()), both.use(await fresh())] as const
            // The database, and the token for everything that needs no key.
            const bothUri = "pkcs11:manufacturer=Mozilla%20Foundation"
            return { tokens, bothUri, [Symbol.asyncDispose]: () => both.disposeAsync() }
        },
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
}

function describe(nss: Nss, before: number, logins: () => Promise<number>): ContractToken {
    return {
        libraryParameters: nss.libraryParameters,
        uri: `pkcs11:token=${nss.label}`,
        looseUri: `pkcs11:token=${nss.label}`,
        pin: nss.userPin,
        wrongPin: "00000000",
        impossiblePin: "1",
        label: nss.label,
        serial: nss.serial,
        manufacturer: /^Mozilla Foundation$/,
        model: /^NSS 3$/,
        provision: (kind) => provision(nss, kind),
        logins: async () => (await logins()) - before,
        remove: tooFar,
        giveBack: tooFar,
        swap: tooFar,
        hang: tooFar,
        resume: tooFar,
        [Symbol.asyncDispose]: () => nss[Symbol.asyncDispose](),
    }
}

/** No key of such a token is ever taken, so nothing can happen to the token while one is used. */
function tooFar(): Promise<never> {
    throw new Error("a key on an NSS token was accepted")
}

/** With NSS's own tools. */
async function provision(nss: Nss, kind: ProvisionedKind): Promise<ProvisionedKey> {
    const database = /sql:[^']+/.exec(nss.libraryParameters)?.[0] ?? ""
    const directory = await mkdtemp(path.join(tmpdir(), "trustkeyd-nss-keys-"))
    const place = (name: string): string => path.join(directory, name)
    try {
        await writeFile(place("pin"), `${nss.userPin}\n`)
        if (kind === "imported") {
            await makeKeyFile(place("key.pem"))
            const certificate = [
                "-x509",
                "-new",
                "-key",
                place("key.pem"),
                "-subj",
                "/CN=root",
                "-days",
                "10",
                "-out",
                place("certificate.pem"),
            ]
            await mustRun("openssl", ["req", ...certificate])
            const archive = [
                "-inkey",
                place("key.pem"),
                "-in",
                place("certificate.pem"),
                "-passout",
                "pass:archive",
                "-out",
                place("key.p12"),
            ]
            await mustRun("openssl", ["pkcs12", "-export", ...archive])
            await mustRun("pk12util", ["-i", place("key.p12"), "-d", database, "-k", place("pin"), "-W", "archive"])
        } else {
            await writeFile(place("noise"), randomBytes(64))
            await mustRun("certutil", ["-G", "-d", database, "-f", place("pin"), "-k", "ec", "-q", "nistp256", "-z", place("noise")])
        }
        const listed = await mustRun("certutil", ["-K", "-d", database, "-f", place("pin")])
        const ids = [...listed.matchAll(/\bec\s+([0-9a-f]{40})\b/g)].map((match) => match[1] ?? "")
        // Nobody gets so far as to compare the public half.
        return { id: ids.at(-1) ?? "", publicKey: "" }
    } finally {
        await rm(directory, { recursive: true })
    }
}

signerContract({
    name: "NSS",
    open: openWorld,
    deviations: {
        "one key": UNFIT,
        "no key": UNFIT,
        "several keys": UNFIT,
        create: UNFIT,
        import: UNFIT,
        "take over": UNFIT,
        "sign twice": UNFIT,
        "always authenticate": UNFIT,
        "wrong length": { says: "`pin_incorrect`, one try", because: "NSS takes a PIN of any length" },
        "near lock": { says: "taken: it doesn't say so", because: NEVER_LOCKS },
        locked: { says: "taken: it never locks", because: NEVER_LOCKS },
        removal: UNFIT,
        return: UNFIT,
        swap: UNFIT,
        "stored PIN": UNFIT,
        crash: UNFIT,
        hang: UNFIT,
        respawn: UNFIT,
        backend: UNFIT,
        "two tokens": UNFIT,
    },
})

// TK-KEY-1, TK-SEC-2, measured: private numbers, PINs and passphrases are looked for in all that each process has in memory. What is found in a
// signer is on record in docs/evidence/secrets-in-memory.md.
import assert from "node:assert/strict"
import { fork, spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { openDaemon } from "../../../src/cli/daemon.ts"
import type { Daemon as Client, Sealed } from "../../../src/cli/daemon-types.ts"
import { generatePrivateKey, readPrivateNumbers, Secret, sealSecret } from "../../../src/crypto/index.ts"
import { exportSubject } from "../../../src/signer/index.ts"
import { type Daemon, startDaemon } from "../../support/daemon.ts"
import { mustRun } from "../../support/process.ts"
import { type Forms, numberForms, processesOf, searchMemory, textForms } from "../../support/process-memory.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import type { WatchOrder, WatchReport } from "../../support/watch-memory.ts"

const PASSPHRASE = "a passphrase to look for 8c41d9"
const WRONG = "no passphrase of any key 55e0b2"
const CREDENTIAL = "the credential of a group 3fd7"
const NEW_PIN = "65748392"
const ALGORITHMS = ["p256", "ed25519", "rsa2048"] as const
/** Garbage is collected a second after a request; the machine may be busy. */
const PATIENCE_MS = 20_000
const COLLECTED_MS = 1_200

/** Forms of several secrets, each named after its secret. */
class Wanted {
    readonly forms = new Map<string, Buffer>()

    add(secret: string, forms: Forms): void {
        for (const [name, bytes] of forms) this.forms.set(`${secret}, ${name}`, bytes)
    }
}

/** By the program's name; those in which nothing is found are left out. */
async function foundIn(pids: readonly number[], forms: Forms): Promise<Record<string, Record<string, number>>> {
    const all: Record<string, Record<string, number>> = {}
    for (const pid of pids) {
        const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0")
        const program = words.map((word) => path.basename(word)).find((word) => word.endsWith(".cjs")) ?? words.join(" ")
        const finds = Object.fromEntries([...searchMemory(pid, forms)].filter(([, count]) => count > 0))
        if (Object.keys(finds).length > 0) all[program] = finds
    }
    return all
}

/** What is found in the signers, once that is what is expected; after a while, what it is instead. */
async function settled(daemon: Daemon, forms: Forms, expected: Record<string, Record<string, number>>): Promise<void> {
    for (const until = performance.now() + PATIENCE_MS; ; ) {
        await sleep(COLLECTED_MS)
        const [, ...signers] = await processesOf(daemon.service.pid)
        const finds = await foundIn(signers, forms)
        try {
            assert.deepEqual(finds, expected)
            return
        } catch (error) {
            if (performance.now() > until) throw error
        }
    }
}

type Watch = Disposable & {
    /** The most that was ever found of each form, if it was more than nothing. */
    end(): Promise<Record<string, number>>
}

/** Looks at the custodian all the time. */
function watchCustodian(daemon: Daemon, forms: Forms): Watch {
    const watcher = fork(path.resolve(import.meta.dirname, "../../support/watch-memory.ts"))
    const report = once(watcher, "message") as Promise<[WatchReport]>
    report.catch(() => {})
    const encoded = Array.from(forms, ([name, bytes]) => [name, bytes.toString("base64")] as const)
    watcher.send({ pid: daemon.service.pid, forms: encoded } satisfies WatchOrder)
    return {
        end: async () => {
            watcher.send("stop")
            const [{ rounds, most }] = await report
            assert.ok(rounds > 0)
            return Object.fromEntries(Object.entries(most).filter(([, count]) => count > 0))
        },
        [Symbol.dispose]: () => watcher.disconnect(),
    }
}

type Sealer = (purpose: string, subject: string, secret: string | Buffer) => Promise<Sealed>

function sealerFor(client: Client): Sealer {
    return async (purpose, subject, given) => {
        const challenge = await client.challenge(purpose, subject)
        using secret = new Secret(Buffer.from(given))
        return sealSecret(challenge.signerPublic, challenge.nonce, { purpose, subject: challenge.subject }, secret)
    }
}

/** A private key whose secret number we know. */
function knownKey(algorithm: (typeof ALGORITHMS)[number]): { readonly der: Buffer; readonly number: Buffer } {
    const { pkcs8 } = generatePrivateKey(algorithm)
    using numbers = readPrivateNumbers(pkcs8)
    const [first] = numbers.numbers
    assert.ok(first !== undefined)
    return { der: pkcs8.reveal((bytes) => Buffer.from(bytes)), number: first.reveal((bytes) => Buffer.from(bytes)) }
}

describe("what a process has in memory", () => {
    test("is found by the search in each of the forms it can have", async () => {
        const forms = new Map([...numberForms(Buffer.from("9f8e7d6c5b4a39281706f5e4d3c2b1a0", "hex")), ...textForms("pässphrase, thé 1st")])
        const holder = `const held = JSON.parse(process.argv[1]).map((text) => Buffer.from(text, "base64")); process.stdout.write("held"); setInterval(() => held, 1000)`
        const encoded = Array.from(forms.values(), (bytes) => bytes.toString("base64"))
        const child = spawn(process.execPath, ["-e", holder, JSON.stringify(encoded)], {
            stdio: ["ignore", "pipe", "ignore"],
        })
        try {
            await once(child.stdout, "data")
            const finds = searchMemory(child.pid ?? 0, forms)
            for (const [name, count] of finds) assert.ok(count > 0, name)
        } finally {
            child.kill()
        }
    })

    test("TK-KEY-1 TK-SEC-2 is never a secret in the custodian, in a signer no more than it needs, and nothing anywhere after lock --all", async () => {
        await using hsm = await startSoftHsm()
        await using daemon = await startDaemon({
            // The PIN is kept for when the token is wanted again.
            tokens: { hsm: { ...hsm, settings: [`release_after = "1h"`] } },
            credentials: { "ci-group": CREDENTIAL },
        })
        const client = openDaemon("admin", daemon.adminSocket)
        using _ = { [Symbol.dispose]: () => client.close() }
        const seal = sealerFor(client)
        const identityFile = await mustRun("age-keygen", [])
        const [recipient = ""] = /age1[0-9a-z]+/.exec(identityFile) ?? []
        const [identity = ""] = /AGE-SECRET-KEY-[0-9A-Z]+/.exec(identityFile) ?? []
        const wanted = new Wanted()
        wanted.add("passphrase", textForms(PASSPHRASE))
        wanted.add("wrong passphrase", textForms(WRONG))
        wanted.add("credential", textForms(CREDENTIAL))
        wanted.add("PIN", textForms(hsm.userPin))
        wanted.add("new PIN", textForms(NEW_PIN))
        wanted.add("identity", textForms(identity))
        const known = ALGORITHMS.map((algorithm) => ({ algorithm, ...knownKey(algorithm) }))
        for (const { algorithm, number } of known) wanted.add(algorithm, numberForms(number))
        const { forms } = wanted
        using watch = watchCustodian(daemon, forms)
        const settle = (expected: Record<string, Record<string, number>>): Promise<void> => settled(daemon, forms, expected)

        const ids: string[] = []
        for (const { algorithm, der } of known) {
            const home = { passphrase: await seal("create", "new", PASSPHRASE) }
            const purpose = algorithm === "ed25519" ? "delegation" : "root"
            const key = await client.importKey({ purpose, label: algorithm, bindings: [], pkcs8: await seal("import", "new", der), home })
            ids.push(key.id)
        }
        await settle({})
        const [ec = "", ed = "", rsa = ""] = ids
        const unlock = async (id: string, passphrase: string): Promise<string> =>
            client.unlock({ subject: { keyId: id }, sealed: await seal("unlock", id, passphrase), ttlSeconds: 0, uses: 0 })
        await assert.rejects(unlock(ec, WRONG), { code: "open_failed" })
        for (const id of ids) await unlock(id, PASSPHRASE)
        for (const id of [ec, rsa]) await client.rootCertificate({ keyId: id, gun: "registry.example.com/team/app" })
        // Without it OpenSSL can't sign; of a prime it keeps another for its arithmetic.
        const [theEc, theEd, theRsa] = [{ "p256, OpenSSL's": 1 }, { "ed25519, raw": 1 }, { "rsa2048, OpenSSL's": 2 }]
        await settle({ "signer-file.cjs": { ...theEc, ...theEd, ...theRsa } })
        await client.lock({ keyId: rsa })
        await settle({ "signer-file.cjs": { ...theEc, ...theEd } })

        await client.createGroup({ name: "ci", sealed: undefined, credential: "ci-group" })
        await client.unlock({ subject: { group: "ci" }, sealed: undefined, ttlSeconds: 0, uses: 0 })
        await client.createKey({ algorithm: "p256", purpose: "targets", label: "", home: { group: "ci" }, bindings: [] })
        const exported = exportSubject(ed, [recipient])
        const passphrase = await seal("export", exported, PASSPHRASE)
        await client.exportKey({ id: ed, recipients: [recipient], passphrase, identity: await seal("identity", exported, identity) })
        const login = { token: "hsm", evenFinalTry: false, ttlSeconds: 0, uses: 0 }
        const typed = async (purpose: string, pin: string): Promise<Sealed> => seal(purpose, "token:hsm", pin)
        await client.login({ ...login, sealed: await typed("login", hsm.userPin) })
        const from = { passphrase: await seal("copy", `${rsa}:hsm`, PASSPHRASE) }
        await client.copyKey({ id: rsa, token: "hsm", serial: hsm.serial, from })
        await client.rootCertificate({ keyId: rsa, gun: "registry.example.com/team/other" })
        // The signer logs in with it again, when others have had the token.
        await settle({ "signer-file.cjs": { ...theEc, ...theEd }, "signer-pkcs11.cjs": { "PIN, text": 1 } })

        await client.logout("hsm")
        await client.lock({ keyId: ec })
        await client.lock({ keyId: ed })
        const changed = { oldSealed: await typed("pin-old", hsm.userPin), newSealed: await typed("pin-new", NEW_PIN) }
        await client.changePin({ token: "hsm", ...changed, evenFinalTry: false })
        await settle({})

        await client.login({ ...login, sealed: await typed("login", NEW_PIN) })
        for (const id of ids) await unlock(id, PASSPHRASE)
        await client.rootCertificate({ keyId: ec, gun: "registry.example.com/team/third" })
        await client.lock("all")
        // At once: the processes that had anything are gone.
        assert.deepEqual(await foundIn(await processesOf(daemon.service.pid), forms), {})
        assert.deepEqual(await watch.end(), {})
    })
})

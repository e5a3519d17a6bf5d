import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { encodePlan, parsePlan } from "../../../src/ceremony/index.ts"
import { exportToRecipients } from "../../../src/cli/ceremony/export.ts"
import type { Daemon } from "../../../src/cli/daemon-types.ts"
import { makeAgeIdentity, sha256 } from "../../../src/crypto/index.ts"
import { planOf, RECIPIENT_OF_DANA } from "../ceremony/plans.ts"
import { fakeDaemon, fakeSigner, sampleKey } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

describe("an export at the vault's keyboard", () => {
    const { identity, recipient } = makeAgeIdentity()
    const typedIdentity = identity.reveal((bytes) => bytes.toString("latin1"))
    const backupRecipients = [RECIPIENT_OF_DANA, recipient]
    const plan = parsePlan(encodePlan({ ...planOf("rotate-root"), backupRecipients }))
    const key = sampleKey({ purpose: "root" })

    test("TK-SEC-2 hands identity and passphrase to the signer alone, good for this key and the plan's recipients, and shows neither", async () => {
        const signer = fakeSigner()
        const requests: Parameters<Daemon["exportKey"]>[0][] = []
        const daemon = fakeDaemon({
            challenge: signer.challenge,
            getKey: () => Promise.resolve(key),
            exportKey: (request) => {
                requests.push(request)
                return Promise.resolve(Buffer.from("the file"))
            },
        })
        const terminal = fakeTerminal({ typed: [typedIdentity, "correct horse"] })
        assert.deepEqual(await exportToRecipients({ cli: fakeCli(terminal), plan }, daemon, key.id, {}), Buffer.from("the file"))
        const [request] = requests
        const subject = `${key.id}:${sha256(Buffer.from(`${RECIPIENT_OF_DANA}\n${recipient}`)).toString("hex")}`
        assert.deepEqual([request?.id, request?.recipients], [key.id, backupRecipients])
        assert.equal(signer.open("export", subject, request?.passphrase), "correct horse")
        assert.equal(signer.open("identity", subject, request?.identity), typedIdentity)
        const everything = terminal.shown() + terminal.printed() + terminal.remarks()
        assert.doesNotMatch(everything.replace("AGE-SECRET-KEY-1…", ""), /AGE-SECRET-KEY|correct horse/)
    })

    test("is refused without an identity of a recipient, saying what to do, before anything else is asked", async () => {
        const other = makeAgeIdentity().identity.reveal((bytes) => bytes.toString("latin1"))
        for (const typed of ["", other]) {
            const cli = fakeCli(fakeTerminal({ typed: [typed] }))
            await assert.rejects(exportToRecipients({ cli, plan }, fakeDaemon({}), key.id, {}), {
                code: "step_refused",
                message: /Bring the identity of one of the plan's recipients; .*abandon the ceremony/,
            })
        }
        const silent = fakeCli(fakeTerminal())
        await assert.rejects(exportToRecipients({ cli: silent, plan }, fakeDaemon({}), key.id, {}), {
            code: "no_terminal",
            message: /--identity-file/,
        })
    })
})

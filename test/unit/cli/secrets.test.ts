import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Daemon, DaemonToken } from "../../../src/cli/daemon-types.ts"
import { askNewPassphrase, login, makeReady, thingOfGroup, thingOfKey, unlock } from "../../../src/cli/secrets.ts"
import { Secret } from "../../../src/crypto/index.ts"
import { fakeDaemon, fakeSigner, refuse, sampleKey, sampleToken } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const LIMITS = { ttlSeconds: 60, uses: 1 }

const listTokens = (): Promise<readonly DaemonToken[]> => Promise.resolve([sampleToken({ state: "present" })])

describe("secrets", () => {
    test("TK-SEC-2 a passphrase leaves the client only sealed for the signer, its key and its purpose", async () => {
        const key = sampleKey()
        const signer = fakeSigner()
        const requests: Parameters<Daemon["unlock"]>[0][] = []
        const daemon = fakeDaemon({
            challenge: signer.challenge,
            unlock: (request) => {
                requests.push(request)
                return Promise.resolve("2026-11-21T10:00:00Z")
            },
        })
        const until = await unlock(fakeCli(fakeTerminal({ typed: ["correct horse"] })), daemon, thingOfKey(key), {}, LIMITS)
        assert.equal(until, "2026-11-21T10:00:00Z")
        const [request] = requests
        assert.ok(!JSON.stringify(requests).includes("correct"))
        assert.deepEqual(request?.subject, { keyId: key.id })
        assert.equal(signer.open("unlock", key.id, request?.sealed), "correct horse")
    })

    test("a passphrase typed wrong is asked for again, three times in all", async () => {
        let asked = 0
        const daemon = fakeDaemon({
            challenge: fakeSigner().challenge,
            unlock: () => {
                asked += 1
                return refuse("open_failed")
            },
        })
        const terminal = fakeTerminal({ typed: ["one", "two", "three", "four"] })
        await assert.rejects(unlock(fakeCli(terminal), daemon, thingOfKey(sampleKey()), {}, LIMITS), { code: "open_failed" })
        assert.equal(asked, 3)
    })

    test("a passphrase from a flag is tried once", async () => {
        let asked = 0
        const daemon = fakeDaemon({
            challenge: fakeSigner().challenge,
            unlock: () => {
                asked += 1
                return refuse("open_failed")
            },
        })
        const cli = fakeCli(fakeTerminal({ typed: ["never asked"], descriptors: { 3: "wrong\n" } }))
        await assert.rejects(unlock(cli, daemon, thingOfKey(sampleKey()), { passphraseFd: 3 }, LIMITS), { code: "open_failed" })
        assert.equal(asked, 1)
    })

    test("what a descriptor gave serves every key of a command, and is wiped when the command has ended", async () => {
        const wipe = Secret.prototype[Symbol.dispose]
        let wiped = 0
        const counted = function (this: Secret): void {
            wiped += 1
            wipe.call(this)
        }
        Reflect.set(Secret.prototype, Symbol.dispose, counted)
        try {
            const cli = fakeCli(fakeTerminal({ descriptors: { 3: "correct horse\n" } }))
            for (const purpose of ["targets", "snapshot"]) {
                using secret = await askNewPassphrase(cli, { passphraseFd: 3 }, { purpose, name: purpose })
                assert.equal(secret.reveal(String), "correct horse")
            }
            assert.equal(wiped, 2)
            await cli.close()
            assert.equal(wiped, 3)
        } finally {
            Reflect.set(Secret.prototype, Symbol.dispose, wipe)
        }
    })

    test("one newline at the end of a secret from a descriptor is dropped, no more", async () => {
        const signer = fakeSigner()
        let opened = ""
        const daemon = fakeDaemon({
            challenge: signer.challenge,
            unlock: (request) => {
                opened = signer.open("unlock", sampleKey().id, request.sealed)
                return Promise.resolve("")
            },
        })
        await unlock(
            fakeCli(fakeTerminal({ descriptors: { 3: "pass word \n\n" } })),
            daemon,
            thingOfKey(sampleKey()),
            { passphraseFd: 3 },
            LIMITS,
        )
        assert.equal(opened, "pass word \n")
    })

    test("docker's passphrase variable opens a sealed key, with one warning", async () => {
        const signer = fakeSigner()
        const opened: string[] = []
        const daemon = fakeDaemon({
            challenge: signer.challenge,
            unlock: (request) => {
                opened.push(signer.open("unlock", sampleKey().id, request.sealed))
                return Promise.resolve("")
            },
        })
        const terminal = fakeTerminal()
        const cli = fakeCli(terminal, { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "from docker" })
        await unlock(cli, daemon, thingOfKey(sampleKey()), {}, LIMITS)
        await unlock(cli, daemon, thingOfKey(sampleKey()), {}, LIMITS)
        assert.deepEqual(opened, ["from docker", "from docker"])
        assert.equal(terminal.remarks().match(/DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE/g)?.length, 1)
    })

    test("TK-SEC-1 docker's variables are never tried as a PIN", async () => {
        const daemon = fakeDaemon({ challenge: fakeSigner().challenge, listTokens })
        const env = { DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "12345678", DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "12345678" }
        await assert.rejects(login(fakeCli(fakeTerminal(), env), daemon, "root-token", {}), { code: "no_terminal" })
    })

    test("who is asked for a PIN is told which token wants it and how its tries stand", async () => {
        const asked = async (changes: Parameters<typeof sampleToken>[0], options = {}): Promise<string> => {
            const token = sampleToken({ label: "trust\u001b[2J", serial: "12345678", state: "present", ...changes })
            const daemon = fakeDaemon({
                challenge: fakeSigner().challenge,
                listTokens: () => Promise.resolve([token]),
                login: () => Promise.resolve(sampleToken()),
            })
            const terminal = fakeTerminal({ typed: ["12345678"] })
            await login(fakeCli(terminal), daemon, "root-token", options)
            return terminal.shown()
        }
        assert.match(await asked({}), /^PIN of token root-token \(trust\S+, serial 12345678\): /)
        assert.ok(!(await asked({})).includes("\u001b"))
        assert.match(await asked({ tries: "low" }), /few tries left\): /)
        assert.match(await asked({ tries: "final" }, { evenFinalTry: true }), /ONE try left, then it is blocked\): /)
        // What would be typed in vain is not asked for.
        await assert.rejects(asked({ tries: "final" }), { code: "pin_final_try" })
        await assert.rejects(asked({ tries: "blocked" }), { code: "pin_blocked" })
        await assert.rejects(asked({ state: "absent" }), { code: "token_absent" })
    })

    test("TK-PIN-1 a PIN is tried once for each time a person types it", async () => {
        let tries = 0
        const daemon = fakeDaemon({
            challenge: fakeSigner().challenge,
            listTokens,
            login: () => {
                tries += 1
                return refuse("pin_incorrect")
            },
        })
        await assert.rejects(login(fakeCli(fakeTerminal({ typed: ["1111", "2222"] })), daemon, "root-token", {}), { code: "pin_incorrect" })
        assert.equal(tries, 1)
    })

    test("a PIN is sealed for its token", async () => {
        const signer = fakeSigner()
        let opened = ""
        const daemon = fakeDaemon({
            listTokens,
            challenge: signer.challenge,
            login: (request) => {
                opened = signer.open("login", "token:root-token", request.sealed)
                return Promise.resolve(sampleToken())
            },
        })
        await login(fakeCli(fakeTerminal({ typed: ["12345678"] })), daemon, "root-token", {})
        assert.equal(opened, "12345678")
    })

    test("a challenge for another purpose than asked is not answered", async () => {
        const signer = fakeSigner()
        const daemon = fakeDaemon({ challenge: (_purpose, subject) => signer.challenge("login", subject) })
        const cli = fakeCli(fakeTerminal({ typed: ["correct horse"] }))
        await assert.rejects(unlock(cli, daemon, thingOfKey(sampleKey()), {}, LIMITS), { code: "internal" })
    })

    test("a new passphrase is typed twice, the same, and has eight characters", async () => {
        const thing = { purpose: "targets", name: "the new key" }
        using secret = await askNewPassphrase(fakeCli(fakeTerminal({ typed: ["ächzendé", "ächzendé"] })), {}, thing)
        assert.equal(secret.reveal(String), "ächzendé")
        await assert.rejects(askNewPassphrase(fakeCli(fakeTerminal({ typed: ["long enough", "other words"] })), {}, thing), {
            code: "declined",
        })
        // Eight bytes, but four characters.
        await assert.rejects(askNewPassphrase(fakeCli(fakeTerminal({ typed: ["ääää", "ääää", "ääää"] })), {}, thing), {
            code: "invalid_request",
        })
    })

    test("a new passphrase that doesn't do is asked for again, in docker's words", async () => {
        const terminal = fakeTerminal({ typed: ["short", "long enough", "other words", "third time", "third time"] })
        using secret = await askNewPassphrase(fakeCli(terminal), {}, { purpose: "delegation", name: "new alice key" })
        assert.equal(secret.reveal(String), "third time")
        assert.match(
            terminal.shown(),
            /^Enter passphrase for new alice key: \nEnter passphrase for new alice key: \nRepeat passphrase for new alice key: \n/,
        )
        assert.match(terminal.remarks(), /^Passphrase is too short\..*\nPassphrases do not match\. Please retry\.\n$/)
    })

    test("a key is asked for by docker's name for it and seven digits of its ID", () => {
        const name = (changes: Parameters<typeof sampleKey>[0]): string => thingOfKey(sampleKey(changes)).name
        assert.equal(name({ purpose: "targets" }), "repository key with ID 3fa9c2d")
        assert.equal(name({ purpose: "snapshot" }), "repository key with ID 3fa9c2d")
        assert.equal(name({ purpose: "root", label: "root 2026" }), "root key with ID 3fa9c2d")
        assert.equal(name({ purpose: "delegation", label: "alice" }), "alice key with ID 3fa9c2d")
        assert.equal(name({ purpose: "delegation", label: "" }), "delegation key with ID 3fa9c2d")
    })

    test("a descriptor is read once and serves every new key", async () => {
        let opened = 0
        const terminal = fakeTerminal({ descriptors: { 3: "correct horse\n" } })
        const counting = {
            ...terminal,
            openDescriptor: (descriptor: number) => (opened++ === 0 ? terminal.openDescriptor(descriptor) : assert.fail("read again")),
        }
        const cli = fakeCli(counting)
        for (const name of ["one", "two"]) {
            using secret = await askNewPassphrase(cli, { passphraseFd: 3 }, { purpose: "targets", name })
            assert.equal(secret.reveal(String), "correct horse")
        }
    })

    test("a group with a credential opens without a person", async () => {
        let sealed: unknown = "not asked"
        const group = { name: "ci", byPassphrase: false, credential: "ci-group", unlocked: false, unlockedUntil: "", keys: 1 }
        const daemon = fakeDaemon({
            listGroups: () => Promise.resolve([group]),
            unlock: (request) => {
                sealed = request.sealed
                return Promise.resolve("")
            },
        })
        await unlock(fakeCli(fakeTerminal()), daemon, thingOfGroup("ci"), {}, LIMITS)
        assert.equal(sealed, undefined)
    })

    test("a key that became ready meanwhile needs nobody", async () => {
        const key = sampleKey({ home: "token:root-token" })
        await makeReady(fakeCli(fakeTerminal()), fakeDaemon({ getKey: () => Promise.resolve({ ...key, ready: true }) }), key, {})
    })

    test("a key whose token is not there is not asked a PIN for", async () => {
        const key = sampleKey({ home: "token:root-token", state: "absent" })
        const daemon = fakeDaemon({ getKey: () => Promise.resolve(key) })
        await assert.rejects(makeReady(fakeCli(fakeTerminal({ typed: ["1234"] })), daemon, key, {}), { code: "token_absent" })
    })
})

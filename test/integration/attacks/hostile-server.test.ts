import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:https"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { gzipSync } from "node:zlib"
import { openDaemon } from "../../../src/cli/daemon.ts"
import type { Daemon as DaemonClient } from "../../../src/cli/daemon-types.ts"
import { runCli } from "../../../src/cli/index.ts"
import type { ErrorCode } from "../../../src/errors.ts"
import { certificateKey, lineageOf, parseFile, parseGun, parseRoleName, tufKey } from "../../../src/tuf/index.ts"
import { AttackedRepository, edited, filesOf, type Publication, RELEASES, resigned } from "../../support/attacked-repository.ts"
import { buildCertificate } from "../../support/certificate-builder.ts"
import { type Daemon, startDaemon } from "../../support/daemon.ts"
import { answer, type FakeTrustServer, type Handler, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { type BuiltFile, certifiedRootKey, hashOf, makeKey, makeRootKey, TestRepository } from "../../support/repository-builder.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"
import { type FakeTerminal, fakeContext, fakeTerminal } from "../../unit/cli/fake-terminal.ts"

// In the spirit of Notary's corrupter. What a client waits for, and for how long, is in publish/fetch-repository.test.ts, whose times are short.

const NOW = new Date()
const GUN = parseGun("registry.example.com/team/app")
const OTHER_GUN = parseGun("registry.example.com/team/other")
const DIGEST = `sha256:${"ab".repeat(32)}`
const LOGIN = { username: "alice", password: "s3cret-password" }
const LONGEST_MS = 10_000
const MOST_MEMORY = 192 * 1024 * 1024

/** What a person does while the server attacks. `first`: with nothing cached, so that the first root is taken on faith. */
type Act = "show" | "sign" | "adopt" | "first"
const SEASONED: readonly Act[] = ["show", "sign", "adopt"]
const ALL: readonly Act[] = [...SEASONED, "first"]

type Attack = {
    readonly name: string
    /** What the victim would lose if it were believed. */
    readonly loses: string
    /** For every act, or for each; an act that is not named is not harmed. */
    readonly expect: ErrorCode | Partial<Record<Act, ErrorCode>>
    /** Acts that `expect`, given as one code, holds for; default: whoever has seen the repository before. */
    readonly acts?: readonly Act[]
    readonly message?: RegExp
    readonly attack: (scene: Scene) => void
}

type Scene = {
    readonly server: FakeTrustServer
    readonly repository: AttackedRepository
    /** Somebody else whose certificate is good. */
    readonly third: { readonly url: string; readonly heard: string[] }
    /** Serve it as the newest. */
    publish(publication: Publication): void
}

// 512 MiB, one member after the other.
const BOMB = Buffer.concat(Array.from<Buffer>({ length: 16 }).fill(gzipSync(Buffer.alloc(32 * 1024 * 1024), { level: 9 })))

const respond =
    (status: number, headers: Readonly<Record<string, string | readonly string[]>>, body: string | Buffer = ""): Handler =>
    (_, response) => {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
        response.writeHead(status).end(body)
    }

/** A timestamp with something done to its text. The signature covers the parsed value, so form alone must be refused too. */
const timestampAs =
    (change: (text: string) => string) =>
    ({ server, repository }: Scene): void =>
        void server.files.set("timestamp", edited(repository.current.timestamp, change).content)

/** With every root there was. */
function serveAll(server: FakeTrustServer, repository: TestRepository): void {
    server.serve([...repository.roots, ...repository.files])
}

const raw =
    (bytes: string) =>
    ({ server }: Scene): void => {
        server.handlers.set("timestamp", (request) => void request.socket.end(bytes))
    }

const challenge =
    (header: string) =>
    ({ server }: Scene): void => {
        server.handlers.set("*", respond(401, { "www-authenticate": header.replaceAll("SELF", server.url) }))
    }

const ATTACKS: readonly Attack[] = [
    // Whose repository it is
    {
        name: "serves the repository of somebody else's making under the same name",
        loses: "every tag: the thief signs what he likes",
        expect: "verification_failed",
        attack: ({ server }) => {
            server.files.clear()
            serveAll(server, new TestRepository(GUN, NOW).rotate())
        },
    },
    {
        name: "follows the trusted root up with one that only its own keys signed",
        loses: "every tag: the thief's keys count from then on",
        expect: "verification_failed",
        attack: ({ publish, repository }) => {
            const root = [repository.builder.rootKey()]
            publish(repository.publish({ root: repository.root({ version: 3, keys: { ...repository.keys, root } }) }))
        },
    },
    {
        name: "follows the trusted root up with one that the new key has not signed",
        loses: "the root: a key that nobody holds would be in force",
        expect: "verification_failed",
        attack: ({ publish, repository }) => {
            const keys = { ...repository.keys, root: [repository.builder.rootKey()] }
            publish(repository.publish({ root: repository.root({ version: 3, keys, signers: repository.keys.root }) }))
        },
    },
    {
        name: "exchanges the targets key in a root nobody signed as it is now",
        loses: "every tag",
        expect: "verification_failed",
        attack: ({ publish, repository }) => {
            const thief = repository.root({ version: 3, keys: { ...repository.keys, targets: [makeKey()] } })
            const true3 = parseFile(repository.root({ version: 3 }).content, parseRoleName("root"))
            publish(repository.publish({ root: resigned(thief, () => true3.signatures) }))
        },
    },
    {
        name: "skips a root version",
        loses: "the rotation in between, and whatever key it took out of force",
        expect: "verification_failed",
        message: /root version 4 is served as version 3/,
        attack: ({ server, repository }) => {
            server.files.set("3.root", repository.root({ version: 4 }).content)
        },
    },
    {
        name: "goes back to the first root",
        loses: "the rotation since: keys that were stolen would count again",
        // Whoever starts from a root asks for the next one only, and the old timestamp gives the server away.
        expect: { show: "rollback_detected", sign: "rollback_detected", adopt: "rollback_detected" },
        attack: ({ server, repository }) => {
            server.files.clear()
            server.serve([repository.firstRoot, ...filesOf(repository.old)])
        },
    },
    {
        name: "serves the metadata of another repository, properly signed there",
        loses: "the name: what was signed for one would run as the other",
        expect: "verification_failed",
        acts: ALL,
        attack: ({ server }) => {
            server.files.clear()
            serveAll(server, new TestRepository(OTHER_GUN, NOW).rotate())
        },
    },
    {
        name: "serves a root whose certificate has expired",
        loses: "the end its owner gave the key",
        expect: "verification_failed",
        acts: ["first"],
        message: /certificate expired/,
        attack: ({ server, repository }) => {
            const keys = { ...repository.keys, root: [makeRootKey(GUN, NOW, { notAfter: new Date(NOW.getTime() - 1000) })] }
            server.files.clear()
            const root = repository.root({ version: 1, keys })
            server.serve(filesOf(repository.publish({ root })))
        },
    },
    {
        name: "serves a root whose certificate is signed with SHA-1",
        loses: "an authority's word, which SHA-1 lets others forge",
        expect: "verification_failed",
        acts: ["first"],
        message: /SHA-1/,
        attack: ({ server, repository }) => {
            const { pem, privateKey } = buildCertificate({ name: GUN, sha1: true })
            const root = repository.root({ version: 1, keys: { ...repository.keys, root: [certifiedRootKey(pem, privateKey)] } })
            certificateKey(pem)
            server.files.clear()
            server.serve(filesOf(repository.publish({ root })))
        },
    },
    {
        name: "takes the root away",
        loses: "nothing yet; somebody deleted the trust data, or wants a new beginning to be believed",
        expect: "no_trust_data",
        acts: ["show", "adopt"],
        message: /any more, although it had some before/,
        attack: ({ server }) => server.files.clear(),
    },

    // Going back
    {
        name: "serves an older timestamp with all that belongs to it",
        loses: "every signature since: a tag with a known hole would be pulled",
        expect: "rollback_detected",
        message: /timestamp version 1 is older than 2/,
        attack: ({ server, repository }) => void server.files.set("timestamp", repository.old.timestamp.content),
    },
    {
        name: "puts a new timestamp on an older snapshot",
        loses: "every signature since",
        expect: "rollback_detected",
        message: /snapshot version 1 is older than 2/,
        attack: ({ server, repository }) => {
            const { old, builder, keys } = repository
            server.serve([old.snapshot, builder.timestamp({ version: 3, snapshot: old.snapshot, signers: keys.timestamp })])
        },
    },
    {
        name: "puts a new snapshot on older targets",
        loses: "tags that were revoked or moved since",
        expect: "rollback_detected",
        message: /targets version 1 is older than 2/,
        attack: ({ publish, repository }) => publish(repository.publish({ targets: repository.old.targets })),
    },
    {
        name: "puts a new snapshot on a signer's older tags",
        loses: "what this signer revoked since",
        expect: "rollback_detected",
        message: /targets\/alice version 1 is older than 2/,
        attack: ({ publish, repository }) => publish(repository.publish({ alice: repository.old.alice })),
    },
    {
        name: "gives a version that was seen another content",
        loses: "one truth: two victims see two repositories",
        expect: "verification_failed",
        message: /targets version 2 was seen before with other content/,
        attack: ({ publish, repository }) => publish(repository.publish({ targets: repository.targets(2, { v1: "evil" }) })),
    },

    // Mix and match
    {
        name: "mixes a snapshot with targets it does not list",
        loses: "the owner's choice of what belongs together",
        expect: "verification_failed",
        message: /targets is not the file the snapshot lists/,
        attack: ({ server, publish, repository }) => {
            const next = repository.publish({ targets: repository.targets(3, { v1: "nine" }) })
            publish(next)
            server.files.set(`targets.${hashOf(next.targets)}`, repository.targets(3, { v1: "nice" }).content)
        },
    },
    {
        name: "mixes a timestamp with a snapshot it does not list",
        loses: "the owner's choice of what belongs together",
        expect: "verification_failed",
        message: /snapshot is not the file the timestamp lists|sent more than/,
        attack: ({ server, publish, repository }) => {
            const next = repository.publish({ targets: repository.targets(3, {}) })
            publish(next)
            server.files.set(`snapshot.${hashOf(next.snapshot)}`, repository.current.snapshot.content)
        },
    },
    {
        name: "serves one signer's tags as another's",
        loses: "who signed what",
        expect: "verification_failed",
        attack: ({ server, publish, repository }) => {
            const next = repository.publish({ alice: repository.delegation(3, { v1: "two" }) })
            publish(next)
            server.files.set(`targets/alice.${hashOf(next.alice)}`, next.targets.content.subarray(0, next.alice.content.length))
        },
    },
    {
        name: "hides a file its snapshot lists",
        loses: "the tags in it",
        expect: "verification_failed",
        acts: ALL,
        message: /lists a targets that https:.* doesn't have/,
        attack: ({ server, publish, repository }) => {
            const next = repository.publish({ targets: repository.targets(3, {}) })
            publish(next)
            server.files.delete(`targets.${hashOf(next.targets)}`)
        },
    },
    {
        name: "serves a shorter file than it announced",
        loses: "the end of a list of tags",
        expect: "verification_failed",
        attack: ({ server, publish, repository }) => {
            const next = repository.publish({ targets: repository.targets(3, {}) })
            publish(next)
            server.files.set(`targets.${hashOf(next.targets)}`, next.targets.content.subarray(0, -1))
        },
    },
    {
        name: "serves one byte more than it announced",
        loses: "an end to what can be sent",
        expect: "verification_failed",
        message: /sent more than \d+ bytes/,
        attack: ({ server, publish, repository }) => {
            const next = repository.publish({ targets: repository.targets(3, {}) })
            publish(next)
            server.files.set(`targets.${hashOf(next.targets)}`, Buffer.concat([next.targets.content, Buffer.from("\n")]))
        },
    },

    // Standing still. What is to be renewed by signing may have expired before.
    {
        name: "freezes the client on a timestamp that has expired",
        loses: "news: a revoked tag would be pulled for ever",
        expect: "metadata_expired",
        acts: ALL,
        message: /timestamp .*expired/,
        attack: ({ publish, repository }) => publish(repository.publish({ timestampDays: -1 })),
    },
    {
        name: "serves a snapshot that has expired",
        loses: "news",
        expect: "metadata_expired",
        acts: ["show", "adopt", "first"],
        message: /snapshot .*expired/,
        attack: ({ publish, repository }) => publish(repository.publish({ snapshotDays: -1 })),
    },
    {
        name: "serves targets that have expired",
        loses: "news",
        expect: "metadata_expired",
        acts: ["show", "adopt", "first"],
        message: /targets .*expired/,
        attack: ({ publish, repository }) => publish(repository.publish({ targets: repository.targets(3, {}, { days: -1 }) })),
    },
    {
        name: "ends the walk with a root that has expired",
        loses: "the rotation the owner has published since",
        expect: "metadata_expired",
        message: /root .*expired/,
        attack: ({ publish, repository }) => publish(repository.publish({ root: repository.root({ version: 3, days: -1 }) })),
    },

    // Signatures
    {
        name: "signs targets with a key of its own",
        loses: "every tag",
        expect: "verification_failed",
        acts: ALL,
        message: /^.*targets version 3: 0 valid signatures/,
        attack: ({ publish, repository }) => publish(repository.publish({ targets: repository.targets(3, {}, { signers: [makeKey()] }) })),
    },
    {
        name: "signs the snapshot with the timestamp's key",
        loses: "the difference between an online key and the repository's",
        expect: "verification_failed",
        acts: ALL,
        message: /snapshot version 3: 0 valid signatures/,
        attack: ({ publish, repository }) => publish(repository.publish({ snapshotSigners: repository.keys.timestamp })),
    },
    {
        name: "cuts the signatures off the targets",
        loses: "every tag",
        expect: "verification_failed",
        acts: ALL,
        attack: ({ publish, repository }) => {
            publish(
                repository.publish({
                    targets: edited(repository.targets(3, {}), (text) => text.replace(/"signatures":.*/, '"signatures":[]}')),
                }),
            )
        },
    },
    ...(
        [
            ["with one of two signatures", (two: readonly unknown[]) => two.slice(0, 1)],
            ["with one signature twice", ([one]: readonly unknown[]) => [one, one]],
        ] as const
    ).map(
        ([how]): Attack => ({
            name: `serves targets that need two keys ${how}`,
            loses: "the second pair of eyes: one stolen key would do",
            expect: "verification_failed",
            acts: ALL,
            message: /targets version 3: 1 valid signatures by its keys, 2 are needed/,
            attack: ({ publish, repository }) => {
                const two = [...repository.keys.targets, makeKey()]
                const root = repository.root({ version: 3, keys: { ...repository.keys, targets: two }, thresholds: { targets: 2 } })
                const both = repository.targets(3, {}, { signers: two })
                const cut = resigned(both, ([one]) => (one === undefined ? [] : how.endsWith("twice") ? [one, one] : [one]))
                publish(repository.publish({ root, targets: cut }))
            },
        }),
    ),
    {
        name: "serves targets that need two keys with one key's signature under both IDs",
        loses: "the second pair of eyes",
        expect: "verification_failed",
        acts: ALL,
        message: /1 valid signatures by its keys, 2 are needed/,
        attack: ({ publish, repository }) => {
            const two = [...repository.keys.targets, makeKey()] as const
            const root = repository.root({ version: 3, keys: { ...repository.keys, targets: two }, thresholds: { targets: 2 } })
            const cut = resigned(repository.targets(3, {}, { signers: two }), (both) => {
                const [one] = both
                return both.map(({ keyId }) => ({ ...(one ?? assert.fail()), keyId }))
            })
            publish(repository.publish({ root, targets: cut }))
        },
    },
    {
        name: "writes the key IDs in capitals",
        loses: "one name for one key",
        expect: "verification_failed",
        acts: ALL,
        attack: timestampAs((text) => text.replace(/(?<="keyid":")[0-9a-f]+/, (id) => id.toUpperCase())),
    },

    // Lengths and amounts
    {
        name: "announces a targets file of a gigabyte",
        loses: "memory",
        expect: "verification_failed",
        message: /announces 1073741824 bytes for targets, too many/,
        attack: ({ publish, repository }) => {
            publish(repository.publish({ targets: { ...repository.targets(3, {}), announced: 2 ** 30 } }))
        },
    },
    {
        name: "announces a length beyond what a number holds",
        loses: "arithmetic",
        expect: "verification_failed",
        acts: ALL,
        attack: timestampAs((text) => text.replace(/(?<="length":)\d+/, "9".repeat(400))),
    },
    {
        name: "announces a negative length",
        loses: "arithmetic",
        expect: "verification_failed",
        acts: ALL,
        attack: timestampAs((text) => text.replace(/(?<="length":)/, "-")),
    },
    {
        name: "never stops sending a timestamp",
        loses: "memory and disk",
        expect: "verification_failed",
        acts: ALL,
        message: /sent more than 1048576 bytes for timestamp/,
        attack: ({ server }) => {
            server.handlers.set("timestamp", (_, response) => {
                const chunk = Buffer.alloc(64 * 1024, " ")
                const more = (): void => {
                    while (!response.destroyed && response.write(chunk)) {}
                }
                response.on("drain", more)
                more()
            })
        },
    },
    {
        name: "never stops sending a refusal",
        loses: "memory",
        expect: "server_error",
        acts: ALL,
        attack: ({ server }) => {
            server.handlers.set("timestamp", (_, response) => {
                response.writeHead(500, { "content-type": "application/json" })
                const more = (): void => {
                    while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, "x"))) {}
                }
                response.on("drain", more)
                more()
            })
        },
    },
    {
        name: "sends a gzip bomb, asked for or not",
        loses: "memory",
        expect: "verification_failed",
        acts: ALL,
        attack: ({ server }) => {
            server.handlers.set("timestamp", respond(200, { "content-encoding": "gzip" }, BOMB))
        },
    },
    {
        name: "compresses the true timestamp, which nobody asked it to",
        loses: "one reading of the bytes",
        expect: "verification_failed",
        attack: ({ server, repository }) => {
            server.handlers.set("timestamp", respond(200, { "content-encoding": "gzip" }, gzipSync(repository.current.timestamp.content)))
        },
    },
    {
        name: "delegates to a thousand and one roles, and lists a file for each",
        loses: "time: a signer could keep everybody busy",
        expect: "verification_failed",
        message: /more delegations than we can take/,
        attack: ({ publish, repository }) => {
            const names = Array.from({ length: 1001 }, (_, index) => `targets/alice/${index}`)
            const [content, version] = [repository.delegation(1, {}).content, 1]
            const extra = names.map((name) => ({ role: parseRoleName(name), version, content }))
            const delegations = names.map((name) => ({ name, keys: [repository.alice] }))
            publish(repository.publish({ alice: repository.delegation(3, {}, { delegations }), extra }))
        },
    },
    {
        name: "delegates from a role to itself",
        loses: "an end to the walk",
        expect: "verification_failed",
        attack: ({ publish, repository }) => {
            const circle = edited(
                repository.delegation(3, {}, { delegations: [{ name: "targets/alice/a", keys: [repository.alice] }] }),
                (text) => text.replace("targets/alice/a", "targets/alice"),
            )
            publish(repository.publish({ alice: circle }))
        },
    },

    // JSON that means two things, or none
    ...(
        [
            ["gives a field twice", (text: string) => text.replace('"version":2', '"version":2,"version":9')],
            ["begins with a byte order mark", (text: string) => `\ufeff${text}`],
            ["goes on after the end", (text: string) => `${text}{}`],
            ["writes its version as 2.0", (text: string) => text.replace('"version":2', '"version":2.0')],
            ["writes its version as a text", (text: string) => text.replace('"version":2', '"version":"2"')],
            ["has a version beyond 2^53", (text: string) => text.replace('"version":2', '"version":9007199254740993')],
            ["hides a prototype in it", (text: string) => text.replace('"version":2', '"version":2,"__proto__":{"version":9}')],
            ["spells a field with a capital too", (text: string) => text.replace('"version":2', '"version":2,"Version":9')],
            ["has half a surrogate pair in a name", (text: string) => text.replace('"snapshot"', '"\\ud800snapshot"')],
            ["says it is a snapshot", (text: string) => text.replace('"Timestamp"', '"Snapshot"')],
            ["is a list", (text: string) => `[${text}]`],
            ["is empty", () => ""],
            ["is a page", () => "<!doctype html><html><body>Please log in</body></html>"],
            ["is nested half a million deep", () => '{"signed":'.repeat(500_000)],
            ["has a million and one values", () => `[${"1,".repeat(500_000)}1]`],
        ] as const
    ).map(
        ([what, change]): Attack => ({
            name: `serves a timestamp that ${what}`,
            loses: "one reading of the metadata for everybody",
            expect: "verification_failed",
            acts: ALL,
            attack: timestampAs(change),
        }),
    ),

    // HTTP
    {
        name: "answers 304 to a question without a condition",
        loses: "news",
        expect: "server_refused",
        acts: ALL,
        attack: ({ server }) => server.handlers.set("timestamp", respond(304, { etag: '"x"' })),
    },
    {
        name: "answers with a part of the content",
        loses: "the rest",
        expect: "server_refused",
        acts: ALL,
        attack: ({ server, repository }) => {
            server.handlers.set("timestamp", respond(206, { "content-range": "bytes 0-9/500" }, repository.current.timestamp.content))
        },
    },
    {
        name: "keeps back one file that must be there",
        loses: "news",
        expect: "no_trust_data",
        acts: ALL,
        message: /has a root .* but can't give out a timestamp/,
        attack: ({ server }) => void server.files.delete("timestamp"),
    },
    {
        name: "sends chunks whose lengths are no numbers",
        loses: "one reading of the bytes",
        expect: "server_error",
        acts: ALL,
        attack: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZZ\r\n{}\r\n0\r\n\r\n"),
    },
    {
        name: "states two lengths",
        loses: "one reading of the bytes",
        expect: "server_error",
        acts: ALL,
        attack: raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    },
    {
        name: "states a length and chunks",
        loses: "one reading of the bytes",
        expect: "server_error",
        acts: ALL,
        attack: raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    },
    {
        name: "sends ten thousand headers",
        loses: "memory",
        expect: "server_error",
        acts: ALL,
        attack: raw(`HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(10_000)}\r\n{}`),
    },
    {
        name: "never ends its interim answers",
        loses: "time",
        expect: "server_error",
        acts: ALL,
        attack: ({ server }) => {
            server.handlers.set("timestamp", (request) => {
                const { socket } = request
                const more = (): void => {
                    while (!socket.destroyed && socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(1000))) {}
                }
                socket.on("drain", more).on("error", () => {})
                more()
            })
        },
    },
    {
        name: "speaks something that isn't HTTP",
        loses: "nothing",
        expect: "server_error",
        acts: ALL,
        attack: raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    },
    {
        name: "breaks off in the middle",
        loses: "nothing",
        expect: "server_unreachable",
        acts: ALL,
        attack: raw('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"signed"'),
    },
    {
        name: "fails, with a message for the terminal to obey",
        loses: "the terminal",
        expect: "server_error",
        acts: ALL,
        attack: ({ server }) => {
            server.handlers.set("timestamp", (_, response) =>
                answer(response, 503, { errors: [{ code: "UNKNOWN", message: "\u001b[2J\u202e" }] }),
            )
        },
    },
    ...["http://localhost:1/timestamp.json", "unix:/run/docker.sock", "file:///etc/passwd", "https://user:pw@localhost:1/", "//"].map(
        (location): Attack => ({
            name: `redirects to ${location}`,
            loses: "what only this machine can reach",
            expect: "server_error",
            acts: ALL,
            message: /redirects to (?:a place without TLS|something that isn't a URL)/,
            attack: ({ server }) => server.handlers.set("timestamp", respond(302, { location })),
        }),
    ),
    {
        name: "redirects in a circle",
        loses: "time",
        expect: "server_error",
        acts: ALL,
        message: /redirects more than 5 times/,
        attack: ({ server }) => {
            server.handlers.set("timestamp", (request, response) => respond(302, { location: request.url ?? "" })(request, response))
        },
    },

    // The login
    ...[
        'Bearer realm="http://localhost:1/token"',
        'Bearer realm="http://evil.example/token"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="https://alice:pw@localhost:1/token"',
        'Bearer service="notary"',
    ].map(
        (header): Attack => ({
            name: `sends for a token with ${header}`,
            loses: "the registry's password",
            expect: header.includes('realm="http://localhost:1') ? "server_unreachable" : "server_refused",
            acts: ALL,
            attack: challenge(header),
        }),
    ),
    {
        name: "hands out a token of a megabyte",
        loses: "memory",
        expect: "server_error",
        acts: ALL,
        attack: (scene) => {
            challenge('Bearer realm="SELF/token"')(scene)
            const refuse = scene.server.handlers.get("*") ?? assert.fail()
            scene.server.handlers.set("*", (request, response) => {
                if (request.url?.startsWith("/token") !== true) return refuse(request, response)
                answer(response, 200, { token: "a".repeat(1024 * 1024) })
            })
        },
    },
    {
        name: "hands out a token that would become another header",
        loses: "what we say to others",
        expect: "server_error",
        acts: ALL,
        attack: (scene) => {
            challenge('Bearer realm="SELF/token"')(scene)
            const refuse = scene.server.handlers.get("*") ?? assert.fail()
            scene.server.handlers.set("*", (request, response) => {
                if (request.url?.startsWith("/token") !== true) return refuse(request, response)
                answer(response, 200, { token: "good\r\nX-Admin: yes" })
            })
        },
    },
    {
        name: "has never enough of a login",
        loses: "time",
        expect: "login_needed",
        acts: ALL,
        attack: challenge('Basic realm="x"'),
    },
    {
        name: "sends whoever has logged in to somebody else, who asks for a login too",
        loses: "the registry's password",
        expect: "login_needed",
        acts: ALL,
        attack: ({ server, third }) => {
            server.handlers.set("*", (request, response) => {
                if (request.headers.authorization === undefined)
                    return respond(401, { "www-authenticate": 'Basic realm="x"' })(request, response)
                respond(307, { location: `${third.url}/elsewhere.json` })(request, response)
            })
        },
    },
]

type Result = { readonly code: number; readonly terminal: FakeTerminal; readonly ms: number }

describe("a hostile trust server", () => {
    let daemon: Daemon
    let client: DaemonClient
    let server: FakeTrustServer
    let repository: AttackedRepository
    let third: Scene["third"] & AsyncDisposable
    let directory: WorkingDirectory
    /** The cache of a client that has seen the repository. */
    let seasoned: string
    let fingerprint: string
    let honest: ReadonlyMap<string, Buffer>

    const trustDirectory = (): string => path.join(server.configDirectory, "trust")

    async function run(...argv: string[]): Promise<Result> {
        const terminal = fakeTerminal()
        const env = {
            DOCKER_CONFIG: server.configDirectory,
            DOCKER_CONTENT_TRUST_SERVER: server.url,
            TRUSTKEYD_SOCKET: daemon.signSocket,
            TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket,
        }
        const started = performance.now()
        const context = { ...fakeContext(terminal, env, directory.path), now: () => NOW, administratorConfig: "/nonexistent" }
        return { code: await runCli(argv, context), terminal, ms: performance.now() - started }
    }

    async function ok(...argv: string[]): Promise<string> {
        const { code, terminal } = await run(...argv)
        assert.equal(code, 0, terminal.remarks())
        return terminal.printed()
    }

    const perform: Readonly<Record<Act, () => Promise<Result>>> = {
        show: () => run("trust", "show", GUN),
        first: () => run("trust", "show", GUN),
        sign: () => run("trust", "sign", `${GUN}:v9`, "--digest", DIGEST, "--size", "1234"),
        adopt: () => run("trust", "adopt", GUN, "--confirm", fingerprint),
    }

    /** What the daemon has promised and believes. */
    const promised = async (): Promise<unknown> => {
        const { marks, documents, outbox, lineage } = await client.showTrust(GUN)
        return { journal: await client.showJournal({ gun: "", role: "", after: 0, limit: 1000 }), marks, documents, outbox, lineage }
    }

    before(async () => {
        ;[daemon, server, directory] = await Promise.all([startDaemon(), startFakeTrustServer(), makeWorkingDirectory("hostile")])
        third = await startListener(server)
        const passphrase = path.join(directory.path, "passphrase")
        await writeFile(passphrase, `${randomBytes(12).toString("hex")}\n`, { mode: 0o600 })
        await writeFile(
            path.join(server.configDirectory, "config.json"),
            JSON.stringify({
                auths: { "registry.example.com": { auth: Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString("base64") } },
            }),
        )
        await ok("key", "group", "create", "signers", "--passphrase-file", passphrase)
        await ok(
            "key",
            "create",
            "--purpose",
            "delegation",
            "--group",
            "signers",
            "--bind",
            `targets/releases@${GUN}`,
            "--passphrase-file",
            passphrase,
        )
        client = await openDaemon("sign", daemon.signSocket)
        const [key] = await client.listKeys({ gun: GUN, role: "targets/releases" })
        repository = new AttackedRepository(GUN, NOW, tufKey({ keytype: "ecdsa", bytes: key?.publicKey ?? assert.fail() }))
        fingerprint = lineageOf(parseFile(repository.firstRoot.content, parseRoleName("root")).signed).slice(0, 16)
        server.serve(repository.files)
        honest = new Map(server.files)
        await ok("trust", "adopt", GUN, "--confirm", fingerprint)
        seasoned = path.join(directory.path, "seasoned")
        await cp(trustDirectory(), seasoned, { recursive: true })
    })

    after(async () => {
        client?.close()
        for (const part of [daemon, server, third, directory]) await part?.[Symbol.asyncDispose]()
    })

    /** What the server is sent under each role. */
    function takePublications(publication: (role: string, content: Buffer) => Publication | undefined): void {
        const snapshotKey = repository.keys.snapshot[0]?.key ?? assert.fail()
        server.handlers.set(`GET /v2/${GUN}/_trust/tuf/snapshot.key`, (_, response) => {
            answer(response, 200, {
                keytype: snapshotKey.keytype,
                keyval: { private: null, public: Buffer.from(snapshotKey.public).toString("base64") },
            })
        })
        server.handlers.set(`POST /v2/${GUN}/_trust/tuf/`, (request, response) => {
            const chunks: Buffer[] = []
            request.on("data", (chunk: Buffer) => chunks.push(chunk))
            request.on("end", () => {
                const body = Buffer.concat(chunks).toString("latin1")
                const [, role = "", content = ""] = /filename="([^"]+)"[^{]*?\r\n\r\n(.*?)\r\n--/s.exec(body) ?? []
                const published = publication(role, Buffer.from(content, "latin1"))
                if (published !== undefined) publish(published)
                response.end()
            })
        })
    }

    async function restore(act: Act): Promise<void> {
        server.handlers.clear()
        server.files.clear()
        for (const [name, content] of honest) server.files.set(name, content)
        third.heard.length = 0
        await rm(trustDirectory(), { recursive: true, force: true })
        if (act !== "first") await cp(seasoned, trustDirectory(), { recursive: true })
    }

    const publish = (publication: Publication): void => server.serve(filesOf(publication))

    test("is told from one that does nothing wrong", async () => {
        for (const act of ["show", "first"] as const) {
            await restore(act)
            const { code, terminal } = await perform[act]()
            assert.equal(code, 0, terminal.remarks())
            assert.equal(/Trusting .* on first use: root certificate ID [0-9a-f]{64}/.test(terminal.remarks()), act === "first")
        }
    })

    for (const { name, loses, expect, acts = SEASONED, message = /./, attack } of ATTACKS) {
        const codes = Object.entries(typeof expect === "string" ? Object.fromEntries(acts.map((act) => [act, expect])) : expect)
        test(`that ${name} is refused with ${[...new Set(codes.map(([, code]) => code))].join(" or ")}; at stake: ${loses}`, async () => {
            for (const act of ALL) {
                const code = Object.fromEntries(codes)[act]
                if (code === undefined) continue
                await restore(act)
                attack({ server, repository, third, publish })
                const [cached, before, memory] = [await tree(trustDirectory()), await promised(), process.memoryUsage().rss]
                const { code: status, terminal, ms } = await perform[act]()
                const said = `${act}: ${terminal.remarks()}`
                assert.match(said, new RegExp(`\\[${code}\\]`), said)
                assert.match(said, message)
                assert.notEqual(status, 0)
                assert.equal(terminal.printed(), "", said)
                // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
                assert.doesNotMatch(said, /[\u0000-\u0009\u000b-\u001f\u202e]|s3cret|czNjcmV0|YWxpY2U/)
                assert.deepEqual(await tree(trustDirectory()), cached, `${act} changed the cache`)
                assert.deepEqual(await promised(), before, `${act} changed the daemon's mind`)
                assert.ok(ms < LONGEST_MS, `${act} took ${ms} ms`)
                assert.ok(process.memoryUsage().rss - memory < MOST_MEMORY, `${act} took ${process.memoryUsage().rss - memory} bytes`)
                assert.ok(
                    third.heard.every((line) => line.endsWith("undefined")),
                    third.heard.join(),
                )
            }
        })
    }

    test("is not believed against a pin, and where first use is forbidden not without one", async () => {
        const file = path.join(directory.path, ".config/trustkey/client.toml")
        await mkdir(path.dirname(file), { recursive: true })
        const other = makeRootKey(GUN, NOW)
        const configured: readonly (readonly [text: string, expect: Partial<Record<Act, ErrorCode>>])[] = [
            ["first_use = false", { first: "not_pinned" }],
            ["first_use = maybe", { show: "config_invalid", sign: "config_invalid", adopt: "config_invalid" }],
            [
                `[[pin]]\ngun = ["registry.example.com/**"]\ncertificates = ["${other.id}"]`,
                { show: "pin_mismatch", sign: "pin_mismatch", adopt: "pin_mismatch", first: "pin_mismatch" },
            ],
        ]
        try {
            for (const [text, expect] of configured) {
                await writeFile(file, `${text}\n`, { mode: 0o600 })
                for (const act of ALL.filter((candidate) => expect[candidate] !== undefined)) {
                    await restore(act)
                    const [cached, before] = [await tree(trustDirectory()), await promised()]
                    const { terminal } = await perform[act]()
                    assert.match(terminal.remarks(), new RegExp(`\\[${expect[act]}\\]`), `${act}: ${terminal.remarks()}`)
                    assert.deepEqual(await tree(trustDirectory()), cached)
                    assert.deepEqual(await promised(), before)
                }
            }
            const root = repository.keys.root[0]?.id ?? assert.fail()
            await writeFile(file, `first_use = false\n[[pin]]\ngun = ["${GUN}"]\ncertificates = ["${root}"]\n`)
            await restore("first")
            assert.equal((await perform.first()).code, 0)
        } finally {
            await rm(file)
        }
    })

    test("that takes what was signed and serves something else is not believed, and gets it again until it does", async () => {
        await restore("sign")
        const cached = await tree(trustDirectory())
        const releases = (content: Buffer): BuiltFile => ({ role: RELEASES, version: 1, content })
        const lies: readonly ((role: string, content: Buffer) => Publication | undefined)[] = [
            // It keeps what was there.
            () => undefined,
            // It lists what it was sent, and something was changed on the way.
            (_, content) =>
                repository.publish({ extra: [edited(releases(content), (text) => text.replace('"version":1', '"version":7'))] }),
            // It publishes around it.
            () => repository.publish({ targets: repository.targets(3, { v1: "one" }) }),
        ]
        for (const lie of lies) {
            takePublications(lie)
            const { code, terminal } = await perform.sign()
            assert.match(terminal.remarks(), /\[publish_unconfirmed\]/)
            assert.equal(code, 7)
            await rm(trustDirectory(), { recursive: true })
            await cp(seasoned, trustDirectory(), { recursive: true })
            for (const [name, content] of honest) server.files.set(name, content)
        }
        assert.equal((await client.outbox(GUN)).length, 1)
        takePublications((role, content) => {
            assert.equal(role, RELEASES)
            return repository.publish({ extra: [releases(content)] })
        })
        const { code, terminal } = await perform.sign()
        assert.equal(code, 0, terminal.remarks())
        assert.match(terminal.remarks(), /Publishing what was signed before/)
        assert.deepEqual(await client.outbox(GUN), [])
        assert.match(await ok("trust", "show", GUN), /v9 +sha256:abab/)
        assert.notDeepEqual(await tree(trustDirectory()), cached)
    })
})

/** Every file below, by its path. */
async function tree(root: string): Promise<ReadonlyMap<string, string>> {
    const files = new Map<string, string>()
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])) {
        const file = path.join(entry.parentPath, entry.name)
        if (entry.isFile()) files.set(path.relative(root, file), (await readFile(file)).toString("base64"))
    }
    return files
}

/** Somebody on another port, whom the client's TLS believes. Asks everybody for a login, and remembers what was said. */
async function startListener(beside: FakeTrustServer): Promise<Scene["third"] & AsyncDisposable> {
    const heard: string[] = []
    const { certFile, keyFile } = beside.certificate
    const listener = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
        heard.push(`${request.method} ${request.url} ${request.headers.authorization}`)
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end()
    })
    await new Promise<void>((resolve, reject) => listener.once("error", reject).listen(0, "127.0.0.1", resolve))
    const address = listener.address()
    if (address === null || typeof address === "string") throw new Error("the listener has no port")
    const host = `localhost:${address.port}`
    await mkdir(path.join(beside.configDirectory, "tls", host), { recursive: true })
    await cp(beside.caFile, path.join(beside.configDirectory, "tls", host, "ca.crt"))
    return {
        url: `https://${host}`,
        heard,
        [Symbol.asyncDispose]: async () => {
            listener.closeAllConnections()
            await new Promise((resolve) => listener.close(resolve))
        },
    }
}

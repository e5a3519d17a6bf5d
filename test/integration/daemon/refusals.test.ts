// What a start with something wrong gets: which thing it is and what to do, in the journal and in systemctl status; 78, which the unit does not
// restart, where only a person can help; and state that is as it was.
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { chmod, chown, lstat, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { after, before, describe, test } from "node:test"
import { lockStateDirectory } from "../../../src/storage/index.ts"
import { DAEMON_FLAGS, PROJECT, startDaemon } from "../../support/daemon.ts"
import { type NotifySocket, startNotifySocket } from "../../support/notify-socket.ts"
import { type CommandResult, runCommand } from "../../support/process.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"

/** Somebody else's. */
const STRANGER = 54_321
/** As root, who owns the programs, but one of root's who can't do everything. */
const WITHOUT_CAPABILITIES = ["--bounding-set", "-all", "--inh-caps", "-all", "--ambient-caps", "-all", "--no-new-privs", "--"]
const DAEMON = path.join(PROJECT, "dist/trustkeyd.cjs")

type Place = {
    readonly directory: string
    readonly config: string
    readonly state: string
    readonly sign: string
}

type Refusal = {
    readonly title: string
    readonly spoil: (place: Place) => Promise<unknown>
    /** Which thing, why, and what to do. */
    readonly says: readonly RegExp[]
    readonly code: string
    readonly env?: Readonly<Record<string, string>>
    /** Holds on while the daemon tries to start. */
    readonly hold?: (place: Place) => Promise<AsyncDisposable>
}

const edit = async (place: Place, change: (text: string) => string): Promise<void> =>
    writeFile(place.config, change(await readFile(place.config, "utf8")), { mode: 0o640 })
const add = (line: string) => (place: Place) => edit(place, (text) => `${text}\n${line}\n`)

const REFUSALS: readonly Refusal[] = [
    {
        title: "no configuration",
        spoil: ({ config }) => rm(config),
        says: [/trustkeyd\.toml does not exist/, /put one there .* or name another with --config/],
        code: "config_invalid",
    },
    {
        title: "a configuration the daemon's user may not read",
        spoil: ({ config }) => chmod(config, 0),
        says: [/trustkeyd\.toml cannot be (used|read)/, /EACCES/, /uid 0 may read/],
        code: "config_invalid",
    },
    {
        title: "a directory in the configuration's place",
        spoil: ({ config }) => rm(config).then(() => mkdir(config, { mode: 0o755 })),
        says: [/trustkeyd\.toml cannot be (used|read)/, /EISDIR/],
        code: "config_invalid",
    },
    {
        title: "a configuration that others may write",
        spoil: ({ config }) => chmod(config, 0o666),
        says: [/trustkeyd\.toml can be written by others/, /mode like 0640/],
        code: "file_unsafe",
    },
    {
        title: "a configuration that is no TOML",
        spoil: add("state_directory = "),
        says: [/line \d+/i],
        code: "config_invalid",
    },
    {
        title: "fields that don't exist and values that can't be, all at once",
        spoil: add('[limits]\nmax_connections = 0\nmax_conections = 5\n[unlock]\ndefault_ttl = "soon"'),
        says: [/limits\.max_connections: must be at least 2/, /limits\.max_conections: there is no such field/, /unlock\.default_ttl/],
        code: "config_invalid",
    },
    {
        title: "a user, and a group, that aren't on this machine",
        spoil: add('[[allow]]\nwho = ["user:nobody-we-know", "group:no-group-we-know"]\ndo = ["sign"]'),
        says: [/allow #1\.who #1: .*nobody-we-know/, /allow #1\.who #2: .*no-group-we-know/],
        code: "config_invalid",
    },
    {
        title: "a socket for a group that isn't there",
        spoil: (place) => edit(place, (text) => text.replace("[sockets.sign]", '[sockets.sign]\ngroup = "no-group-we-know"')),
        says: [/sockets\.sign\.group: there is no group "no-group-we-know"/],
        code: "config_invalid",
    },
    {
        title: "a PIN in the place of a credential's name",
        spoil: add('[[token]]\nname = "a"\nmodule = "/x.so"\nuri = "pkcs11:token=a"\npin = "12345678"'),
        says: [/token #1\.pin: name the credential, never the PIN itself/],
        code: "config_invalid",
    },
    {
        title: "attestation roots that aren't there",
        spoil: add('[[token]]\nname = "a"\nmodule = "/x.so"\nuri = "pkcs11:token=a"\nattestation_roots = "/nowhere/roots.pem"'),
        says: [/token\.attestation_roots of a: \/nowhere\/roots\.pem/],
        code: "config_invalid",
    },
    {
        title: "a file in a socket's place",
        spoil: ({ sign }) => writeFile(sign, "something of somebody's"),
        says: [/sign\.sock is there already and is no socket/, /move it away/],
        code: "config_invalid",
    },
    {
        title: "a socket on which another process answers",
        spoil: async () => {},
        hold: async ({ sign }) => {
            const server = createServer((socket) => socket.destroy())
            await new Promise<void>((resolve) => server.listen(sign, resolve))
            await chmod(sign, 0o777)
            return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) }
        },
        says: [/another process answers on .*sign\.sock/, /stop it/],
        code: "state_in_use",
    },
    {
        title: "a socket where no directory can be made",
        spoil: (place) => edit(place, (text) => text.replace(place.sign, "/proc/trustkeyd/sign.sock")),
        says: [/no directory for the socket \/proc\/trustkeyd\/sign\.sock/],
        code: "config_invalid",
    },
    {
        title: "a socket where the daemon's user may not write",
        spoil: async (place) => {
            const closed = path.join(place.directory, "closed")
            await mkdir(closed)
            await chown(closed, STRANGER, STRANGER)
            await edit(place, (text) => text.replace(place.sign, path.join(closed, "sign.sock")))
        },
        says: [/cannot listen on .*\/closed\/sign\.sock: EACCES/],
        code: "config_invalid",
    },
    {
        title: "sockets from systemd by a name that isn't ours",
        spoil: async () => {},
        env: { LISTEN_FDS: "1", LISTEN_FDNAMES: "web" },
        says: [/systemd passes a socket called "web"/, /FileDescriptorName= of sign, admin/],
        code: "config_invalid",
    },
    {
        title: "a state directory that another daemon holds",
        spoil: async () => {},
        hold: async ({ state }) => {
            const lock = await lockStateDirectory(state)
            return { [Symbol.asyncDispose]: () => lock.release() }
        },
        says: [/another trustkeyd uses the state directory .*\/state/, /stop it first/],
        code: "state_in_use",
    },
    {
        title: "a state directory that is somebody else's",
        spoil: ({ state }) => chown(state, STRANGER, STRANGER),
        says: [/the state directory .*\/state belongs to uid 54321, and the daemon runs as uid 0: run it as the owner/],
        code: "file_unsafe",
    },
    {
        title: "a state directory that others may enter",
        spoil: ({ state }) => chmod(state, 0o750),
        says: [/the state directory .*\/state can be entered by others: make it mode 0700/],
        code: "file_unsafe",
    },
    {
        title: "a file where the state directory should be",
        spoil: (place) => edit(place, (text) => text.replace(place.state, place.config)),
        says: [/the state directory .* is not a directory/],
        code: "file_unsafe",
    },
    {
        title: "a state directory that can't be made",
        spoil: (place) => edit(place, (text) => text.replace(place.state, "/proc/trustkeyd")),
        says: [/the state directory \/proc\/trustkeyd cannot be made/],
        code: "storage_failed",
    },
    {
        title: "a database that is somebody else's",
        spoil: ({ state }) => chown(path.join(state, "trustkeyd.db"), STRANGER, STRANGER),
        says: [/database/],
        code: "storage_failed",
    },
    {
        title: "the state of a newer version",
        spoil: async ({ state }) => {
            using database = new DatabaseSync(path.join(state, "trustkeyd.db"))
            database.exec("PRAGMA user_version = 4000")
        },
        says: [/written by a newer trustkeyd \(its version is 4000, this one knows \d+\)/, /install that version or a newer one/],
        code: "state_newer",
    },
    {
        title: "another program's database",
        spoil: async ({ state }) => {
            using database = new DatabaseSync(path.join(state, "trustkeyd.db"))
            database.exec("PRAGMA application_id = 1")
        },
        says: [/the database was not made by trustkeyd/],
        code: "storage_failed",
    },
    {
        title: "a database that was cut off",
        spoil: ({ state }) => truncate(path.join(state, "trustkeyd.db"), 6000),
        says: [/the database/],
        code: "storage_failed",
    },
    {
        title: "a repository whose name is damaged in the database",
        spoil: async ({ state }) => {
            using database = new DatabaseSync(path.join(state, "trustkeyd.db"))
            database.exec("INSERT INTO lineages (gun, lineage, origin, at) VALUES ('registry.example.com/../app', '', 'born', '')")
        },
        says: [/the database is damaged: a stored gun does not parse/],
        code: "storage_failed",
    },
    {
        title: "an audit chain whose end is damaged",
        spoil: async ({ state }) => {
            using database = new DatabaseSync(path.join(state, "trustkeyd.db"))
            database.exec("INSERT INTO audit VALUES (1000, '', '', '', '', '', '', '', '{}', '', 'no hash')")
        },
        says: [/the last audit record has no readable hash/],
        code: "audit_broken",
    },
    {
        title: "a log without its database",
        spoil: ({ state }) => rm(path.join(state, "trustkeyd.db")).then(() => writeFile(path.join(state, "trustkeyd.db-wal"), "x")),
        says: [/the database file is missing, but its log is there/],
        code: "storage_failed",
    },
]

/** Names, owners, modes and content; not the lock file, whose content means nothing. */
async function picture(directory: string): Promise<readonly string[]> {
    const lines: string[] = []
    for (const entry of await readdir(directory, { recursive: true })) {
        const file = path.join(directory, entry)
        const facts = await lstat(file)
        const content = facts.isFile()
            ? createHash("sha256")
                  .update(await readFile(file))
                  .digest("hex")
            : ""
        lines.push([entry, facts.uid, facts.mode.toString(8), content].join(" "))
    }
    const { uid, mode } = await lstat(directory)
    return [`. ${uid} ${mode.toString(8)}`, ...lines.sort()]
}

describe("a start is refused with 78, says which thing is wrong and what to do, and changes nothing:", () => {
    let base: WorkingDirectory
    let notify: NotifySocket
    let template: string

    before(async () => {
        base = await makeWorkingDirectory("refusals")
        await chmod(base.path, 0o755)
        notify = await startNotifySocket(base.path)
        await chmod(notify.address, 0o777)
        await using daemon = await startDaemon()
        await daemon.ok(["status"])
        await daemon.stop()
        template = path.join(base.path, "template")
        const { status, stderr } = await runCommand("cp", ["-a", daemon.stateDirectory, template])
        assert.equal(status, 0, stderr)
    })
    after(async () => {
        await notify?.[Symbol.asyncDispose]()
        await base?.remove()
    })

    async function layOut(name: string): Promise<Place> {
        const directory = path.join(base.path, name)
        const place = {
            directory,
            config: path.join(directory, "trustkeyd.toml"),
            state: path.join(directory, "state"),
            sign: path.join(directory, "sign.sock"),
        }
        await mkdir(directory, { mode: 0o755 })
        const sockets = ["[sockets.sign]", `path = "${place.sign}"`, "[sockets.admin]", `path = "${path.join(directory, "admin.sock")}"`]
        await writeFile(place.config, [`state_directory = "${place.state}"`, ...sockets, ""].join("\n"), { mode: 0o640 })
        assert.equal((await runCommand("cp", ["-a", template, place.state])).status, 0)
        return place
    }

    const start = (place: Place, env: Readonly<Record<string, string>> = {}): Promise<CommandResult> => {
        // LISTEN_PID has to be the daemon's own.
        const script = env["LISTEN_FDS"] === undefined ? 'exec "$@"' : 'LISTEN_PID=$$ exec "$@"'
        const daemon = [process.execPath, ...DAEMON_FLAGS, DAEMON, "--config", place.config]
        return runCommand("setpriv", [...WITHOUT_CAPABILITIES, "/bin/sh", "-c", script, "sh", ...daemon], {
            env: { PATH: "/usr/bin:/bin", NOTIFY_SOCKET: notify.address, ...env },
            timeoutMs: 30_000,
        })
    }

    for (const [index, { title, spoil, says, code, env, hold }] of REFUSALS.entries()) {
        test(title, async () => {
            const place = await layOut(`case-${index}`)
            await spoil(place)
            await using _ = (await hold?.(place)) ?? { [Symbol.asyncDispose]: async () => {} }
            const before = await picture(place.state)
            const heard = (await notify.heard()).length
            const { status, stdout, stderr } = await start(place, env)
            assert.equal(status, 78, stderr)
            assert.equal(stdout, "")
            for (const pattern of [...says, new RegExp(`\\[${code}\\]\\n$`)]) assert.match(stderr, pattern)
            assert.deepEqual(await picture(place.state), before)
            // systemctl status shows the same words, in one line.
            const said = await untilHeard(notify, heard)
            assert.equal(said["READY"], undefined)
            assert.equal(`trustkeyd: ${said["STATUS"]}`, stderr.trimEnd().replace(/\n/g, " "))
        })
    }
})

async function untilHeard(notify: NotifySocket, after: number): Promise<Readonly<Record<string, string>>> {
    for (let tries = 0; tries < 200; tries += 1) {
        const said = (await notify.heard())[after]
        if (said !== undefined) return said
        await new Promise((resolve) => setTimeout(resolve, 25))
    }
    return assert.fail("the service manager heard nothing")
}

describe("a daemon serves what it can, and says what doesn't work and what to do, in the journal and in its status:", () => {
    test("a module that is missing, a credential that is missing, one that others can read, and one with another value", async () => {
        await using directory = await makeWorkingDirectory("not-everything")
        await using notify = await startNotifySocket(directory.path)
        await using hsm = await startSoftHsm()
        const tokens = {
            good: hsm,
            gone: { ...hsm, module: "/nowhere/libgone.so" },
            text: { ...hsm, module: path.join(directory.path, "text.so") },
            unstored: { ...hsm, settings: [`pin = { credential = "no-such-pin" }`] },
        }
        await writeFile(tokens.text.module, "no library at all")
        const groups = { "ci-group": "one value", "open-group": "another value", "old-group": "the value there was" }
        const options = { directory: directory.path, tokens, env: { NOTIFY_SOCKET: notify.address } }
        await using first = await startDaemon({ ...options, credentials: groups })
        for (const name of Object.keys(groups)) {
            await first.ok(["key", "group", "create", name, "--credential", name, "--no-passphrase"])
        }
        await first.stop()
        const credentials = path.join(directory.path, "credentials")
        await rm(path.join(credentials, "ci-group"))
        await chmod(path.join(credentials, "open-group"), 0o444)
        await rm(path.join(credentials, "old-group"))
        await writeFile(path.join(credentials, "old-group"), "the value there is", { mode: 0o400 })
        const heard = (await notify.heard()).length
        const env = { NOTIFY_SOCKET: notify.address, CREDENTIALS_DIRECTORY: credentials }
        await using second = await startDaemon({ directory: directory.path, tokens, env })
        const said = await (async () => {
            for (;;) {
                const ready = (await notify.heard()).slice(heard).find((one) => one["READY"] === "1")
                if (ready !== undefined) return ready["STATUS"] ?? ""
                await new Promise((resolve) => setTimeout(resolve, 50))
            }
        })()
        const wanted = [
            /^Serving; at the start: /,
            /signer gone has failed: \/nowhere\/libgone\.so can't be used as a PKCS#11 module: there is no such file/,
            /signer text has failed: .*text\.so can't be used as a PKCS#11 module: it is no shared library/,
            /group ci-group stays locked: the credential ci-group is not there: LoadCredential= in the unit brings it/,
            /group open-group stays locked: the credential open-group can be read or changed by others; it must have mode 0400 or 0600/,
            /group old-group stays locked: the credential old-group does not open it: restore the value it had/,
            /token unstored has no stored PIN: the credential no-such-pin is not there/,
        ]
        for (const pattern of wanted) assert.match(said, pattern)
        assert.doesNotMatch(said, /one value|another value|the value there/)
        for (const problem of said.replace("Serving; at the start: ", "").split("; ")) {
            const logged = second.service
                .log()
                .split("\n")
                .some((line) => line.includes('"not everything works"') && JSON.parse(line).problem.includes(problem))
            assert.ok(logged, problem)
        }
        const { tokens: states } = JSON.parse(await second.ok(["token", "list", "--json"])) as { tokens: { name: string; state: string }[] }
        assert.equal(states.find(({ name }) => name === "good")?.state, "present")
    })
})

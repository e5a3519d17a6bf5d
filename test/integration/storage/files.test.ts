import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import {
    createFileDurable,
    fileMode,
    listDirectory,
    makeDirectory,
    parseNameDatabase,
    readBytes,
    readNameDatabase,
    readPieces,
    readSecretFile,
    readTextFile,
    removeFile,
    replaceFile,
    writeFileDurable,
} from "../../../src/storage/index.ts"
import { mustRun } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { refused } from "./fixtures.ts"

const inDirectory = (title: string, check: (file: (name: string) => string) => Promise<void>) =>
    test(title, async () => {
        await using directory = await makeWorkingDirectory("files")
        await check((name) => path.join(directory.path, name))
    })

describe("reading files", () => {
    inDirectory("text has to be there, to be UTF-8, and not too large", async (file) => {
        writeFileSync(file("text"), "\ufeffgrüße\n")
        assert.equal(await readTextFile(file("text")), "\ufeffgrüße\n")
        await assert.rejects(readTextFile(file("absent")), refused("not_found"))
        writeFileSync(file("latin1"), Buffer.from("gr\xfc\xdfe", "latin1"))
        await assert.rejects(readTextFile(file("latin1")), refused("invalid_request"))
        await assert.rejects(readTextFile(file("text"), { maxBytes: 5 }), refused("payload_too_large"))
        await assert.rejects(readTextFile(file("")), refused("storage_failed"))
    })

    inDirectory("whoever wants files only waits for no FIFO, and reads no device without end", async (file) => {
        await mustRun("mkfifo", [file("fifo")])
        await assert.rejects(readBytes(file("fifo"), { onlyFiles: true }), refused("file_unsafe"))
        await assert.rejects(readBytes("/dev/zero", { onlyFiles: true }), refused("file_unsafe"))
        writeFileSync(file("plain"), "x")
        assert.deepEqual(await readBytes(file("plain"), { onlyFiles: true }), Buffer.from("x"))
    })

    inDirectory("bytes are undefined when there is no file, and bounded even when the size lies", async (file) => {
        writeFileSync(file("bytes"), Buffer.alloc(100_000, 7))
        assert.deepEqual(await readBytes(file("bytes")), Buffer.alloc(100_000, 7))
        assert.equal(await readBytes(file("absent")), undefined)
        assert.equal(await readBytes(file("bytes/below")), undefined)
        await assert.rejects(readBytes(file("bytes"), { maxBytes: 99_999 }), refused("payload_too_large"))
        await assert.rejects(readBytes("/dev/zero", { maxBytes: 100_000 }), refused("payload_too_large"))
        assert.ok(((await readBytes("/proc/self/status")) ?? "").length > 0)
    })
})

describe("reading a file piece by piece", () => {
    inDirectory("gives all of it in order, and stops when nobody asks for more", async (file) => {
        const content = randomBytes(1_000_003)
        writeFileSync(file("large"), content)
        const pieces: Buffer[] = []
        for await (const piece of readPieces(file("large"))) pieces.push(piece)
        assert.ok(pieces.length > 1)
        assert.ok(Buffer.concat(pieces).equals(content))
        for await (const piece of readPieces(file("large"))) {
            assert.ok(content.subarray(0, piece.length).equals(piece))
            break
        }
        writeFileSync(file("empty"), "")
        for await (const piece of readPieces(file("empty"))) assert.fail(`${piece.length} bytes of nothing`)
    })

    inDirectory("says what is there instead of a file, and passes on what goes wrong at the reader", async (file) => {
        const all = async (name: string): Promise<void> => {
            for await (const piece of readPieces(name)) if (piece.length > 0) throw new Error("the reader's own")
        }
        await assert.rejects(all(file("absent")), refused("not_found"))
        await assert.rejects(all(file("")), refused("invalid_request"))
        writeFileSync(file("there"), "content")
        await assert.rejects(all(file("there")), /the reader's own/)
    })
})

describe("TK-SEC-1 reading secrets from files", () => {
    inDirectory("only the last newline is dropped", async (file) => {
        for (const [content, secret] of [
            ["pin\n", "pin"],
            ["pin", "pin"],
            ["pin\n\n", "pin\n"],
            ["", ""],
            ["\n", ""],
        ] as const) {
            writeFileSync(file("pin"), content, { mode: 0o600 })
            assert.deepEqual(await readSecretFile(file("pin")), Buffer.from(secret))
        }
    })

    inDirectory("the Buffer shares its memory with no other", async (file) => {
        writeFileSync(file("pin"), "123456\n", { mode: 0o400 })
        const secret = await readSecretFile(file("pin"))
        assert.equal(secret.buffer.byteLength, secret.byteLength)
    })

    inDirectory("a file that others can read is refused, a link to it too", async (file) => {
        for (const mode of [0o604, 0o602, 0o601, 0o644, 0o666]) {
            writeFileSync(file(`m${mode}`), "pin")
            chmodSync(file(`m${mode}`), mode)
            await assert.rejects(readSecretFile(file(`m${mode}`)), refused("file_unsafe"))
        }
        symlinkSync(file(`m${0o644}`), file("link"))
        await assert.rejects(readSecretFile(file("link")), refused("file_unsafe"))
    })

    inDirectory("a directory, a FIFO, a missing file and one too large are refused without waiting", async (file) => {
        mkdirSync(file("directory"))
        await mustRun("mkfifo", ["-m", "600", file("fifo")])
        writeFileSync(file("large"), Buffer.alloc(64 * 1024 + 1), { mode: 0o600 })
        writeFileSync(file("most"), Buffer.alloc(64 * 1024), { mode: 0o600 })
        await assert.rejects(readSecretFile(file("directory")), refused("file_unsafe"))
        await assert.rejects(readSecretFile(file("fifo")), refused("file_unsafe"))
        await assert.rejects(readSecretFile(file("absent")), refused("not_found"))
        await assert.rejects(readSecretFile(file("large")), refused("payload_too_large"))
        assert.equal((await readSecretFile(file("most"))).length, 64 * 1024)
        assert.equal((await readSecretFile(file("large"), { maxBytes: 2 ** 20 })).length, readFileSync(file("large")).length)
        await assert.rejects(readSecretFile(file("most"), { maxBytes: 64 * 1024 - 1 }), refused("payload_too_large"))
    })

    test("a group may read it only where systemd's ACL makes it look so: root's file in root's group", async () => {
        assert.equal(process.geteuid?.(), 0, "only root can give a file away: run the tests as root")
        await using directory = await makeWorkingDirectory("files")
        const file = path.join(directory.path, "pin")
        writeFileSync(file, "pin")
        chmodSync(file, 0o440)
        assert.equal((await readSecretFile(file)).toString(), "pin")
        chmodSync(file, 0o460)
        await assert.rejects(readSecretFile(file), refused("file_unsafe"))
        chmodSync(file, 0o440)
        chownSync(file, 0, 12345)
        await assert.rejects(readSecretFile(file), refused("file_unsafe"))
        chmodSync(file, 0o400)
        chownSync(file, 12345, 12345)
        await assert.rejects(readSecretFile(file), refused("file_unsafe"))
    })
})

describe("writing files", () => {
    inDirectory("a new file takes nobody's place, not that of a dangling link either", async (file) => {
        await createFileDurable(file("new"), Buffer.from("mine"), 0o640)
        assert.equal(readFileSync(file("new"), "utf8"), "mine")
        assert.equal(statSync(file("new")).mode & 0o777, 0o640)
        symlinkSync(file("nowhere"), file("link"))
        for (const name of ["new", "link"])
            await assert.rejects(createFileDurable(file(name), Buffer.from("x"), 0o600), refused("already_exists"))
        assert.equal(readFileSync(file("new"), "utf8"), "mine")
        await assert.rejects(createFileDurable(file("absent/new"), Buffer.from("x"), 0o600), refused("storage_failed"))
        assert.deepEqual(readdirSync(file("")).sort(), ["link", "new"])
    })

    inDirectory("the content is replaced whole, with the mode asked for, and nothing else is left", async (file) => {
        const umask = process.umask(0o077)
        try {
            await writeFileDurable(file("a"), "first", 0o644)
            await writeFileDurable(file("a"), Buffer.from("second"), 0o640)
        } finally {
            process.umask(umask)
        }
        assert.equal(readFileSync(file("a"), "utf8"), "second")
        assert.equal(statSync(file("a")).mode & 0o777, 0o640)
        assert.deepEqual(readdirSync(file("")), ["a"])
    })

    inDirectory("a file that is replaced stays whose it was, with its mode; one that is made goes to whom it is made for", async (file) => {
        writeFileSync(file("config"), "old")
        chownSync(file("config"), 1000, 1001)
        chmodSync(file("config"), 0o640)
        await replaceFile(file("config"), "new")
        const { uid, gid, mode } = statSync(file("config"))
        assert.deepEqual([uid, gid, mode & 0o777, readFileSync(file("config"), "utf8")], [1000, 1001, 0o640, "new"])
        await assert.rejects(replaceFile(file("absent"), "x"), refused("not_found"))
        await writeFileDurable(file("made"), "x", 0o640, { gid: 1001 })
        const made = statSync(file("made"))
        assert.deepEqual([made.uid, made.gid, made.mode & 0o777], [process.geteuid?.(), 1001, 0o640])
    })

    inDirectory("a link in its place is replaced, not followed", async (file) => {
        writeFileSync(file("target"), "untouched")
        symlinkSync(file("target"), file("link"))
        await writeFileDurable(file("link"), "new", 0o600)
        assert.equal(readFileSync(file("target"), "utf8"), "untouched")
    })

    inDirectory("a failure leaves the old file and no litter", async (file) => {
        mkdirSync(file("occupied"))
        writeFileSync(file("occupied/inside"), "")
        await assert.rejects(writeFileDurable(file("occupied"), "x", 0o600), refused("storage_failed"))
        await assert.rejects(writeFileDurable(file("absent/x"), "x", 0o600), refused("storage_failed"))
        assert.deepEqual(readdirSync(file("")), ["occupied"])
    })

    inDirectory("directories are made with their mode, listed sorted, and files removed", async (file) => {
        await makeDirectory(file("a/b/c"), 0o700)
        await makeDirectory(file("a/b/c"), 0o755)
        assert.equal(statSync(file("a/b")).mode & 0o777, 0o700)
        for (const name of ["b", "a", "c"]) await writeFileDurable(file(`a/b/c/${name}`), name, 0o600)
        assert.deepEqual(await listDirectory(file("a/b/c")), ["a", "b", "c"])
        await removeFile(file("a/b/c/b"))
        await removeFile(file("a/b/c/b"))
        assert.deepEqual(await listDirectory(file("a/b/c")), ["a", "c"])
        await assert.rejects(listDirectory(file("absent")), refused("not_found"))
        const modified = statSync(file("a/b/c/a")).mtime
        const ours = { uid: process.geteuid?.(), gid: process.getegid?.() }
        assert.deepEqual(await fileMode(file("a/b/c/a")), { mode: 0o600, ...ours, size: 1, modified, kind: "file" })
        assert.equal((await fileMode(file("a")))?.kind, "directory")
        assert.equal((await fileMode("/dev/null"))?.kind, "other")
        assert.equal(await fileMode(file("absent")), undefined)
    })

    inDirectory("an error names the file and the system's reason, and keeps the path for the log", async (file) => {
        const failure = await writeFileDurable(file("absent/x"), "x", 0o600).catch((error: unknown) => error)
        assert.ok(failure instanceof Error && failure.cause instanceof Error)
        assert.equal(failure.message, "x cannot be written: ENOENT")
    })
})

describe("the names of users and groups", () => {
    test("come from passwd and group, the first of two counting", () => {
        const passwd =
            "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/:\ntwin:x:1000:1000::/:\nalice:x:5:5::/:\n+::::::\nbad:x:abc:1::/:\n\n#c:x:9:9\n"
        const names = parseNameDatabase(passwd, "release:x:44:alice,bob\nempty:x:\nnobody:x:4294967295:\n")
        assert.deepEqual([names.user("root"), names.user("alice"), names.user("twin"), names.user("bad")], [0, 1000, 1000, undefined])
        assert.deepEqual(
            [names.user("+"), names.user(""), names.user("#c"), names.user("__proto__")],
            [undefined, undefined, undefined, undefined],
        )
        assert.deepEqual([names.userName(1000), names.userName(0), names.userName(77)], ["alice", "root", undefined])
        assert.deepEqual([names.group("release"), names.group("empty"), names.group("nobody")], [44, undefined, undefined])
    })

    test("of this machine are read", async () => {
        const names = await readNameDatabase()
        assert.equal(names.user("root"), 0)
        assert.equal(names.group("root"), 0)
        assert.equal(names.userName(0), "root")
    })
})

import { createHash } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { encodeRecord } from "./encode.ts"
import { RecordOrder } from "./order.ts"
import { README } from "./readme.ts"
import { type BackupRecord, type EndRecord, MAX_MEMBER_BYTES } from "./records.ts"
import { TAR_END, tarHeader, tarPadding } from "./ustar.ts"

/** One file of the archive. */
export type Member = { readonly name: string; readonly content: Uint8Array }

/**
 * Records as members, in the only order that there is: docs/formats/backup.md. It holds no record but the one it is given.
 *
 * A record that has no place, or is too long, is refused: whoever makes backups has made a mistake, and a backup that nobody reads is none.
 */
export class MemberWriter {
    readonly #order = new RecordOrder()

    /** The head brings README.txt along. The end is ArchiveWriter's. @throws internal */
    take(record: Exclude<BackupRecord, EndRecord>): readonly Member[] {
        const content = encodeRecord(record)
        if (content.length > MAX_MEMBER_BYTES) throw new TrustkeyError("internal", `a ${record.kind} is too long for a backup`)
        const member = { name: this.place(record), content }
        return record.kind === "head" ? [member, { name: this.#order.placeReadme(), content: Buffer.from(README, "utf8") }] : [member]
    }

    /** That all that the head announced was taken. @throws internal */
    finish(end: EndRecord): Member {
        return { name: this.place(end), content: encodeRecord(end) }
    }

    /** The name of a record whose content is made elsewhere, such as a key file by the signer: it stands here. @throws internal */
    place(record: BackupRecord): string {
        try {
            return this.#order.place(record)
        } catch (cause) {
            throw new TrustkeyError("internal", `a ${record.kind} has no place in the backup that is being written`, { cause })
        }
    }
}

/** Members as a tar archive that ends with its own hash. */
export class ArchiveWriter {
    readonly #hash = createHash("sha256")
    #members = 0

    /** @returns the bytes, which the caller passes on in this order */
    add({ name, content }: Member): readonly Uint8Array[] {
        const parts = archived({ name, content })
        for (const part of parts) this.#hash.update(part)
        this.#members++
        return parts
    }

    /** What ends the archive: called once, after which nothing more is added. */
    end(): EndRecord {
        return { kind: "end", records: this.#members, fingerprint: this.#hash.digest("hex") }
    }

    /** The bytes of the last member and of the archive's end. */
    last(member: Member): readonly Uint8Array[] {
        return [...archived(member), TAR_END]
    }
}

function archived({ name, content }: Member): readonly Uint8Array[] {
    return [tarHeader(name, content.length, "600"), content, Buffer.alloc(tarPadding(content.length))]
}

/** Records to the bytes of an archive, in one place. */
export class BackupWriter {
    readonly #members = new MemberWriter()
    readonly #archive = new ArchiveWriter()

    /** @returns bytes to be passed on in this order. @throws internal: it has no place here */
    add(record: Exclude<BackupRecord, EndRecord>): readonly Uint8Array[] {
        return this.#members.take(record).flatMap((member) => this.#archive.add(member))
    }

    /** Call once. @throws internal: something that the head announced is missing */
    end(): { readonly bytes: readonly Uint8Array[]; readonly end: EndRecord } {
        const end = this.#archive.end()
        return { bytes: this.#archive.last(this.#members.finish(end)), end }
    }
}

import { chmodSync, copyFileSync, lstatSync, lutimesSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import path from "node:path"

/** The checkout. */
export const ROOT = path.resolve(import.meta.dirname, "../..")

/** Where the package's private files lie on the target; the units name it too. */
export const PRIVATE = "/usr/lib/trustkeyd"

export const DOCUMENTATION = "/usr/share/doc/trustkeyd"

/** A directory that becomes the package's content. Modes are set, not taken from files or from the umask. */
export class Tree {
    readonly directory: string

    constructor(directory: string) {
        this.directory = directory
        mkdirSync(directory, { recursive: true })
    }

    /** The place on this machine of a file as the target will have it. */
    place(file: string): string {
        return path.join(this.directory, file)
    }

    copy(source: string, file: string, mode = 0o644): void {
        mkdirSync(path.dirname(this.place(file)), { recursive: true })
        copyFileSync(source, this.place(file))
        chmodSync(this.place(file), mode)
    }

    write(file: string, content: string | Uint8Array, mode = 0o644): void {
        mkdirSync(path.dirname(this.place(file)), { recursive: true })
        writeFileSync(this.place(file), content)
        chmodSync(this.place(file), mode)
    }

    /** Everything under it, directories before what is in them; relative. */
    list(): readonly string[] {
        return readdirSync(this.directory, { recursive: true, encoding: "utf8" }).sort()
    }

    /** All dates become `date`: dpkg-deb only takes newer ones back to it. */
    settle(date: Date): void {
        for (const name of [...this.list(), "."]) {
            const file = this.place(name)
            if (lstatSync(file).isDirectory()) chmodSync(file, 0o755)
            lutimesSync(file, date, date)
        }
    }
}

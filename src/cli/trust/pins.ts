import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import {
    changePinFile,
    openTrustCache,
    type PinChange,
    type PinEntry,
    parseReference,
    readPinFile,
    readTrustPins,
} from "../../publish/index.ts"
import { type Gun, type KeyId, parseFile, parseGlob, ROOT } from "../../tuf/index.ts"
import { pinFiles } from "../client-files.ts"
import type { Cli } from "../context.ts"
import { rootDocumentOf } from "./build-update.ts"
import type { PinFileOptions, SetPinOptions } from "./pin-options.ts"
import { dockerDirectory } from "./session.ts"

export async function showPins(cli: Cli, repository: string | undefined, json: boolean): Promise<void> {
    const files = pinFiles(cli)
    const whose = [
        { file: files.administrator, whose: "administrator" },
        { file: files.user, whose: "user" },
    ]
    const read = await Promise.all(whose.map(async (each) => ({ ...each, ...(await readPinFile(each.file)) })))
    const firstUse = read.every((file) => file.firstUse)
    const rule = repository === undefined ? undefined : (await readTrustPins(files)).ruleFor(gunOf(repository))
    const shown = read.flatMap(({ file, whose: owner, pins }) =>
        pins
            .filter((_, index) => rule === undefined || (rule.source === file && rule.indexes.includes(index)))
            .map((pin) => ({ file, whose: owner, ...pin })),
    )
    if (json) {
        cli.output.json({ firstUse, pins: shown })
        return
    }
    if (shown.length > 0) {
        const rows = shown.map(({ gun, certificates, authority, whose: owner }) => [
            gun.join(", "),
            certificates?.join(", ") ?? "-",
            authority ?? "-",
            owner,
        ])
        cli.output.table(["REPOSITORY", "CERTIFICATES", "AUTHORITY", "WHOSE"], rows)
    } else cli.output.note(repository === undefined ? "Nothing is pinned." : `${gunOf(repository)} is not pinned.`)
    cli.output.line(`first use: ${firstUse ? "the first root of what is not pinned is taken on faith" : "forbidden"}`)
}

/** @throws usage, not_found, config_invalid, file_unsafe */
export async function setPin(cli: Cli, text: string, options: SetPinOptions): Promise<void> {
    const gun = patternOf(text)
    const known = await knownCertificates(cli, gun)
    if (options.known === true && known === undefined)
        throw new TrustkeyError("not_found", `no root of ${gun} has been verified on this machine`)
    const certificates = options.known === true ? known : options.certificate
    if (certificates === undefined && options.authority === undefined)
        throw new TrustkeyError("usage", "say what is pinned: --certificate, --authority or --known")
    const pin: PinEntry & { readonly gun: readonly [string] } = {
        gun: [gun],
        ...(certificates === undefined ? {} : { certificates: [...certificates] }),
        // Beside the file it would be looked for, and not where the command was typed.
        ...(options.authority === undefined ? {} : { authority: path.resolve(options.authority) }),
    }
    const file = await change(cli, { kind: "set", pin }, options)
    cli.output.line(`Pinned ${gun} in ${file}`)
    if (certificates !== undefined && known !== undefined && !known.some((id) => certificates.includes(id))) {
        cli.output.warn(`the root of ${gun} that was verified here has other certificates: ${known.join(", ")}`)
    }
    await warnOfAdministrator(cli, gun, file)
}

/** @throws not_found, config_invalid, file_unsafe */
export async function removePin(cli: Cli, text: string, options: PinFileOptions): Promise<void> {
    const gun = patternOf(text)
    const file = await change(cli, { kind: "remove", gun }, options)
    cli.output.line(`Removed the pin of ${gun} from ${file}`)
    await warnOfAdministrator(cli, gun, file)
}

/** @throws config_invalid, file_unsafe */
export async function setFirstUse(cli: Cli, allowed: boolean, options: PinFileOptions): Promise<void> {
    const file = await change(cli, { kind: "first-use", allowed }, options)
    cli.output.line(`${allowed ? "Allowed" : "Forbade"} first use in ${file}`)
    const { firstUse } = await readPinFile(pinFiles(cli).administrator)
    if (allowed && !firstUse && options.administrator !== true)
        cli.output.warn("the administrator's file forbids it all the same: trustkey trust pin show")
}

const EVERYBODY_READS = 0o644
const USER_ONLY = 0o600

async function change(cli: Cli, what: PinChange, { administrator }: PinFileOptions): Promise<string> {
    const files = pinFiles(cli)
    const file = administrator === true ? files.administrator : files.user
    await changePinFile(file, what, administrator === true ? EVERYBODY_READS : USER_ONLY)
    return file
}

async function warnOfAdministrator(cli: Cli, gun: string, changed: string): Promise<void> {
    const files = pinFiles(cli)
    if (changed === files.administrator || isPattern(gun)) return
    const { pins, source } = (await readTrustPins(files)).ruleFor(gunOf(gun))
    if (pins.length > 0 && source === files.administrator)
        cli.output.warn(`${gun} is pinned by the administrator's file, ${source}, and that alone decides`)
}

/** Of the root that docker, notary or we have verified here last. */
async function knownCertificates(cli: Cli, gun: string): Promise<readonly KeyId[] | undefined> {
    if (isPattern(gun)) return undefined
    const content = await openTrustCache(path.join(dockerDirectory(cli), "trust")).read(gunOf(gun), ROOT)
    return content === undefined ? undefined : rootDocumentOf(parseFile(content, ROOT)).roles.get("root")?.keyIds
}

function isPattern(text: string): boolean {
    return /[*?]/.test(text)
}

/** As docker calls it, or the pattern. @throws invalid_request, usage */
function patternOf(text: string): string {
    return isPattern(text) ? parseGlob(text).text : gunOf(text)
}

function gunOf(text: string): Gun {
    const { gun, tag, digest } = parseReference(text)
    if (tag === undefined && digest === undefined) return gun
    throw new TrustkeyError("usage", `a pin is about a whole repository: leave out the tag, ${gun}`)
}

import { encodeQuirksFile, type Profile, type QuirksFile } from "../signer/index.ts"
import type { TokenConfig } from "./token-config.ts"
import { reportOn, type TokenReport } from "./token-report.ts"

/** What the doctor found. */
export type TokenExamination = {
    readonly token: string
    readonly uri: string
    readonly module: string
    readonly profile: Profile
    readonly report: TokenReport
    /** The quirks file's text, written or not. */
    readonly quirks: string
    /** Its path; undefined: it was not written. */
    readonly written: string | undefined
}

/** The doctor's answer, and what could be written down of it. */
export function examineProfile(
    { name: token, uri, module }: TokenConfig,
    profile: Profile,
    at: Date,
): { readonly file: QuirksFile; readonly examination: Omit<TokenExamination, "written"> } {
    const report = reportOn(profile)
    const { serial, library } = profile
    const file: QuirksFile = {
        module,
        serial,
        library: `${library.manufacturer}, ${library.description} ${library.version}`,
        writtenAt: at.toISOString(),
        quirks: report.quirks,
    }
    return { file, examination: { token, uri, module, profile, report, quirks: encodeQuirksFile(file) } }
}

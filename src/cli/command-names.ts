import type { FrontEnd } from "./context.ts"

/** A text of ours that names commands of the trust group, with the names they have for this caller. */
export function inFrontEnd(frontEnd: FrontEnd, text: string): string {
    return frontEnd === "docker trustkey" ? text.replaceAll("trustkey trust ", "docker trustkey ") : text
}

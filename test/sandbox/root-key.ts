import type { Lines } from "./lines.ts"
import { PIN_FILE, TOKEN } from "./parts.ts"

const LABEL = "sandbox root"

/** Log in to the token, and make the root key on it, or make the daemon know it again. */
export async function bringRootKey(lines: Lines): Promise<void> {
    lines.title(
        "Log in to the token that holds the root key. The PIN is read from a file only you can read, and leaves\ntrustkey sealed for the process that talks to the token.",
    )
    await lines.must(`trustkey token login ${TOKEN} --pin-file ${PIN_FILE}`, {
        match: /is logged in/,
        why: "the daemon may use the token's keys",
    })
    if ((await lines.run("trustkey key list --json")).stdout.includes(`"label": "${LABEL}"`)) return
    const kept = /"uri": "([^"]+)"/.exec((await lines.run(`trustkey token objects ${TOKEN} --json`)).stdout)?.[1]
    if (kept === undefined) {
        lines.title("Make the root key. The token makes it and never gives it away: there is no file to steal.")
        const line = `trustkey key create --purpose root --token ${TOKEN} --label '${LABEL}'`
        await lines.must(line, { match: /origin +generated/, why: "it was made on the token" })
        return
    }
    lines.title("The token still has the root key of last time. The daemon is new, so it is told about the key.")
    const line = `trustkey key enroll --token ${TOKEN} --uri '${kept}' --purpose root --label '${LABEL}'`
    await lines.must(line, { match: /^id +[0-9a-f]{64}/m, why: "the key is known again by its public half" })
}

/** Whether there is nothing to bring. */
export async function isRootKeyReady(lines: Pick<Lines, "run">): Promise<boolean> {
    const { stdout } = await lines.run(`trustkey key list --json`)
    const [, rest] = stdout.split(`"label": "${LABEL}"`)
    return /"ready": (true|false)/.exec(rest ?? "")?.[1] === "true"
}

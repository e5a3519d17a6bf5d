/** Who runs the command lines of a page, or of one section of it (`PAGE` or `PAGE: SECTION`), that has no test named after it. */
export type Owner = {
    /** Tests that read the page and run its lines; with `because`, those that do the same by other lines. */
    readonly by: readonly string[]
    /** Why the lines as they stand can't be run. */
    readonly because?: string
}

const INTEROP = "test/interop"
const typed = (...names: readonly string[]): Owner => ({ by: names.map((name) => `${INTEROP}/${name}.test.ts`) })
const instead = (because: string, ...names: readonly string[]): Owner => ({ ...typed(...names), because })

const VAULT = "needs people around a vault, on the day that the plan names; test/interop/ceremony goes the same way"

export const OWNERS: Readonly<Record<string, Owner>> = {
    "README.md: See it work": instead(
        "one is this very test run, the others bring up what the sandbox's test brings up elsewhere",
        "sandbox",
    ),
    "README.md: Run it": instead(
        "builds in this checkout, or runs until Ctrl-C; the package is built, and every daemon started so",
        "package-build",
    ),
    "README.md: A first signature": typed("sandbox"),
    "docs/ceremonies.md: Who and what": instead(VAULT, "ceremony/ceremony"),
    "docs/ceremonies.md: Before the day, online": instead(VAULT, "ceremony/ceremony", "ceremony/rehearse"),
    "docs/ceremonies.md: The day": instead(VAULT, "ceremony/ceremony"),
    "docs/ceremonies.md: A key that outlives its tokens": instead(VAULT, "ceremony/export"),
    "docs/ceremonies.md: Across the gap by camera": instead(
        "needs a camera in front of a screen; the codes are read from their pictures",
        "ceremony/codes",
    ),
    "docs/docker-plugin.md": typed("typed-lines"),
    "docs/doctor.md": typed("typed-lines"),
    "docs/enforcement.md": instead("is a list of five commands, each with an image that has to be there", "enforcement"),
    "docs/formats/ceremony-frames.md": typed("ceremony-qr"),
    "docs/install.md: Build it": instead("builds in this checkout; the same program builds in others", "package-build"),
    "docs/install.md: Install it": typed("service-pages"),
    "docs/install.md: The first run": instead(
        "asks at a keyboard what it isn't told; the same with flags on a booted machine",
        "package-first-run",
    ),
    "docs/install.md: Remove": typed("service-pages"),
    "docs/operate-expiry.md": typed("typed-lines"),
    "docs/operate.md": typed("service-pages"),
    "docs/remote-ci.md": typed("remote-ci"),
    "docs/sandbox.md": typed("sandbox"),
    "docs/trust-pinning.md": typed("typed-lines"),
    "docs/unattended.md": typed("service-pages"),
    "docs/upgrade.md": typed("service-pages"),
}

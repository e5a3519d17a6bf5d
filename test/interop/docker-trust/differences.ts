import type { Field } from "./outcome.ts"

/** docker's versions by their first number: `from` this one, `before` that one; without them all. */
type Versions = { readonly from?: number; readonly before?: number }

/** A difference that is meant, and the same at every line: what is replaced before the two are held against each other. */
export type Rule = Versions & {
    readonly side: "docker" | "ours"
    readonly field: Field
    readonly pattern: RegExp
    readonly replacement: string
    readonly reason: string
}

/** A difference that is meant at certain lines. */
export type Difference = Versions & {
    /** As `titleOf` calls them. */
    readonly lines: readonly string[]
    readonly field: Field
    /** A part of what docker does; empty when docker does nothing there. */
    readonly docker: string | RegExp
    /** What stands there with us. */
    readonly ours: string
    readonly reason: string
}

const CAPITALS = "docker 26 begins its errors with a small letter; we say what newer versions say"
const LIBRARY_LOG = "docker lets its library's log through; what a person must know we say ourselves"
const USAGE = "docker 28 has shorter usage errors; we say what newer versions say"

export const RULES: readonly Rule[] = [
    ...(["stdout", "stderr"] as const).map(
        (field): Rule => ({
            side: "ours",
            field,
            pattern: /^ {2}\S.* \[[a-z_]+\]\n/gm,
            replacement: "",
            reason: `after docker's message we say in one line what to do, and the error's code (${field === "stdout" ? "on a terminal" : field})`,
        }),
    ),
    {
        side: "docker",
        from: 26,
        field: "stderr",
        pattern: /^Error response from daemon: no such image: (.+): No such image: .+$/gm,
        replacement: "No such image: $1",
        reason: "what the engine says of an image it doesn't have is said once",
    },
    {
        side: "docker",
        before: 26,
        field: "stderr",
        pattern: /^Error: No such image: (.+)$/gm,
        replacement: "No such image: $1",
        reason: "what the engine says of an image it doesn't have needs no Error: before it",
    },
    ...(["stdout", "metadata"] as const).map(
        (field): Rule => ({
            side: "ours",
            field,
            pattern: /KEY-(?:fresh|team\/one|asked)-alice/g,
            replacement: "KEY-alice",
            reason: `a signer has a key of its own in each repository: one that leaks is one repository's trouble (${field})`,
        }),
    ),
    {
        side: "docker",
        field: "stderr",
        pattern: /^time="TIME" .*\n/gm,
        replacement: "",
        reason: LIBRARY_LOG,
    },
    {
        side: "docker",
        from: 28,
        field: "stdout",
        pattern: /^time="TIME" .*\n/gm,
        replacement: "",
        reason: `${LIBRARY_LOG} (on a terminal)`,
    },
    {
        side: "docker",
        before: 28,
        field: "stdout",
        pattern: /^\S*WARN\S* .*\n/gm,
        replacement: "",
        reason: `${LIBRARY_LOG} (in colour, on a terminal)`,
    },
    {
        side: "ours",
        field: "stdout",
        pattern: /^warning: .*\n/gm,
        replacement: "",
        reason: "we warn of what docker does silently (on a terminal)",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^warning: .*\n/gm,
        replacement: "",
        reason: "we warn of what docker does silently",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^Made the (?:root|targets|delegation) key .*\n/gm,
        replacement: "",
        reason: "we say which keys were made",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^\S+ rests on the root key \S+ \(.*\)\.\n/gm,
        replacement: "",
        reason: "we say which root key is taken",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^(Usage: {2}docker trust) \[OPTIONS\]/gm,
        replacement: "$1",
        reason: "our group has options: where the daemon is, and how much is said",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^(?:Examples|Options):\n(?: {2}.*\n)+\n/gm,
        replacement: "",
        reason: "our group's help has examples, and its options",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^(Manage trust on Docker images) with the keys in trustkeyd$/gm,
        replacement: "$1",
        reason: "our group's help says where the keys are",
    },
    {
        side: "ours",
        field: "stderr",
        pattern: /^ {2}(?:adopt|build|create|init|list|pin|pull|push|recover|renew|reset|run|show) +\S.*\n/gm,
        replacement: "",
        reason: "our group has commands that docker trust doesn't have",
    },
    {
        side: "docker",
        field: "metadata",
        pattern: /: \+ root expires in 3650 days$/gm,
        replacement: ": + root expires in 3649 days",
        reason: "our root ends a day before its certificate and within a policy's ten years",
    },
    {
        side: "docker",
        field: "metadata",
        pattern: /: targets begins with version 2$/gm,
        replacement: ": targets begins with version 1",
        reason: "docker signs a first targets that it never publishes",
    },
    ...["No signatures or", "Error removing signer", "No tag specified", "Failed to add signer", "No signer", "All signed tags"].map(
        (words): Rule => ({
            side: "docker",
            before: 26,
            field: "stderr",
            pattern: new RegExp(`^${words}`, "gm"),
            replacement: words.charAt(0).toLowerCase() + words.slice(1),
            reason: `${CAPITALS}: ${words}`,
        }),
    ),
    {
        side: "ours",
        before: 26,
        field: "stderr",
        pattern: /repository name \([^)]*\) must be lowercase/g,
        replacement: "repository name must be lowercase",
        reason: "docker 26 names the repository whose name doesn't parse, and so do we",
    },
    {
        side: "docker",
        before: 26,
        field: "stdout",
        pattern: /\nAborting action\.\n/g,
        replacement: "",
        reason: "docker 26 says nothing when a question is declined",
    },
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /please use a different signer name/g,
        replacement: "use a different signer name",
        reason: "docker 28 leaves out a please",
    },
    {
        side: "docker",
        before: 28,
        field: "stdout",
        pattern: /Please confirm you/g,
        replacement: "Confirm you",
        reason: "docker 28 leaves out a please before a question",
    },
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /^\nUsage:/,
        replacement: "Usage:",
        reason: "docker 28 has no empty line before a help text",
    },
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /^"(.+)" requires exactly (.+)\.\nSee .*\n\n(Usage:.*\n)\n.*\n$/,
        replacement: "docker: '$1' requires $2\n\n$3\nRun '$1 --help' for more information\n",
        reason: `${USAGE}: a number of arguments`,
    },
    {
        side: "docker",
        before: 28,
        field: "stderr",
        pattern: /^"(.+)" requires at least (.+)\.\nSee .*\n\n(Usage:.*\n)\n.*\n$/,
        replacement: "docker: '$1' requires at least $2\n\n$3\nSee '$1 --help' for more information\n",
        reason: `${USAGE}: a least number of arguments`,
    },
]

const UNREACHABLE = "the trust server localhost:1 can't be reached (ECONNREFUSED)"
const CONTACTING = `error: error contacting notary server: ${UNREACHABLE}`
const REFUSED = "dial tcp 127.0.0.1:1: connect: connection refused"
const OUR_NAMES = "we name the trust server and what the system said; docker hands on its library's words"
const NOTHING_TO_SIGN = "what is signed already, in date and unchanged, is not published once more"
const NOT_THERE_ANY_MORE = "docker shows its cache whatever the server says; one that answers that it has nothing is believed in that"
const KEYS_FIRST = "docker pushes before it opens the key, and leaves a tag that nobody signed; we find out first"
const NOT_DONE = "a question nobody answered with yes means that nothing was done: no success for a script"
const NO_TERMINAL = "we ask on the terminal and read no answer from a pipe; the flag that answers is named"
const REALLY_REMOVED = "since docker 26 signer remove does nothing and says nothing unless the signer is the last"
const NO_EMPTY_ROLE = "a targets/releases without keys can never be signed; without it tags are signed and pulled from targets again"
const NEVER_SIGNED = "docker refuses to remove a signer while no tag is signed; a signer may leave at any time"
const NOTHING_TO_LOSE = "docker asks because of a tag that was revoked long ago; nothing becomes unpullable"
const LAST_SIGNER =
    'The signer "alice" signed the last released version of PREFIX/asked. Removing this signer will make PREFIX/asked unpullable. Are you sure you want to continue?'
const ANY_KEY = "docker knows neither RFC 8410 nor another PRF than SHA-1; we open what OpenSSL writes today"

const ALL = "KEY-alice (ecdsa), KEY-app-erin (ecdsa-x509), KEY-bob (ecdsa), KEY-dave (ecdsa), KEY-dora (ecdsa)"
const WITHOUT_BOB = "KEY-alice (ecdsa), KEY-app-erin (ecdsa-x509), KEY-dave (ecdsa), KEY-dora (ecdsa)"
const WITHOUT_DAVE = "KEY-alice (ecdsa), KEY-app-erin (ecdsa-x509)"
const BOB_LEAVES = leaving("app", ALL, WITHOUT_BOB, "bob", "KEY-bob (ecdsa)")
const DAVE_LEAVES = leaving("app", WITHOUT_BOB, WITHOUT_DAVE, "dave", "KEY-dave (ecdsa), KEY-dora (ecdsa)")

function leaving(repository: string, before: string, after: string, signer: string, keys: string): string {
    return [
        "timestamp goes on by 1",
        "snapshot goes on by 1",
        "targets goes on by 1",
        `- targets holds ${before}`,
        // In the order of their texts.
        ...[
            `- targets lets 1 of ${before} sign targets/releases for [""]`,
            `- targets lets 1 of ${keys} sign targets/${signer} for [""]`,
        ].sort(),
        `+ targets holds ${after}`,
        `+ targets lets 1 of ${after} sign targets/releases for [""]`,
    ]
        .map((line) => `${repository}: ${line}\n`)
        .join("")
}

function lastLeaving(repository: string): string {
    return [
        "timestamp goes on by 1",
        "snapshot goes on by 1",
        "targets goes on by 1",
        "- targets holds KEY-alice (ecdsa)",
        '- targets lets 1 of KEY-alice (ecdsa) sign targets/alice for [""]',
        '- targets lets 1 of KEY-alice (ecdsa) sign targets/releases for [""]',
        "+ targets holds nothing",
    ]
        .map((line) => `${repository}: ${line}\n`)
        .join("")
}

export const DIFFERENCES: readonly Difference[] = [
    // How it is used
    {
        before: 28,
        lines: ["frobnicate"],
        field: "stderr",
        docker: /^Usage:[\s\S]*$/,
        ours: "docker: unknown command: docker trust frobnicate\n\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n",
        reason: "docker 28 names the command it doesn't know, and so do we",
    },
    {
        before: 28,
        lines: ["key frobnicate"],
        field: "stderr",
        docker: /^Usage:[\s\S]*$/,
        ours: "docker: unknown command: docker trust key frobnicate\n\nUsage:  docker trust key\n\nRun 'docker trust key --help' for more information\n",
        reason: "docker 28 names the command of a group that it doesn't know, and so do we",
    },
    {
        before: 28,
        lines: ["--frobnicate"],
        field: "stderr",
        docker: /See 'docker trust --help'\.\n\nUsage:[\s\S]*$/,
        ours: "\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n",
        reason: `${USAGE}: a group's unknown flag`,
    },
    {
        before: 28,
        lines: ["sign --frobnicate PREFIX/app:v1"],
        field: "stderr",
        docker: "See 'docker trust sign --help'.\n",
        ours: "\nUsage:  docker trust sign IMAGE:TAG\n\nRun 'docker trust sign --help' for more information\n",
        reason: `${USAGE}: an unknown flag`,
    },
    {
        before: 28,
        lines: ["inspect --format {{.}} PREFIX/app"],
        field: "stderr",
        docker: "See 'docker trust inspect --help'.\n",
        ours: "\nUsage:  docker trust inspect IMAGE[:TAG] [IMAGE[:TAG]...]\n\nRun 'docker trust inspect --help' for more information\n",
        reason: `${USAGE}: a flag that inspect doesn't have`,
    },
    {
        lines: ["sign PREFIX/app:"],
        field: "stderr",
        docker: "invalid reference format\n",
        ours: 'invalid reference format: "PREFIX/app:" has a tag with characters that tags don\'t have\n',
        reason: "we say what is wrong with a tag",
    },
    {
        lines: ["sign PREFIX//app:v1"],
        field: "stderr",
        docker: "invalid reference format\n",
        ours: 'invalid reference format: "PREFIX//app:v1" isn\'t the name of a repository\n',
        reason: "we say what is wrong with a name",
    },

    // Keys
    {
        lines: ["key generate --dir bob.pem zoe"],
        field: "stdout",
        docker: "Generating key for zoe...\n",
        ours: "",
        reason: "docker makes and keeps a key before it sees that the public half can't be written; we look first",
    },
    {
        lines: ["key generate --dir bob.pem zoe"],
        field: "stderr",
        docker: "failed to write public key to bob.pem/zoe.pub: open bob.pem/zoe.pub: not a directory",
        ours: 'public key path does not exist: "bob.pem"',
        reason: "a file is no directory to write into",
    },
    {
        lines: ["key load folder.pem"],
        field: "stderr",
        docker: "read folder.pem: is a directory",
        ours: "folder.pem is not a regular file",
        reason: "a named pipe or a device is no key file either",
    },
    {
        lines: ["key load empty.pem"],
        field: "stderr",
        docker: /^/,
        ours: "empty.pem: there is no private key here that Notary or OpenSSL writes; it is an empty file\n",
        reason: "we say that a file is empty",
    },
    {
        lines: ["key load text.pem"],
        field: "stderr",
        docker: /^/,
        ours: "text.pem: there is no private key here that Notary or OpenSSL writes; it is something else\n",
        reason: "we say what a file is that is no private key",
    },
    {
        lines: ["key load --name bob bob.pem (again)"],
        field: "stderr",
        docker: "",
        ours: "Key KEY-bob… was here already, under the passphrase it has: trustkey key passphrase KEY-bob…\n",
        reason: "docker seals the key anew under today's passphrase; with us its passphrase is changed by who knows the old one",
    },
    {
        lines: ["key load --name ed ed25519.pem", "key load --name sha sha256.pem"],
        field: "exit",
        docker: "1",
        ours: "0",
        reason: ANY_KEY,
    },
    {
        lines: ["key load --name ed ed25519.pem"],
        field: "stdout",
        docker: /$/,
        ours: "Successfully imported key from ed25519.pem\n",
        reason: ANY_KEY,
    },
    {
        lines: ["key load --name ed ed25519.pem"],
        field: "stderr",
        docker: /^error importing key from ed25519\.pem: .*\n$/,
        ours: "",
        reason: ANY_KEY,
    },
    {
        lines: ["key load --name sha sha256.pem"],
        field: "stdout",
        docker: /$/,
        ours: "Successfully imported key from sha256.pem\n",
        reason: ANY_KEY,
    },
    {
        lines: ["key load --name sha sha256.pem"],
        field: "stderr",
        docker: /^error importing key from sha256\.pem: .*\n$/,
        ours: "",
        reason: ANY_KEY,
    },
    {
        lines: ["key load --name karl carol.pem (a key that is there under another name)"],
        field: "exit",
        docker: "0",
        ours: "1",
        reason: "docker renames the key without a word; who signs under which name is not changed in passing",
    },
    {
        lines: ["key load --name karl carol.pem (a key that is there under another name)"],
        field: "stdout",
        docker: "Successfully imported key from carol.pem\n",
        ours: "",
        reason: "docker renames the key without a word; who signs under which name is not changed in passing",
    },
    {
        lines: ["key load --name karl carol.pem (a key that is there under another name)"],
        field: "stderr",
        docker: "",
        ours: "error importing key from carol.pem: this key is here already: KEY-carol\n",
        reason: "docker renames the key without a word; who signs under which name is not changed in passing",
    },

    // Signing
    {
        lines: ["signer add --key alice.pub alice PREFIX/app (again)"],
        field: "metadata",
        docker: "app: timestamp goes on by 1\napp: snapshot goes on by 1\napp: targets goes on by 1\n",
        ours: "",
        reason: NOTHING_TO_SIGN,
    },
    {
        lines: ["sign PREFIX/app:v1 (again)", "sign PREFIX/app:v1 (again, no engine)", "sign --local PREFIX/app:v2"],
        field: "metadata",
        docker: "app: timestamp goes on by 1\napp: snapshot goes on by 1\n",
        ours: "",
        reason: NOTHING_TO_SIGN,
    },
    {
        lines: ["sign PREFIX/app:v3 (wrong passphrase)"],
        field: "stdout",
        docker: /^The push refers to[\s\S]*$/,
        ours: "",
        reason: KEYS_FIRST,
    },
    {
        lines: ["sign PREFIX/app:v3 (wrong passphrase)"],
        field: "stderr",
        docker: "Signing and pushing trust data for local image PREFIX/app:v3, may overwrite remote trust data\n",
        ours: "",
        reason: KEYS_FIRST,
    },
    {
        lines: ["sign PREFIX/app:v3"],
        field: "stdout",
        docker: "LAYER: Layer already exists",
        ours: "LAYER: Pushed",
        reason: `${KEYS_FIRST}: it has pushed this image already`,
    },
    {
        lines: ["sign PREFIX/app:v3 (wrong passphrase)"],
        field: "stderr",
        docker: "failed to sign PREFIX/app:v3: could not find necessary signing keys, at least one of these keys must be available: KEY-alice",
        ours: "alice key with ID KEY-alice…: the passphrase is wrong, or what is sealed is damaged",
        reason: "docker takes a key whose passphrase is wrong for one that is missing",
    },
    {
        lines: ["sign PREFIX/fresh:v1 (not logged in)"],
        field: "stderr",
        docker: "could not add signer to repo: targets: tuf: invalid role targets. invalid delegation role name",
        ours: "the first signer of PREFIX/fresh is named after the user name of the login at REGISTRY, and there is none: docker login REGISTRY, or name the signer with --as NAME",
        reason: "docker has made keys by then, and names neither the login nor the signer",
    },

    // Servers
    {
        lines: ["inspect PREFIX/fresh (server with a path)"],
        field: "exit",
        docker: "0",
        ours: "1",
        reason: NOT_THERE_ANY_MORE,
    },
    {
        lines: ["inspect PREFIX/fresh (server with a path)"],
        field: "stdout",
        docker: /^\[\n[\s\S]*\n\]\n$/,
        ours: "[]\n",
        reason: NOT_THERE_ANY_MORE,
    },
    {
        lines: ["inspect PREFIX/fresh (server with a path)"],
        field: "stderr",
        docker: "",
        ours: "no signatures or cannot access PREFIX/fresh\n",
        reason: NOT_THERE_ANY_MORE,
    },
    {
        lines: ["inspect PREFIX/nowhere (server down)", "inspect --pretty PREFIX/nowhere (server down)"],
        field: "stderr",
        docker: /$/,
        ours: `${UNREACHABLE}\n`,
        reason: "that the server can't be reached is not the same as that nothing is signed",
    },
    {
        lines: ["sign PREFIX/app:v1 (server down)"],
        field: "stdout",
        docker: /^Signing and pushing[\s\S]*$/,
        ours: "",
        reason: "docker reads signatures from its cache before it finds out that it can't publish",
    },
    {
        lines: ["sign PREFIX/app:v1 (server down)"],
        field: "stderr",
        docker: `failed to sign PREFIX/app:v1: ${REFUSED}`,
        ours: CONTACTING,
        reason: OUR_NAMES,
    },
    {
        lines: ["sign PREFIX/nowhere:v1 (server down)", "signer add --key bob.pub bob PREFIX/nowhere (server down)"],
        field: "stderr",
        docker: `Error: error contacting notary server: ${REFUSED}`,
        ours: CONTACTING,
        reason: OUR_NAMES,
    },
    {
        lines: ["revoke PREFIX/app:v1 (server down)"],
        field: "stderr",
        docker: REFUSED,
        ours: UNREACHABLE,
        reason: OUR_NAMES,
    },
    {
        before: 26,
        lines: ["signer remove bob PREFIX/app (server down)"],
        field: "stderr",
        docker: REFUSED,
        ours: CONTACTING,
        reason: OUR_NAMES,
    },
    {
        from: 26,
        lines: ["signer remove bob PREFIX/app (server down)"],
        field: "exit",
        docker: "0",
        ours: "1",
        reason: REALLY_REMOVED,
    },
    {
        from: 26,
        lines: ["signer remove bob PREFIX/app (server down)"],
        field: "stderr",
        docker: "",
        ours: `${CONTACTING}\n\nerror removing signer from: PREFIX/app\n`,
        reason: REALLY_REMOVED,
    },

    // Questions
    {
        lines: ["revoke PREFIX/fresh (nobody to ask)", "revoke PREFIX/fresh (declined)"],
        field: "exit",
        docker: "0",
        ours: "1",
        reason: NOT_DONE,
    },
    {
        lines: ["revoke PREFIX/fresh (nobody to ask)"],
        field: "stdout",
        docker: "Confirm you would like to delete all signature data for PREFIX/fresh? [y/N] ",
        ours: "",
        reason: NO_TERMINAL,
    },
    {
        lines: ["revoke PREFIX/fresh (nobody to ask)"],
        field: "stderr",
        docker: "",
        ours: 'there is no terminal to ask "Confirm you would like to delete all signature data for PREFIX/fresh?"; use --yes\n',
        reason: NO_TERMINAL,
    },
    {
        lines: ["revoke PREFIX/fresh (declined)"],
        field: "stdout",
        docker: /$/,
        ours: "nothing was revoked\n",
        reason: NOT_DONE,
    },

    // Signers who leave
    ...(
        [
            ["signer remove bob PREFIX/app", "bob", BOB_LEAVES],
            ["signer remove -f dave PREFIX/app", "dave", DAVE_LEAVES],
        ] as const
    ).flatMap(([line, signer, metadata]): Difference[] => [
        {
            from: 26,
            lines: [line],
            field: "stdout",
            docker: /$/,
            ours: `Successfully removed ${signer} from PREFIX/app\n\n`,
            reason: REALLY_REMOVED,
        },
        { from: 26, lines: [line], field: "metadata", docker: "", ours: metadata, reason: REALLY_REMOVED },
    ]),
    {
        lines: ["signer remove bob PREFIX/two PREFIX/nowhere"],
        field: "stdout",
        docker: /^(?=Removing signer "bob" from PREFIX\/nowhere)/m,
        ours: "Successfully removed bob from PREFIX/two\n\n",
        reason: NEVER_SIGNED,
    },
    {
        lines: ["signer remove bob PREFIX/two PREFIX/nowhere"],
        field: "stderr",
        docker: "all signed tags are currently revoked, use docker trust sign to fix\n\n",
        ours: "",
        reason: NEVER_SIGNED,
    },
    {
        lines: ["signer remove bob PREFIX/two PREFIX/nowhere"],
        field: "stderr",
        docker: "error removing signer from: PREFIX/two, PREFIX/nowhere",
        ours: "error removing signer from: PREFIX/nowhere",
        reason: NEVER_SIGNED,
    },
    {
        lines: ["signer remove bob PREFIX/two PREFIX/nowhere"],
        field: "metadata",
        docker: "",
        ours: leaving("two", "KEY-bob (ecdsa), KEY-rsa (rsa)", "KEY-rsa (rsa)", "bob", "KEY-bob (ecdsa)"),
        reason: NEVER_SIGNED,
    },
    {
        lines: ["signer remove alice PREFIX/fresh (no tag left to lose)"],
        field: "stdout",
        docker: /The signer "alice" signed .* \[y\/N\] $/,
        ours: "Successfully removed alice from PREFIX/fresh\n\n",
        reason: NOTHING_TO_LOSE,
    },
    {
        lines: ["signer remove alice PREFIX/fresh (no tag left to lose)"],
        field: "metadata",
        docker: "",
        ours: lastLeaving("fresh"),
        reason: NOTHING_TO_LOSE,
    },
    {
        lines: ["signer remove alice PREFIX/asked (nobody to ask)", "signer remove alice PREFIX/asked (declined)"],
        field: "exit",
        docker: "0",
        ours: "1",
        reason: NOT_DONE,
    },
    {
        lines: ["signer remove alice PREFIX/asked (nobody to ask)"],
        field: "stdout",
        docker: `${LAST_SIGNER} [y/N] `,
        ours: "",
        reason: NO_TERMINAL,
    },
    {
        lines: ["signer remove alice PREFIX/asked (nobody to ask)"],
        field: "stderr",
        docker: "",
        ours: `there is no terminal to ask "${LAST_SIGNER}"; use --force, or --resign\n\nerror removing signer from: PREFIX/asked\n`,
        reason: NO_TERMINAL,
    },
    {
        lines: ["signer remove alice PREFIX/asked (declined)"],
        field: "stdout",
        docker: /$/,
        ours: "nothing was removed from PREFIX/asked\n\nerror removing signer from: PREFIX/asked\n",
        reason: NOT_DONE,
    },
    {
        lines: ["signer remove alice PREFIX/asked (confirmed)"],
        field: "stdout",
        docker: `${LAST_SIGNER} [y/N] y\n`,
        ours: `${LAST_SIGNER} [y/N] y\nSign its tag again, in targets, so that it stays pullable? [y/N] n\n`,
        reason: "docker leaves tags that nobody can pull; we offer to sign them again",
    },
    {
        lines: ["signer remove alice PREFIX/asked (confirmed)"],
        field: "metadata",
        docker: 'asked: + targets lets 1 of nothing sign targets/releases for [""]\n',
        ours: "",
        reason: NO_EMPTY_ROLE,
    },
    {
        lines: ["sign PREFIX/asked:v1 (after its only signer left)"],
        field: "exit",
        docker: "1",
        ours: "0",
        reason: NO_EMPTY_ROLE,
    },
    {
        lines: ["sign PREFIX/asked:v1 (after its only signer left)"],
        field: "stdout",
        docker: /$/,
        ours: "Successfully signed PREFIX/asked:v1\n",
        reason: NO_EMPTY_ROLE,
    },
    {
        lines: ["sign PREFIX/asked:v1 (after its only signer left)"],
        field: "stderr",
        docker: "failed to sign PREFIX/asked:v1: no valid signing keys for delegation roles\n",
        ours: "",
        reason: NO_EMPTY_ROLE,
    },
    {
        lines: ["sign PREFIX/asked:v1 (after its only signer left)"],
        field: "metadata",
        docker: "",
        ours: "asked: timestamp goes on by 1\nasked: snapshot goes on by 1\nasked: targets goes on by 1\nasked: + targets says v1 is sha256:DIGEST-asked:v1, 523 bytes\n",
        reason: NO_EMPTY_ROLE,
    },
    {
        lines: ["inspect --pretty PREFIX/asked (after its only signer left)"],
        field: "stdout",
        docker: "\nNo signatures for PREFIX/asked\n\n",
        ours: `\nSignatures for PREFIX/asked\n\nSIGNED TAG   DIGEST${" ".repeat(61)}SIGNERS\nv1           DIGEST-asked:v1   (Repo Admin)\n`,
        reason: NO_EMPTY_ROLE,
    },
]

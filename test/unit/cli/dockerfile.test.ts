import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { contextName, type DockerfileOptions, imagesOf, pinImages } from "../../../src/cli/dockerfile/dockerfile.ts"
import { familiarTagged } from "../../../src/cli/trust/familiar.ts"
import { TrustkeyError } from "../../../src/errors.ts"

type Given = { readonly args?: Readonly<Record<string, string>>; readonly contexts?: readonly string[] }

function options({ args = {}, contexts = [] }: Given): DockerfileOptions {
    return { buildArgs: new Map(Object.entries(args)), contexts: new Set(contexts.map(contextName)) }
}

/** The names of the images that are fetched, in the order of the file. */
function images(text: string, given: Given = {}): readonly string[] {
    return imagesOf(text, options(given)).map(({ reference }) => familiarTagged(reference))
}

const HEX = "ab".repeat(32)

function pin(text: string, given: Given = {}): string {
    return pinImages(text, imagesOf(text, options(given)), ({ reference }) => `${reference.gun}@sha256:${HEX}`)
}

/** `$<NAME>` for a variable in braces, which the linter takes for a template that lost its quotes. */
function braced(text: string): string {
    return text.replaceAll(/\$<([^>"]*)>?/g, (whole, inside: string) => `\${${inside}${whole.endsWith(">") ? "}" : ""}`)
}

function refusal(text: string, given: Given = {}): string {
    try {
        images(text, given)
    } catch (error) {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.equal(error.code, "invalid_request")
        return error.message
    }
    return assert.fail(`read ${JSON.stringify(text)}`)
}

describe("a Dockerfile's images", () => {
    const READ: readonly (readonly [what: string, text: string, expected: readonly string[], given?: Given])[] = [
        ["one", "FROM alpine", ["alpine:latest"]],
        ["small letters, spaces, a comment, Windows lines", "# c\r\n  from\talpine:3  as  X \r\nRUN x\r\n", ["alpine:3"]],
        ["a byte order mark", "\ufeffFROM alpine", ["alpine:latest"]],
        ["several stages", "FROM a AS one\nFROM b\nFROM one", ["a:latest", "b:latest"]],
        ["a stage's name in other letters", "FROM a AS Build\nFROM BUILD\nCOPY --from=bUILD / /", ["a:latest"]],
        ["a stage that comes later is no stage yet", "FROM b\nFROM a AS b", ["b:latest", "a:latest"]],
        ["scratch", "FROM scratch\nCOPY --from=scratch / /", []],
        ["a digest", `FROM alpine:3@sha256:${HEX}`, []],
        ["a platform", "FROM --platform=$BUILDPLATFORM alpine", ["alpine:latest"]],
        ["continued lines with comments between", "FROM \\\n# c\n\n  alpine \\  \n AS x\nFROM x", ["alpine:latest"]],
        ["another escape character", "# escape=`\nFROM alpine\nRUN dir C:\\\nFROM b", ["alpine:latest", "b:latest"]],
        ["another escape character continues", "#escape = `\nFROM `\nalpine", ["alpine:latest"]],
        ["an escaped escape continues nothing", "FROM a\nRUN x \\\\\nFROM b", ["a:latest", "b:latest"]],
        ["a comment with an escape at its end", "# x \\\nFROM a", ["a:latest"]],
        ["COPY --from", "FROM a\nCOPY --chown=1 --from=b:1 /x /y", ["a:latest", "b:1"]],
        ["COPY --from in quotes", 'FROM a\nCOPY --from="c" /x /y', ["a:latest", "c:latest"]],
        ["what begins with a quote is no flag", 'FROM a\nCOPY "--from=b" --from=c /x /y', ["a:latest"]],
        ["COPY --from a number", "FROM a\nFROM b\nCOPY --from=0 / /", ["a:latest", "b:latest"]],
        ["--from that is no flag", "FROM a\nCOPY x --from=b /\nRUN echo --mount=from=c", ["a:latest"]],
        ["behind -- there are no flags", "FROM a\nCOPY -- --from=b /", ["a:latest"]],
        [
            "RUN --mount",
            "FROM a\nRUN --mount=type=bind,from=b,target=/x --network=none --mount=FROM=c:2 true",
            ["a:latest", "b:latest", "c:2"],
        ],
        ["a number in --mount is an image", "FROM a AS x\nRUN --mount=from=0 true", ["a:latest", "0:latest"]],
        ["a frontend", "# syntax=docker/dockerfile:1 more\nFROM a", ["docker/dockerfile:1", "a:latest"]],
        ["a frontend behind others", "#!/usr/bin/x\n# check=skip=all\n# escape=\\\n#  SYNTAX = b/c\nFROM a", ["b/c:latest", "a:latest"]],
        ["a frontend behind a space that is none in ASCII", "#\u00a0syntax\t=\fb/c\nFROM a", ["b/c:latest", "a:latest"]],
        ["a frontend behind a line separator", "# check=skip=x\u2028y\n# syntax=b/c\nFROM a", ["b/c:latest", "a:latest"]],
        ["what stands behind an escaped quote in a flag", "FROM a\nCOPY --chown='\\'0\\'' --from=b '/x' /y", ["a:latest", "b:latest"]],
        ["a variable with no modifier, and a here-document", "FROM a\nRUN cat > $<D> <<EOF > $<E:-x>\nFROM b\nEOF", ["a:latest"]],
        ["no frontend behind an instruction", "FROM a\n# syntax=b", ["a:latest"]],
        ["ARG", "ARG A=alpine\nARG V\nFROM $A:$<V:-3>", ["alpine:3"]],
        ["ARG and --build-arg", "ARG A=alpine V=1\nFROM $<A>:$V", ["alpine:2"], { args: { V: "2" } }],
        ["ARG from ARG, in quotes", 'ARG R="r.example.com/x"\nARG I=\'$R/y\'\nARG J="$R/y"\nFROM $J', ["r.example.com/x/y:latest"]],
        ["ARG without a value", "ARG S\nFROM alpine$<S>", ["alpine:latest"]],
        ["alternatives", "ARG A=x\nFROM a$<A:+-b>$<N:-c>$<N-d>", ["a-bcd:latest"]],
        ["a stage named by a variable", "ARG T=prod\nFROM a AS base-prod\nFROM base-$<T>", ["a:latest"]],
        ["ARG in a stage is none for FROM", "ARG A=1\nFROM a:$A\nARG A=2\nFROM b:$A", ["a:1", "b:1"]],
        ["an unclear ARG nobody needs", "ARG A=$<B#x>\nFROM a", ["a:latest"]],
        ["the builder's own, if given", "ARG TARGETARCH\nFROM a-$TARGETARCH", ["a-arm64:latest"], { args: { TARGETARCH: "arm64" } }],
        [
            "a here-document",
            "FROM a\nRUN <<EOF cat && <<-'E2' cat\nFROM b\nEOF\n\tCOPY --from=c / /\n\tE2\nFROM d",
            ["a:latest", "d:latest"],
        ],
        ["no here-document", "FROM a\nRUN x<<EOF\nRUN echo '<<EOF' \"<<E\"\nFROM b", ["a:latest", "b:latest"]],
        ["no here-document in a list", 'FROM a\nRUN ["cat", "<<EOF"]\nFROM b', ["a:latest", "b:latest"]],
        ["ONBUILD that doesn't run here", "FROM a\nONBUILD COPY --from=b / /", ["a:latest"]],
        ["ONBUILD that runs here", "FROM a AS x\nONBUILD COPY --from=b / /\nFROM x", ["a:latest", "b:latest"]],
        ["a named context", "FROM docker.io/library/a:latest\nCOPY --from=b / /\nFROM c", ["c:latest"], { contexts: ["a", "b"] }],
        ["another registry", "FROM localhost:5000/team/app:v1", ["localhost:5000/team/app:v1"]],
    ]
    for (const [what, text, expected, given] of READ) {
        test(`are found: ${what}`, () => assert.deepEqual(images(braced(text), given), expected))
    }

    const REFUSED: readonly (readonly [what: string, text: string, message: RegExp, given?: Given])[] = [
        ["a variable nobody declares", "FROM a\nFROM b:$V", /^Dockerfile line 2: .*no ARG before the first FROM declares V/],
        ["a build argument that isn't declared", "FROM a:$V", /declares V/, { args: { V: "1" } }],
        ["a variable the builder fills in", "ARG TARGETARCH=x\nFROM a-$TARGETARCH", /line 2: .*TARGETARCH is filled in by the builder/],
        ["a proxy variable", "ARG http_proxy=x\nFROM a$http_proxy", /filled in by the builder/],
        ["a modifier", "ARG A=b\nFROM $<A#x>", /modifier/],
        ["an open brace", "ARG A=b\nFROM $<A:-x", /not closed/],
        ["a value that can't be worked out", "ARG A=$<B>\nFROM $A", /A has a value that can't be worked out/],
        ["a variable in from=", "ARG A=b\nFROM a\nCOPY --from=$A / /", /line 3: a variable can't stand in from=/],
        ["an unknown instruction", "FROM a\nFRON b", /line 2: unknown instruction: FRON/],
        ["something before FROM", "RUN x\nFROM a", /line 1: RUN stands before the first FROM/],
        ["a stage that comes later", "FROM a\nCOPY --from=b / /\nFROM c AS b", /line 2: b is the name of a stage that is not finished/],
        ["a stage's own name", "FROM a AS b\nRUN --mount=from=B true", /not finished/],
        ["a number that is no earlier stage", "FROM a\nCOPY --from=0 / /", /no earlier stage 0/],
        ["a name over two lines", "FROM al\\\npine", /line 1: write the image's name alpine in one piece/],
        ["quotes inside a name", 'FROM a\nCOPY --from=b"c"d / /', /in one piece/],
        ["quotes in --mount", "FROM a\nRUN --mount='type=bind,\"from=b\"' true", /quote/],
        ["other than ASCII in a flag", "FROM a\nCOPY --chown=\u00e0 --from=b / /", /ASCII/],
        ["too many words", "FROM a as b c", /FROM takes/],
        ["two words", "FROM a b", /FROM takes/],
        ["a stage's name with a sign", "FROM a AS b/c", /no name for a stage/],
        ["no image's name", "FROM A", /must be lowercase/],
        ["an image's ID", `FROM ${HEX}`, /64-byte hexadecimal/],
        ["a carriage return in a line", "FROM a\rFROM b", /carriage return/],
        ["an escape directive only some obey", "# foo=bar\n# escape=`\nFROM a", /put the escape directive first/],
        ["an escape directive behind a #! line", "#!/usr/bin/x\n# escape=`\nFROM a", /put the escape directive first/],
        ["an escape directive with a space only some know", "#\u00a0escape=`\nFROM a", /line 1: write the escape directive/],
        ["an escape in a flag, with another escape character", "# escape=`\nFROM a\nCOPY --chown='`'x' --from=b '  x y", /line 3: .*flag/],
        ["a backslash in a flag, with another escape character", "# escape=`\nFROM a\nCOPY --chown='\\'x' --from=b '  x y", /flag/],
        ["a here-document in a variable's modifier", "FROM a\nRUN true $<x:-' <<USER '>\nFROM a AS b\nUSER\nCOPY --from=b / /", /line 2: /],
        ["a proxy variable nobody declares", "FROM $<http_proxy:-a>", /http_proxy/, { args: { http_proxy: "scratch" } }],
        ["a here-document without end", "FROM a\nRUN <<EOF\nFROM b", /EOF has no end/],
        ["a here-document with an unusual name", "FROM a\nRUN <<'RUN x'\nFROM b\nRUN x", /unusual/],
        ["a here-document old builders would obey", "FROM a\nRUN <<USER.\nFROM b\nRUN \\\nUSER.\n", /older builder/],
        ["a quote that isn't closed before <<", "FROM a\nRUN echo it's <<EOF\nFROM b\nEOF", /quote that isn't closed/],
        ["ONBUILD FROM", "FROM a\nONBUILD FROM b", /can't follow ONBUILD/],
        ["a frontend that is no image", "# syntax=A\nFROM a", /line 1/],
    ]
    for (const [what, text, message, given] of REFUSED) {
        test(`are refused with the line: ${what}`, () => assert.match(refusal(braced(text), given), message))
    }

    test("nothing but their names changes", () => {
        const text = "# syntax=f/g:1\r\nARG V=3\r\nFROM  alpine:$V   AS x # not a comment\r\n"
        assert.match(refusal(text), /FROM takes/)
        const good = `# syntax=f/g:1  yes\r\nARG V=3\r\nFROM --platform=x \\\r\n  alpine:$V   AS x\r\nCOPY --from="b:1"  --link / /\r\n\r\nFROM x`
        const to = (name: string): string => `docker.io/${name}@sha256:${HEX}`
        assert.equal(
            pin(good),
            `# syntax=${to("f/g")}  yes\r\nARG V=3\r\nFROM --platform=x \\\r\n  ${to("library/alpine")}   AS x\r\nCOPY --from="${to("library/b")}"  --link / /\r\n\r\nFROM x`,
        )
    })
})

/** Pieces that are read alone or together; what makes no Dockerfile is refused, which is fine too. */
const LINES = [
    "FROM a",
    "FROM b:2 AS one",
    "from one",
    "FROM one AS two",
    "FROM scratch AS three",
    "FROM $A",
    "FROM $<A:-c>:$<V> as four",
    `FROM d@sha256:${HEX}`,
    "FROM \\",
    "  e:5",
    "ARG A=x",
    "ARG V",
    "COPY --from=one / /",
    "COPY --from=THREE --link / /",
    "COPY --from=f:6 / /",
    "COPY --from=0 / /",
    "RUN --mount=type=bind,from=g true",
    'RUN --mount=target=/x,from="two" <<EOF',
    "RUN cat <<-EOF",
    "FROM inside",
    "\tEOF",
    "EOF",
    "ONBUILD COPY --from=h / /",
    "# comment \\",
    "# escape=`",
    "# syntax=s/t",
    "RUN x `",
    "RUN x \\",
    "",
    "LABEL a=b",
]

const dockerfile = fc
    .tuple(
        fc.array(fc.constantFrom(...LINES.map(braced)), { maxLength: 12 }),
        fc.constantFrom("\n", "\r\n"),
        fc.constantFrom("FROM a", "FROM b AS one", "ARG A=y"),
    )
    .map(([lines, end, first]) => [first, ...lines].join(end))

function readable(text: string): boolean {
    try {
        images(text)
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

/** A Dockerfile with what its builder fetches, known from how it was made. */
type Made = { readonly text: string; readonly fetched: readonly string[] }

const spelled = (word: string): fc.Arbitrary<string> =>
    fc
        .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
        .map((capitals) => [...word].map((letter, index) => (capitals[index] === true ? letter.toUpperCase() : letter)).join(""))

/** What may stand between two words: spaces, and the end of a line with more to come. */
const gap = fc.constantFrom(" ", "  ", "\t", " \\\n", " \\ \t\n  ", " \\\n# FROM z\n\n\t# COPY --from=z / /\n  ")
const image = fc.constantFrom("alpine", "alpine:3.20", "team/app:v1", "localhost:5000/x/y", "r.example.com/z:1_2-3")
const source = fc.record({ kind: fc.constantFrom("image", "stage", "number", "digest", "scratch"), image, pick: fc.nat() })
const command = fc.record({ kind: fc.constantFrom("copy", "mount", "plain"), source, gap, quoted: fc.boolean() })
const stage = fc.record({
    base: source,
    named: fc.boolean(),
    commands: fc.array(command, { maxLength: 3 }),
    gap,
    from: spelled("from"),
    as: spelled("as"),
})

const made: fc.Arbitrary<Made> = fc.array(stage, { minLength: 1, maxLength: 4 }).map((stages) => {
    const fetched: string[] = []
    const lines: string[] = []
    const names: string[] = []
    for (const [index, { base, named, commands, gap: space, from, as }] of stages.entries()) {
        const name = (chosen: typeof base, byNumber: boolean): string => {
            const earlier = names.filter((known) => known !== "")
            const spoken = earlier[chosen.pick % Math.max(1, earlier.length)]
            if (chosen.kind === "stage" && spoken !== undefined) return chosen.pick % 2 === 0 ? spoken : spoken.toUpperCase()
            if (chosen.kind === "number" && byNumber && index > 0) return String(chosen.pick % index)
            if (chosen.kind === "digest") return `alpine@sha256:${HEX}`
            if (chosen.kind === "scratch") return "scratch"
            fetched.push(/:[^/]+$/.test(chosen.image) ? chosen.image : `${chosen.image}:latest`)
            return chosen.image
        }
        lines.push(`${from}${space}${name(base, false)}${named ? `${space}${as}${space}stage-${index}` : ""}`)
        for (const { kind, source: chosen, gap: between, quoted } of commands) {
            if (kind === "plain") lines.push(`RUN${between}echo FROM z --from=z`)
            else {
                const what = name(chosen, kind === "copy")
                const shown = quoted ? `"${what}"` : what
                lines.push(
                    kind === "copy"
                        ? `COPY${between}--from=${shown}${between}/a /b`
                        : `RUN${between}--mount=type=bind,from=${shown},target=/x${between}true`,
                )
            }
        }
        names.push(named ? `stage-${index}` : "")
    }
    return { text: lines.join("\n"), fetched }
})

describe("pinning", () => {
    test("changes nothing but the images' names", () => {
        fc.assert(
            fc.property(dockerfile, (text) => {
                fc.pre(readable(text))
                const uses = imagesOf(text, options({}))
                const pinned = pin(text)
                assert.equal(
                    pinImages(text, uses, ({ start, end }) => text.slice(start, end)),
                    text,
                )
                assert.equal(
                    pinned.length,
                    text.length + uses.reduce((sum, { reference, start, end }) => sum + reference.gun.length + 72 - (end - start), 0),
                )
                for (const { start, end } of uses) assert.match(text.slice(start, end), /^[^\s"',\\]+$/)
            }),
        )
    })

    test("twice is the same as once", () => {
        fc.assert(
            fc.property(dockerfile, (text) => {
                fc.pre(readable(text))
                const once = pin(text)
                assert.equal(pin(once), once)
                assert.deepEqual(images(once), [])
            }),
        )
    })

    test("finds whatever is fetched, and never a stage", () => {
        fc.assert(
            fc.property(made, ({ text, fetched }) => {
                assert.deepEqual(images(text), fetched)
                assert.deepEqual(images(text.replaceAll("\n", "\r\n")), fetched)
                assert.deepEqual(images(pin(text)), [])
            }),
        )
    })

    test("reads anything or refuses it with a line", () => {
        fc.assert(
            fc.property(
                fc.array(fc.oneof(fc.constantFrom(...LINES.map(braced)), fc.string()), { maxLength: 8 }),
                (lines) => void readable(lines.join("\n")),
            ),
        )
    })
})

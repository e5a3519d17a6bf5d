import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { BUILD_FLAGS, PULL_FLAGS, RUN_FLAGS } from "../../../src/cli/engine/docker-flags.ts"
import { FlagMistake, type FlagTable, lastValue, parseArguments, switchValue, writtenWithout } from "../../../src/cli/engine/flags.ts"

const image = (args: readonly string[]): string | undefined => parseArguments(RUN_FLAGS, args).operands[0]

describe("docker's flags", () => {
    // What docker 20.10.24 and 28.2.2 take for the image.
    const RUN: readonly (readonly [args: readonly string[], image: string])[] = [
        [["app", "-it", "--rm"], "app"],
        [["-it", "app"], "app"],
        [["-itd", "app"], "app"],
        [["-ite", "A=b", "app"], "app"],
        [["-iteA=b", "app"], "app"],
        [["-e=A=b", "app"], "app"],
        [["-e", "app", "other"], "other"],
        [["-e", "--", "app"], "app"],
        [["-e", "-it", "app"], "app"],
        [["-i=false", "app"], "app"],
        [["--rm", "false", "app"], "false"],
        [["--rm=false", "app"], "app"],
        [["--env", "--rm", "app"], "app"],
        [["--env=", "app"], "app"],
        [["--net", "host", "app"], "app"],
        [["--network=host", "--", "app"], "app"],
        [["--", "--rm"], "--rm"],
        [["-h", "name", "app"], "app"],
        [["-v/a:/b", "-p80:80", "-u=0", "app"], "app"],
        [["--disable-content-trust", "app"], "app"],
        [["-", "app"], "-"],
    ]
    for (const [args, expected] of RUN) {
        test(`run ${args.join(" ")}: the image is ${expected}`, () => assert.equal(image(args), expected))
    }

    const MISTAKES: readonly (readonly [args: readonly string[], message: string])[] = [
        [["--frob", "app"], "unknown flag: --frob"],
        [["--frob=1", "app"], "unknown flag: --frob"],
        [["--en", "A=b", "app"], "unknown flag: --en"],
        [["--toString", "app"], "unknown flag: --toString"],
        [["-itZ", "app"], "unknown shorthand flag: 'Z' in -Z"],
        [["-i=", "app"], "unknown shorthand flag: '=' in -="],
        [["--env"], "flag needs an argument: --env"],
        [["-ie"], "flag needs an argument: 'e' in -e"],
    ]
    for (const [args, message] of MISTAKES) {
        test(`run ${args.join(" ")} is refused in docker's words`, () => {
            assert.throws(
                () => parseArguments(RUN_FLAGS, args),
                (error) => error instanceof FlagMistake && error.message === message,
            )
        })
    }

    test("pull and build take flags behind the operand too, until --", () => {
        assert.deepEqual(parseArguments(PULL_FLAGS, ["app", "-q"]).operands, ["app"])
        assert.deepEqual(parseArguments(BUILD_FLAGS, [".", "-t", "x", "--", "-q"]).operands, [".", "-q"])
    })

    test("the last value of a flag counts, and a switch reads what Go's ParseBool reads", () => {
        const { flags } = parseArguments(RUN_FLAGS, ["--pull", "never", "--pull=always", "--rm", "--rm=F", "--init=maybe", "app"])
        assert.equal(lastValue(flags, "pull"), "always")
        assert.equal(switchValue(flags, "rm"), false)
        assert.equal(switchValue(flags, "tty"), undefined)
        assert.throws(
            () => switchValue(flags, "init"),
            /^FlagMistake: invalid argument "maybe" for "--init" flag: strconv\.ParseBool: parsing "maybe"/,
        )
    })

    const argument = fc.oneof(
        fc.constantFrom("-i", "-it", "-e", "-eA", "--rm", "--rm=true", "--env", "--env=x", "--name", "app", "--", "-", "x", "", "-p=1"),
        fc.string({ maxLength: 4 }),
    )
    const parsed = (table: FlagTable, args: readonly string[]) => {
        try {
            return parseArguments(table, args)
        } catch (error) {
            if (error instanceof FlagMistake) return undefined
            throw error
        }
    }

    test("what docker is given says the same as what was typed", () => {
        fc.assert(
            fc.property(fc.array(argument, { maxLength: 8 }), fc.constantFrom(RUN_FLAGS, PULL_FLAGS, BUILD_FLAGS), (args, table) => {
                const first = parsed(table, args)
                if (first === undefined) return
                const again = parseArguments(table, [...writtenWithout(first.flags, []), "--", ...first.operands])
                assert.deepEqual(again, first)
            }),
        )
    })

    test("leaving a flag out leaves the others as they were", () => {
        fc.assert(
            fc.property(fc.array(argument, { maxLength: 8 }), (args) => {
                const first = parsed(RUN_FLAGS, args)
                if (first === undefined) return
                const rest = parseArguments(RUN_FLAGS, [...writtenWithout(first.flags, ["name"]), "--", ...first.operands])
                assert.deepEqual(
                    rest.flags,
                    first.flags.filter(({ name }) => name !== "name"),
                )
            }),
        )
    })
})

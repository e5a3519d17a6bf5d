import { existsSync } from "node:fs"

// Where the stock clients look for a YubiKey's module. One that is there changes every run: root keys may land on
// whatever token answers, and each command can stall for seconds.
const SEARCHED = [
    "/usr/lib/libykcs11.so",
    "/usr/lib/libykcs11.so.1",
    "/usr/lib64/libykcs11.so",
    "/usr/lib64/libykcs11.so.1",
    "/usr/lib/x86_64-linux-gnu/libykcs11.so",
    "/usr/local/lib/libykcs11.so",
]

export type CommandLine = { readonly command: string; readonly args: readonly string[] }

/** The same command, in a mount namespace of its own where those files are empty; unchanged where there are none. */
export function withoutYubikey(command: string, args: readonly string[], searched: readonly string[] = SEARCHED): CommandLine {
    const present = searched.filter((file) => existsSync(file))
    if (present.length === 0) return { command, args }
    const script = `n=$1; shift; while [ "$n" -gt 0 ]; do mount --bind /dev/null "$1"; shift; n=$((n - 1)); done; exec "$@"`
    const namespace = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"]
    return {
        command: "unshare",
        args: [...namespace, "sh", "-euc", script, "sh", String(present.length), ...present, command, ...args],
    }
}

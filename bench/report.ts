import { BACKUP_STEPS } from "./backups.ts"
import { median } from "./statistics.ts"
import { PARTS } from "./workflow-parts.ts"

const TOKEN_KEYS = [
    ["p256", "P-256"],
    ["rsa2048", "RSA-2048"],
    ["rsa4096", "RSA-4096"],
] as const

export type Shapes = {
    readonly callers: readonly number[]
    readonly keys: readonly [number, number]
    readonly depth: number
    /** How many keys the backups have. */
    readonly backups: readonly number[]
}

/** Collects figures by name and shows medians. Ratios are taken round by round, so that what disturbs one round disturbs both its halves. */
export class Report {
    readonly #title: string
    readonly #values = new Map<string, number[]>()

    constructor(title: string) {
        this.#title = title
    }

    add(name: string, value: number): void {
        const values = this.#values.get(name) ?? []
        values.push(value)
        this.#values.set(name, values)
    }

    progress(text: string): void {
        process.stderr.write(`${text}\n`)
    }

    text({ callers, keys, depth, backups }: Shapes): string {
        const lines = [
            this.#title,
            "",
            "Signatures per second, over the limit measured in the same round",
            this.#limit("openssl speed, P-256, one process", "openssl sign"),
            this.#rate(`sealed keys, streamed, ${depth} in flight`, "stream", "openssl sign", 0.3),
            this.#rate("sealed keys, sets of 5, 8 in flight", "set", "openssl sign"),
            ...callers.map((count) => this.#rate(`sealed keys, unary, ${plural(count, "caller")}`, `unary ${count}`, "openssl sign")),
            ...TOKEN_KEYS.flatMap(([name, label]) => [
                this.#limit(`C_Sign in a loop on SoftHSM, ${label}`, `${name} loop`),
                this.#rate(`token keys, ${label}, streamed, ${depth} in flight`, `${name} stream`, `${name} loop`, 0.85),
            ]),
            "",
            "One unary signature, milliseconds: p50, p99",
            ...callers.map((count) => this.#latency(plural(count, "caller"), `unary ${count}`, count === 1 ? 0.5 : undefined)),
            "",
            "1,000 unary signatures of a sealed key while a token waits for a touch, over the same without: p50",
            this.#limit("nothing else happens, milliseconds", "sign p50, idle"),
            this.#atMost("a touch is waited for", "sign p50, beside a touch", "sign p50, idle", 1.5),
            "",
            "Processor time of one signature, microseconds: the custodian's, the signer's",
            this.#cost("sealed keys, streamed", "stream"),
            this.#cost("sealed keys, unary, 1 caller", "unary 1"),
            ...TOKEN_KEYS.map(([name, label]) => this.#cost(`token keys, ${label}, streamed`, `${name} stream`)),
            this.#limit("one durable write, milliseconds", "durable write"),
            "",
            "Start-up, exec until both sockets answer, over node -e 0",
            this.#limit("node -e 0, milliseconds", "node -e 0"),
            ...keys.map((count) => this.#rate(`${count} keys, locked`, `start ${count}`, "node -e 0")),
            this.#rate(`${keys[0]} keys, opened by a credential`, "start unattended", "node -e 0"),
            "",
            "What docker asks each plugin before anything else, over node -e 0",
            this.#atMost("docker-trustkey docker-cli-plugin-metadata", "plugin metadata", "node -e 0, beside the plugin", 1.5),
            "",
            "Signing a tag through docker, milliseconds, over the stock docker trust sign of a tag it signed before",
            this.#limit("docker trust sign, signed before", "stock sign, signed before"),
            this.#atMost("docker trustkey sign, a new tag", "our sign, new tag", "stock sign, signed before", 3),
            this.#atMost("docker trust sign, a new tag", "stock sign, new tag", "stock sign, signed before"),
            "  docker trustkey sign, a new tag, by who works",
            ...PARTS.map(({ part, label }) => this.#limit(`  ${label}`, `our sign: ${part}`)),
            "",
            "Memory of all processes, megabytes (PSS)",
            ...keys.map((count) => this.#limit(`${count} keys, after start-up`, `memory ${count}`)),
            this.#limit("162 keys, after the load above", "memory after load"),
            "",
            "Idle, with one token",
            this.#goal("memory of all processes, megabytes (PSS)", "idle memory", 150),
            this.#goal("wakes a second, busiest thread (one timer: 1)", "idle wakes", 1.5),
            this.#goal(`ready with ${keys[0]} keys, milliseconds`, `start ${keys[0]}`, 500),
            "",
            "Backups of keys in one group: seconds, and per 1,000 keys; then most memory of client and daemon, megabytes (RSS)",
            ...BACKUP_STEPS.flatMap((step) => backups.map((count) => this.#backup(step, count))),
        ]
        return `${lines.join("\n")}\n`
    }

    json(): string {
        const medians = Object.fromEntries(Array.from(this.#values, ([name, values]) => [name, median(values)]))
        return JSON.stringify({ title: this.#title, medians, values: Object.fromEntries(this.#values) }, undefined, 4)
    }

    #rate(label: string, name: string, limit: string, goal?: number): string {
        const limits = this.#of(limit)
        const ratio = median(this.#of(name).map((value, round) => value / (limits[round] ?? NaN)))
        const verdict = goal === undefined ? "" : ratio >= goal ? `   goal ${goal}: met` : `   goal ${goal}: not met`
        return `${line(label, ratio.toFixed(ratio < 1 ? 3 : 1))}   ${format(median(this.#of(name)))}${verdict}`
    }

    #atMost(label: string, name: string, limit: string, goal?: number): string {
        const ratio = median(this.#of(name)) / median(this.#of(limit))
        const verdict = goal === undefined ? "" : `   goal ${goal} or less: ${ratio <= goal ? "met" : "not met"}`
        return `${line(label, ratio.toFixed(2))}   ${format(median(this.#of(name)))}${verdict}`
    }

    #goal(label: string, name: string, goal: number): string {
        const value = median(this.#of(name))
        return `${this.#limit(label, name)}   goal ${goal} or less: ${value <= goal ? "met" : "not met"}`
    }

    #limit(label: string, name: string): string {
        return `${line(label, "")}   ${format(median(this.#of(name)))}`
    }

    #cost(label: string, name: string): string {
        const [custodian, signers] = [median(this.#of(`${name} custodian`)), median(this.#of(`${name} signers`))]
        return `${line(label, custodian.toFixed(0))}   ${signers.toFixed(0)}`
    }

    #latency(label: string, name: string, goal?: number): string {
        const [p50, p99] = [median(this.#of(`${name} p50`)), median(this.#of(`${name} p99`))]
        const verdict = goal === undefined ? "" : p50 <= goal ? `   goal ${goal}: met` : `   goal ${goal}: not met`
        return `${line(label, p50.toFixed(2))}   ${p99.toFixed(2)}${verdict}`
    }

    #backup(step: (typeof BACKUP_STEPS)[number], count: number): string {
        const name = `backup ${step} ${count}`
        const seconds = median(this.#of(name))
        const memory = [`${name} client`, `${name} daemon`].map((each) =>
            this.#of(each).length === 0 ? "       -" : format(median(this.#of(each))),
        )
        return `${line(`${step}, ${count} keys`, seconds.toFixed(2))}   ${format((seconds * 1000) / count)}   ${memory.join(" ")}`
    }

    #of(name: string): readonly number[] {
        return this.#values.get(name) ?? []
    }
}

function line(label: string, figure: string): string {
    return `  ${label.padEnd(46)} ${figure.padStart(6)}`
}

function format(value: number): string {
    return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2).padStart(8)
}

function plural(count: number, word: string): string {
    return `${count} ${word}${count === 1 ? "" : "s"}`
}

import { TrustkeyError } from "../../errors.ts"
import { credentialsFor, credentialsName } from "../../publish/index.ts"
import type { Delegations, RoleName } from "../../tuf/index.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { makeReady } from "../secrets.ts"
import { changeBindings } from "./bind-key.ts"
import { NO_DELEGATIONS } from "./build-update.ts"
import { RELEASES, signerRole, withSigner } from "./delegations.ts"
import { type FirstSigners, type InitOptions, planNew, publicOf } from "./init-repository.ts"
import { isBound } from "./our-keys.ts"
import { dockerPlace, type TrustSession } from "./session.ts"

export type Signer = { readonly name: string; readonly role: RoleName }

/**
 * Who signs first in a new repository: as docker has it, the user name of the login at the registry.
 *
 * @throws login_needed when there is none; invalid_request when it can't be a signer's name
 */
export async function signerFromLogin(session: TrustSession, given: string | undefined): Promise<Signer> {
    if (given !== undefined) return { name: given, role: signerRole(given) }
    const { cli, reference } = session
    const host = credentialsName(reference)
    const credentials = await credentialsFor(host, dockerPlace(cli))
    const why =
        credentials === undefined
            ? "there is none"
            : "identityToken" in credentials || credentials.username === ""
              ? "it has none, only a token"
              : undefined
    if (why !== undefined || credentials === undefined || "identityToken" in credentials) {
        const login = `docker login ${reference.registry === "docker.io" ? "" : reference.registry}`.trimEnd()
        throw new TrustkeyError(
            "login_needed",
            `the first signer of ${session.gun} is named after the user name of the login at ${reference.registry}, and ${why}: ${login}, or name the signer with --as NAME`,
        )
    }
    try {
        return { name: credentials.username, role: signerRole(credentials.username) }
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        throw new TrustkeyError(
            error.code,
            `${error.message}; it is the user name of the login at ${reference.registry}, --as NAME gives another`,
            {
                cause: error,
            },
        )
    }
}

/** The signer's key and the roles it may sign, for the first publication. */
export function firstSigner(session: TrustSession, { name, role }: Signer, options: InitOptions): FirstSigners {
    const { cli, gun } = session
    const places = [role, RELEASES].map((place) => ({ gun, role: place }))
    return {
        plan: async (daemon) => {
            const there = keyOfSigner(await daemon.listKeys({}), gun, { name, role })
            if (there !== undefined) await makeReady(cli, daemon, there, options)
            const planned =
                there === undefined
                    ? await planNew(cli, daemon, { purpose: "delegation", label: name, bindings: places }, options)
                    : undefined
            const make = async (): Promise<Delegations> => {
                const key = there ?? (await planned?.make())
                if (there !== undefined) {
                    cli.output.note(`Using the delegation key ${shortId(there.id)}, which is called ${name}.`)
                    const missing = places.filter((place) => !isBound(there, gun, place.role))
                    await changeBindings(cli, daemon, there, { add: missing })
                }
                return withSigner(NO_DELEGATIONS, role, [publicOf(key)])
            }
            return { make, [Symbol.dispose]: () => planned?.[Symbol.dispose]() }
        },
    }
}

/**
 * A key that carries the signer's name and signs for him in this repository, or is bound nowhere yet and is the caller's own: the first by
 * ID. One of another repository is never taken, nor one of another role of this repository, nor what somebody else has brought in a file:
 * whoever may import a key may call it what he likes, and keeps a copy.
 */
export function keyOfSigner(keys: readonly DaemonKey[], gun: string, { name, role }: Signer): DaemonKey | undefined {
    const called = keys.filter(
        ({ purpose, label, state }) => purpose === "delegation" && label === name && state !== "removed" && state !== "absent",
    )
    const ours = called.filter((key) => {
        if (key.bindings.length === 0) return key.mine
        const isOfHere = isBound(key, gun, role) && key.bindings.every((binding) => binding.gun === gun)
        return isOfHere && (key.mine || key.origin === "generated")
    })
    const sorted = ours.sort((a, b) => b.bindings.length - a.bindings.length || (a.id < b.id ? -1 : 1))
    return sorted[0]
}

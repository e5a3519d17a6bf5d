import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIdOf, type RoleName, type TufKey } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { changeBindings, findKey } from "./bind-key.ts"
import { NO_DELEGATIONS } from "./build-update.ts"
import { RELEASES, sameDelegations, withSigner } from "./delegations.ts"
import { oneRoot } from "./first-root.ts"
import { type InitOptions, initRepository } from "./init-repository.ts"
import { isBound } from "./our-keys.ts"
import { faultsInDockersWords } from "./resolve-tag.ts"
import { openSession, type TrustSession } from "./session.ts"
import { type Prepared, publishUpdates, type SecretOptions, targetsPlace, whenNobodyInterferes } from "./sign-tag.ts"

export type AddOptions = SecretOptions & Pick<InitOptions, "group"> & { rootKey?: string }
export type NewSigner = { readonly name: string; readonly role: RoleName; readonly keys: readonly TufKey[] }

/** docker trust signer add for one repository, which is made if need be. Again: nothing changes. */
export async function addSigner(cli: Cli, repository: string, signer: NewSigner, options: AddOptions): Promise<void> {
    cli.output.line(`Adding signer "${signer.name}" to ${repository}...`)
    const session = await openSession(cli, repository, "push")
    const daemon = await cli.daemon()
    const whenNew = async (): Promise<void> => {
        cli.output.line(`Initializing signed repository for ${repository}...`)
        const delegations = withSigner(NO_DELEGATIONS, signer.role, signer.keys)
        const make = (): Promise<typeof delegations> => Promise.resolve(delegations)
        const signers = { plan: () => Promise.resolve({ make, [Symbol.dispose]: () => {} }) }
        const { rootKey, ...others } = options
        await initRepository(session, { ...others, ...oneRoot(rootKey), algorithm: "p256", makeRoot: true, signers })
        cli.output.line(`Successfully initialized "${repository}"`)
    }
    await faultsInDockersWords(session, () =>
        whenNobodyInterferes(session, daemon, (prepared) => delegate(session, daemon, prepared, signer, options), { whenNew }),
    )
    await bindOurs(session, daemon, signer)
    cli.output.line(`Successfully added signer: ${signer.name} to ${repository}`)
    cli.output.line()
}

async function delegate(session: TrustSession, daemon: Daemon, prepared: Prepared, signer: NewSigner, options: AddOptions): Promise<void> {
    const place = targetsPlace(prepared)
    const before = place.document?.delegations ?? NO_DELEGATIONS
    const after = withSigner(before, signer.role, signer.keys)
    if (sameDelegations(before, after)) return
    await publishUpdates(session, daemon, prepared, [{ place, delegate: () => after }], options)
}

/** A key whose private half is in the daemon may sign there from now on. That it may not is no reason to undo the signer. */
async function bindOurs(session: TrustSession, daemon: Daemon, { role, keys }: NewSigner): Promise<void> {
    const { cli, gun } = session
    for (const id of new Set(keys.map(canonicalKeyIdOf))) {
        const key = await findKey(daemon, id)
        const add = [role, RELEASES]
            .map((name) => ({ gun, role: name }))
            .filter((place) => key !== undefined && !isBound(key, gun, place.role))
        if (key === undefined || add.length === 0) continue
        try {
            await changeBindings(cli, daemon, key, { add })
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            cli.output.warn(error.message)
            continue
        }
        const elsewhere = [...new Set(key.bindings.map((binding) => binding.gun))].filter((other) => other !== gun)
        if (elsewhere.length > 0) {
            cli.output.warn(
                `key ${shortId(id)} signs for ${elsewhere.join(", ")} too: a signature counts wherever its key is trusted, so who uses it needs permission for all of them`,
            )
        }
    }
}

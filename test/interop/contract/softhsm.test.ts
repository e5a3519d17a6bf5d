import { openShelfWorld } from "./shelf-world.ts"
import { signerContract } from "./signer-contract.ts"

const NEVER_LOCKS = "SoftHSM counts no tries: who has its files can guess without end"

signerContract({
    name: "SoftHSM",
    open: () =>
        openShelfWorld(async ({ module, moduleEnv }) => ({ module, environment: moduleEnv, [Symbol.asyncDispose]: async () => {} })),
    deviations: {
        "near lock": { says: "taken: it doesn't say so", because: NEVER_LOCKS },
        locked: { says: "taken: it never locks", because: NEVER_LOCKS },
        backend: { says: "it has none", because: "the module works on files by itself" },
    },
})

import { signerContract } from "./signer-contract.ts"
import { openYubikeyWorld } from "./yubikey-world.ts"

const NO_CERTIFICATE = "the module shows a key only where a certificate is: the key is in its slot then, and enrolled once there is one"

signerContract({
    name: "OpenSC",
    open: () =>
        openYubikeyWorld({
            module: (rig) => rig.openscModule,
            label: () => "PIV_II",
            manufacturer: /^piv_II$/,
            model: /^PKCS#15 emulated$/,
            looseUri: "pkcs11:manufacturer=piv_II",
            wantsObjects: true,
        }),
    deviations: {
        "several keys": {
            says: "labels are the module's own",
            because: "a PIV key is named by its place on the card, so no two have the same label",
        },
        create: { says: "`not_found`", because: NO_CERTIFICATE },
        import: { says: "`not_found`", because: NO_CERTIFICATE },
        removal: {
            says: "`token_absent`",
            because:
                "often after `deadline_exceeded`: a call under way may never come back (OpenSC locks itself out), and its process is killed",
        },
    },
})

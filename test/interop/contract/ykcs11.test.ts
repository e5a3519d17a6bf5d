import { signerContract } from "./signer-contract.ts"
import { openYubikeyWorld } from "./yubikey-world.ts"

const PLACES = "a PIV key is named by its place on the card, so no two have the same label"

signerContract({
    name: "ykcs11",
    open: () =>
        openYubikeyWorld({
            module: (rig) => rig.module,
            label: (serial) => `YubiKey PIV #${serial}`,
            manufacturer: /^Yubico \(www\.yubico\.com\)$/,
            model: /^YubiKey YK5$/,
            looseUri: "pkcs11:manufacturer=Yubico%20%28www.yubico.com%29",
            wantsObjects: false,
        }),
    deviations: {
        "several keys": { says: "labels are the module's own", because: PLACES },
    },
})

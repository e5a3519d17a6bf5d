import { KeyRig } from "../../support/key-rig.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { type SignerHome, signerContract } from "./signer-contract.ts"

const PASSPHRASE = "a passphrase of the tests"

async function openFileHome(): Promise<SignerHome> {
    const rig = await KeyRig.open()
    return {
        rig,
        process: "file",
        closedCode: "key_locked",
        create: (algorithm) => rig.createSealed(PASSPHRASE, { algorithm }),
        open: async (key) => {
            await rig.unlock(key, PASSPHRASE)
        },
        close: (key) => rig.keys.lock({ keyId: key.id }),
        [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
    }
}

async function openSoftHsmHome(): Promise<SignerHome> {
    const hsm = await startSoftHsm()
    const environment = { SOFTHSM2_CONF: hsm.conf }
    const rig = await KeyRig.open({
        tokens: [{ name: "hsm", module: hsm.module, uri: `pkcs11:serial=${hsm.serial}`, environment, deadlineMs: 10_000 }],
    })
    return {
        rig,
        process: "hsm",
        closedCode: "login_required",
        create: async (algorithm) => {
            await rig.login("hsm", hsm.userPin)
            return rig.createOnToken("hsm", { algorithm })
        },
        open: () => rig.login("hsm", hsm.userPin),
        close: async () => {
            await rig.keys.logout("hsm")
        },
        [Symbol.asyncDispose]: async () => {
            await rig[Symbol.asyncDispose]()
            await hsm.stop()
        },
    }
}

signerContract("file", openFileHome)
signerContract("softhsm", openSoftHsmHome)

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { TokenConfig } from "../../../src/keys/index.ts"
import { KeyRig } from "../../support/key-rig.ts"
import { type Nss, startNss } from "../../support/nss.ts"

function configOf(nss: Nss, more: Partial<TokenConfig> = {}): TokenConfig {
    return {
        name: "nss",
        module: nss.module,
        uri: `pkcs11:token=${encodeURIComponent(nss.label)}`,
        libraryParameters: nss.libraryParameters,
        environment: {},
        deadlineMs: 10_000,
        ...more,
    }
}

describe("NSS's softokn", () => {
    test("finds its database by the library parameters, which arrive whole", async () => {
        await using nss = await startNss({ label: "trust" })
        await using rig = await KeyRig.open({ tokens: [configOf(nss)] })
        const [token] = await rig.keys.tokens()
        assert.deepEqual([token?.state, token?.label, token?.serial], ["present", "trust", nss.serial])
        await rig.login("nss", nss.userPin)
        assert.equal((await rig.keys.tokens())[0]?.state, "logged-in")
        // And again after C_Finalize: pkcs11js frees what it handed over.
        await rig.keys.logout("nss")
        assert.deepEqual((await rig.keys.tokens())[0]?.label, "trust")
    })

    test("is refused for custody: a sensitive key that can't be extracted comes out of it in clear", async () => {
        await using nss = await startNss()
        await using rig = await KeyRig.open({ tokens: [configOf(nss)] })
        await rig.login("nss", nss.userPin)
        await assert.rejects(rig.createOnToken("nss"), { code: "token_unfit", message: /CKM_AES_KEY_WRAP_KWP/ })
        assert.deepEqual(await rig.keys.objects("nss"), [])
        assert.deepEqual([...rig.keys.list()], [])
        const uri = `pkcs11:token=${nss.label};id=%01`
        await assert.rejects(rig.keys.enroll({ token: "nss", uri, purpose: "root", label: "", bindings: [] }), { code: "token_unfit" })
    })
})

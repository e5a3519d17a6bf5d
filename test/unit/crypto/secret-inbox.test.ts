import assert from "node:assert/strict"
import { test } from "node:test"
import { Secret, SecretInbox, sealSecret } from "../../../src/crypto/index.ts"

test("TK-SEC-2 whoever floods one key with challenges does not use up another's", () => {
    using inbox = new SecretInbox(() => 0)
    const [mine, theirs] = [
        { purpose: "unlock", subject: "mine" },
        { purpose: "unlock", subject: "theirs" },
    ]
    for (let count = 0; count < 300; count++) inbox.challenge(theirs)
    const nonce = inbox.challenge(mine)
    for (let count = 0; count < 1000; count++) inbox.challenge(theirs)
    using secret = new Secret(Buffer.from("correct horse"))
    using opened = inbox.open(mine, sealSecret(inbox.publicKey, nonce, mine, secret))
    assert.equal(opened.length, 13)
})

test("TK-SEC-2 whoever asks for many loses his own: everybody's new keys have one subject", () => {
    using inbox = new SecretInbox(() => 0)
    const context = { purpose: "import", subject: "new" }
    const nonces = ["alice", "bob"].map((owner) => inbox.challenge(context, owner))
    for (let count = 0; count < 1000; count++) inbox.challenge(context, "mallory")
    // Of many subjects too.
    for (let count = 0; count < 1000; count++) inbox.challenge({ purpose: "unlock", subject: `key ${count}` }, "mallory")
    const late = inbox.challenge(context, "carol")
    for (const nonce of [...nonces, late]) {
        using secret = new Secret(Buffer.from("correct horse"))
        using opened = inbox.open(context, sealSecret(inbox.publicKey, nonce, context, secret))
        assert.equal(opened.length, 13)
    }
})

import type { Custody } from "../../src/custody/index.ts"
import { TrustkeyError } from "../../src/errors.ts"

/** A custody that refuses everything but what it is given. */
export function fakeCustody(operations: Partial<Custody>): Custody {
    const refused = async (): Promise<never> => {
        throw new TrustkeyError("not_found", "the fake does not do this")
    }
    return {
        sign: refused,
        signSet: refused,
        signClose: refused,
        createKey: refused,
        enrollKey: refused,
        importKey: refused,
        copyKey: refused,
        exportKey: refused,
        forgetSealed: refused,
        listKeys: refused,
        getKey: refused,
        bindKey: refused,
        unlock: refused,
        lock: refused,
        changePassphrase: refused,
        removeKey: refused,
        rootCertificate: refused,
        certificateRequest: refused,
        keepRootCertificate: refused,
        cardCertificate: refused,
        createGroup: refused,
        listGroups: refused,
        challenge: refused,
        listTokens: refused,
        login: refused,
        logout: refused,
        changePin: refused,
        unblockPin: refused,
        examineToken: refused,
        showToken: refused,
        tokenObjects: refused,
        watchTouches: () => () => {},
        listTrust: refused,
        showTrust: refused,
        adopt: refused,
        reset: refused,
        observe: refused,
        planRoot: refused,
        outbox: refused,
        showJournal: refused,
        voidPromise: refused,
        listAudit: refused,
        verifyAudit: refused,
        status: refused,
        drain: async () => {},
        lockAll: async () => {},
        settled: async () => {},
        ...operations,
    }
}

import type { Custody } from "../../custody/index.ts"
import type { KeysHandlers } from "../../wire/trustkeyd/v1/Keys.ts"
import {
    decodeBind,
    decodeCardCertificate,
    decodeChangePassphrase,
    decodeCopyKey,
    decodeCreateGroup,
    decodeCreateKey,
    decodeEnrollKey,
    decodeExportKey,
    decodeExportKeyFile,
    decodeForgetSealed,
    decodeImportKey,
    decodeKeepRootCertificate,
    decodeKeyReference,
    decodeListKeys,
    decodeLock,
    decodeRemoveKey,
    decodeRootCertificate,
    decodeUnlock,
} from "../decode/index.ts"
import { encodeGroup, encodeKey, timeText } from "../encode.ts"
import { adminOnly, type Caller, unary } from "../unary.ts"

export function keysHandlers(custody: Custody, caller: Caller): KeysHandlers {
    const { principal } = caller
    return {
        Create: unary(caller, async (request) => encodeKey(await custody.createKey(principal, decodeCreateKey(request)))),
        Enroll: adminOnly(caller, async (request) => encodeKey(await custody.enrollKey(principal, decodeEnrollKey(request)))),
        Import: unary(caller, async (request) => encodeKey(await custody.importKey(principal, decodeImportKey(request)))),
        Copy: adminOnly(caller, async (request) => encodeKey(await custody.copyKey(principal, decodeCopyKey(request)))),
        Export: adminOnly(caller, async (request) => ({ file: await custody.exportKey(principal, decodeExportKey(request)) })),
        ExportFile: adminOnly(caller, async (request) => ({ file: await custody.exportKeyFile(principal, decodeExportKeyFile(request)) })),
        ForgetSealed: adminOnly(caller, async (request) => encodeKey(await custody.forgetSealed(principal, decodeForgetSealed(request)))),
        List: unary(caller, async (request) => {
            const { keys, nextPageToken } = await custody.listKeys(principal, decodeListKeys(request))
            return { keys: keys.map(encodeKey), nextPageToken }
        }),
        Get: unary(caller, async (request) => encodeKey(await custody.getKey(principal, { id: decodeKeyReference(request.id) }))),
        Bind: unary(caller, async (request) => encodeKey(await custody.bindKey(principal, decodeBind(request)))),
        Unlock: unary(caller, async (request) => {
            const { until } = await custody.unlock(principal, decodeUnlock(request))
            return { unlockedUntil: timeText(until) }
        }),
        Lock: unary(caller, async (request) => {
            await custody.lock(principal, decodeLock(request))
            return {}
        }),
        ChangePassphrase: unary(caller, async (request) => {
            await custody.changePassphrase(principal, decodeChangePassphrase(request))
            return {}
        }),
        Remove: adminOnly(caller, async (request) => encodeKey(await custody.removeKey(principal, decodeRemoveKey(request)))),
        RootCertificate: unary(caller, async (request) => {
            const { pem, tufKeyId } = await custody.rootCertificate(principal, decodeRootCertificate(request))
            return { certificatePem: pem, tufKeyId }
        }),
        CertificateRequest: unary(caller, async (request) => {
            const { pem } = await custody.certificateRequest(principal, decodeRootCertificate(request))
            return { requestPem: pem }
        }),
        KeepRootCertificate: unary(caller, async (request) => {
            const { pem, tufKeyId, expires, warnings } = await custody.keepRootCertificate(principal, decodeKeepRootCertificate(request))
            return { certificatePem: pem, tufKeyId, expires: timeText(expires), warnings: [...warnings] }
        }),
        CardCertificate: unary(caller, async (request) => {
            const { pem } = await custody.cardCertificate(principal, decodeCardCertificate(request))
            return { certificatePem: pem }
        }),
        CreateGroup: adminOnly(caller, async (request) => encodeGroup(await custody.createGroup(principal, decodeCreateGroup(request)))),
        ListGroups: unary(caller, async () => ({ groups: (await custody.listGroups(principal)).map(encodeGroup) })),
    }
}

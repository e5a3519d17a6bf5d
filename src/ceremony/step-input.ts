import type { Attestation, PinPolicy, PublicKeyBytes, TouchPolicy } from "../crypto/index.ts"
import type { Signature } from "../tuf/index.ts"
import type { Outcome } from "./close-statement.ts"
import type { BackupWay } from "./conditions.ts"

/** Where a key lies, as its token says. `serial`: of a card that attests its keys, the one in its attestations. */
export type ShownPlace = {
    readonly token?: string
    readonly serial?: string
    readonly slot?: string
    readonly pinPolicy?: PinPolicy
    readonly touchPolicy?: TouchPolicy
}

export type ShownKeyInput = {
    readonly key: string
    readonly publicKey: PublicKeyBytes
    readonly origin: "token" | "vault" | "imported"
    readonly place: ShownPlace
    /** PEM, one for each repository, in the plan's order; none for a key whose certificates are in the published roots. */
    readonly certificates: readonly string[]
    readonly attestation?: Attestation
}

/** What a step needs to be told; everything else follows from the ceremony. */
export type StepInput =
    /** `chains`: root files from version 1 on, by repository in the plan's order. `programSha256`: hex, of the program's package. */
    | {
          readonly step: "pack"
          readonly program: string
          readonly programSha256: string
          readonly chains: readonly (readonly Uint8Array[])[]
      }
    | { readonly step: "open"; readonly programSha256: string }
    | (ShownKeyInput & { readonly step: "keygen" | "present" })
    | { readonly step: "void-key"; readonly key: string; readonly reason: string }
    | { readonly step: "build" }
    | { readonly step: "sign"; readonly key: string; readonly repository: number; readonly signature: Signature }
    | { readonly step: "void-root"; readonly reason: string }
    | { readonly step: "backup"; readonly key: string; readonly how: Extract<BackupWay, "cannot-leave"> }
    | {
          readonly step: "backup"
          readonly key: string
          readonly how: Extract<BackupWay, "copy">
          readonly token: string
          readonly serial: string
      }
    | { readonly step: "backup"; readonly key: string; readonly how: Extract<BackupWay, "export">; readonly file: Uint8Array }
    | { readonly step: "close"; readonly outcome: Outcome }
    | { readonly step: "publish"; readonly repository: number; readonly server: string }

import { Metadata, status } from "@grpc/grpc-js"
import { type ErrorCode, TrustkeyError } from "../errors.ts"

/** The trailer that carries the error's code; clients decide by it, not by the status. */
export const CODE_TRAILER = "trustkeyd-code"
/** The trailer that carries the reference under which the log has the cause. */
export const REFERENCE_TRAILER = "trustkeyd-reference"

const STATUS = {
    invalid_request: status.INVALID_ARGUMENT,
    usage: status.INVALID_ARGUMENT,
    not_found: status.NOT_FOUND,
    already_exists: status.ALREADY_EXISTS,
    unauthenticated: status.UNAUTHENTICATED,
    denied: status.PERMISSION_DENIED,
    declined: status.PERMISSION_DENIED,
    confirmation_required: status.FAILED_PRECONDITION,
    no_terminal: status.FAILED_PRECONDITION,
    file_unsafe: status.FAILED_PRECONDITION,
    metadata_rejected: status.INVALID_ARGUMENT,
    payload_too_large: status.INVALID_ARGUMENT,
    expiry_rejected: status.INVALID_ARGUMENT,
    threshold_lowered: status.FAILED_PRECONDITION,
    root_rejected: status.FAILED_PRECONDITION,
    immutable_target: status.FAILED_PRECONDITION,
    repository_unknown: status.FAILED_PRECONDITION,
    rollback_refused: status.FAILED_PRECONDITION,
    equivocation_refused: status.FAILED_PRECONDITION,
    set_incomplete: status.FAILED_PRECONDITION,
    plan_invalid: status.INVALID_ARGUMENT,
    bundle_invalid: status.INVALID_ARGUMENT,
    backup_invalid: status.INVALID_ARGUMENT,
    share_invalid: status.INVALID_ARGUMENT,
    clock_implausible: status.FAILED_PRECONDITION,
    step_refused: status.FAILED_PRECONDITION,
    repository_moved_on: status.FAILED_PRECONDITION,
    key_unfit: status.FAILED_PRECONDITION,
    key_file_invalid: status.INVALID_ARGUMENT,
    key_locked: status.FAILED_PRECONDITION,
    open_failed: status.FAILED_PRECONDITION,
    challenge_expired: status.FAILED_PRECONDITION,
    token_absent: status.FAILED_PRECONDITION,
    token_changed: status.FAILED_PRECONDITION,
    attestation_invalid: status.FAILED_PRECONDITION,
    token_busy: status.UNAVAILABLE,
    token_failed: status.INTERNAL,
    touch_timeout: status.FAILED_PRECONDITION,
    token_unfit: status.FAILED_PRECONDITION,
    module_invalid: status.FAILED_PRECONDITION,
    login_required: status.FAILED_PRECONDITION,
    pin_incorrect: status.FAILED_PRECONDITION,
    pin_blocked: status.FAILED_PRECONDITION,
    pin_final_try: status.FAILED_PRECONDITION,
    pin_refused_before: status.FAILED_PRECONDITION,
    puk_incorrect: status.FAILED_PRECONDITION,
    puk_blocked: status.FAILED_PRECONDITION,
    management_key_incorrect: status.FAILED_PRECONDITION,
    object_ambiguous: status.FAILED_PRECONDITION,
    signer_unavailable: status.UNAVAILABLE,
    bad_signature: status.INTERNAL,
    storage_failed: status.INTERNAL,
    state_in_use: status.FAILED_PRECONDITION,
    state_newer: status.FAILED_PRECONDITION,
    config_invalid: status.FAILED_PRECONDITION,
    overloaded: status.RESOURCE_EXHAUSTED,
    shutting_down: status.UNAVAILABLE,
    deadline_exceeded: status.DEADLINE_EXCEEDED,
    audit_broken: status.INTERNAL,
    internal: status.INTERNAL,
    daemon_unreachable: status.UNAVAILABLE,
    server_unreachable: status.UNAVAILABLE,
    server_refused: status.FAILED_PRECONDITION,
    server_error: status.UNAVAILABLE,
    registry_unreachable: status.UNAVAILABLE,
    registry_refused: status.FAILED_PRECONDITION,
    login_needed: status.UNAUTHENTICATED,
    no_trust_data: status.NOT_FOUND,
    verification_failed: status.FAILED_PRECONDITION,
    rollback_detected: status.FAILED_PRECONDITION,
    metadata_expired: status.FAILED_PRECONDITION,
    expires_soon: status.FAILED_PRECONDITION,
    backup_overdue: status.FAILED_PRECONDITION,
    rotation_needed: status.FAILED_PRECONDITION,
    digest_mismatch: status.FAILED_PRECONDITION,
    digest_required: status.FAILED_PRECONDITION,
    publish_unconfirmed: status.FAILED_PRECONDITION,
    target_unknown: status.NOT_FOUND,
    not_pinned: status.FAILED_PRECONDITION,
    pin_mismatch: status.FAILED_PRECONDITION,
    engine_unreachable: status.UNAVAILABLE,
    engine_refused: status.FAILED_PRECONDITION,
} satisfies Record<ErrorCode, status>

/** What went wrong on our side; everything else is an answer, and the audit record has it. */
const FAULTS: readonly ErrorCode[] = ["internal", "storage_failed", "bad_signature", "audit_broken"]

// Status messages travel in a header, and clients limit those.
const MAX_MESSAGE = 4096

export type Status = { readonly code: status; readonly details: string; readonly metadata: Metadata }

/** Whether the log should have it, with its cause. */
export function isFault(error: unknown): boolean {
    return !(error instanceof TrustkeyError) || FAULTS.includes(error.code)
}

/** What the caller may see of an error: of one we did not foresee, only the reference. */
export function visibleError(error: unknown, reference: string): { readonly code: ErrorCode; readonly message: string } {
    if (!(error instanceof TrustkeyError)) return { code: "internal", message: `internal error, reference ${reference}` }
    // grpc-js percent-encodes the message with encodeURI, which throws on half a surrogate pair.
    const message = error.message.slice(0, MAX_MESSAGE).toWellFormed()
    return { code: error.code, message: isFault(error) ? `${message} (reference ${reference})` : message }
}

/** The only place an error becomes a status. */
export function toStatus(error: unknown, reference: string): Status {
    const { code, message } = visibleError(error, reference)
    const metadata = new Metadata()
    metadata.set(CODE_TRAILER, code)
    if (isFault(error)) metadata.set(REFERENCE_TRAILER, reference)
    return { code: STATUS[code], details: message, metadata }
}

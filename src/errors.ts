/**
 * Every way trustkeyd says no. A code is a promise: rename one and you break a script.
 * `docs/errors.md` says for each what happened and what to do; a test holds the two lists equal.
 */
export const ERROR_CODES = [
    // The request
    "invalid_request",
    "usage",
    "not_found",
    "already_exists",
    "unauthenticated",
    "denied",
    "declined",
    "confirmation_required",
    "no_terminal",
    "file_unsafe",
    // Metadata and promises
    "metadata_rejected",
    "payload_too_large",
    "expiry_rejected",
    "threshold_lowered",
    "root_rejected",
    "immutable_target",
    "repository_unknown",
    "rollback_refused",
    "equivocation_refused",
    "set_incomplete",
    // Ceremonies
    "plan_invalid",
    "bundle_invalid",
    "backup_invalid",
    "share_invalid",
    "clock_implausible",
    "step_refused",
    "repository_moved_on",
    // Keys and tokens
    "key_unfit",
    "key_file_invalid",
    "key_locked",
    "open_failed",
    "challenge_expired",
    "token_absent",
    "token_changed",
    "attestation_invalid",
    "token_busy",
    "token_failed",
    "touch_timeout",
    "token_unfit",
    "module_invalid",
    "login_required",
    "pin_incorrect",
    "pin_blocked",
    "pin_final_try",
    "pin_refused_before",
    "puk_incorrect",
    "puk_blocked",
    "management_key_incorrect",
    "object_ambiguous",
    "signer_unavailable",
    "bad_signature",
    // The daemon
    "storage_failed",
    "state_in_use",
    "state_newer",
    "config_invalid",
    "overloaded",
    "shutting_down",
    "deadline_exceeded",
    "audit_broken",
    "internal",
    // The client's side
    "daemon_unreachable",
    "server_unreachable",
    "server_refused",
    "server_error",
    "registry_unreachable",
    "registry_refused",
    "login_needed",
    "no_trust_data",
    "verification_failed",
    "rollback_detected",
    "metadata_expired",
    "expires_soon",
    "backup_overdue",
    "rotation_needed",
    "digest_mismatch",
    "digest_required",
    "publish_unconfirmed",
    "target_unknown",
    "not_pinned",
    "pin_mismatch",
    "engine_unreachable",
    "engine_refused",
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * `message` is for the caller and may cross the socket: no secret, no payload, no path inside the state directory.
 * `cause` is for the log and never crosses.
 */
export class TrustkeyError extends Error {
    override readonly name = "TrustkeyError"
    readonly code: ErrorCode

    constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
        super(message, options)
        this.code = code
    }
}

/** Whether `text` is one of our codes: a newer peer may know more. */
export function isErrorCode(text: string): text is ErrorCode {
    return ERROR_CODES.some((code) => code === text)
}

import type { ErrorCode } from "../errors.ts"

/**
 * What a script asks: what now? 0 done · 1 a bug or a broken disk · 2 wrong usage · 3 not allowed, or declined ·
 * 4 the request can't be right, change it · 5 a person is needed · 6 try again · 7 verification failed, possibly an attack ·
 * 78 bad configuration. A new code does not compile until it has a row.
 */
export const EXIT_CODES = {
    invalid_request: 4,
    usage: 2,
    not_found: 4,
    already_exists: 4,
    unauthenticated: 3,
    denied: 3,
    declined: 3,
    confirmation_required: 5,
    no_terminal: 2,
    file_unsafe: 4,
    metadata_rejected: 4,
    payload_too_large: 4,
    expiry_rejected: 4,
    threshold_lowered: 4,
    root_rejected: 4,
    immutable_target: 4,
    repository_unknown: 4,
    rollback_refused: 4,
    equivocation_refused: 4,
    set_incomplete: 5,
    key_unfit: 4,
    key_locked: 5,
    open_failed: 5,
    challenge_expired: 6,
    token_absent: 5,
    token_changed: 7,
    token_busy: 6,
    token_failed: 1,
    login_required: 5,
    pin_incorrect: 5,
    pin_blocked: 5,
    pin_final_try: 5,
    pin_refused_before: 5,
    object_ambiguous: 4,
    signer_unavailable: 6,
    bad_signature: 7,
    storage_failed: 1,
    state_in_use: 78,
    state_newer: 78,
    config_invalid: 78,
    overloaded: 6,
    shutting_down: 6,
    deadline_exceeded: 6,
    audit_broken: 7,
    internal: 1,
    daemon_unreachable: 6,
    server_unreachable: 6,
    server_refused: 4,
    server_error: 6,
    registry_unreachable: 6,
    registry_refused: 4,
    login_needed: 5,
    no_trust_data: 4,
    verification_failed: 7,
    rollback_detected: 7,
    metadata_expired: 7,
    digest_mismatch: 7,
    digest_required: 2,
    publish_unconfirmed: 7,
    target_unknown: 4,
} as const satisfies Record<ErrorCode, number>

/** The exit code for an error code. */
export function exitCodeOf(code: ErrorCode): number {
    return EXIT_CODES[code]
}

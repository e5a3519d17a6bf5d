import type { ErrorCode } from "../errors.ts"

/** One line for each code: what a person can do next. The second line of every error. */
const ADVICE = {
    invalid_request: "Change the request; the line above says which part of it.",
    usage: "See the command's --help; it begins with examples.",
    not_found:
        "Check the name, or the path if it is a file. trustkey key list, token list and trust list show what the daemon has; what you may not use is not shown.",
    already_exists: "It is there already: use it, or choose another name. A key that was removed needs a new one in its place.",
    unauthenticated: "Ask on a socket where the daemon can tell who you are.",
    denied: "Ask whoever keeps the daemon's configuration for an [[allow]] rule, or name something else: what you may not use looks as if it did not exist.",
    declined: "Run the command again when you have decided otherwise.",
    confirmation_required: "A person has to confirm this: type what is asked for, or pass it with --confirm.",
    no_terminal: "Pass the flag named above, or run this on a terminal.",
    file_unsafe: "Make the file yours alone: chown it to the user who runs this and chmod 600.",
    metadata_rejected: "Change the metadata; docs/formats/metadata.md lists what is checked.",
    payload_too_large: "Send less: split the repository, or raise the limit in the daemon's configuration.",
    expiry_rejected: "Choose another expiry date: in the future, and within the configured max_validity.",
    threshold_lowered: "Lowering a threshold needs a rule of its own; keep the threshold, or ask an administrator.",
    root_rejected: "Build root on the newest trusted one: version one higher, signed by the old keys and the new.",
    immutable_target: "This tag never changes its digest. Sign the image under a new tag.",
    repository_unknown:
        "A new one is made with trustkey trust init. One that exists is taken in: with keys from docker or Notary by trustkey key import --from-docker-trust, else by trustkey trust adopt.",
    rollback_refused: "Fetch what is published and build on it; take the next version.",
    equivocation_refused:
        "Run the command again: it takes the next version. For an unpublished root: trustkey journal void GUN root VERSION. Of a ceremony's close: another bundle of this plan was closed before, and that one counts.",
    set_incomplete:
        "Other holders have to sign first, or unlock the keys that are missing: trustkey key list --gun GUN. If a key is lost: docs/recover.md.",
    plan_invalid: "Correct the plan; each line above names one mistake. docs/formats/ceremony-plan.md says what a plan holds.",
    bundle_invalid:
        "Publish nothing from this bundle. Compare it with the copy that was taken at the last good step; docs/formats/ceremony-bundle.md says what the named record must hold.",
    backup_invalid:
        "Nothing was changed. Take another copy of this backup, or an older one; trustkey backup verify FILE says whether it is whole.",
    share_invalid:
        "Type it again from the page, or scan its code. If that is right, that share is not as it was made: leave it out and use another holder's.",
    clock_implausible: "Set this machine's clock (UTC), compare it with a watch, and run the step again; nothing was recorded.",
    step_refused: "Nothing was done. trustkey ceremony resume shows which steps are possible now.",
    repository_moved_on:
        "The repository is no longer what the plan was made for, and this root fits it no more. Make a new plan; nothing was published.",
    key_unfit: "Use another key, make one with trustkey key create, or let this one sign there with trustkey key bind.",
    key_file_invalid:
        "Give another file: to take a key in, one with a private key that Notary or OpenSSL wrote; to add a signer, one with his public key or certificate.",
    key_locked: "Unlock it: trustkey key unlock ID.",
    open_failed: "Check the passphrase and try again. If you are sure of it, the stored key is damaged: restore it.",
    challenge_expired: "Run the command again and answer within two minutes.",
    token_absent: "Insert the token. trustkey token list names the one that is expected, by label and serial number or by its URI.",
    token_changed:
        "Another token, or another key, answers than the one that was enrolled. Insert the right one; do not enter the PIN into this one.",
    attestation_invalid:
        "Do not use this key or this card: what it says of the key is not true. The key was not taken in; it may lie in the slot.",
    token_busy: "Wait until the running operation is over (it may be waiting for a touch), then try again.",
    token_failed:
        "Mend what the line above names. A card that only hangs is taken out and inserted again; the daemon's log has the module's answer.",
    touch_timeout: "Run the command again and touch the token while it blinks; what was promised is kept.",
    token_unfit:
        "Keep the key on another token, or seal it under a passphrase. trustkey token doctor NAME shows what was tried; see docs/tokens.md.",
    module_invalid:
        "Correct what the line above names (this [[token]]'s module, or its quirks file). Restart the daemon, unless it was the library itself: that is tried again by itself.",
    login_required: "Log in first: trustkey token login NAME.",
    pin_incorrect: "Check the PIN before trying again: the token counts wrong tries and then blocks.",
    pin_blocked: "The token refuses every PIN now. With the PUK or SO PIN, on the admin socket: trustkey token unblock-pin NAME.",
    pin_final_try: "One more wrong PIN blocks the token. If you are sure of the PIN: trustkey token login NAME --even-final-try.",
    pin_refused_before: "The token has refused this very PIN before, so it was not tried again. Use another one.",
    puk_incorrect: "Check the PUK before trying again: the token counts wrong tries and then blocks it for ever.",
    puk_blocked:
        "The token takes no PUK any more. If its PIN is blocked too, only a reset of the PIV applet helps (ykman piv reset), which destroys all keys on it.",
    management_key_incorrect:
        "Give the card's own management key, in hexadecimal. Cards of firmware 5.7 and later have an AES-192 key, which older tools mistake for 3DES.",
    object_ambiguous: "Make the URI narrower (add id= or object=) until it matches one key: trustkey token objects NAME.",
    signer_unavailable: "Try again in a moment; trustkey status shows the signer processes.",
    bad_signature:
        "The signature did not verify, so it was not released. If a token made it, do not use that token until it has been examined.",
    storage_failed:
        "A file of yours: see that its directory is there and writable. The daemon's state: look at its log and its disk, then restart it.",
    state_in_use: "Another daemon uses this state directory. Stop it first.",
    state_newer: "It was written by a newer version. Install that version or a later one; for a backup, on the machine that reads it.",
    config_invalid: "Correct the configuration; for the daemon's, trustkeyd --check-config lists every mistake.",
    overloaded: "Try again in a moment.",
    shutting_down: "The daemon is stopping. Try again when it is back.",
    deadline_exceeded: "Try again; if a token is involved it may be waiting for a touch.",
    audit_broken: "Records of the audit log do not fit together. Keep the state directory as it is and find out who had access.",
    internal: "This is a bug. Please report it, with what stands here and in the daemon's log.",
    daemon_unreachable:
        "See why it is not there: systemctl status trustkeyd. Start it with systemctl start trustkeyd, or name its socket with --socket.",
    server_unreachable: "Check the network and DOCKER_CONTENT_TRUST_SERVER, then run the command again.",
    server_refused: "The trust server says no; its answer is above.",
    server_error: "The trust server failed. Run the command again; what was signed is kept and published then.",
    registry_unreachable: "Check the network, or give what you know yourself: --digest and --size.",
    registry_refused: "Check the image's name, and that you are logged in: docker login.",
    login_needed: "Log in at the registry first: docker login HOST.",
    no_trust_data: "Nothing is signed there. trustkey trust init starts a repository.",
    verification_failed: "Do not use this image or repository until somebody has explained it. It may be an attack.",
    rollback_detected:
        "The server serves something older than was seen before: an old copy was restored there, or it is an attack. Find out before going on.",
    metadata_expired:
        "Nobody refreshed this metadata in time, or somebody holds newer metadata back. Ask the holder of the key to sign it anew.",
    rotation_needed:
        "A new date is no help: the root key needs another certificate, so it has to be rotated before this one ends: trustkey rotate root REPOSITORY. docs/operate-expiry.md says more.",
    backup_overdue: "Make one: trustkey backup create; and hold a drill with it: trustkey backup drill FILE.",
    expires_soon: "Sign it anew in time: trustkey trust renew GUN, which also says what it can't renew and who could.",
    digest_mismatch: "The registry serves something else than you named. Find out which of the two is right before signing.",
    digest_required: "Say what is to be signed: --digest sha256:... --size N, or --from-registry.",
    publish_unconfirmed:
        "The server took the files and serves others. Look at the server; what was signed is kept and can be published again.",
    target_unknown: "Look at what is signed: trustkey trust inspect IMAGE.",
    not_pinned: "Learn the repository's root certificate from its owner and pin it, or take it in with trustkey trust adopt.",
    pin_mismatch: "This repository's root is another than the one pinned. Do not go on until its owner has explained it.",
    engine_unreachable:
        "Start the docker engine, or name another with DOCKER_HOST. To sign without one, say what is signed: --digest, or --from-registry.",
    engine_refused: "The docker engine or its command line said no; its answer is above.",
} as const satisfies Record<ErrorCode, string>

/** What to do about an error of this code. */
export function adviceFor(code: ErrorCode): string {
    return ADVICE[code]
}

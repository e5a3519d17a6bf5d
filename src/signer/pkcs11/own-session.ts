import type { Session } from "graphene-pk11"

/** A session for one piece of work. What was made for the session only goes with it. */
export class OwnSession implements Disposable {
    readonly session: Session

    constructor(session: Session) {
        this.session = session
    }

    [Symbol.dispose](): void {
        try {
            this.session.close()
        } catch {
            // The token is gone, and the session with it.
        }
    }
}

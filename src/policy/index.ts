// Who may do what. Pure: values in, an answer or a refusal out; no clock, no files, no names looked up.
// The one room that makes a Permit. Nothing is allowed but by a rule (TK-POL-1).

export { authorize, authorizeOwn, denial, isAllowed, mayAnywhere, mayInRepository, mayInRole } from "./authorize.ts"
export { type Explanation, explain } from "./explain.ts"
export { type AppliedLimits, limitsFor } from "./limits.ts"
export type { Permit } from "./permit.ts"
export { OVERFLOW_ID, type Principal, type SocketKind, type Subject } from "./principal.ts"
export { ACTIONS, ACTIONS_WITHOUT_PLACE, type Action, isAction, type Limit, type Place, type Policy, type Rule } from "./rules.ts"

import type { Mutation } from "../mutations.ts"
import { FILES } from "./files.ts"
import { ODD } from "./odd.ts"
import { FOREIGN, FORM, SENSE } from "./plan.ts"
import { KEYS, ORDER } from "./records.ts"
import { BUILD, CHAIN, SIGN } from "./roots.ts"

export { ODD }

/** Every way we could think of to make a bundle wrong, by who would have to do it. */
export const CORPUS: Readonly<Record<string, readonly Mutation[]>> = {
    "changed on the stick": FILES,
    "with a plan that is not of the form": FORM,
    "with a plan that makes no sense": SENSE,
    "with a plan that is another's": FOREIGN,
    "in another order, at another time, by others": ORDER,
    "with other keys": KEYS,
    "with another past": CHAIN,
    "with another root": BUILD,
    "with other signatures, backups and ends": SIGN,
}

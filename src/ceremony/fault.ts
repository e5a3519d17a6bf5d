import { TrustkeyError } from "../errors.ts"

/** Where in a bundle something is wrong: a record by its number, or one of the files. */
export type Place = number | "bundle" | "plan" | "close" | "publication"

/** Why a record can't be as it is. Lives inside this room: at the door it becomes a refusal, or a finding. */
export class Fault extends Error {
    override readonly name = "Fault"
    readonly about: "content" | "clock"

    constructor(problem: string, about: "content" | "clock" = "content") {
        super(problem)
        this.about = about
    }
}

export function refuse(problem: string): never {
    throw new Fault(problem)
}

/** A fault with the place where it was found. */
export class PlacedFault extends Error {
    override readonly name = "PlacedFault"
    readonly place: Place
    readonly about: "content" | "clock"

    constructor(place: Place, fault: Fault) {
        super(fault.message)
        this.place = place
        this.about = fault.about
    }
}

/** What `look` returns; its fault, or what another room refuses in bytes that came from outside, becomes one of `place`. */
export function at<T>(place: Place, look: () => T): T {
    try {
        return look()
    } catch (error) {
        if (error instanceof Fault) throw new PlacedFault(place, error)
        if (error instanceof TrustkeyError && error.code !== "internal") throw new PlacedFault(place, new Fault(error.message))
        throw error
    }
}

/** What `read` returns; what another room refuses is refused as `subject`. */
export function reading<T>(subject: string, read: () => T): T {
    try {
        return read()
    } catch (error) {
        if (error instanceof TrustkeyError && error.code !== "internal") refuse(`${subject}: ${error.message}`)
        throw error
    }
}

export function placeName(place: Place): string {
    switch (place) {
        case "bundle":
            return "the bundle's files"
        case "plan":
            return "plan.toml"
        case "close":
            return "close.json"
        case "publication":
            return "publication.jsonl"
        default:
            return `record ${place}`
    }
}

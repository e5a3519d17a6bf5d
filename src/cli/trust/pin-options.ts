import { Option } from "commander"

export type PinFileOptions = { administrator?: boolean }
export type SetPinOptions = PinFileOptions & { certificate?: readonly string[]; authority?: string; known?: boolean }

export function administratorOption(): Option {
    return new Option("--administrator", "in the administrator's file, for everybody on this machine, instead of your own")
}

export type NamedKeyFile = { readonly id: string; readonly role: string; readonly gun: string }

const ID = "[0-9a-f]{64}"
const BEFORE_0_4_ROOT = new RegExp(`^root_keys/(?<id>${ID})(?:_root)?\\.key$`)
/** A role with a slash made a directory: `<id>_targets/releases.key`. */
const BEFORE_0_4_OTHER = new RegExp(`^(?:tuf_keys|non_root_keys)/(?:(?<gun>.+?)/)?(?<id>${ID})_(?<role>.+)\\.key$`)
const TODAY = new RegExp(`^(?<id>${ID})\\.key$`)

/** What the name of a file below `private` says. Undefined: that it is no key file. `relative`: with slashes. */
export function keyFileOf(relative: string): NamedKeyFile | undefined {
    const root = BEFORE_0_4_ROOT.exec(relative)?.groups
    if (root !== undefined) return { id: root["id"] ?? "", role: "root", gun: "" }
    const other = BEFORE_0_4_OTHER.exec(relative)?.groups
    if (other !== undefined) return { id: other["id"] ?? "", role: other["role"] ?? "", gun: other["gun"] ?? "" }
    if (!relative.endsWith(".key")) return undefined
    // notary key import takes any name it finds in a file.
    return { id: TODAY.exec(relative)?.groups?.["id"] ?? "", role: "", gun: "" }
}

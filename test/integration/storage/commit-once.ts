// Run under strace by durability.test.ts: says on stdout when it calls commit and when that has resolved.
import { mkdirSync, writeSync } from "node:fs"
import { openStore, setting } from "./fixtures.ts"

const [directory = "", count = "1"] = process.argv.slice(2)
mkdirSync(directory, { mode: 0o700 })
const store = await openStore(directory)
writeSync(1, "calling commit\n")
await Promise.all(Array.from({ length: Number(count) }, (_, index) => store.commit([setting(`name ${index}`, "value")])))
writeSync(1, "commit resolved\n")
await store.close()

// Run by state-lock.test.ts: takes the lock, says so, starts a child that outlives it, and waits to be killed.
import { spawn } from "node:child_process"
import { lockStateDirectory } from "../../../src/storage/index.ts"

const [directory = ""] = process.argv.slice(2)
await lockStateDirectory(directory)
const child = spawn("sleep", ["20"], { stdio: "ignore", detached: true })
console.log(`locked ${child.pid}`)
setInterval(() => {}, 1000)

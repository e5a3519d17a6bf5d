import { parseArgs } from "node:util"
import { serveControl } from "./control.ts"
import { UsbPort } from "./usb-port.ts"

// One card in one reader. Runs in the network namespace of the reader; its control socket is a file, seen from outside.
const { values } = parseArgs({ options: { reader: { type: "string" }, state: { type: "string" }, control: { type: "string" } } })
const { reader = "", state = "", control = "" } = values
serveControl(new UsbPort(Number(reader), state), control)

// Two files of node-forge that work alone. The whole of it costs every start of the client 20 ms more.

declare module "node-forge/lib/asn1.js" {
    import { asn1 } from "node-forge"
    export = asn1
}

declare module "node-forge/lib/pem.js" {
    import { pem } from "node-forge"
    export = pem
}

import type { HttpTimes } from "./exchange.ts"

/** Where docker keeps its things on this machine, and which trust server it is told to ask. Handed in; nothing here is looked up. */
export type DockerPlace = {
    /** Usually `~/.docker`: config.json, tls/, certs.d/, trust/ */
    readonly configDirectory: string
    /** The value of DOCKER_CONTENT_TRUST_SERVER; empty counts as unset. */
    readonly trustServer: string | undefined
    /** A PEM file with more certificate authorities. */
    readonly extraCa?: string
    /** What credential helpers need to run: PATH, HOME, DBUS_SESSION_BUS_ADDRESS … They get no environment but this. */
    readonly environment?: Readonly<Record<string, string | undefined>>
    readonly times?: HttpTimes
}

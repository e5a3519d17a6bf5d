/** Where the time of one `docker trustkey sign` goes; each moment counts for one of them. */
export const PARTS = [
    { part: "docker", label: "docker, until it has started us" },
    { part: "node", label: "Node's own start" },
    { part: "engine", label: "docker push and the engine" },
    { part: "trust server", label: "the trust server: fetches and publishing" },
    { part: "daemon", label: "the daemon: marks, signatures" },
    { part: "ourselves", label: "the client: modules, checking, waiting" },
] as const

export type Part = (typeof PARTS)[number]["part"]

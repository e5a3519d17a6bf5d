// The client's Notary side: which repository is meant, what is published, sending and reading back, what a registry serves. It holds no
// key, and believes no server: metadata counts when tuf has verified it, a manifest when its bytes have the digest.

export { type Credentials, credentialsFor } from "./credentials.ts"
export { type DockerConfig, parseDockerConfig, readDockerConfig, type StoredLogin } from "./docker-config.ts"
export { DEFAULT_TIMES, type HttpTimes } from "./exchange.ts"
export { type CurrentRepository, type FetchOptions, fetchRepository, keepRepository } from "./fetch-repository.ts"
export { isServerAway, type KeptRepository, keptRepository } from "./kept-repository.ts"
export { withLastTimestamp } from "./last-timestamp.ts"
export { changePinFile, type PinChange, type PinEntry, type PinFile, readPinFile } from "./pin-file.ts"
export type { DockerPlace } from "./place.ts"
export { type PublishOptions, publishFiles } from "./publish-files.ts"
export { credentialsName, type ImageReference, isTag, parseReference, trustServerUrl } from "./reference.ts"
export { openRegistry, type Registry, type ResolvedImage } from "./registry.ts"
export { openTrustCache, type TrustCache } from "./trust-cache.ts"
export {
    checkPinsOfNewRoot,
    checkPinsOfNextRoot,
    type PinFiles,
    type PinRule,
    readPinentry,
    readTrustPins,
    type TrustPins,
} from "./trust-pins.ts"
export { openTrustServer, type PublishedFile, type TrustServer } from "./trust-server.ts"

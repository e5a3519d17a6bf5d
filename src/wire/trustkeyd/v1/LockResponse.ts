// Original file: proto/trustkeyd/v1/keys.proto


export interface LockResponse {
}

export interface LockResponse__Output {
}

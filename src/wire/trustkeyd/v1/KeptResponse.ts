// Original file: proto/trustkeyd/v1/backups.proto


export interface KeptResponse {
}

export interface KeptResponse__Output {
}

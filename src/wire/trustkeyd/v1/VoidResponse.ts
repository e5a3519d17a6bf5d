// Original file: proto/trustkeyd/v1/journal.proto


export interface VoidResponse {
}

export interface VoidResponse__Output {
}

// Original file: proto/trustkeyd/v1/keys.proto


export interface ChangePassphraseResponse {
}

export interface ChangePassphraseResponse__Output {
}

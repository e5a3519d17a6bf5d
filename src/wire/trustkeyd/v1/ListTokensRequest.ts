// Original file: proto/trustkeyd/v1/tokens.proto


export interface ListTokensRequest {
}

export interface ListTokensRequest__Output {
}

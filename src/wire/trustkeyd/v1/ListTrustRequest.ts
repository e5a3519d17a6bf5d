// Original file: proto/trustkeyd/v1/trust.proto


export interface ListTrustRequest {
}

export interface ListTrustRequest__Output {
}

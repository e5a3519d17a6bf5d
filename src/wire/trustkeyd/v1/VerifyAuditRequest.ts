// Original file: proto/trustkeyd/v1/audit.proto


export interface VerifyAuditRequest {
}

export interface VerifyAuditRequest__Output {
}

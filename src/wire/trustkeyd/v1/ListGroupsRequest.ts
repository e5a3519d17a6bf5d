// Original file: proto/trustkeyd/v1/keys.proto


export interface ListGroupsRequest {
}

export interface ListGroupsRequest__Output {
}

// Original file: proto/trustkeyd/v1/status.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetStatusRequest as _trustkeyd_v1_GetStatusRequest, GetStatusRequest__Output as _trustkeyd_v1_GetStatusRequest__Output } from '../../trustkeyd/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _trustkeyd_v1_GetStatusResponse, GetStatusResponse__Output as _trustkeyd_v1_GetStatusResponse__Output } from '../../trustkeyd/v1/GetStatusResponse.ts';

export interface StatusClient extends grpc.Client {
  Get(argument: _trustkeyd_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _trustkeyd_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _trustkeyd_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _trustkeyd_v1_GetStatusRequest, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetStatusRequest, callback: grpc.requestCallback<_trustkeyd_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface StatusHandlers extends grpc.UntypedServiceImplementation {
  Get: grpc.handleUnaryCall<_trustkeyd_v1_GetStatusRequest__Output, _trustkeyd_v1_GetStatusResponse>;
  
}

export interface StatusDefinition extends grpc.ServiceDefinition {
  Get: MethodDefinition<_trustkeyd_v1_GetStatusRequest, _trustkeyd_v1_GetStatusResponse, _trustkeyd_v1_GetStatusRequest__Output, _trustkeyd_v1_GetStatusResponse__Output>
}

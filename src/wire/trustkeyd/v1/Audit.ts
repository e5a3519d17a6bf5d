// Original file: proto/trustkeyd/v1/audit.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ListAuditRequest as _trustkeyd_v1_ListAuditRequest, ListAuditRequest__Output as _trustkeyd_v1_ListAuditRequest__Output } from '../../trustkeyd/v1/ListAuditRequest.ts';
import type { ListAuditResponse as _trustkeyd_v1_ListAuditResponse, ListAuditResponse__Output as _trustkeyd_v1_ListAuditResponse__Output } from '../../trustkeyd/v1/ListAuditResponse.ts';
import type { VerifyAuditRequest as _trustkeyd_v1_VerifyAuditRequest, VerifyAuditRequest__Output as _trustkeyd_v1_VerifyAuditRequest__Output } from '../../trustkeyd/v1/VerifyAuditRequest.ts';
import type { VerifyAuditResponse as _trustkeyd_v1_VerifyAuditResponse, VerifyAuditResponse__Output as _trustkeyd_v1_VerifyAuditResponse__Output } from '../../trustkeyd/v1/VerifyAuditResponse.ts';

/**
 * The chain of records. Admin socket.
 */
export interface AuditClient extends grpc.Client {
  List(argument: _trustkeyd_v1_ListAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListAuditRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListAuditRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListAuditResponse__Output>): grpc.ClientUnaryCall;
  
  Verify(argument: _trustkeyd_v1_VerifyAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  Verify(argument: _trustkeyd_v1_VerifyAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  Verify(argument: _trustkeyd_v1_VerifyAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  Verify(argument: _trustkeyd_v1_VerifyAuditRequest, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _trustkeyd_v1_VerifyAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _trustkeyd_v1_VerifyAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _trustkeyd_v1_VerifyAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verify(argument: _trustkeyd_v1_VerifyAuditRequest, callback: grpc.requestCallback<_trustkeyd_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * The chain of records. Admin socket.
 */
export interface AuditHandlers extends grpc.UntypedServiceImplementation {
  List: grpc.handleUnaryCall<_trustkeyd_v1_ListAuditRequest__Output, _trustkeyd_v1_ListAuditResponse>;
  
  Verify: grpc.handleUnaryCall<_trustkeyd_v1_VerifyAuditRequest__Output, _trustkeyd_v1_VerifyAuditResponse>;
  
}

export interface AuditDefinition extends grpc.ServiceDefinition {
  List: MethodDefinition<_trustkeyd_v1_ListAuditRequest, _trustkeyd_v1_ListAuditResponse, _trustkeyd_v1_ListAuditRequest__Output, _trustkeyd_v1_ListAuditResponse__Output>
  Verify: MethodDefinition<_trustkeyd_v1_VerifyAuditRequest, _trustkeyd_v1_VerifyAuditResponse, _trustkeyd_v1_VerifyAuditRequest__Output, _trustkeyd_v1_VerifyAuditResponse__Output>
}

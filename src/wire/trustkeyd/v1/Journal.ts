// Original file: proto/trustkeyd/v1/journal.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ShowJournalRequest as _trustkeyd_v1_ShowJournalRequest, ShowJournalRequest__Output as _trustkeyd_v1_ShowJournalRequest__Output } from '../../trustkeyd/v1/ShowJournalRequest.ts';
import type { ShowJournalResponse as _trustkeyd_v1_ShowJournalResponse, ShowJournalResponse__Output as _trustkeyd_v1_ShowJournalResponse__Output } from '../../trustkeyd/v1/ShowJournalResponse.ts';
import type { VoidRequest as _trustkeyd_v1_VoidRequest, VoidRequest__Output as _trustkeyd_v1_VoidRequest__Output } from '../../trustkeyd/v1/VoidRequest.ts';
import type { VoidResponse as _trustkeyd_v1_VoidResponse, VoidResponse__Output as _trustkeyd_v1_VoidResponse__Output } from '../../trustkeyd/v1/VoidResponse.ts';

/**
 * What was promised.
 */
export interface JournalClient extends grpc.Client {
  Show(argument: _trustkeyd_v1_ShowJournalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowJournalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowJournalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowJournalRequest, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowJournalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowJournalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowJournalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowJournalRequest, callback: grpc.requestCallback<_trustkeyd_v1_ShowJournalResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Void an unpublished root promise, on the record. Admin socket.
   */
  Void(argument: _trustkeyd_v1_VoidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  Void(argument: _trustkeyd_v1_VoidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  Void(argument: _trustkeyd_v1_VoidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  Void(argument: _trustkeyd_v1_VoidRequest, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Void an unpublished root promise, on the record. Admin socket.
   */
  void(argument: _trustkeyd_v1_VoidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  void(argument: _trustkeyd_v1_VoidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  void(argument: _trustkeyd_v1_VoidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  void(argument: _trustkeyd_v1_VoidRequest, callback: grpc.requestCallback<_trustkeyd_v1_VoidResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * What was promised.
 */
export interface JournalHandlers extends grpc.UntypedServiceImplementation {
  Show: grpc.handleUnaryCall<_trustkeyd_v1_ShowJournalRequest__Output, _trustkeyd_v1_ShowJournalResponse>;
  
  /**
   * Void an unpublished root promise, on the record. Admin socket.
   */
  Void: grpc.handleUnaryCall<_trustkeyd_v1_VoidRequest__Output, _trustkeyd_v1_VoidResponse>;
  
}

export interface JournalDefinition extends grpc.ServiceDefinition {
  Show: MethodDefinition<_trustkeyd_v1_ShowJournalRequest, _trustkeyd_v1_ShowJournalResponse, _trustkeyd_v1_ShowJournalRequest__Output, _trustkeyd_v1_ShowJournalResponse__Output>
  Void: MethodDefinition<_trustkeyd_v1_VoidRequest, _trustkeyd_v1_VoidResponse, _trustkeyd_v1_VoidRequest__Output, _trustkeyd_v1_VoidResponse__Output>
}

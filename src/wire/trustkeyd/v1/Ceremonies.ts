// Original file: proto/trustkeyd/v1/ceremonies.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SignCloseRequest as _trustkeyd_v1_SignCloseRequest, SignCloseRequest__Output as _trustkeyd_v1_SignCloseRequest__Output } from '../../trustkeyd/v1/SignCloseRequest.ts';
import type { SignCloseResponse as _trustkeyd_v1_SignCloseResponse, SignCloseResponse__Output as _trustkeyd_v1_SignCloseResponse__Output } from '../../trustkeyd/v1/SignCloseResponse.ts';

/**
 * What the daemon signs for a key ceremony besides metadata.
 */
export interface CeremoniesClient extends grpc.Client {
  /**
   * The close of a ceremony, signed by a key of purpose "ceremony". One content per plan and key. Admin socket.
   */
  SignClose(argument: _trustkeyd_v1_SignCloseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  SignClose(argument: _trustkeyd_v1_SignCloseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  SignClose(argument: _trustkeyd_v1_SignCloseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  SignClose(argument: _trustkeyd_v1_SignCloseRequest, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The close of a ceremony, signed by a key of purpose "ceremony". One content per plan and key. Admin socket.
   */
  signClose(argument: _trustkeyd_v1_SignCloseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  signClose(argument: _trustkeyd_v1_SignCloseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  signClose(argument: _trustkeyd_v1_SignCloseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  signClose(argument: _trustkeyd_v1_SignCloseRequest, callback: grpc.requestCallback<_trustkeyd_v1_SignCloseResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * What the daemon signs for a key ceremony besides metadata.
 */
export interface CeremoniesHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The close of a ceremony, signed by a key of purpose "ceremony". One content per plan and key. Admin socket.
   */
  SignClose: grpc.handleUnaryCall<_trustkeyd_v1_SignCloseRequest__Output, _trustkeyd_v1_SignCloseResponse>;
  
}

export interface CeremoniesDefinition extends grpc.ServiceDefinition {
  SignClose: MethodDefinition<_trustkeyd_v1_SignCloseRequest, _trustkeyd_v1_SignCloseResponse, _trustkeyd_v1_SignCloseRequest__Output, _trustkeyd_v1_SignCloseResponse__Output>
}

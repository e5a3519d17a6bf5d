// Original file: proto/trustkeyd/v1/signing.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SignRequest as _trustkeyd_v1_SignRequest, SignRequest__Output as _trustkeyd_v1_SignRequest__Output } from '../../trustkeyd/v1/SignRequest.ts';
import type { SignResponse as _trustkeyd_v1_SignResponse, SignResponse__Output as _trustkeyd_v1_SignResponse__Output } from '../../trustkeyd/v1/SignResponse.ts';
import type { SignSetRequest as _trustkeyd_v1_SignSetRequest, SignSetRequest__Output as _trustkeyd_v1_SignSetRequest__Output } from '../../trustkeyd/v1/SignSetRequest.ts';
import type { SignSetResponse as _trustkeyd_v1_SignSetResponse, SignSetResponse__Output as _trustkeyd_v1_SignSetResponse__Output } from '../../trustkeyd/v1/SignSetResponse.ts';

/**
 * Signatures over Notary v1 metadata. There is no call that signs bytes.
 */
export interface SigningClient extends grpc.Client {
  /**
   * One signature of one key over one role's metadata.
   */
  Sign(argument: _trustkeyd_v1_SignRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  Sign(argument: _trustkeyd_v1_SignRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  Sign(argument: _trustkeyd_v1_SignRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  Sign(argument: _trustkeyd_v1_SignRequest, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  /**
   * One signature of one key over one role's metadata.
   */
  sign(argument: _trustkeyd_v1_SignRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  sign(argument: _trustkeyd_v1_SignRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  sign(argument: _trustkeyd_v1_SignRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  sign(argument: _trustkeyd_v1_SignRequest, callback: grpc.requestCallback<_trustkeyd_v1_SignResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * All metadata of one publication. Either every file is complete or nothing is released.
   */
  SignSet(argument: _trustkeyd_v1_SignSetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  SignSet(argument: _trustkeyd_v1_SignSetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  SignSet(argument: _trustkeyd_v1_SignSetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  SignSet(argument: _trustkeyd_v1_SignSetRequest, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  /**
   * All metadata of one publication. Either every file is complete or nothing is released.
   */
  signSet(argument: _trustkeyd_v1_SignSetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  signSet(argument: _trustkeyd_v1_SignSetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  signSet(argument: _trustkeyd_v1_SignSetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  signSet(argument: _trustkeyd_v1_SignSetRequest, callback: grpc.requestCallback<_trustkeyd_v1_SignSetResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The same, many at a time; answers carry the request's tag and may come in another order.
   */
  SignStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignResponse__Output>;
  SignStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignResponse__Output>;
  /**
   * The same, many at a time; answers carry the request's tag and may come in another order.
   */
  signStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignResponse__Output>;
  signStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignResponse__Output>;
  
}

/**
 * Signatures over Notary v1 metadata. There is no call that signs bytes.
 */
export interface SigningHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One signature of one key over one role's metadata.
   */
  Sign: grpc.handleUnaryCall<_trustkeyd_v1_SignRequest__Output, _trustkeyd_v1_SignResponse>;
  
  /**
   * All metadata of one publication. Either every file is complete or nothing is released.
   */
  SignSet: grpc.handleUnaryCall<_trustkeyd_v1_SignSetRequest__Output, _trustkeyd_v1_SignSetResponse>;
  
  /**
   * The same, many at a time; answers carry the request's tag and may come in another order.
   */
  SignStream: grpc.handleBidiStreamingCall<_trustkeyd_v1_SignRequest__Output, _trustkeyd_v1_SignResponse>;
  
}

export interface SigningDefinition extends grpc.ServiceDefinition {
  Sign: MethodDefinition<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignResponse, _trustkeyd_v1_SignRequest__Output, _trustkeyd_v1_SignResponse__Output>
  SignSet: MethodDefinition<_trustkeyd_v1_SignSetRequest, _trustkeyd_v1_SignSetResponse, _trustkeyd_v1_SignSetRequest__Output, _trustkeyd_v1_SignSetResponse__Output>
  SignStream: MethodDefinition<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignResponse, _trustkeyd_v1_SignRequest__Output, _trustkeyd_v1_SignResponse__Output>
}

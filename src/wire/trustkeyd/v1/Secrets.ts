// Original file: proto/trustkeyd/v1/secrets.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ChallengeRequest as _trustkeyd_v1_ChallengeRequest, ChallengeRequest__Output as _trustkeyd_v1_ChallengeRequest__Output } from '../../trustkeyd/v1/ChallengeRequest.ts';
import type { ChallengeResponse as _trustkeyd_v1_ChallengeResponse, ChallengeResponse__Output as _trustkeyd_v1_ChallengeResponse__Output } from '../../trustkeyd/v1/ChallengeResponse.ts';

/**
 * How a client hands a secret to the signer process that needs it, past the daemon.
 */
export interface SecretsClient extends grpc.Client {
  /**
   * A fresh nonce and the public key of the signer to seal for. The nonce is good once, for this purpose and subject, for two minutes.
   */
  Challenge(argument: _trustkeyd_v1_ChallengeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  Challenge(argument: _trustkeyd_v1_ChallengeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  Challenge(argument: _trustkeyd_v1_ChallengeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  Challenge(argument: _trustkeyd_v1_ChallengeRequest, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * A fresh nonce and the public key of the signer to seal for. The nonce is good once, for this purpose and subject, for two minutes.
   */
  challenge(argument: _trustkeyd_v1_ChallengeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  challenge(argument: _trustkeyd_v1_ChallengeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  challenge(argument: _trustkeyd_v1_ChallengeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  challenge(argument: _trustkeyd_v1_ChallengeRequest, callback: grpc.requestCallback<_trustkeyd_v1_ChallengeResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * How a client hands a secret to the signer process that needs it, past the daemon.
 */
export interface SecretsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * A fresh nonce and the public key of the signer to seal for. The nonce is good once, for this purpose and subject, for two minutes.
   */
  Challenge: grpc.handleUnaryCall<_trustkeyd_v1_ChallengeRequest__Output, _trustkeyd_v1_ChallengeResponse>;
  
}

export interface SecretsDefinition extends grpc.ServiceDefinition {
  Challenge: MethodDefinition<_trustkeyd_v1_ChallengeRequest, _trustkeyd_v1_ChallengeResponse, _trustkeyd_v1_ChallengeRequest__Output, _trustkeyd_v1_ChallengeResponse__Output>
}

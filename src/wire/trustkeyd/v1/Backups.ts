// Original file: proto/trustkeyd/v1/backups.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CreateBackupRequest as _trustkeyd_v1_CreateBackupRequest, CreateBackupRequest__Output as _trustkeyd_v1_CreateBackupRequest__Output } from '../../trustkeyd/v1/CreateBackupRequest.ts';
import type { CreateBackupResponse as _trustkeyd_v1_CreateBackupResponse, CreateBackupResponse__Output as _trustkeyd_v1_CreateBackupResponse__Output } from '../../trustkeyd/v1/CreateBackupResponse.ts';
import type { Drill as _trustkeyd_v1_Drill, Drill__Output as _trustkeyd_v1_Drill__Output } from '../../trustkeyd/v1/Drill.ts';
import type { KeptRequest as _trustkeyd_v1_KeptRequest, KeptRequest__Output as _trustkeyd_v1_KeptRequest__Output } from '../../trustkeyd/v1/KeptRequest.ts';
import type { KeptResponse as _trustkeyd_v1_KeptResponse, KeptResponse__Output as _trustkeyd_v1_KeptResponse__Output } from '../../trustkeyd/v1/KeptResponse.ts';
import type { ProveRequest as _trustkeyd_v1_ProveRequest, ProveRequest__Output as _trustkeyd_v1_ProveRequest__Output } from '../../trustkeyd/v1/ProveRequest.ts';
import type { ProveResponse as _trustkeyd_v1_ProveResponse, ProveResponse__Output as _trustkeyd_v1_ProveResponse__Output } from '../../trustkeyd/v1/ProveResponse.ts';
import type { RecordDrillRequest as _trustkeyd_v1_RecordDrillRequest, RecordDrillRequest__Output as _trustkeyd_v1_RecordDrillRequest__Output } from '../../trustkeyd/v1/RecordDrillRequest.ts';
import type { RestoreRequest as _trustkeyd_v1_RestoreRequest, RestoreRequest__Output as _trustkeyd_v1_RestoreRequest__Output } from '../../trustkeyd/v1/RestoreRequest.ts';
import type { RestoreResponse as _trustkeyd_v1_RestoreResponse, RestoreResponse__Output as _trustkeyd_v1_RestoreResponse__Output } from '../../trustkeyd/v1/RestoreResponse.ts';

/**
 * Backups: made here, taken back, and shown to be good. docs/formats/backup.md gives the file's bytes.
 */
export interface BackupsClient extends grpc.Client {
  /**
   * One age file, as it is made; by policy "backup". The last message has `made`: without it the file is not whole.
   */
  Create(argument: _trustkeyd_v1_CreateBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_CreateBackupResponse__Output>;
  Create(argument: _trustkeyd_v1_CreateBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_CreateBackupResponse__Output>;
  /**
   * One age file, as it is made; by policy "backup". The last message has `made`: without it the file is not whole.
   */
  create(argument: _trustkeyd_v1_CreateBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_CreateBackupResponse__Output>;
  create(argument: _trustkeyd_v1_CreateBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_CreateBackupResponse__Output>;
  
  /**
   * The caller has that file, whole and on stable storage: it counts as the last backup. By policy "backup".
   */
  Kept(argument: _trustkeyd_v1_KeptRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  Kept(argument: _trustkeyd_v1_KeptRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  Kept(argument: _trustkeyd_v1_KeptRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  Kept(argument: _trustkeyd_v1_KeptRequest, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The caller has that file, whole and on stable storage: it counts as the last backup. By policy "backup".
   */
  kept(argument: _trustkeyd_v1_KeptRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  kept(argument: _trustkeyd_v1_KeptRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  kept(argument: _trustkeyd_v1_KeptRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  kept(argument: _trustkeyd_v1_KeptRequest, callback: grpc.requestCallback<_trustkeyd_v1_KeptResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Signatures by keys over a drill's challenge, in a form that is nothing else. Admin socket, by policy "restore".
   */
  Prove(argument: _trustkeyd_v1_ProveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  Prove(argument: _trustkeyd_v1_ProveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  Prove(argument: _trustkeyd_v1_ProveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  Prove(argument: _trustkeyd_v1_ProveRequest, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Signatures by keys over a drill's challenge, in a form that is nothing else. Admin socket, by policy "restore".
   */
  prove(argument: _trustkeyd_v1_ProveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  prove(argument: _trustkeyd_v1_ProveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  prove(argument: _trustkeyd_v1_ProveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  prove(argument: _trustkeyd_v1_ProveRequest, callback: grpc.requestCallback<_trustkeyd_v1_ProveResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The receipt of a drill, in pieces: its signatures are checked by the keys on record, and it is kept as the last one. Admin socket, by
   * policy "restore".
   */
  RecordDrill(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  RecordDrill(metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  RecordDrill(options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  RecordDrill(callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  /**
   * The receipt of a drill, in pieces: its signatures are checked by the keys on record, and it is kept as the last one. Admin socket, by
   * policy "restore".
   */
  recordDrill(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  recordDrill(metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  recordDrill(options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  recordDrill(callback: grpc.requestCallback<_trustkeyd_v1_Drill__Output>): grpc.ClientWritableStream<_trustkeyd_v1_RecordDrillRequest>;
  
  /**
   * What a backup would change here; and, confirmed by a person, that change, all of it or nothing. Admin socket, by policy "restore".
   */
  Restore(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_RestoreRequest, _trustkeyd_v1_RestoreResponse__Output>;
  Restore(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_RestoreRequest, _trustkeyd_v1_RestoreResponse__Output>;
  /**
   * What a backup would change here; and, confirmed by a person, that change, all of it or nothing. Admin socket, by policy "restore".
   */
  restore(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_RestoreRequest, _trustkeyd_v1_RestoreResponse__Output>;
  restore(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trustkeyd_v1_RestoreRequest, _trustkeyd_v1_RestoreResponse__Output>;
  
}

/**
 * Backups: made here, taken back, and shown to be good. docs/formats/backup.md gives the file's bytes.
 */
export interface BackupsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One age file, as it is made; by policy "backup". The last message has `made`: without it the file is not whole.
   */
  Create: grpc.handleServerStreamingCall<_trustkeyd_v1_CreateBackupRequest__Output, _trustkeyd_v1_CreateBackupResponse>;
  
  /**
   * The caller has that file, whole and on stable storage: it counts as the last backup. By policy "backup".
   */
  Kept: grpc.handleUnaryCall<_trustkeyd_v1_KeptRequest__Output, _trustkeyd_v1_KeptResponse>;
  
  /**
   * Signatures by keys over a drill's challenge, in a form that is nothing else. Admin socket, by policy "restore".
   */
  Prove: grpc.handleUnaryCall<_trustkeyd_v1_ProveRequest__Output, _trustkeyd_v1_ProveResponse>;
  
  /**
   * The receipt of a drill, in pieces: its signatures are checked by the keys on record, and it is kept as the last one. Admin socket, by
   * policy "restore".
   */
  RecordDrill: grpc.handleClientStreamingCall<_trustkeyd_v1_RecordDrillRequest__Output, _trustkeyd_v1_Drill>;
  
  /**
   * What a backup would change here; and, confirmed by a person, that change, all of it or nothing. Admin socket, by policy "restore".
   */
  Restore: grpc.handleBidiStreamingCall<_trustkeyd_v1_RestoreRequest__Output, _trustkeyd_v1_RestoreResponse>;
  
}

export interface BackupsDefinition extends grpc.ServiceDefinition {
  Create: MethodDefinition<_trustkeyd_v1_CreateBackupRequest, _trustkeyd_v1_CreateBackupResponse, _trustkeyd_v1_CreateBackupRequest__Output, _trustkeyd_v1_CreateBackupResponse__Output>
  Kept: MethodDefinition<_trustkeyd_v1_KeptRequest, _trustkeyd_v1_KeptResponse, _trustkeyd_v1_KeptRequest__Output, _trustkeyd_v1_KeptResponse__Output>
  Prove: MethodDefinition<_trustkeyd_v1_ProveRequest, _trustkeyd_v1_ProveResponse, _trustkeyd_v1_ProveRequest__Output, _trustkeyd_v1_ProveResponse__Output>
  RecordDrill: MethodDefinition<_trustkeyd_v1_RecordDrillRequest, _trustkeyd_v1_Drill, _trustkeyd_v1_RecordDrillRequest__Output, _trustkeyd_v1_Drill__Output>
  Restore: MethodDefinition<_trustkeyd_v1_RestoreRequest, _trustkeyd_v1_RestoreResponse, _trustkeyd_v1_RestoreRequest__Output, _trustkeyd_v1_RestoreResponse__Output>
}

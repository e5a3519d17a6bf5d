// Original file: proto/trustkeyd/v1/trust.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AdoptRequest as _trustkeyd_v1_AdoptRequest, AdoptRequest__Output as _trustkeyd_v1_AdoptRequest__Output } from '../../trustkeyd/v1/AdoptRequest.ts';
import type { ListTrustRequest as _trustkeyd_v1_ListTrustRequest, ListTrustRequest__Output as _trustkeyd_v1_ListTrustRequest__Output } from '../../trustkeyd/v1/ListTrustRequest.ts';
import type { ListTrustResponse as _trustkeyd_v1_ListTrustResponse, ListTrustResponse__Output as _trustkeyd_v1_ListTrustResponse__Output } from '../../trustkeyd/v1/ListTrustResponse.ts';
import type { ObserveRequest as _trustkeyd_v1_ObserveRequest, ObserveRequest__Output as _trustkeyd_v1_ObserveRequest__Output } from '../../trustkeyd/v1/ObserveRequest.ts';
import type { ObserveResponse as _trustkeyd_v1_ObserveResponse, ObserveResponse__Output as _trustkeyd_v1_ObserveResponse__Output } from '../../trustkeyd/v1/ObserveResponse.ts';
import type { OutboxRequest as _trustkeyd_v1_OutboxRequest, OutboxRequest__Output as _trustkeyd_v1_OutboxRequest__Output } from '../../trustkeyd/v1/OutboxRequest.ts';
import type { OutboxResponse as _trustkeyd_v1_OutboxResponse, OutboxResponse__Output as _trustkeyd_v1_OutboxResponse__Output } from '../../trustkeyd/v1/OutboxResponse.ts';
import type { PlanRootRequest as _trustkeyd_v1_PlanRootRequest, PlanRootRequest__Output as _trustkeyd_v1_PlanRootRequest__Output } from '../../trustkeyd/v1/PlanRootRequest.ts';
import type { PlanRootResponse as _trustkeyd_v1_PlanRootResponse, PlanRootResponse__Output as _trustkeyd_v1_PlanRootResponse__Output } from '../../trustkeyd/v1/PlanRootResponse.ts';
import type { Repository as _trustkeyd_v1_Repository, Repository__Output as _trustkeyd_v1_Repository__Output } from '../../trustkeyd/v1/Repository.ts';
import type { ResetRequest as _trustkeyd_v1_ResetRequest, ResetRequest__Output as _trustkeyd_v1_ResetRequest__Output } from '../../trustkeyd/v1/ResetRequest.ts';
import type { ShowTrustRequest as _trustkeyd_v1_ShowTrustRequest, ShowTrustRequest__Output as _trustkeyd_v1_ShowTrustRequest__Output } from '../../trustkeyd/v1/ShowTrustRequest.ts';

/**
 * What the daemon knows of repositories.
 */
export interface TrustClient extends grpc.Client {
  /**
   * Take in a repository made elsewhere. Admin socket.
   */
  Adopt(argument: _trustkeyd_v1_AdoptRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Adopt(argument: _trustkeyd_v1_AdoptRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Adopt(argument: _trustkeyd_v1_AdoptRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Adopt(argument: _trustkeyd_v1_AdoptRequest, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  /**
   * Take in a repository made elsewhere. Admin socket.
   */
  adopt(argument: _trustkeyd_v1_AdoptRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  adopt(argument: _trustkeyd_v1_AdoptRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  adopt(argument: _trustkeyd_v1_AdoptRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  adopt(argument: _trustkeyd_v1_AdoptRequest, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  
  List(argument: _trustkeyd_v1_ListTrustRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListTrustRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListTrustRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListTrustRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTrustRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTrustRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTrustRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTrustRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListTrustResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Present what the server serves: verified, then marks are raised and promised files found there leave the outbox.
   */
  Observe(argument: _trustkeyd_v1_ObserveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  Observe(argument: _trustkeyd_v1_ObserveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  Observe(argument: _trustkeyd_v1_ObserveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  Observe(argument: _trustkeyd_v1_ObserveRequest, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Present what the server serves: verified, then marks are raised and promised files found there leave the outbox.
   */
  observe(argument: _trustkeyd_v1_ObserveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  observe(argument: _trustkeyd_v1_ObserveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  observe(argument: _trustkeyd_v1_ObserveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  observe(argument: _trustkeyd_v1_ObserveRequest, callback: grpc.requestCallback<_trustkeyd_v1_ObserveResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Files signed and not yet seen published.
   */
  Outbox(argument: _trustkeyd_v1_OutboxRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  Outbox(argument: _trustkeyd_v1_OutboxRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  Outbox(argument: _trustkeyd_v1_OutboxRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  Outbox(argument: _trustkeyd_v1_OutboxRequest, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Files signed and not yet seen published.
   */
  outbox(argument: _trustkeyd_v1_OutboxRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  outbox(argument: _trustkeyd_v1_OutboxRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  outbox(argument: _trustkeyd_v1_OutboxRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  outbox(argument: _trustkeyd_v1_OutboxRequest, callback: grpc.requestCallback<_trustkeyd_v1_OutboxResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The root that would follow on the newest complete one, checked as if it were to be signed. Nothing is promised.
   */
  PlanRoot(argument: _trustkeyd_v1_PlanRootRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  PlanRoot(argument: _trustkeyd_v1_PlanRootRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  PlanRoot(argument: _trustkeyd_v1_PlanRootRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  PlanRoot(argument: _trustkeyd_v1_PlanRootRequest, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The root that would follow on the newest complete one, checked as if it were to be signed. Nothing is promised.
   */
  planRoot(argument: _trustkeyd_v1_PlanRootRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  planRoot(argument: _trustkeyd_v1_PlanRootRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  planRoot(argument: _trustkeyd_v1_PlanRootRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  planRoot(argument: _trustkeyd_v1_PlanRootRequest, callback: grpc.requestCallback<_trustkeyd_v1_PlanRootResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * End the current lineage after its trust data was deleted on the server; the next root v1 begins a new one. Admin socket.
   */
  Reset(argument: _trustkeyd_v1_ResetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Reset(argument: _trustkeyd_v1_ResetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Reset(argument: _trustkeyd_v1_ResetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Reset(argument: _trustkeyd_v1_ResetRequest, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  /**
   * End the current lineage after its trust data was deleted on the server; the next root v1 begins a new one. Admin socket.
   */
  reset(argument: _trustkeyd_v1_ResetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  reset(argument: _trustkeyd_v1_ResetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  reset(argument: _trustkeyd_v1_ResetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  reset(argument: _trustkeyd_v1_ResetRequest, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  
  Show(argument: _trustkeyd_v1_ShowTrustRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowTrustRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowTrustRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowTrustRequest, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTrustRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTrustRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTrustRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTrustRequest, callback: grpc.requestCallback<_trustkeyd_v1_Repository__Output>): grpc.ClientUnaryCall;
  
}

/**
 * What the daemon knows of repositories.
 */
export interface TrustHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Take in a repository made elsewhere. Admin socket.
   */
  Adopt: grpc.handleUnaryCall<_trustkeyd_v1_AdoptRequest__Output, _trustkeyd_v1_Repository>;
  
  List: grpc.handleUnaryCall<_trustkeyd_v1_ListTrustRequest__Output, _trustkeyd_v1_ListTrustResponse>;
  
  /**
   * Present what the server serves: verified, then marks are raised and promised files found there leave the outbox.
   */
  Observe: grpc.handleUnaryCall<_trustkeyd_v1_ObserveRequest__Output, _trustkeyd_v1_ObserveResponse>;
  
  /**
   * Files signed and not yet seen published.
   */
  Outbox: grpc.handleUnaryCall<_trustkeyd_v1_OutboxRequest__Output, _trustkeyd_v1_OutboxResponse>;
  
  /**
   * The root that would follow on the newest complete one, checked as if it were to be signed. Nothing is promised.
   */
  PlanRoot: grpc.handleUnaryCall<_trustkeyd_v1_PlanRootRequest__Output, _trustkeyd_v1_PlanRootResponse>;
  
  /**
   * End the current lineage after its trust data was deleted on the server; the next root v1 begins a new one. Admin socket.
   */
  Reset: grpc.handleUnaryCall<_trustkeyd_v1_ResetRequest__Output, _trustkeyd_v1_Repository>;
  
  Show: grpc.handleUnaryCall<_trustkeyd_v1_ShowTrustRequest__Output, _trustkeyd_v1_Repository>;
  
}

export interface TrustDefinition extends grpc.ServiceDefinition {
  Adopt: MethodDefinition<_trustkeyd_v1_AdoptRequest, _trustkeyd_v1_Repository, _trustkeyd_v1_AdoptRequest__Output, _trustkeyd_v1_Repository__Output>
  List: MethodDefinition<_trustkeyd_v1_ListTrustRequest, _trustkeyd_v1_ListTrustResponse, _trustkeyd_v1_ListTrustRequest__Output, _trustkeyd_v1_ListTrustResponse__Output>
  Observe: MethodDefinition<_trustkeyd_v1_ObserveRequest, _trustkeyd_v1_ObserveResponse, _trustkeyd_v1_ObserveRequest__Output, _trustkeyd_v1_ObserveResponse__Output>
  Outbox: MethodDefinition<_trustkeyd_v1_OutboxRequest, _trustkeyd_v1_OutboxResponse, _trustkeyd_v1_OutboxRequest__Output, _trustkeyd_v1_OutboxResponse__Output>
  PlanRoot: MethodDefinition<_trustkeyd_v1_PlanRootRequest, _trustkeyd_v1_PlanRootResponse, _trustkeyd_v1_PlanRootRequest__Output, _trustkeyd_v1_PlanRootResponse__Output>
  Reset: MethodDefinition<_trustkeyd_v1_ResetRequest, _trustkeyd_v1_Repository, _trustkeyd_v1_ResetRequest__Output, _trustkeyd_v1_Repository__Output>
  Show: MethodDefinition<_trustkeyd_v1_ShowTrustRequest, _trustkeyd_v1_Repository, _trustkeyd_v1_ShowTrustRequest__Output, _trustkeyd_v1_Repository__Output>
}

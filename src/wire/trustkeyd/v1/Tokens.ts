// Original file: proto/trustkeyd/v1/tokens.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ChangePinRequest as _trustkeyd_v1_ChangePinRequest, ChangePinRequest__Output as _trustkeyd_v1_ChangePinRequest__Output } from '../../trustkeyd/v1/ChangePinRequest.ts';
import type { DoctorReport as _trustkeyd_v1_DoctorReport, DoctorReport__Output as _trustkeyd_v1_DoctorReport__Output } from '../../trustkeyd/v1/DoctorReport.ts';
import type { DoctorRequest as _trustkeyd_v1_DoctorRequest, DoctorRequest__Output as _trustkeyd_v1_DoctorRequest__Output } from '../../trustkeyd/v1/DoctorRequest.ts';
import type { ListTokensRequest as _trustkeyd_v1_ListTokensRequest, ListTokensRequest__Output as _trustkeyd_v1_ListTokensRequest__Output } from '../../trustkeyd/v1/ListTokensRequest.ts';
import type { ListTokensResponse as _trustkeyd_v1_ListTokensResponse, ListTokensResponse__Output as _trustkeyd_v1_ListTokensResponse__Output } from '../../trustkeyd/v1/ListTokensResponse.ts';
import type { LoginRequest as _trustkeyd_v1_LoginRequest, LoginRequest__Output as _trustkeyd_v1_LoginRequest__Output } from '../../trustkeyd/v1/LoginRequest.ts';
import type { LogoutRequest as _trustkeyd_v1_LogoutRequest, LogoutRequest__Output as _trustkeyd_v1_LogoutRequest__Output } from '../../trustkeyd/v1/LogoutRequest.ts';
import type { ShowTokenRequest as _trustkeyd_v1_ShowTokenRequest, ShowTokenRequest__Output as _trustkeyd_v1_ShowTokenRequest__Output } from '../../trustkeyd/v1/ShowTokenRequest.ts';
import type { Token as _trustkeyd_v1_Token, Token__Output as _trustkeyd_v1_Token__Output } from '../../trustkeyd/v1/Token.ts';
import type { TokenDetails as _trustkeyd_v1_TokenDetails, TokenDetails__Output as _trustkeyd_v1_TokenDetails__Output } from '../../trustkeyd/v1/TokenDetails.ts';
import type { TokenEvent as _trustkeyd_v1_TokenEvent, TokenEvent__Output as _trustkeyd_v1_TokenEvent__Output } from '../../trustkeyd/v1/TokenEvent.ts';
import type { TokenObjectsRequest as _trustkeyd_v1_TokenObjectsRequest, TokenObjectsRequest__Output as _trustkeyd_v1_TokenObjectsRequest__Output } from '../../trustkeyd/v1/TokenObjectsRequest.ts';
import type { TokenObjectsResponse as _trustkeyd_v1_TokenObjectsResponse, TokenObjectsResponse__Output as _trustkeyd_v1_TokenObjectsResponse__Output } from '../../trustkeyd/v1/TokenObjectsResponse.ts';
import type { UnblockPinRequest as _trustkeyd_v1_UnblockPinRequest, UnblockPinRequest__Output as _trustkeyd_v1_UnblockPinRequest__Output } from '../../trustkeyd/v1/UnblockPinRequest.ts';
import type { WatchTokensRequest as _trustkeyd_v1_WatchTokensRequest, WatchTokensRequest__Output as _trustkeyd_v1_WatchTokensRequest__Output } from '../../trustkeyd/v1/WatchTokensRequest.ts';

/**
 * PKCS#11 tokens named in the configuration.
 */
export interface TokensClient extends grpc.Client {
  ChangePin(argument: _trustkeyd_v1_ChangePinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  ChangePin(argument: _trustkeyd_v1_ChangePinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  ChangePin(argument: _trustkeyd_v1_ChangePinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  ChangePin(argument: _trustkeyd_v1_ChangePinRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  changePin(argument: _trustkeyd_v1_ChangePinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  changePin(argument: _trustkeyd_v1_ChangePinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  changePin(argument: _trustkeyd_v1_ChangePinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  changePin(argument: _trustkeyd_v1_ChangePinRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: examine a module and its token
   */
  Doctor(argument: _trustkeyd_v1_DoctorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  Doctor(argument: _trustkeyd_v1_DoctorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  Doctor(argument: _trustkeyd_v1_DoctorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  Doctor(argument: _trustkeyd_v1_DoctorRequest, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: examine a module and its token
   */
  doctor(argument: _trustkeyd_v1_DoctorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  doctor(argument: _trustkeyd_v1_DoctorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  doctor(argument: _trustkeyd_v1_DoctorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  doctor(argument: _trustkeyd_v1_DoctorRequest, callback: grpc.requestCallback<_trustkeyd_v1_DoctorReport__Output>): grpc.ClientUnaryCall;
  
  List(argument: _trustkeyd_v1_ListTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListTokensRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListTokensRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListTokensResponse__Output>): grpc.ClientUnaryCall;
  
  Login(argument: _trustkeyd_v1_LoginRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  Login(argument: _trustkeyd_v1_LoginRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  Login(argument: _trustkeyd_v1_LoginRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  Login(argument: _trustkeyd_v1_LoginRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  login(argument: _trustkeyd_v1_LoginRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  login(argument: _trustkeyd_v1_LoginRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  login(argument: _trustkeyd_v1_LoginRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  login(argument: _trustkeyd_v1_LoginRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  
  Logout(argument: _trustkeyd_v1_LogoutRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  Logout(argument: _trustkeyd_v1_LogoutRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  Logout(argument: _trustkeyd_v1_LogoutRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  Logout(argument: _trustkeyd_v1_LogoutRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  logout(argument: _trustkeyd_v1_LogoutRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  logout(argument: _trustkeyd_v1_LogoutRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  logout(argument: _trustkeyd_v1_LogoutRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  logout(argument: _trustkeyd_v1_LogoutRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: the private keys on a token
   */
  Objects(argument: _trustkeyd_v1_TokenObjectsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  Objects(argument: _trustkeyd_v1_TokenObjectsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  Objects(argument: _trustkeyd_v1_TokenObjectsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  Objects(argument: _trustkeyd_v1_TokenObjectsRequest, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: the private keys on a token
   */
  objects(argument: _trustkeyd_v1_TokenObjectsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  objects(argument: _trustkeyd_v1_TokenObjectsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  objects(argument: _trustkeyd_v1_TokenObjectsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  objects(argument: _trustkeyd_v1_TokenObjectsRequest, callback: grpc.requestCallback<_trustkeyd_v1_TokenObjectsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * by policy "list"; what a YubiKey says of itself, by "login"
   */
  Show(argument: _trustkeyd_v1_ShowTokenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowTokenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowTokenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  Show(argument: _trustkeyd_v1_ShowTokenRequest, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  /**
   * by policy "list"; what a YubiKey says of itself, by "login"
   */
  show(argument: _trustkeyd_v1_ShowTokenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTokenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTokenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  show(argument: _trustkeyd_v1_ShowTokenRequest, callback: grpc.requestCallback<_trustkeyd_v1_TokenDetails__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket
   */
  UnblockPin(argument: _trustkeyd_v1_UnblockPinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  UnblockPin(argument: _trustkeyd_v1_UnblockPinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  UnblockPin(argument: _trustkeyd_v1_UnblockPinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  UnblockPin(argument: _trustkeyd_v1_UnblockPinRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket
   */
  unblockPin(argument: _trustkeyd_v1_UnblockPinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  unblockPin(argument: _trustkeyd_v1_UnblockPinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  unblockPin(argument: _trustkeyd_v1_UnblockPinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  unblockPin(argument: _trustkeyd_v1_UnblockPinRequest, callback: grpc.requestCallback<_trustkeyd_v1_Token__Output>): grpc.ClientUnaryCall;
  
  /**
   * Until the caller ends it: who waits for a touch. One's own requests; on the admin socket, or with the action "status", all.
   */
  Watch(argument: _trustkeyd_v1_WatchTokensRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_TokenEvent__Output>;
  Watch(argument: _trustkeyd_v1_WatchTokensRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_TokenEvent__Output>;
  /**
   * Until the caller ends it: who waits for a touch. One's own requests; on the admin socket, or with the action "status", all.
   */
  watch(argument: _trustkeyd_v1_WatchTokensRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_TokenEvent__Output>;
  watch(argument: _trustkeyd_v1_WatchTokensRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trustkeyd_v1_TokenEvent__Output>;
  
}

/**
 * PKCS#11 tokens named in the configuration.
 */
export interface TokensHandlers extends grpc.UntypedServiceImplementation {
  ChangePin: grpc.handleUnaryCall<_trustkeyd_v1_ChangePinRequest__Output, _trustkeyd_v1_Token>;
  
  /**
   * admin socket: examine a module and its token
   */
  Doctor: grpc.handleUnaryCall<_trustkeyd_v1_DoctorRequest__Output, _trustkeyd_v1_DoctorReport>;
  
  List: grpc.handleUnaryCall<_trustkeyd_v1_ListTokensRequest__Output, _trustkeyd_v1_ListTokensResponse>;
  
  Login: grpc.handleUnaryCall<_trustkeyd_v1_LoginRequest__Output, _trustkeyd_v1_Token>;
  
  Logout: grpc.handleUnaryCall<_trustkeyd_v1_LogoutRequest__Output, _trustkeyd_v1_Token>;
  
  /**
   * admin socket: the private keys on a token
   */
  Objects: grpc.handleUnaryCall<_trustkeyd_v1_TokenObjectsRequest__Output, _trustkeyd_v1_TokenObjectsResponse>;
  
  /**
   * by policy "list"; what a YubiKey says of itself, by "login"
   */
  Show: grpc.handleUnaryCall<_trustkeyd_v1_ShowTokenRequest__Output, _trustkeyd_v1_TokenDetails>;
  
  /**
   * admin socket
   */
  UnblockPin: grpc.handleUnaryCall<_trustkeyd_v1_UnblockPinRequest__Output, _trustkeyd_v1_Token>;
  
  /**
   * Until the caller ends it: who waits for a touch. One's own requests; on the admin socket, or with the action "status", all.
   */
  Watch: grpc.handleServerStreamingCall<_trustkeyd_v1_WatchTokensRequest__Output, _trustkeyd_v1_TokenEvent>;
  
}

export interface TokensDefinition extends grpc.ServiceDefinition {
  ChangePin: MethodDefinition<_trustkeyd_v1_ChangePinRequest, _trustkeyd_v1_Token, _trustkeyd_v1_ChangePinRequest__Output, _trustkeyd_v1_Token__Output>
  Doctor: MethodDefinition<_trustkeyd_v1_DoctorRequest, _trustkeyd_v1_DoctorReport, _trustkeyd_v1_DoctorRequest__Output, _trustkeyd_v1_DoctorReport__Output>
  List: MethodDefinition<_trustkeyd_v1_ListTokensRequest, _trustkeyd_v1_ListTokensResponse, _trustkeyd_v1_ListTokensRequest__Output, _trustkeyd_v1_ListTokensResponse__Output>
  Login: MethodDefinition<_trustkeyd_v1_LoginRequest, _trustkeyd_v1_Token, _trustkeyd_v1_LoginRequest__Output, _trustkeyd_v1_Token__Output>
  Logout: MethodDefinition<_trustkeyd_v1_LogoutRequest, _trustkeyd_v1_Token, _trustkeyd_v1_LogoutRequest__Output, _trustkeyd_v1_Token__Output>
  Objects: MethodDefinition<_trustkeyd_v1_TokenObjectsRequest, _trustkeyd_v1_TokenObjectsResponse, _trustkeyd_v1_TokenObjectsRequest__Output, _trustkeyd_v1_TokenObjectsResponse__Output>
  Show: MethodDefinition<_trustkeyd_v1_ShowTokenRequest, _trustkeyd_v1_TokenDetails, _trustkeyd_v1_ShowTokenRequest__Output, _trustkeyd_v1_TokenDetails__Output>
  UnblockPin: MethodDefinition<_trustkeyd_v1_UnblockPinRequest, _trustkeyd_v1_Token, _trustkeyd_v1_UnblockPinRequest__Output, _trustkeyd_v1_Token__Output>
  Watch: MethodDefinition<_trustkeyd_v1_WatchTokensRequest, _trustkeyd_v1_TokenEvent, _trustkeyd_v1_WatchTokensRequest__Output, _trustkeyd_v1_TokenEvent__Output>
}

// Original file: proto/trustkeyd/v1/keys.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { BindKeyRequest as _trustkeyd_v1_BindKeyRequest, BindKeyRequest__Output as _trustkeyd_v1_BindKeyRequest__Output } from '../../trustkeyd/v1/BindKeyRequest.ts';
import type { CardCertificateRequest as _trustkeyd_v1_CardCertificateRequest, CardCertificateRequest__Output as _trustkeyd_v1_CardCertificateRequest__Output } from '../../trustkeyd/v1/CardCertificateRequest.ts';
import type { CardCertificateResponse as _trustkeyd_v1_CardCertificateResponse, CardCertificateResponse__Output as _trustkeyd_v1_CardCertificateResponse__Output } from '../../trustkeyd/v1/CardCertificateResponse.ts';
import type { CertificateRequestRequest as _trustkeyd_v1_CertificateRequestRequest, CertificateRequestRequest__Output as _trustkeyd_v1_CertificateRequestRequest__Output } from '../../trustkeyd/v1/CertificateRequestRequest.ts';
import type { CertificateRequestResponse as _trustkeyd_v1_CertificateRequestResponse, CertificateRequestResponse__Output as _trustkeyd_v1_CertificateRequestResponse__Output } from '../../trustkeyd/v1/CertificateRequestResponse.ts';
import type { ChangePassphraseRequest as _trustkeyd_v1_ChangePassphraseRequest, ChangePassphraseRequest__Output as _trustkeyd_v1_ChangePassphraseRequest__Output } from '../../trustkeyd/v1/ChangePassphraseRequest.ts';
import type { ChangePassphraseResponse as _trustkeyd_v1_ChangePassphraseResponse, ChangePassphraseResponse__Output as _trustkeyd_v1_ChangePassphraseResponse__Output } from '../../trustkeyd/v1/ChangePassphraseResponse.ts';
import type { CopyKeyRequest as _trustkeyd_v1_CopyKeyRequest, CopyKeyRequest__Output as _trustkeyd_v1_CopyKeyRequest__Output } from '../../trustkeyd/v1/CopyKeyRequest.ts';
import type { CreateGroupRequest as _trustkeyd_v1_CreateGroupRequest, CreateGroupRequest__Output as _trustkeyd_v1_CreateGroupRequest__Output } from '../../trustkeyd/v1/CreateGroupRequest.ts';
import type { CreateKeyRequest as _trustkeyd_v1_CreateKeyRequest, CreateKeyRequest__Output as _trustkeyd_v1_CreateKeyRequest__Output } from '../../trustkeyd/v1/CreateKeyRequest.ts';
import type { EnrollKeyRequest as _trustkeyd_v1_EnrollKeyRequest, EnrollKeyRequest__Output as _trustkeyd_v1_EnrollKeyRequest__Output } from '../../trustkeyd/v1/EnrollKeyRequest.ts';
import type { ExportKeyFileRequest as _trustkeyd_v1_ExportKeyFileRequest, ExportKeyFileRequest__Output as _trustkeyd_v1_ExportKeyFileRequest__Output } from '../../trustkeyd/v1/ExportKeyFileRequest.ts';
import type { ExportKeyFileResponse as _trustkeyd_v1_ExportKeyFileResponse, ExportKeyFileResponse__Output as _trustkeyd_v1_ExportKeyFileResponse__Output } from '../../trustkeyd/v1/ExportKeyFileResponse.ts';
import type { ExportKeyRequest as _trustkeyd_v1_ExportKeyRequest, ExportKeyRequest__Output as _trustkeyd_v1_ExportKeyRequest__Output } from '../../trustkeyd/v1/ExportKeyRequest.ts';
import type { ExportKeyResponse as _trustkeyd_v1_ExportKeyResponse, ExportKeyResponse__Output as _trustkeyd_v1_ExportKeyResponse__Output } from '../../trustkeyd/v1/ExportKeyResponse.ts';
import type { ForgetSealedRequest as _trustkeyd_v1_ForgetSealedRequest, ForgetSealedRequest__Output as _trustkeyd_v1_ForgetSealedRequest__Output } from '../../trustkeyd/v1/ForgetSealedRequest.ts';
import type { GetKeyRequest as _trustkeyd_v1_GetKeyRequest, GetKeyRequest__Output as _trustkeyd_v1_GetKeyRequest__Output } from '../../trustkeyd/v1/GetKeyRequest.ts';
import type { Group as _trustkeyd_v1_Group, Group__Output as _trustkeyd_v1_Group__Output } from '../../trustkeyd/v1/Group.ts';
import type { ImportKeyRequest as _trustkeyd_v1_ImportKeyRequest, ImportKeyRequest__Output as _trustkeyd_v1_ImportKeyRequest__Output } from '../../trustkeyd/v1/ImportKeyRequest.ts';
import type { KeepRootCertificateRequest as _trustkeyd_v1_KeepRootCertificateRequest, KeepRootCertificateRequest__Output as _trustkeyd_v1_KeepRootCertificateRequest__Output } from '../../trustkeyd/v1/KeepRootCertificateRequest.ts';
import type { KeepRootCertificateResponse as _trustkeyd_v1_KeepRootCertificateResponse, KeepRootCertificateResponse__Output as _trustkeyd_v1_KeepRootCertificateResponse__Output } from '../../trustkeyd/v1/KeepRootCertificateResponse.ts';
import type { Key as _trustkeyd_v1_Key, Key__Output as _trustkeyd_v1_Key__Output } from '../../trustkeyd/v1/Key.ts';
import type { ListGroupsRequest as _trustkeyd_v1_ListGroupsRequest, ListGroupsRequest__Output as _trustkeyd_v1_ListGroupsRequest__Output } from '../../trustkeyd/v1/ListGroupsRequest.ts';
import type { ListGroupsResponse as _trustkeyd_v1_ListGroupsResponse, ListGroupsResponse__Output as _trustkeyd_v1_ListGroupsResponse__Output } from '../../trustkeyd/v1/ListGroupsResponse.ts';
import type { ListKeysRequest as _trustkeyd_v1_ListKeysRequest, ListKeysRequest__Output as _trustkeyd_v1_ListKeysRequest__Output } from '../../trustkeyd/v1/ListKeysRequest.ts';
import type { ListKeysResponse as _trustkeyd_v1_ListKeysResponse, ListKeysResponse__Output as _trustkeyd_v1_ListKeysResponse__Output } from '../../trustkeyd/v1/ListKeysResponse.ts';
import type { LockRequest as _trustkeyd_v1_LockRequest, LockRequest__Output as _trustkeyd_v1_LockRequest__Output } from '../../trustkeyd/v1/LockRequest.ts';
import type { LockResponse as _trustkeyd_v1_LockResponse, LockResponse__Output as _trustkeyd_v1_LockResponse__Output } from '../../trustkeyd/v1/LockResponse.ts';
import type { RemoveKeyRequest as _trustkeyd_v1_RemoveKeyRequest, RemoveKeyRequest__Output as _trustkeyd_v1_RemoveKeyRequest__Output } from '../../trustkeyd/v1/RemoveKeyRequest.ts';
import type { RootCertificateRequest as _trustkeyd_v1_RootCertificateRequest, RootCertificateRequest__Output as _trustkeyd_v1_RootCertificateRequest__Output } from '../../trustkeyd/v1/RootCertificateRequest.ts';
import type { RootCertificateResponse as _trustkeyd_v1_RootCertificateResponse, RootCertificateResponse__Output as _trustkeyd_v1_RootCertificateResponse__Output } from '../../trustkeyd/v1/RootCertificateResponse.ts';
import type { UnlockRequest as _trustkeyd_v1_UnlockRequest, UnlockRequest__Output as _trustkeyd_v1_UnlockRequest__Output } from '../../trustkeyd/v1/UnlockRequest.ts';
import type { UnlockResponse as _trustkeyd_v1_UnlockResponse, UnlockResponse__Output as _trustkeyd_v1_UnlockResponse__Output } from '../../trustkeyd/v1/UnlockResponse.ts';

/**
 * Keys and their groups.
 */
export interface KeysClient extends grpc.Client {
  /**
   * on the sign socket delegation keys only
   */
  Bind(argument: _trustkeyd_v1_BindKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Bind(argument: _trustkeyd_v1_BindKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Bind(argument: _trustkeyd_v1_BindKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Bind(argument: _trustkeyd_v1_BindKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * on the sign socket delegation keys only
   */
  bind(argument: _trustkeyd_v1_BindKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  bind(argument: _trustkeyd_v1_BindKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  bind(argument: _trustkeyd_v1_BindKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  bind(argument: _trustkeyd_v1_BindKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  /**
   * by policy "certificate"
   */
  CardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  CardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  CardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  CardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  /**
   * by policy "certificate"
   */
  cardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  cardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  cardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  cardCertificate(argument: _trustkeyd_v1_CardCertificateRequest, callback: grpc.requestCallback<_trustkeyd_v1_CardCertificateResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * by policy "certificate"
   */
  CertificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  CertificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  CertificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  CertificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  /**
   * by policy "certificate"
   */
  certificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  certificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  certificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  certificateRequest(argument: _trustkeyd_v1_CertificateRequestRequest, callback: grpc.requestCallback<_trustkeyd_v1_CertificateRequestResponse__Output>): grpc.ClientUnaryCall;
  
  ChangePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  ChangePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  ChangePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  ChangePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  changePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  changePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  changePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  changePassphrase(argument: _trustkeyd_v1_ChangePassphraseRequest, callback: grpc.requestCallback<_trustkeyd_v1_ChangePassphraseResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: a sealed key on a token besides
   */
  Copy(argument: _trustkeyd_v1_CopyKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Copy(argument: _trustkeyd_v1_CopyKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Copy(argument: _trustkeyd_v1_CopyKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Copy(argument: _trustkeyd_v1_CopyKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: a sealed key on a token besides
   */
  copy(argument: _trustkeyd_v1_CopyKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  copy(argument: _trustkeyd_v1_CopyKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  copy(argument: _trustkeyd_v1_CopyKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  copy(argument: _trustkeyd_v1_CopyKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin or sign socket, by policy "create-key"
   */
  Create(argument: _trustkeyd_v1_CreateKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Create(argument: _trustkeyd_v1_CreateKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Create(argument: _trustkeyd_v1_CreateKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Create(argument: _trustkeyd_v1_CreateKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * admin or sign socket, by policy "create-key"
   */
  create(argument: _trustkeyd_v1_CreateKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  create(argument: _trustkeyd_v1_CreateKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  create(argument: _trustkeyd_v1_CreateKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  create(argument: _trustkeyd_v1_CreateKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket
   */
  CreateGroup(argument: _trustkeyd_v1_CreateGroupRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  CreateGroup(argument: _trustkeyd_v1_CreateGroupRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  CreateGroup(argument: _trustkeyd_v1_CreateGroupRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  CreateGroup(argument: _trustkeyd_v1_CreateGroupRequest, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket
   */
  createGroup(argument: _trustkeyd_v1_CreateGroupRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  createGroup(argument: _trustkeyd_v1_CreateGroupRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  createGroup(argument: _trustkeyd_v1_CreateGroupRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  createGroup(argument: _trustkeyd_v1_CreateGroupRequest, callback: grpc.requestCallback<_trustkeyd_v1_Group__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: take in a private key already on a token
   */
  Enroll(argument: _trustkeyd_v1_EnrollKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _trustkeyd_v1_EnrollKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _trustkeyd_v1_EnrollKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _trustkeyd_v1_EnrollKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: take in a private key already on a token
   */
  enroll(argument: _trustkeyd_v1_EnrollKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  enroll(argument: _trustkeyd_v1_EnrollKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  enroll(argument: _trustkeyd_v1_EnrollKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  enroll(argument: _trustkeyd_v1_EnrollKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: a sealed key in an encrypted file
   */
  Export(argument: _trustkeyd_v1_ExportKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  Export(argument: _trustkeyd_v1_ExportKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  Export(argument: _trustkeyd_v1_ExportKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  Export(argument: _trustkeyd_v1_ExportKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: a sealed key in an encrypted file
   */
  export(argument: _trustkeyd_v1_ExportKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  export(argument: _trustkeyd_v1_ExportKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  export(argument: _trustkeyd_v1_ExportKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  export(argument: _trustkeyd_v1_ExportKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: a sealed key in an encrypted file for other programs
   */
  ExportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  ExportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  ExportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  ExportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: a sealed key in an encrypted file for other programs
   */
  exportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  exportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  exportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  exportFile(argument: _trustkeyd_v1_ExportKeyFileRequest, callback: grpc.requestCallback<_trustkeyd_v1_ExportKeyFileResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket: of a key that lies on tokens too
   */
  ForgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  ForgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  ForgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  ForgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket: of a key that lies on tokens too
   */
  forgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  forgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  forgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  forgetSealed(argument: _trustkeyd_v1_ForgetSealedRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _trustkeyd_v1_GetKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Get(argument: _trustkeyd_v1_GetKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Get(argument: _trustkeyd_v1_GetKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Get(argument: _trustkeyd_v1_GetKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  get(argument: _trustkeyd_v1_GetKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  /**
   * by policy "import-key": take in a private key from a file
   */
  Import(argument: _trustkeyd_v1_ImportKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Import(argument: _trustkeyd_v1_ImportKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Import(argument: _trustkeyd_v1_ImportKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Import(argument: _trustkeyd_v1_ImportKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * by policy "import-key": take in a private key from a file
   */
  import(argument: _trustkeyd_v1_ImportKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  import(argument: _trustkeyd_v1_ImportKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  import(argument: _trustkeyd_v1_ImportKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  import(argument: _trustkeyd_v1_ImportKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  /**
   * by policy "certificate"
   */
  KeepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  KeepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  KeepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  KeepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  /**
   * by policy "certificate"
   */
  keepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  keepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  keepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  keepRootCertificate(argument: _trustkeyd_v1_KeepRootCertificateRequest, callback: grpc.requestCallback<_trustkeyd_v1_KeepRootCertificateResponse__Output>): grpc.ClientUnaryCall;
  
  List(argument: _trustkeyd_v1_ListKeysRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListKeysRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListKeysRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _trustkeyd_v1_ListKeysRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListKeysRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListKeysRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListKeysRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _trustkeyd_v1_ListKeysRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListKeysResponse__Output>): grpc.ClientUnaryCall;
  
  ListGroups(argument: _trustkeyd_v1_ListGroupsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  ListGroups(argument: _trustkeyd_v1_ListGroupsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  ListGroups(argument: _trustkeyd_v1_ListGroupsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  ListGroups(argument: _trustkeyd_v1_ListGroupsRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  listGroups(argument: _trustkeyd_v1_ListGroupsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  listGroups(argument: _trustkeyd_v1_ListGroupsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  listGroups(argument: _trustkeyd_v1_ListGroupsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  listGroups(argument: _trustkeyd_v1_ListGroupsRequest, callback: grpc.requestCallback<_trustkeyd_v1_ListGroupsResponse__Output>): grpc.ClientUnaryCall;
  
  Lock(argument: _trustkeyd_v1_LockRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  Lock(argument: _trustkeyd_v1_LockRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  Lock(argument: _trustkeyd_v1_LockRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  Lock(argument: _trustkeyd_v1_LockRequest, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  lock(argument: _trustkeyd_v1_LockRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  lock(argument: _trustkeyd_v1_LockRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  lock(argument: _trustkeyd_v1_LockRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  lock(argument: _trustkeyd_v1_LockRequest, callback: grpc.requestCallback<_trustkeyd_v1_LockResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * admin socket
   */
  Remove(argument: _trustkeyd_v1_RemoveKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Remove(argument: _trustkeyd_v1_RemoveKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Remove(argument: _trustkeyd_v1_RemoveKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  Remove(argument: _trustkeyd_v1_RemoveKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  /**
   * admin socket
   */
  remove(argument: _trustkeyd_v1_RemoveKeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  remove(argument: _trustkeyd_v1_RemoveKeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  remove(argument: _trustkeyd_v1_RemoveKeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  remove(argument: _trustkeyd_v1_RemoveKeyRequest, callback: grpc.requestCallback<_trustkeyd_v1_Key__Output>): grpc.ClientUnaryCall;
  
  RootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  RootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  RootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  RootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  rootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  rootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  rootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  rootCertificate(argument: _trustkeyd_v1_RootCertificateRequest, callback: grpc.requestCallback<_trustkeyd_v1_RootCertificateResponse__Output>): grpc.ClientUnaryCall;
  
  Unlock(argument: _trustkeyd_v1_UnlockRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  Unlock(argument: _trustkeyd_v1_UnlockRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  Unlock(argument: _trustkeyd_v1_UnlockRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  Unlock(argument: _trustkeyd_v1_UnlockRequest, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  unlock(argument: _trustkeyd_v1_UnlockRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  unlock(argument: _trustkeyd_v1_UnlockRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  unlock(argument: _trustkeyd_v1_UnlockRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  unlock(argument: _trustkeyd_v1_UnlockRequest, callback: grpc.requestCallback<_trustkeyd_v1_UnlockResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Keys and their groups.
 */
export interface KeysHandlers extends grpc.UntypedServiceImplementation {
  /**
   * on the sign socket delegation keys only
   */
  Bind: grpc.handleUnaryCall<_trustkeyd_v1_BindKeyRequest__Output, _trustkeyd_v1_Key>;
  
  /**
   * by policy "certificate"
   */
  CardCertificate: grpc.handleUnaryCall<_trustkeyd_v1_CardCertificateRequest__Output, _trustkeyd_v1_CardCertificateResponse>;
  
  /**
   * by policy "certificate"
   */
  CertificateRequest: grpc.handleUnaryCall<_trustkeyd_v1_CertificateRequestRequest__Output, _trustkeyd_v1_CertificateRequestResponse>;
  
  ChangePassphrase: grpc.handleUnaryCall<_trustkeyd_v1_ChangePassphraseRequest__Output, _trustkeyd_v1_ChangePassphraseResponse>;
  
  /**
   * admin socket: a sealed key on a token besides
   */
  Copy: grpc.handleUnaryCall<_trustkeyd_v1_CopyKeyRequest__Output, _trustkeyd_v1_Key>;
  
  /**
   * admin or sign socket, by policy "create-key"
   */
  Create: grpc.handleUnaryCall<_trustkeyd_v1_CreateKeyRequest__Output, _trustkeyd_v1_Key>;
  
  /**
   * admin socket
   */
  CreateGroup: grpc.handleUnaryCall<_trustkeyd_v1_CreateGroupRequest__Output, _trustkeyd_v1_Group>;
  
  /**
   * admin socket: take in a private key already on a token
   */
  Enroll: grpc.handleUnaryCall<_trustkeyd_v1_EnrollKeyRequest__Output, _trustkeyd_v1_Key>;
  
  /**
   * admin socket: a sealed key in an encrypted file
   */
  Export: grpc.handleUnaryCall<_trustkeyd_v1_ExportKeyRequest__Output, _trustkeyd_v1_ExportKeyResponse>;
  
  /**
   * admin socket: a sealed key in an encrypted file for other programs
   */
  ExportFile: grpc.handleUnaryCall<_trustkeyd_v1_ExportKeyFileRequest__Output, _trustkeyd_v1_ExportKeyFileResponse>;
  
  /**
   * admin socket: of a key that lies on tokens too
   */
  ForgetSealed: grpc.handleUnaryCall<_trustkeyd_v1_ForgetSealedRequest__Output, _trustkeyd_v1_Key>;
  
  Get: grpc.handleUnaryCall<_trustkeyd_v1_GetKeyRequest__Output, _trustkeyd_v1_Key>;
  
  /**
   * by policy "import-key": take in a private key from a file
   */
  Import: grpc.handleUnaryCall<_trustkeyd_v1_ImportKeyRequest__Output, _trustkeyd_v1_Key>;
  
  /**
   * by policy "certificate"
   */
  KeepRootCertificate: grpc.handleUnaryCall<_trustkeyd_v1_KeepRootCertificateRequest__Output, _trustkeyd_v1_KeepRootCertificateResponse>;
  
  List: grpc.handleUnaryCall<_trustkeyd_v1_ListKeysRequest__Output, _trustkeyd_v1_ListKeysResponse>;
  
  ListGroups: grpc.handleUnaryCall<_trustkeyd_v1_ListGroupsRequest__Output, _trustkeyd_v1_ListGroupsResponse>;
  
  Lock: grpc.handleUnaryCall<_trustkeyd_v1_LockRequest__Output, _trustkeyd_v1_LockResponse>;
  
  /**
   * admin socket
   */
  Remove: grpc.handleUnaryCall<_trustkeyd_v1_RemoveKeyRequest__Output, _trustkeyd_v1_Key>;
  
  RootCertificate: grpc.handleUnaryCall<_trustkeyd_v1_RootCertificateRequest__Output, _trustkeyd_v1_RootCertificateResponse>;
  
  Unlock: grpc.handleUnaryCall<_trustkeyd_v1_UnlockRequest__Output, _trustkeyd_v1_UnlockResponse>;
  
}

export interface KeysDefinition extends grpc.ServiceDefinition {
  Bind: MethodDefinition<_trustkeyd_v1_BindKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_BindKeyRequest__Output, _trustkeyd_v1_Key__Output>
  CardCertificate: MethodDefinition<_trustkeyd_v1_CardCertificateRequest, _trustkeyd_v1_CardCertificateResponse, _trustkeyd_v1_CardCertificateRequest__Output, _trustkeyd_v1_CardCertificateResponse__Output>
  CertificateRequest: MethodDefinition<_trustkeyd_v1_CertificateRequestRequest, _trustkeyd_v1_CertificateRequestResponse, _trustkeyd_v1_CertificateRequestRequest__Output, _trustkeyd_v1_CertificateRequestResponse__Output>
  ChangePassphrase: MethodDefinition<_trustkeyd_v1_ChangePassphraseRequest, _trustkeyd_v1_ChangePassphraseResponse, _trustkeyd_v1_ChangePassphraseRequest__Output, _trustkeyd_v1_ChangePassphraseResponse__Output>
  Copy: MethodDefinition<_trustkeyd_v1_CopyKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_CopyKeyRequest__Output, _trustkeyd_v1_Key__Output>
  Create: MethodDefinition<_trustkeyd_v1_CreateKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_CreateKeyRequest__Output, _trustkeyd_v1_Key__Output>
  CreateGroup: MethodDefinition<_trustkeyd_v1_CreateGroupRequest, _trustkeyd_v1_Group, _trustkeyd_v1_CreateGroupRequest__Output, _trustkeyd_v1_Group__Output>
  Enroll: MethodDefinition<_trustkeyd_v1_EnrollKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_EnrollKeyRequest__Output, _trustkeyd_v1_Key__Output>
  Export: MethodDefinition<_trustkeyd_v1_ExportKeyRequest, _trustkeyd_v1_ExportKeyResponse, _trustkeyd_v1_ExportKeyRequest__Output, _trustkeyd_v1_ExportKeyResponse__Output>
  ExportFile: MethodDefinition<_trustkeyd_v1_ExportKeyFileRequest, _trustkeyd_v1_ExportKeyFileResponse, _trustkeyd_v1_ExportKeyFileRequest__Output, _trustkeyd_v1_ExportKeyFileResponse__Output>
  ForgetSealed: MethodDefinition<_trustkeyd_v1_ForgetSealedRequest, _trustkeyd_v1_Key, _trustkeyd_v1_ForgetSealedRequest__Output, _trustkeyd_v1_Key__Output>
  Get: MethodDefinition<_trustkeyd_v1_GetKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_GetKeyRequest__Output, _trustkeyd_v1_Key__Output>
  Import: MethodDefinition<_trustkeyd_v1_ImportKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_ImportKeyRequest__Output, _trustkeyd_v1_Key__Output>
  KeepRootCertificate: MethodDefinition<_trustkeyd_v1_KeepRootCertificateRequest, _trustkeyd_v1_KeepRootCertificateResponse, _trustkeyd_v1_KeepRootCertificateRequest__Output, _trustkeyd_v1_KeepRootCertificateResponse__Output>
  List: MethodDefinition<_trustkeyd_v1_ListKeysRequest, _trustkeyd_v1_ListKeysResponse, _trustkeyd_v1_ListKeysRequest__Output, _trustkeyd_v1_ListKeysResponse__Output>
  ListGroups: MethodDefinition<_trustkeyd_v1_ListGroupsRequest, _trustkeyd_v1_ListGroupsResponse, _trustkeyd_v1_ListGroupsRequest__Output, _trustkeyd_v1_ListGroupsResponse__Output>
  Lock: MethodDefinition<_trustkeyd_v1_LockRequest, _trustkeyd_v1_LockResponse, _trustkeyd_v1_LockRequest__Output, _trustkeyd_v1_LockResponse__Output>
  Remove: MethodDefinition<_trustkeyd_v1_RemoveKeyRequest, _trustkeyd_v1_Key, _trustkeyd_v1_RemoveKeyRequest__Output, _trustkeyd_v1_Key__Output>
  RootCertificate: MethodDefinition<_trustkeyd_v1_RootCertificateRequest, _trustkeyd_v1_RootCertificateResponse, _trustkeyd_v1_RootCertificateRequest__Output, _trustkeyd_v1_RootCertificateResponse__Output>
  Unlock: MethodDefinition<_trustkeyd_v1_UnlockRequest, _trustkeyd_v1_UnlockResponse, _trustkeyd_v1_UnlockRequest__Output, _trustkeyd_v1_UnlockResponse__Output>
}

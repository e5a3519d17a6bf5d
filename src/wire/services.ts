import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { HealthClient as _grpc_health_v1_HealthClient, HealthDefinition as _grpc_health_v1_HealthDefinition } from './grpc/health/v1/Health.ts';
import type { HealthCheckRequest as _grpc_health_v1_HealthCheckRequest, HealthCheckRequest__Output as _grpc_health_v1_HealthCheckRequest__Output } from './grpc/health/v1/HealthCheckRequest.ts';
import type { HealthCheckResponse as _grpc_health_v1_HealthCheckResponse, HealthCheckResponse__Output as _grpc_health_v1_HealthCheckResponse__Output } from './grpc/health/v1/HealthCheckResponse.ts';
import type { HealthListRequest as _grpc_health_v1_HealthListRequest, HealthListRequest__Output as _grpc_health_v1_HealthListRequest__Output } from './grpc/health/v1/HealthListRequest.ts';
import type { HealthListResponse as _grpc_health_v1_HealthListResponse, HealthListResponse__Output as _grpc_health_v1_HealthListResponse__Output } from './grpc/health/v1/HealthListResponse.ts';
import type { ErrorResponse as _grpc_reflection_v1_ErrorResponse, ErrorResponse__Output as _grpc_reflection_v1_ErrorResponse__Output } from './grpc/reflection/v1/ErrorResponse.ts';
import type { ExtensionNumberResponse as _grpc_reflection_v1_ExtensionNumberResponse, ExtensionNumberResponse__Output as _grpc_reflection_v1_ExtensionNumberResponse__Output } from './grpc/reflection/v1/ExtensionNumberResponse.ts';
import type { ExtensionRequest as _grpc_reflection_v1_ExtensionRequest, ExtensionRequest__Output as _grpc_reflection_v1_ExtensionRequest__Output } from './grpc/reflection/v1/ExtensionRequest.ts';
import type { FileDescriptorResponse as _grpc_reflection_v1_FileDescriptorResponse, FileDescriptorResponse__Output as _grpc_reflection_v1_FileDescriptorResponse__Output } from './grpc/reflection/v1/FileDescriptorResponse.ts';
import type { ListServiceResponse as _grpc_reflection_v1_ListServiceResponse, ListServiceResponse__Output as _grpc_reflection_v1_ListServiceResponse__Output } from './grpc/reflection/v1/ListServiceResponse.ts';
import type { ServerReflectionClient as _grpc_reflection_v1_ServerReflectionClient, ServerReflectionDefinition as _grpc_reflection_v1_ServerReflectionDefinition } from './grpc/reflection/v1/ServerReflection.ts';
import type { ServerReflectionRequest as _grpc_reflection_v1_ServerReflectionRequest, ServerReflectionRequest__Output as _grpc_reflection_v1_ServerReflectionRequest__Output } from './grpc/reflection/v1/ServerReflectionRequest.ts';
import type { ServerReflectionResponse as _grpc_reflection_v1_ServerReflectionResponse, ServerReflectionResponse__Output as _grpc_reflection_v1_ServerReflectionResponse__Output } from './grpc/reflection/v1/ServerReflectionResponse.ts';
import type { ServiceResponse as _grpc_reflection_v1_ServiceResponse, ServiceResponse__Output as _grpc_reflection_v1_ServiceResponse__Output } from './grpc/reflection/v1/ServiceResponse.ts';
import type { AdoptRequest as _trustkeyd_v1_AdoptRequest, AdoptRequest__Output as _trustkeyd_v1_AdoptRequest__Output } from './trustkeyd/v1/AdoptRequest.ts';
import type { Attestation as _trustkeyd_v1_Attestation, Attestation__Output as _trustkeyd_v1_Attestation__Output } from './trustkeyd/v1/Attestation.ts';
import type { AuditClient as _trustkeyd_v1_AuditClient, AuditDefinition as _trustkeyd_v1_AuditDefinition } from './trustkeyd/v1/Audit.ts';
import type { AuditRecord as _trustkeyd_v1_AuditRecord, AuditRecord__Output as _trustkeyd_v1_AuditRecord__Output } from './trustkeyd/v1/AuditRecord.ts';
import type { Backup as _trustkeyd_v1_Backup, Backup__Output as _trustkeyd_v1_Backup__Output } from './trustkeyd/v1/Backup.ts';
import type { BackupState as _trustkeyd_v1_BackupState, BackupState__Output as _trustkeyd_v1_BackupState__Output } from './trustkeyd/v1/BackupState.ts';
import type { BackupsClient as _trustkeyd_v1_BackupsClient, BackupsDefinition as _trustkeyd_v1_BackupsDefinition } from './trustkeyd/v1/Backups.ts';
import type { BindKeyRequest as _trustkeyd_v1_BindKeyRequest, BindKeyRequest__Output as _trustkeyd_v1_BindKeyRequest__Output } from './trustkeyd/v1/BindKeyRequest.ts';
import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from './trustkeyd/v1/Binding.ts';
import type { Body as _trustkeyd_v1_Body, Body__Output as _trustkeyd_v1_Body__Output } from './trustkeyd/v1/Body.ts';
import type { CardCertificateRequest as _trustkeyd_v1_CardCertificateRequest, CardCertificateRequest__Output as _trustkeyd_v1_CardCertificateRequest__Output } from './trustkeyd/v1/CardCertificateRequest.ts';
import type { CardCertificateResponse as _trustkeyd_v1_CardCertificateResponse, CardCertificateResponse__Output as _trustkeyd_v1_CardCertificateResponse__Output } from './trustkeyd/v1/CardCertificateResponse.ts';
import type { CeremoniesClient as _trustkeyd_v1_CeremoniesClient, CeremoniesDefinition as _trustkeyd_v1_CeremoniesDefinition } from './trustkeyd/v1/Ceremonies.ts';
import type { CertificateRequestRequest as _trustkeyd_v1_CertificateRequestRequest, CertificateRequestRequest__Output as _trustkeyd_v1_CertificateRequestRequest__Output } from './trustkeyd/v1/CertificateRequestRequest.ts';
import type { CertificateRequestResponse as _trustkeyd_v1_CertificateRequestResponse, CertificateRequestResponse__Output as _trustkeyd_v1_CertificateRequestResponse__Output } from './trustkeyd/v1/CertificateRequestResponse.ts';
import type { ChallengeRequest as _trustkeyd_v1_ChallengeRequest, ChallengeRequest__Output as _trustkeyd_v1_ChallengeRequest__Output } from './trustkeyd/v1/ChallengeRequest.ts';
import type { ChallengeResponse as _trustkeyd_v1_ChallengeResponse, ChallengeResponse__Output as _trustkeyd_v1_ChallengeResponse__Output } from './trustkeyd/v1/ChallengeResponse.ts';
import type { ChangePassphraseRequest as _trustkeyd_v1_ChangePassphraseRequest, ChangePassphraseRequest__Output as _trustkeyd_v1_ChangePassphraseRequest__Output } from './trustkeyd/v1/ChangePassphraseRequest.ts';
import type { ChangePassphraseResponse as _trustkeyd_v1_ChangePassphraseResponse, ChangePassphraseResponse__Output as _trustkeyd_v1_ChangePassphraseResponse__Output } from './trustkeyd/v1/ChangePassphraseResponse.ts';
import type { ChangePinRequest as _trustkeyd_v1_ChangePinRequest, ChangePinRequest__Output as _trustkeyd_v1_ChangePinRequest__Output } from './trustkeyd/v1/ChangePinRequest.ts';
import type { CopyKeyRequest as _trustkeyd_v1_CopyKeyRequest, CopyKeyRequest__Output as _trustkeyd_v1_CopyKeyRequest__Output } from './trustkeyd/v1/CopyKeyRequest.ts';
import type { CreateBackupRequest as _trustkeyd_v1_CreateBackupRequest, CreateBackupRequest__Output as _trustkeyd_v1_CreateBackupRequest__Output } from './trustkeyd/v1/CreateBackupRequest.ts';
import type { CreateBackupResponse as _trustkeyd_v1_CreateBackupResponse, CreateBackupResponse__Output as _trustkeyd_v1_CreateBackupResponse__Output } from './trustkeyd/v1/CreateBackupResponse.ts';
import type { CreateGroupRequest as _trustkeyd_v1_CreateGroupRequest, CreateGroupRequest__Output as _trustkeyd_v1_CreateGroupRequest__Output } from './trustkeyd/v1/CreateGroupRequest.ts';
import type { CreateKeyRequest as _trustkeyd_v1_CreateKeyRequest, CreateKeyRequest__Output as _trustkeyd_v1_CreateKeyRequest__Output } from './trustkeyd/v1/CreateKeyRequest.ts';
import type { DoctorAlgorithm as _trustkeyd_v1_DoctorAlgorithm, DoctorAlgorithm__Output as _trustkeyd_v1_DoctorAlgorithm__Output } from './trustkeyd/v1/DoctorAlgorithm.ts';
import type { DoctorFinding as _trustkeyd_v1_DoctorFinding, DoctorFinding__Output as _trustkeyd_v1_DoctorFinding__Output } from './trustkeyd/v1/DoctorFinding.ts';
import type { DoctorMechanism as _trustkeyd_v1_DoctorMechanism, DoctorMechanism__Output as _trustkeyd_v1_DoctorMechanism__Output } from './trustkeyd/v1/DoctorMechanism.ts';
import type { DoctorReport as _trustkeyd_v1_DoctorReport, DoctorReport__Output as _trustkeyd_v1_DoctorReport__Output } from './trustkeyd/v1/DoctorReport.ts';
import type { DoctorRequest as _trustkeyd_v1_DoctorRequest, DoctorRequest__Output as _trustkeyd_v1_DoctorRequest__Output } from './trustkeyd/v1/DoctorRequest.ts';
import type { DoctorSlot as _trustkeyd_v1_DoctorSlot, DoctorSlot__Output as _trustkeyd_v1_DoctorSlot__Output } from './trustkeyd/v1/DoctorSlot.ts';
import type { DoctorWay as _trustkeyd_v1_DoctorWay, DoctorWay__Output as _trustkeyd_v1_DoctorWay__Output } from './trustkeyd/v1/DoctorWay.ts';
import type { Drill as _trustkeyd_v1_Drill, Drill__Output as _trustkeyd_v1_Drill__Output } from './trustkeyd/v1/Drill.ts';
import type { EnrollKeyRequest as _trustkeyd_v1_EnrollKeyRequest, EnrollKeyRequest__Output as _trustkeyd_v1_EnrollKeyRequest__Output } from './trustkeyd/v1/EnrollKeyRequest.ts';
import type { ExportKeyFileRequest as _trustkeyd_v1_ExportKeyFileRequest, ExportKeyFileRequest__Output as _trustkeyd_v1_ExportKeyFileRequest__Output } from './trustkeyd/v1/ExportKeyFileRequest.ts';
import type { ExportKeyFileResponse as _trustkeyd_v1_ExportKeyFileResponse, ExportKeyFileResponse__Output as _trustkeyd_v1_ExportKeyFileResponse__Output } from './trustkeyd/v1/ExportKeyFileResponse.ts';
import type { ExportKeyRequest as _trustkeyd_v1_ExportKeyRequest, ExportKeyRequest__Output as _trustkeyd_v1_ExportKeyRequest__Output } from './trustkeyd/v1/ExportKeyRequest.ts';
import type { ExportKeyResponse as _trustkeyd_v1_ExportKeyResponse, ExportKeyResponse__Output as _trustkeyd_v1_ExportKeyResponse__Output } from './trustkeyd/v1/ExportKeyResponse.ts';
import type { ForgetSealedRequest as _trustkeyd_v1_ForgetSealedRequest, ForgetSealedRequest__Output as _trustkeyd_v1_ForgetSealedRequest__Output } from './trustkeyd/v1/ForgetSealedRequest.ts';
import type { GetKeyRequest as _trustkeyd_v1_GetKeyRequest, GetKeyRequest__Output as _trustkeyd_v1_GetKeyRequest__Output } from './trustkeyd/v1/GetKeyRequest.ts';
import type { GetStatusRequest as _trustkeyd_v1_GetStatusRequest, GetStatusRequest__Output as _trustkeyd_v1_GetStatusRequest__Output } from './trustkeyd/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _trustkeyd_v1_GetStatusResponse, GetStatusResponse__Output as _trustkeyd_v1_GetStatusResponse__Output } from './trustkeyd/v1/GetStatusResponse.ts';
import type { Group as _trustkeyd_v1_Group, Group__Output as _trustkeyd_v1_Group__Output } from './trustkeyd/v1/Group.ts';
import type { ImportKeyRequest as _trustkeyd_v1_ImportKeyRequest, ImportKeyRequest__Output as _trustkeyd_v1_ImportKeyRequest__Output } from './trustkeyd/v1/ImportKeyRequest.ts';
import type { JournalClient as _trustkeyd_v1_JournalClient, JournalDefinition as _trustkeyd_v1_JournalDefinition } from './trustkeyd/v1/Journal.ts';
import type { JournalEntry as _trustkeyd_v1_JournalEntry, JournalEntry__Output as _trustkeyd_v1_JournalEntry__Output } from './trustkeyd/v1/JournalEntry.ts';
import type { KeepRootCertificateRequest as _trustkeyd_v1_KeepRootCertificateRequest, KeepRootCertificateRequest__Output as _trustkeyd_v1_KeepRootCertificateRequest__Output } from './trustkeyd/v1/KeepRootCertificateRequest.ts';
import type { KeepRootCertificateResponse as _trustkeyd_v1_KeepRootCertificateResponse, KeepRootCertificateResponse__Output as _trustkeyd_v1_KeepRootCertificateResponse__Output } from './trustkeyd/v1/KeepRootCertificateResponse.ts';
import type { KeptRequest as _trustkeyd_v1_KeptRequest, KeptRequest__Output as _trustkeyd_v1_KeptRequest__Output } from './trustkeyd/v1/KeptRequest.ts';
import type { KeptResponse as _trustkeyd_v1_KeptResponse, KeptResponse__Output as _trustkeyd_v1_KeptResponse__Output } from './trustkeyd/v1/KeptResponse.ts';
import type { Key as _trustkeyd_v1_Key, Key__Output as _trustkeyd_v1_Key__Output } from './trustkeyd/v1/Key.ts';
import type { KeyCopy as _trustkeyd_v1_KeyCopy, KeyCopy__Output as _trustkeyd_v1_KeyCopy__Output } from './trustkeyd/v1/KeyCopy.ts';
import type { KeyFileSource as _trustkeyd_v1_KeyFileSource, KeyFileSource__Output as _trustkeyd_v1_KeyFileSource__Output } from './trustkeyd/v1/KeyFileSource.ts';
import type { KeyFiles as _trustkeyd_v1_KeyFiles, KeyFiles__Output as _trustkeyd_v1_KeyFiles__Output } from './trustkeyd/v1/KeyFiles.ts';
import type { KeyNeed as _trustkeyd_v1_KeyNeed, KeyNeed__Output as _trustkeyd_v1_KeyNeed__Output } from './trustkeyd/v1/KeyNeed.ts';
import type { KeyProof as _trustkeyd_v1_KeyProof, KeyProof__Output as _trustkeyd_v1_KeyProof__Output } from './trustkeyd/v1/KeyProof.ts';
import type { KeysClient as _trustkeyd_v1_KeysClient, KeysDefinition as _trustkeyd_v1_KeysDefinition } from './trustkeyd/v1/Keys.ts';
import type { ListAuditRequest as _trustkeyd_v1_ListAuditRequest, ListAuditRequest__Output as _trustkeyd_v1_ListAuditRequest__Output } from './trustkeyd/v1/ListAuditRequest.ts';
import type { ListAuditResponse as _trustkeyd_v1_ListAuditResponse, ListAuditResponse__Output as _trustkeyd_v1_ListAuditResponse__Output } from './trustkeyd/v1/ListAuditResponse.ts';
import type { ListGroupsRequest as _trustkeyd_v1_ListGroupsRequest, ListGroupsRequest__Output as _trustkeyd_v1_ListGroupsRequest__Output } from './trustkeyd/v1/ListGroupsRequest.ts';
import type { ListGroupsResponse as _trustkeyd_v1_ListGroupsResponse, ListGroupsResponse__Output as _trustkeyd_v1_ListGroupsResponse__Output } from './trustkeyd/v1/ListGroupsResponse.ts';
import type { ListKeysRequest as _trustkeyd_v1_ListKeysRequest, ListKeysRequest__Output as _trustkeyd_v1_ListKeysRequest__Output } from './trustkeyd/v1/ListKeysRequest.ts';
import type { ListKeysResponse as _trustkeyd_v1_ListKeysResponse, ListKeysResponse__Output as _trustkeyd_v1_ListKeysResponse__Output } from './trustkeyd/v1/ListKeysResponse.ts';
import type { ListTokensRequest as _trustkeyd_v1_ListTokensRequest, ListTokensRequest__Output as _trustkeyd_v1_ListTokensRequest__Output } from './trustkeyd/v1/ListTokensRequest.ts';
import type { ListTokensResponse as _trustkeyd_v1_ListTokensResponse, ListTokensResponse__Output as _trustkeyd_v1_ListTokensResponse__Output } from './trustkeyd/v1/ListTokensResponse.ts';
import type { ListTrustRequest as _trustkeyd_v1_ListTrustRequest, ListTrustRequest__Output as _trustkeyd_v1_ListTrustRequest__Output } from './trustkeyd/v1/ListTrustRequest.ts';
import type { ListTrustResponse as _trustkeyd_v1_ListTrustResponse, ListTrustResponse__Output as _trustkeyd_v1_ListTrustResponse__Output } from './trustkeyd/v1/ListTrustResponse.ts';
import type { LockRequest as _trustkeyd_v1_LockRequest, LockRequest__Output as _trustkeyd_v1_LockRequest__Output } from './trustkeyd/v1/LockRequest.ts';
import type { LockResponse as _trustkeyd_v1_LockResponse, LockResponse__Output as _trustkeyd_v1_LockResponse__Output } from './trustkeyd/v1/LockResponse.ts';
import type { LoginRequest as _trustkeyd_v1_LoginRequest, LoginRequest__Output as _trustkeyd_v1_LoginRequest__Output } from './trustkeyd/v1/LoginRequest.ts';
import type { LogoutRequest as _trustkeyd_v1_LogoutRequest, LogoutRequest__Output as _trustkeyd_v1_LogoutRequest__Output } from './trustkeyd/v1/LogoutRequest.ts';
import type { Mark as _trustkeyd_v1_Mark, Mark__Output as _trustkeyd_v1_Mark__Output } from './trustkeyd/v1/Mark.ts';
import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from './trustkeyd/v1/MetadataFile.ts';
import type { ObserveRequest as _trustkeyd_v1_ObserveRequest, ObserveRequest__Output as _trustkeyd_v1_ObserveRequest__Output } from './trustkeyd/v1/ObserveRequest.ts';
import type { ObserveResponse as _trustkeyd_v1_ObserveResponse, ObserveResponse__Output as _trustkeyd_v1_ObserveResponse__Output } from './trustkeyd/v1/ObserveResponse.ts';
import type { OutboxRequest as _trustkeyd_v1_OutboxRequest, OutboxRequest__Output as _trustkeyd_v1_OutboxRequest__Output } from './trustkeyd/v1/OutboxRequest.ts';
import type { OutboxResponse as _trustkeyd_v1_OutboxResponse, OutboxResponse__Output as _trustkeyd_v1_OutboxResponse__Output } from './trustkeyd/v1/OutboxResponse.ts';
import type { PivOptions as _trustkeyd_v1_PivOptions, PivOptions__Output as _trustkeyd_v1_PivOptions__Output } from './trustkeyd/v1/PivOptions.ts';
import type { PivSlot as _trustkeyd_v1_PivSlot, PivSlot__Output as _trustkeyd_v1_PivSlot__Output } from './trustkeyd/v1/PivSlot.ts';
import type { PlanRootRequest as _trustkeyd_v1_PlanRootRequest, PlanRootRequest__Output as _trustkeyd_v1_PlanRootRequest__Output } from './trustkeyd/v1/PlanRootRequest.ts';
import type { PlanRootResponse as _trustkeyd_v1_PlanRootResponse, PlanRootResponse__Output as _trustkeyd_v1_PlanRootResponse__Output } from './trustkeyd/v1/PlanRootResponse.ts';
import type { ProveRequest as _trustkeyd_v1_ProveRequest, ProveRequest__Output as _trustkeyd_v1_ProveRequest__Output } from './trustkeyd/v1/ProveRequest.ts';
import type { ProveResponse as _trustkeyd_v1_ProveResponse, ProveResponse__Output as _trustkeyd_v1_ProveResponse__Output } from './trustkeyd/v1/ProveResponse.ts';
import type { PublicKey as _trustkeyd_v1_PublicKey, PublicKey__Output as _trustkeyd_v1_PublicKey__Output } from './trustkeyd/v1/PublicKey.ts';
import type { RecordDrillRequest as _trustkeyd_v1_RecordDrillRequest, RecordDrillRequest__Output as _trustkeyd_v1_RecordDrillRequest__Output } from './trustkeyd/v1/RecordDrillRequest.ts';
import type { RemoveKeyRequest as _trustkeyd_v1_RemoveKeyRequest, RemoveKeyRequest__Output as _trustkeyd_v1_RemoveKeyRequest__Output } from './trustkeyd/v1/RemoveKeyRequest.ts';
import type { Repository as _trustkeyd_v1_Repository, Repository__Output as _trustkeyd_v1_Repository__Output } from './trustkeyd/v1/Repository.ts';
import type { ResetRequest as _trustkeyd_v1_ResetRequest, ResetRequest__Output as _trustkeyd_v1_ResetRequest__Output } from './trustkeyd/v1/ResetRequest.ts';
import type { RestoreBegin as _trustkeyd_v1_RestoreBegin, RestoreBegin__Output as _trustkeyd_v1_RestoreBegin__Output } from './trustkeyd/v1/RestoreBegin.ts';
import type { RestoreChange as _trustkeyd_v1_RestoreChange, RestoreChange__Output as _trustkeyd_v1_RestoreChange__Output } from './trustkeyd/v1/RestoreChange.ts';
import type { RestoreOutcome as _trustkeyd_v1_RestoreOutcome, RestoreOutcome__Output as _trustkeyd_v1_RestoreOutcome__Output } from './trustkeyd/v1/RestoreOutcome.ts';
import type { RestoreRecord as _trustkeyd_v1_RestoreRecord, RestoreRecord__Output as _trustkeyd_v1_RestoreRecord__Output } from './trustkeyd/v1/RestoreRecord.ts';
import type { RestoreRequest as _trustkeyd_v1_RestoreRequest, RestoreRequest__Output as _trustkeyd_v1_RestoreRequest__Output } from './trustkeyd/v1/RestoreRequest.ts';
import type { RestoreResponse as _trustkeyd_v1_RestoreResponse, RestoreResponse__Output as _trustkeyd_v1_RestoreResponse__Output } from './trustkeyd/v1/RestoreResponse.ts';
import type { RoleKeys as _trustkeyd_v1_RoleKeys, RoleKeys__Output as _trustkeyd_v1_RoleKeys__Output } from './trustkeyd/v1/RoleKeys.ts';
import type { RootCertificateRequest as _trustkeyd_v1_RootCertificateRequest, RootCertificateRequest__Output as _trustkeyd_v1_RootCertificateRequest__Output } from './trustkeyd/v1/RootCertificateRequest.ts';
import type { RootCertificateResponse as _trustkeyd_v1_RootCertificateResponse, RootCertificateResponse__Output as _trustkeyd_v1_RootCertificateResponse__Output } from './trustkeyd/v1/RootCertificateResponse.ts';
import type { RootPlan as _trustkeyd_v1_RootPlan, RootPlan__Output as _trustkeyd_v1_RootPlan__Output } from './trustkeyd/v1/RootPlan.ts';
import type { RootSigner as _trustkeyd_v1_RootSigner, RootSigner__Output as _trustkeyd_v1_RootSigner__Output } from './trustkeyd/v1/RootSigner.ts';
import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from './trustkeyd/v1/SealedSecret.ts';
import type { SecretsClient as _trustkeyd_v1_SecretsClient, SecretsDefinition as _trustkeyd_v1_SecretsDefinition } from './trustkeyd/v1/Secrets.ts';
import type { ShowJournalRequest as _trustkeyd_v1_ShowJournalRequest, ShowJournalRequest__Output as _trustkeyd_v1_ShowJournalRequest__Output } from './trustkeyd/v1/ShowJournalRequest.ts';
import type { ShowJournalResponse as _trustkeyd_v1_ShowJournalResponse, ShowJournalResponse__Output as _trustkeyd_v1_ShowJournalResponse__Output } from './trustkeyd/v1/ShowJournalResponse.ts';
import type { ShowTokenRequest as _trustkeyd_v1_ShowTokenRequest, ShowTokenRequest__Output as _trustkeyd_v1_ShowTokenRequest__Output } from './trustkeyd/v1/ShowTokenRequest.ts';
import type { ShowTrustRequest as _trustkeyd_v1_ShowTrustRequest, ShowTrustRequest__Output as _trustkeyd_v1_ShowTrustRequest__Output } from './trustkeyd/v1/ShowTrustRequest.ts';
import type { SignCloseRequest as _trustkeyd_v1_SignCloseRequest, SignCloseRequest__Output as _trustkeyd_v1_SignCloseRequest__Output } from './trustkeyd/v1/SignCloseRequest.ts';
import type { SignCloseResponse as _trustkeyd_v1_SignCloseResponse, SignCloseResponse__Output as _trustkeyd_v1_SignCloseResponse__Output } from './trustkeyd/v1/SignCloseResponse.ts';
import type { SignRequest as _trustkeyd_v1_SignRequest, SignRequest__Output as _trustkeyd_v1_SignRequest__Output } from './trustkeyd/v1/SignRequest.ts';
import type { SignResponse as _trustkeyd_v1_SignResponse, SignResponse__Output as _trustkeyd_v1_SignResponse__Output } from './trustkeyd/v1/SignResponse.ts';
import type { SignSetRequest as _trustkeyd_v1_SignSetRequest, SignSetRequest__Output as _trustkeyd_v1_SignSetRequest__Output } from './trustkeyd/v1/SignSetRequest.ts';
import type { SignSetResponse as _trustkeyd_v1_SignSetResponse, SignSetResponse__Output as _trustkeyd_v1_SignSetResponse__Output } from './trustkeyd/v1/SignSetResponse.ts';
import type { Signature as _trustkeyd_v1_Signature, Signature__Output as _trustkeyd_v1_Signature__Output } from './trustkeyd/v1/Signature.ts';
import type { SignerStatus as _trustkeyd_v1_SignerStatus, SignerStatus__Output as _trustkeyd_v1_SignerStatus__Output } from './trustkeyd/v1/SignerStatus.ts';
import type { SigningClient as _trustkeyd_v1_SigningClient, SigningDefinition as _trustkeyd_v1_SigningDefinition } from './trustkeyd/v1/Signing.ts';
import type { SnapshotBody as _trustkeyd_v1_SnapshotBody, SnapshotBody__Output as _trustkeyd_v1_SnapshotBody__Output } from './trustkeyd/v1/SnapshotBody.ts';
import type { StatusClient as _trustkeyd_v1_StatusClient, StatusDefinition as _trustkeyd_v1_StatusDefinition } from './trustkeyd/v1/Status.ts';
import type { Token as _trustkeyd_v1_Token, Token__Output as _trustkeyd_v1_Token__Output } from './trustkeyd/v1/Token.ts';
import type { TokenDetails as _trustkeyd_v1_TokenDetails, TokenDetails__Output as _trustkeyd_v1_TokenDetails__Output } from './trustkeyd/v1/TokenDetails.ts';
import type { TokenEvent as _trustkeyd_v1_TokenEvent, TokenEvent__Output as _trustkeyd_v1_TokenEvent__Output } from './trustkeyd/v1/TokenEvent.ts';
import type { TokenObject as _trustkeyd_v1_TokenObject, TokenObject__Output as _trustkeyd_v1_TokenObject__Output } from './trustkeyd/v1/TokenObject.ts';
import type { TokenObjectsRequest as _trustkeyd_v1_TokenObjectsRequest, TokenObjectsRequest__Output as _trustkeyd_v1_TokenObjectsRequest__Output } from './trustkeyd/v1/TokenObjectsRequest.ts';
import type { TokenObjectsResponse as _trustkeyd_v1_TokenObjectsResponse, TokenObjectsResponse__Output as _trustkeyd_v1_TokenObjectsResponse__Output } from './trustkeyd/v1/TokenObjectsResponse.ts';
import type { TokenWarning as _trustkeyd_v1_TokenWarning, TokenWarning__Output as _trustkeyd_v1_TokenWarning__Output } from './trustkeyd/v1/TokenWarning.ts';
import type { TokensClient as _trustkeyd_v1_TokensClient, TokensDefinition as _trustkeyd_v1_TokensDefinition } from './trustkeyd/v1/Tokens.ts';
import type { TrustClient as _trustkeyd_v1_TrustClient, TrustDefinition as _trustkeyd_v1_TrustDefinition } from './trustkeyd/v1/Trust.ts';
import type { UnblockPinRequest as _trustkeyd_v1_UnblockPinRequest, UnblockPinRequest__Output as _trustkeyd_v1_UnblockPinRequest__Output } from './trustkeyd/v1/UnblockPinRequest.ts';
import type { UnlockRequest as _trustkeyd_v1_UnlockRequest, UnlockRequest__Output as _trustkeyd_v1_UnlockRequest__Output } from './trustkeyd/v1/UnlockRequest.ts';
import type { UnlockResponse as _trustkeyd_v1_UnlockResponse, UnlockResponse__Output as _trustkeyd_v1_UnlockResponse__Output } from './trustkeyd/v1/UnlockResponse.ts';
import type { VerifyAuditRequest as _trustkeyd_v1_VerifyAuditRequest, VerifyAuditRequest__Output as _trustkeyd_v1_VerifyAuditRequest__Output } from './trustkeyd/v1/VerifyAuditRequest.ts';
import type { VerifyAuditResponse as _trustkeyd_v1_VerifyAuditResponse, VerifyAuditResponse__Output as _trustkeyd_v1_VerifyAuditResponse__Output } from './trustkeyd/v1/VerifyAuditResponse.ts';
import type { VoidRequest as _trustkeyd_v1_VoidRequest, VoidRequest__Output as _trustkeyd_v1_VoidRequest__Output } from './trustkeyd/v1/VoidRequest.ts';
import type { VoidResponse as _trustkeyd_v1_VoidResponse, VoidResponse__Output as _trustkeyd_v1_VoidResponse__Output } from './trustkeyd/v1/VoidResponse.ts';
import type { WatchTokensRequest as _trustkeyd_v1_WatchTokensRequest, WatchTokensRequest__Output as _trustkeyd_v1_WatchTokensRequest__Output } from './trustkeyd/v1/WatchTokensRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  grpc: {
    health: {
      v1: {
        /**
         * Health is gRPC's mechanism for checking whether a server is able to handle
         * RPCs. Its semantics are documented in
         * https://github.com/grpc/grpc/blob/master/doc/health-checking.md.
         */
        Health: SubtypeConstructor<typeof grpc.Client, _grpc_health_v1_HealthClient> & { service: _grpc_health_v1_HealthDefinition }
        HealthCheckRequest: MessageTypeDefinition<_grpc_health_v1_HealthCheckRequest, _grpc_health_v1_HealthCheckRequest__Output>
        HealthCheckResponse: MessageTypeDefinition<_grpc_health_v1_HealthCheckResponse, _grpc_health_v1_HealthCheckResponse__Output>
        HealthListRequest: MessageTypeDefinition<_grpc_health_v1_HealthListRequest, _grpc_health_v1_HealthListRequest__Output>
        HealthListResponse: MessageTypeDefinition<_grpc_health_v1_HealthListResponse, _grpc_health_v1_HealthListResponse__Output>
      }
    }
    reflection: {
      v1: {
        ErrorResponse: MessageTypeDefinition<_grpc_reflection_v1_ErrorResponse, _grpc_reflection_v1_ErrorResponse__Output>
        ExtensionNumberResponse: MessageTypeDefinition<_grpc_reflection_v1_ExtensionNumberResponse, _grpc_reflection_v1_ExtensionNumberResponse__Output>
        ExtensionRequest: MessageTypeDefinition<_grpc_reflection_v1_ExtensionRequest, _grpc_reflection_v1_ExtensionRequest__Output>
        FileDescriptorResponse: MessageTypeDefinition<_grpc_reflection_v1_FileDescriptorResponse, _grpc_reflection_v1_FileDescriptorResponse__Output>
        ListServiceResponse: MessageTypeDefinition<_grpc_reflection_v1_ListServiceResponse, _grpc_reflection_v1_ListServiceResponse__Output>
        ServerReflection: SubtypeConstructor<typeof grpc.Client, _grpc_reflection_v1_ServerReflectionClient> & { service: _grpc_reflection_v1_ServerReflectionDefinition }
        ServerReflectionRequest: MessageTypeDefinition<_grpc_reflection_v1_ServerReflectionRequest, _grpc_reflection_v1_ServerReflectionRequest__Output>
        ServerReflectionResponse: MessageTypeDefinition<_grpc_reflection_v1_ServerReflectionResponse, _grpc_reflection_v1_ServerReflectionResponse__Output>
        ServiceResponse: MessageTypeDefinition<_grpc_reflection_v1_ServiceResponse, _grpc_reflection_v1_ServiceResponse__Output>
      }
    }
  }
  trustkeyd: {
    v1: {
      AdoptRequest: MessageTypeDefinition<_trustkeyd_v1_AdoptRequest, _trustkeyd_v1_AdoptRequest__Output>
      Algorithm: EnumTypeDefinition
      Attestation: MessageTypeDefinition<_trustkeyd_v1_Attestation, _trustkeyd_v1_Attestation__Output>
      /**
       * The chain of records. Admin socket.
       */
      Audit: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_AuditClient> & { service: _trustkeyd_v1_AuditDefinition }
      AuditRecord: MessageTypeDefinition<_trustkeyd_v1_AuditRecord, _trustkeyd_v1_AuditRecord__Output>
      Backup: MessageTypeDefinition<_trustkeyd_v1_Backup, _trustkeyd_v1_Backup__Output>
      BackupState: MessageTypeDefinition<_trustkeyd_v1_BackupState, _trustkeyd_v1_BackupState__Output>
      /**
       * Backups: made here, taken back, and shown to be good. docs/formats/backup.md gives the file's bytes.
       */
      Backups: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_BackupsClient> & { service: _trustkeyd_v1_BackupsDefinition }
      BindKeyRequest: MessageTypeDefinition<_trustkeyd_v1_BindKeyRequest, _trustkeyd_v1_BindKeyRequest__Output>
      Binding: MessageTypeDefinition<_trustkeyd_v1_Binding, _trustkeyd_v1_Binding__Output>
      Body: MessageTypeDefinition<_trustkeyd_v1_Body, _trustkeyd_v1_Body__Output>
      CardCertificateRequest: MessageTypeDefinition<_trustkeyd_v1_CardCertificateRequest, _trustkeyd_v1_CardCertificateRequest__Output>
      CardCertificateResponse: MessageTypeDefinition<_trustkeyd_v1_CardCertificateResponse, _trustkeyd_v1_CardCertificateResponse__Output>
      /**
       * What the daemon signs for a key ceremony besides metadata.
       */
      Ceremonies: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_CeremoniesClient> & { service: _trustkeyd_v1_CeremoniesDefinition }
      CertificateRequestRequest: MessageTypeDefinition<_trustkeyd_v1_CertificateRequestRequest, _trustkeyd_v1_CertificateRequestRequest__Output>
      CertificateRequestResponse: MessageTypeDefinition<_trustkeyd_v1_CertificateRequestResponse, _trustkeyd_v1_CertificateRequestResponse__Output>
      ChallengeRequest: MessageTypeDefinition<_trustkeyd_v1_ChallengeRequest, _trustkeyd_v1_ChallengeRequest__Output>
      ChallengeResponse: MessageTypeDefinition<_trustkeyd_v1_ChallengeResponse, _trustkeyd_v1_ChallengeResponse__Output>
      ChangePassphraseRequest: MessageTypeDefinition<_trustkeyd_v1_ChangePassphraseRequest, _trustkeyd_v1_ChangePassphraseRequest__Output>
      ChangePassphraseResponse: MessageTypeDefinition<_trustkeyd_v1_ChangePassphraseResponse, _trustkeyd_v1_ChangePassphraseResponse__Output>
      ChangePinRequest: MessageTypeDefinition<_trustkeyd_v1_ChangePinRequest, _trustkeyd_v1_ChangePinRequest__Output>
      CopyKeyRequest: MessageTypeDefinition<_trustkeyd_v1_CopyKeyRequest, _trustkeyd_v1_CopyKeyRequest__Output>
      CreateBackupRequest: MessageTypeDefinition<_trustkeyd_v1_CreateBackupRequest, _trustkeyd_v1_CreateBackupRequest__Output>
      CreateBackupResponse: MessageTypeDefinition<_trustkeyd_v1_CreateBackupResponse, _trustkeyd_v1_CreateBackupResponse__Output>
      CreateGroupRequest: MessageTypeDefinition<_trustkeyd_v1_CreateGroupRequest, _trustkeyd_v1_CreateGroupRequest__Output>
      CreateKeyRequest: MessageTypeDefinition<_trustkeyd_v1_CreateKeyRequest, _trustkeyd_v1_CreateKeyRequest__Output>
      DoctorAlgorithm: MessageTypeDefinition<_trustkeyd_v1_DoctorAlgorithm, _trustkeyd_v1_DoctorAlgorithm__Output>
      DoctorFinding: MessageTypeDefinition<_trustkeyd_v1_DoctorFinding, _trustkeyd_v1_DoctorFinding__Output>
      DoctorMechanism: MessageTypeDefinition<_trustkeyd_v1_DoctorMechanism, _trustkeyd_v1_DoctorMechanism__Output>
      DoctorReport: MessageTypeDefinition<_trustkeyd_v1_DoctorReport, _trustkeyd_v1_DoctorReport__Output>
      DoctorRequest: MessageTypeDefinition<_trustkeyd_v1_DoctorRequest, _trustkeyd_v1_DoctorRequest__Output>
      DoctorSlot: MessageTypeDefinition<_trustkeyd_v1_DoctorSlot, _trustkeyd_v1_DoctorSlot__Output>
      DoctorWay: MessageTypeDefinition<_trustkeyd_v1_DoctorWay, _trustkeyd_v1_DoctorWay__Output>
      Drill: MessageTypeDefinition<_trustkeyd_v1_Drill, _trustkeyd_v1_Drill__Output>
      EnrollKeyRequest: MessageTypeDefinition<_trustkeyd_v1_EnrollKeyRequest, _trustkeyd_v1_EnrollKeyRequest__Output>
      ExportKeyFileRequest: MessageTypeDefinition<_trustkeyd_v1_ExportKeyFileRequest, _trustkeyd_v1_ExportKeyFileRequest__Output>
      ExportKeyFileResponse: MessageTypeDefinition<_trustkeyd_v1_ExportKeyFileResponse, _trustkeyd_v1_ExportKeyFileResponse__Output>
      ExportKeyRequest: MessageTypeDefinition<_trustkeyd_v1_ExportKeyRequest, _trustkeyd_v1_ExportKeyRequest__Output>
      ExportKeyResponse: MessageTypeDefinition<_trustkeyd_v1_ExportKeyResponse, _trustkeyd_v1_ExportKeyResponse__Output>
      ForgetSealedRequest: MessageTypeDefinition<_trustkeyd_v1_ForgetSealedRequest, _trustkeyd_v1_ForgetSealedRequest__Output>
      GetKeyRequest: MessageTypeDefinition<_trustkeyd_v1_GetKeyRequest, _trustkeyd_v1_GetKeyRequest__Output>
      GetStatusRequest: MessageTypeDefinition<_trustkeyd_v1_GetStatusRequest, _trustkeyd_v1_GetStatusRequest__Output>
      GetStatusResponse: MessageTypeDefinition<_trustkeyd_v1_GetStatusResponse, _trustkeyd_v1_GetStatusResponse__Output>
      Group: MessageTypeDefinition<_trustkeyd_v1_Group, _trustkeyd_v1_Group__Output>
      ImportKeyRequest: MessageTypeDefinition<_trustkeyd_v1_ImportKeyRequest, _trustkeyd_v1_ImportKeyRequest__Output>
      /**
       * What was promised.
       */
      Journal: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_JournalClient> & { service: _trustkeyd_v1_JournalDefinition }
      JournalEntry: MessageTypeDefinition<_trustkeyd_v1_JournalEntry, _trustkeyd_v1_JournalEntry__Output>
      KeepRootCertificateRequest: MessageTypeDefinition<_trustkeyd_v1_KeepRootCertificateRequest, _trustkeyd_v1_KeepRootCertificateRequest__Output>
      KeepRootCertificateResponse: MessageTypeDefinition<_trustkeyd_v1_KeepRootCertificateResponse, _trustkeyd_v1_KeepRootCertificateResponse__Output>
      KeptRequest: MessageTypeDefinition<_trustkeyd_v1_KeptRequest, _trustkeyd_v1_KeptRequest__Output>
      KeptResponse: MessageTypeDefinition<_trustkeyd_v1_KeptResponse, _trustkeyd_v1_KeptResponse__Output>
      Key: MessageTypeDefinition<_trustkeyd_v1_Key, _trustkeyd_v1_Key__Output>
      KeyCopy: MessageTypeDefinition<_trustkeyd_v1_KeyCopy, _trustkeyd_v1_KeyCopy__Output>
      KeyFileFormat: EnumTypeDefinition
      KeyFileSource: MessageTypeDefinition<_trustkeyd_v1_KeyFileSource, _trustkeyd_v1_KeyFileSource__Output>
      KeyFiles: MessageTypeDefinition<_trustkeyd_v1_KeyFiles, _trustkeyd_v1_KeyFiles__Output>
      KeyNeed: MessageTypeDefinition<_trustkeyd_v1_KeyNeed, _trustkeyd_v1_KeyNeed__Output>
      KeyProof: MessageTypeDefinition<_trustkeyd_v1_KeyProof, _trustkeyd_v1_KeyProof__Output>
      KeyState: EnumTypeDefinition
      /**
       * Keys and their groups.
       */
      Keys: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_KeysClient> & { service: _trustkeyd_v1_KeysDefinition }
      ListAuditRequest: MessageTypeDefinition<_trustkeyd_v1_ListAuditRequest, _trustkeyd_v1_ListAuditRequest__Output>
      ListAuditResponse: MessageTypeDefinition<_trustkeyd_v1_ListAuditResponse, _trustkeyd_v1_ListAuditResponse__Output>
      ListGroupsRequest: MessageTypeDefinition<_trustkeyd_v1_ListGroupsRequest, _trustkeyd_v1_ListGroupsRequest__Output>
      ListGroupsResponse: MessageTypeDefinition<_trustkeyd_v1_ListGroupsResponse, _trustkeyd_v1_ListGroupsResponse__Output>
      ListKeysRequest: MessageTypeDefinition<_trustkeyd_v1_ListKeysRequest, _trustkeyd_v1_ListKeysRequest__Output>
      ListKeysResponse: MessageTypeDefinition<_trustkeyd_v1_ListKeysResponse, _trustkeyd_v1_ListKeysResponse__Output>
      ListTokensRequest: MessageTypeDefinition<_trustkeyd_v1_ListTokensRequest, _trustkeyd_v1_ListTokensRequest__Output>
      ListTokensResponse: MessageTypeDefinition<_trustkeyd_v1_ListTokensResponse, _trustkeyd_v1_ListTokensResponse__Output>
      ListTrustRequest: MessageTypeDefinition<_trustkeyd_v1_ListTrustRequest, _trustkeyd_v1_ListTrustRequest__Output>
      ListTrustResponse: MessageTypeDefinition<_trustkeyd_v1_ListTrustResponse, _trustkeyd_v1_ListTrustResponse__Output>
      LockRequest: MessageTypeDefinition<_trustkeyd_v1_LockRequest, _trustkeyd_v1_LockRequest__Output>
      LockResponse: MessageTypeDefinition<_trustkeyd_v1_LockResponse, _trustkeyd_v1_LockResponse__Output>
      LoginRequest: MessageTypeDefinition<_trustkeyd_v1_LoginRequest, _trustkeyd_v1_LoginRequest__Output>
      LogoutRequest: MessageTypeDefinition<_trustkeyd_v1_LogoutRequest, _trustkeyd_v1_LogoutRequest__Output>
      Mark: MessageTypeDefinition<_trustkeyd_v1_Mark, _trustkeyd_v1_Mark__Output>
      MetadataFile: MessageTypeDefinition<_trustkeyd_v1_MetadataFile, _trustkeyd_v1_MetadataFile__Output>
      ObserveRequest: MessageTypeDefinition<_trustkeyd_v1_ObserveRequest, _trustkeyd_v1_ObserveRequest__Output>
      ObserveResponse: MessageTypeDefinition<_trustkeyd_v1_ObserveResponse, _trustkeyd_v1_ObserveResponse__Output>
      OutboxRequest: MessageTypeDefinition<_trustkeyd_v1_OutboxRequest, _trustkeyd_v1_OutboxRequest__Output>
      OutboxResponse: MessageTypeDefinition<_trustkeyd_v1_OutboxResponse, _trustkeyd_v1_OutboxResponse__Output>
      PivOptions: MessageTypeDefinition<_trustkeyd_v1_PivOptions, _trustkeyd_v1_PivOptions__Output>
      PivSlot: MessageTypeDefinition<_trustkeyd_v1_PivSlot, _trustkeyd_v1_PivSlot__Output>
      PlanRootRequest: MessageTypeDefinition<_trustkeyd_v1_PlanRootRequest, _trustkeyd_v1_PlanRootRequest__Output>
      PlanRootResponse: MessageTypeDefinition<_trustkeyd_v1_PlanRootResponse, _trustkeyd_v1_PlanRootResponse__Output>
      ProveRequest: MessageTypeDefinition<_trustkeyd_v1_ProveRequest, _trustkeyd_v1_ProveRequest__Output>
      ProveResponse: MessageTypeDefinition<_trustkeyd_v1_ProveResponse, _trustkeyd_v1_ProveResponse__Output>
      PublicKey: MessageTypeDefinition<_trustkeyd_v1_PublicKey, _trustkeyd_v1_PublicKey__Output>
      Purpose: EnumTypeDefinition
      RecordDrillRequest: MessageTypeDefinition<_trustkeyd_v1_RecordDrillRequest, _trustkeyd_v1_RecordDrillRequest__Output>
      RemoveKeyRequest: MessageTypeDefinition<_trustkeyd_v1_RemoveKeyRequest, _trustkeyd_v1_RemoveKeyRequest__Output>
      Repository: MessageTypeDefinition<_trustkeyd_v1_Repository, _trustkeyd_v1_Repository__Output>
      ResetRequest: MessageTypeDefinition<_trustkeyd_v1_ResetRequest, _trustkeyd_v1_ResetRequest__Output>
      RestoreBegin: MessageTypeDefinition<_trustkeyd_v1_RestoreBegin, _trustkeyd_v1_RestoreBegin__Output>
      RestoreChange: MessageTypeDefinition<_trustkeyd_v1_RestoreChange, _trustkeyd_v1_RestoreChange__Output>
      RestoreOutcome: MessageTypeDefinition<_trustkeyd_v1_RestoreOutcome, _trustkeyd_v1_RestoreOutcome__Output>
      RestoreRecord: MessageTypeDefinition<_trustkeyd_v1_RestoreRecord, _trustkeyd_v1_RestoreRecord__Output>
      RestoreRequest: MessageTypeDefinition<_trustkeyd_v1_RestoreRequest, _trustkeyd_v1_RestoreRequest__Output>
      RestoreResponse: MessageTypeDefinition<_trustkeyd_v1_RestoreResponse, _trustkeyd_v1_RestoreResponse__Output>
      RoleKeys: MessageTypeDefinition<_trustkeyd_v1_RoleKeys, _trustkeyd_v1_RoleKeys__Output>
      RootCertificateRequest: MessageTypeDefinition<_trustkeyd_v1_RootCertificateRequest, _trustkeyd_v1_RootCertificateRequest__Output>
      RootCertificateResponse: MessageTypeDefinition<_trustkeyd_v1_RootCertificateResponse, _trustkeyd_v1_RootCertificateResponse__Output>
      RootPlan: MessageTypeDefinition<_trustkeyd_v1_RootPlan, _trustkeyd_v1_RootPlan__Output>
      RootSigner: MessageTypeDefinition<_trustkeyd_v1_RootSigner, _trustkeyd_v1_RootSigner__Output>
      SealedSecret: MessageTypeDefinition<_trustkeyd_v1_SealedSecret, _trustkeyd_v1_SealedSecret__Output>
      /**
       * How a client hands a secret to the signer process that needs it, past the daemon.
       */
      Secrets: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_SecretsClient> & { service: _trustkeyd_v1_SecretsDefinition }
      ShowJournalRequest: MessageTypeDefinition<_trustkeyd_v1_ShowJournalRequest, _trustkeyd_v1_ShowJournalRequest__Output>
      ShowJournalResponse: MessageTypeDefinition<_trustkeyd_v1_ShowJournalResponse, _trustkeyd_v1_ShowJournalResponse__Output>
      ShowTokenRequest: MessageTypeDefinition<_trustkeyd_v1_ShowTokenRequest, _trustkeyd_v1_ShowTokenRequest__Output>
      ShowTrustRequest: MessageTypeDefinition<_trustkeyd_v1_ShowTrustRequest, _trustkeyd_v1_ShowTrustRequest__Output>
      SignCloseRequest: MessageTypeDefinition<_trustkeyd_v1_SignCloseRequest, _trustkeyd_v1_SignCloseRequest__Output>
      SignCloseResponse: MessageTypeDefinition<_trustkeyd_v1_SignCloseResponse, _trustkeyd_v1_SignCloseResponse__Output>
      SignRequest: MessageTypeDefinition<_trustkeyd_v1_SignRequest, _trustkeyd_v1_SignRequest__Output>
      SignResponse: MessageTypeDefinition<_trustkeyd_v1_SignResponse, _trustkeyd_v1_SignResponse__Output>
      SignSetRequest: MessageTypeDefinition<_trustkeyd_v1_SignSetRequest, _trustkeyd_v1_SignSetRequest__Output>
      SignSetResponse: MessageTypeDefinition<_trustkeyd_v1_SignSetResponse, _trustkeyd_v1_SignSetResponse__Output>
      Signature: MessageTypeDefinition<_trustkeyd_v1_Signature, _trustkeyd_v1_Signature__Output>
      SignerStatus: MessageTypeDefinition<_trustkeyd_v1_SignerStatus, _trustkeyd_v1_SignerStatus__Output>
      /**
       * Signatures over Notary v1 metadata. There is no call that signs bytes.
       */
      Signing: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_SigningClient> & { service: _trustkeyd_v1_SigningDefinition }
      SnapshotBody: MessageTypeDefinition<_trustkeyd_v1_SnapshotBody, _trustkeyd_v1_SnapshotBody__Output>
      Status: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_StatusClient> & { service: _trustkeyd_v1_StatusDefinition }
      Token: MessageTypeDefinition<_trustkeyd_v1_Token, _trustkeyd_v1_Token__Output>
      TokenDetails: MessageTypeDefinition<_trustkeyd_v1_TokenDetails, _trustkeyd_v1_TokenDetails__Output>
      TokenEvent: MessageTypeDefinition<_trustkeyd_v1_TokenEvent, _trustkeyd_v1_TokenEvent__Output>
      TokenObject: MessageTypeDefinition<_trustkeyd_v1_TokenObject, _trustkeyd_v1_TokenObject__Output>
      TokenObjectsRequest: MessageTypeDefinition<_trustkeyd_v1_TokenObjectsRequest, _trustkeyd_v1_TokenObjectsRequest__Output>
      TokenObjectsResponse: MessageTypeDefinition<_trustkeyd_v1_TokenObjectsResponse, _trustkeyd_v1_TokenObjectsResponse__Output>
      TokenWarning: MessageTypeDefinition<_trustkeyd_v1_TokenWarning, _trustkeyd_v1_TokenWarning__Output>
      /**
       * PKCS#11 tokens named in the configuration.
       */
      Tokens: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_TokensClient> & { service: _trustkeyd_v1_TokensDefinition }
      /**
       * What the daemon knows of repositories.
       */
      Trust: SubtypeConstructor<typeof grpc.Client, _trustkeyd_v1_TrustClient> & { service: _trustkeyd_v1_TrustDefinition }
      UnblockPinRequest: MessageTypeDefinition<_trustkeyd_v1_UnblockPinRequest, _trustkeyd_v1_UnblockPinRequest__Output>
      UnlockRequest: MessageTypeDefinition<_trustkeyd_v1_UnlockRequest, _trustkeyd_v1_UnlockRequest__Output>
      UnlockResponse: MessageTypeDefinition<_trustkeyd_v1_UnlockResponse, _trustkeyd_v1_UnlockResponse__Output>
      VerifyAuditRequest: MessageTypeDefinition<_trustkeyd_v1_VerifyAuditRequest, _trustkeyd_v1_VerifyAuditRequest__Output>
      VerifyAuditResponse: MessageTypeDefinition<_trustkeyd_v1_VerifyAuditResponse, _trustkeyd_v1_VerifyAuditResponse__Output>
      VoidRequest: MessageTypeDefinition<_trustkeyd_v1_VoidRequest, _trustkeyd_v1_VoidRequest__Output>
      VoidResponse: MessageTypeDefinition<_trustkeyd_v1_VoidResponse, _trustkeyd_v1_VoidResponse__Output>
      WatchTokensRequest: MessageTypeDefinition<_trustkeyd_v1_WatchTokensRequest, _trustkeyd_v1_WatchTokensRequest__Output>
    }
  }
}


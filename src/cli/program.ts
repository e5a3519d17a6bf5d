import { type Command, Option } from "commander"
import { auditListCommand } from "./commands/audit-list.ts"
import { auditVerifyCommand } from "./commands/audit-verify.ts"
import { backupCreateCommand } from "./commands/backup-create.ts"
import { backupDrillCommand } from "./commands/backup-drill.ts"
import { backupInspectCommand } from "./commands/backup-inspect.ts"
import { backupReceiptRecordCommand } from "./commands/backup-receipt-record.ts"
import { backupReceiptVerifyCommand } from "./commands/backup-receipt-verify.ts"
import { backupRestoreCommand } from "./commands/backup-restore.ts"
import { backupSharesCheckCommand } from "./commands/backup-shares-check.ts"
import { backupSharesCombineCommand } from "./commands/backup-shares-combine.ts"
import { backupSharesCreateCommand } from "./commands/backup-shares-create.ts"
import { backupVerifyCommand } from "./commands/backup-verify.ts"
import { ceremonyCheckCommand } from "./commands/ceremony-check.ts"
import { ceremonyCloseCommand } from "./commands/ceremony-close.ts"
import { ceremonyOpenCommand } from "./commands/ceremony-open.ts"
import { ceremonyPackCommand } from "./commands/ceremony-pack.ts"
import { ceremonyPlanCommand } from "./commands/ceremony-plan.ts"
import { ceremonyPublishCommand } from "./commands/ceremony-publish.ts"
import { ceremonyRehearseCommand } from "./commands/ceremony-rehearse.ts"
import { ceremonyReportCommand } from "./commands/ceremony-report.ts"
import { ceremonyResumeCommand } from "./commands/ceremony-resume.ts"
import { ceremonyScriptCommand } from "./commands/ceremony-script.ts"
import { CEREMONY_STEPS } from "./commands/ceremony-step.ts"
import { ceremonyVerifyCommand } from "./commands/ceremony-verify.ts"
import { completionCommand } from "./commands/completion.ts"
import { doctorCommand } from "./commands/doctor.ts"
import { initCommand } from "./commands/init.ts"
import { journalShowCommand } from "./commands/journal-show.ts"
import { journalVoidCommand } from "./commands/journal-void.ts"
import { keyBindCommand } from "./commands/key-bind.ts"
import { keyCertificateCommand } from "./commands/key-certificate.ts"
import { keyCopyCommand } from "./commands/key-copy.ts"
import { keyCreateCommand } from "./commands/key-create.ts"
import { keyCsrCommand } from "./commands/key-csr.ts"
import { keyEnrollCommand } from "./commands/key-enroll.ts"
import { keyExportCommand } from "./commands/key-export.ts"
import { keyForgetSealedCommand } from "./commands/key-forget-sealed.ts"
import { keyGroupCreateCommand } from "./commands/key-group-create.ts"
import { keyGroupListCommand } from "./commands/key-group-list.ts"
import { keyImportCommand } from "./commands/key-import.ts"
import { keyListCommand } from "./commands/key-list.ts"
import { keyLockCommand } from "./commands/key-lock.ts"
import { keyPassphraseCommand } from "./commands/key-passphrase.ts"
import { keyPublicCommand } from "./commands/key-public.ts"
import { keyRemoveCommand } from "./commands/key-remove.ts"
import { keyShowCommand } from "./commands/key-show.ts"
import { keyUnlockCommand } from "./commands/key-unlock.ts"
import { pluginInstallCommand } from "./commands/plugin-install.ts"
import { rotateDelegationCommand } from "./commands/rotate-delegation.ts"
import { rotateRootCommand } from "./commands/rotate-root.ts"
import { rotateSnapshotCommand } from "./commands/rotate-snapshot.ts"
import { rotateTargetsCommand } from "./commands/rotate-targets.ts"
import { rotateTimestampCommand } from "./commands/rotate-timestamp.ts"
import { signCommand } from "./commands/sign.ts"
import { statusCommand } from "./commands/status.ts"
import { tokenCertificateCommand } from "./commands/token-certificate.ts"
import { tokenChangePinCommand } from "./commands/token-change-pin.ts"
import { tokenDoctorCommand } from "./commands/token-doctor.ts"
import { tokenEnrollCommand } from "./commands/token-enroll.ts"
import { tokenListCommand } from "./commands/token-list.ts"
import { tokenLoginCommand } from "./commands/token-login.ts"
import { tokenLogoutCommand } from "./commands/token-logout.ts"
import { tokenObjectsCommand } from "./commands/token-objects.ts"
import { tokenShowCommand } from "./commands/token-show.ts"
import { tokenUnblockPinCommand } from "./commands/token-unblock-pin.ts"
import { trustAdoptCommand } from "./commands/trust-adopt.ts"
import { trustBuildCommand } from "./commands/trust-build.ts"
import { trustCreateCommand } from "./commands/trust-create.ts"
import { trustInitCommand } from "./commands/trust-init.ts"
import { trustInspectCommand } from "./commands/trust-inspect.ts"
import { trustKeyGenerateCommand } from "./commands/trust-key-generate.ts"
import { trustKeyLoadCommand } from "./commands/trust-key-load.ts"
import { trustListCommand } from "./commands/trust-list.ts"
import { trustPinFirstUseCommand } from "./commands/trust-pin-first-use.ts"
import { trustPinRemoveCommand } from "./commands/trust-pin-remove.ts"
import { trustPinSetCommand } from "./commands/trust-pin-set.ts"
import { trustPinShowCommand } from "./commands/trust-pin-show.ts"
import { trustPullCommand } from "./commands/trust-pull.ts"
import { trustPushCommand } from "./commands/trust-push.ts"
import { trustRecoverCommand } from "./commands/trust-recover.ts"
import { trustRenewCommand } from "./commands/trust-renew.ts"
import { trustResetCommand } from "./commands/trust-reset.ts"
import { trustRevokeCommand } from "./commands/trust-revoke.ts"
import { trustRunCommand } from "./commands/trust-run.ts"
import { trustShowCommand } from "./commands/trust-show.ts"
import { trustSignCommand } from "./commands/trust-sign.ts"
import { trustSignerAddCommand } from "./commands/trust-signer-add.ts"
import { trustSignerRemoveCommand } from "./commands/trust-signer-remove.ts"
import { type Cli, DEFAULT_ADMIN_SOCKET, DEFAULT_SIGN_SOCKET, type FrontEnd } from "./context.ts"
import { newCommand, withExamples } from "./syntax.ts"

type CommandMaker = (cli: Cli) => Command
/** Commands with a first word in common. One without commands does not appear. */
type Group = { readonly name: string; readonly description: string; readonly commands: readonly Branch[] }
type Branch = CommandMaker | Group

// One line for each command.

/** What docker trust has. Under all three names; `docker trust` has no others. */
const DOCKER_TRUST: readonly Branch[] = [
    { name: "key", description: "Keys for signing tags.", commands: [trustKeyGenerateCommand, trustKeyLoadCommand] },
    { name: "signer", description: "Who may sign tags.", commands: [trustSignerAddCommand, trustSignerRemoveCommand] },
    trustInspectCommand,
    trustSignCommand,
    trustRevokeCommand,
]

/** What the trust group has besides: under `trustkey trust` and `docker trustkey`. */
const OUR_TRUST: readonly Branch[] = [
    trustInitCommand,
    trustShowCommand,
    trustListCommand,
    trustRenewCommand,
    trustAdoptCommand,
    trustResetCommand,
    trustRecoverCommand,
    {
        name: "pin",
        description: "Which roots are trusted.",
        commands: [trustPinShowCommand, trustPinSetCommand, trustPinRemoveCommand, trustPinFirstUseCommand],
    },
    // With the trust check that docker's own had up to 28.
    trustPushCommand,
    trustPullCommand,
    trustCreateCommand,
    trustRunCommand,
    trustBuildCommand,
]

const KEY: readonly Branch[] = [
    keyCreateCommand,
    keyImportCommand,
    keyListCommand,
    keyShowCommand,
    keyPublicCommand,
    keyCopyCommand,
    keyForgetSealedCommand,
    keyExportCommand,
    keyCsrCommand,
    keyCertificateCommand,
    keyUnlockCommand,
    keyLockCommand,
    keyPassphraseCommand,
    keyBindCommand,
    keyEnrollCommand,
    keyRemoveCommand,
    { name: "group", description: "Key groups: many keys, one passphrase.", commands: [keyGroupCreateCommand, keyGroupListCommand] },
]

const CEREMONY: readonly Branch[] = [
    ceremonyPlanCommand,
    ceremonyCheckCommand,
    ceremonyRehearseCommand,
    ceremonyScriptCommand,
    ceremonyPackCommand,
    ceremonyOpenCommand,
    { name: "step", description: "What is done at the vault, one record each.", commands: CEREMONY_STEPS },
    ceremonyResumeCommand,
    ceremonyCloseCommand,
    ceremonyVerifyCommand,
    ceremonyPublishCommand,
    ceremonyReportCommand,
]

const BACKUP: readonly Branch[] = [
    backupCreateCommand,
    backupInspectCommand,
    backupVerifyCommand,
    backupRestoreCommand,
    backupDrillCommand,
    {
        name: "receipt",
        description: "What a drill leaves behind, signed by every key it restored.",
        commands: [backupReceiptVerifyCommand, backupReceiptRecordCommand],
    },
    {
        name: "shares",
        description: "The identity that opens backups, in the hands of several.",
        commands: [backupSharesCreateCommand, backupSharesCheckCommand, backupSharesCombineCommand],
    },
]

const TRUSTKEY: readonly Branch[] = [
    initCommand,
    statusCommand,
    doctorCommand,
    {
        name: "token",
        description: "Hardware tokens.",
        commands: [
            tokenListCommand,
            tokenShowCommand,
            tokenEnrollCommand,
            tokenLoginCommand,
            tokenLogoutCommand,
            tokenChangePinCommand,
            tokenUnblockPinCommand,
            tokenObjectsCommand,
            tokenCertificateCommand,
            tokenDoctorCommand,
        ],
    },
    { name: "key", description: "Keys, sealed or on tokens.", commands: KEY },
    signCommand,
    {
        name: "trust",
        description: "A repository's trust data, and the docker trust workflow.",
        commands: [...OUR_TRUST, ...DOCKER_TRUST],
    },
    {
        name: "rotate",
        description: "Other keys for a repository.",
        commands: [rotateRootCommand, rotateTargetsCommand, rotateSnapshotCommand, rotateTimestampCommand, rotateDelegationCommand],
    },
    {
        name: "ceremony",
        description: "New root keys, made and signed with by people around a machine without network.",
        commands: CEREMONY,
    },
    { name: "backup", description: "What brings everything back when state and tokens are gone.", commands: BACKUP },
    { name: "journal", description: "What was promised.", commands: [journalShowCommand, journalVoidCommand] },
    { name: "audit", description: "What was done, by whom.", commands: [auditListCommand, auditVerifyCommand] },
    { name: "plugin", description: "docker's plugin.", commands: [pluginInstallCommand] },
    completionCommand,
]

const COMMANDS: Readonly<Record<FrontEnd, readonly Branch[]>> = {
    trustkey: TRUSTKEY,
    "docker trustkey": [...DOCKER_TRUST, ...OUR_TRUST],
    "docker trust": DOCKER_TRUST,
}

/** The whole command line under the name it was started with. Only syntax: what a command does is loaded when it runs. */
export function makeProgram(cli: Cli): Command {
    const { frontEnd, version } = cli.context
    const program = newCommand(cli, frontEnd, DESCRIPTIONS[frontEnd]).hook("preAction", (_program, command) => cli.configure(command))
    // docker trust has no flags of its own: ours are known there, and not shown.
    const hidden = frontEnd === "docker trust"
    for (const [flags, description] of GLOBAL_OPTIONS) program.addOption(new Option(flags, description).hideHelp(hidden))
    if (!hidden) program.version(version, "--version", "print the version")
    addBranches(cli, program, COMMANDS[frontEnd])
    return withExamples(program, EXAMPLES[frontEnd])
}

const DESCRIPTIONS: Readonly<Record<FrontEnd, string>> = {
    trustkey: "Ask trustkeyd, which keeps the signing keys of Docker Content Trust repositories.",
    "docker trustkey": "Manage trust on Docker images with the keys in trustkeyd",
    "docker trust": "Manage trust on Docker images",
}

const GLOBAL_OPTIONS = [
    ["--socket <path>", `the daemon's sign socket (TRUSTKEYD_SOCKET, ${DEFAULT_SIGN_SOCKET})`],
    ["--admin-socket <path>", `the daemon's admin socket (TRUSTKEYD_ADMIN_SOCKET, ${DEFAULT_ADMIN_SOCKET})`],
    ["--quiet", "only results and errors, no remarks"],
] as const

const EXAMPLES: Readonly<Record<FrontEnd, readonly string[]>> = {
    trustkey: [
        "trustkey init",
        "trustkey trust init registry.example.com/team/app",
        "trustkey trust sign registry.example.com/team/app:v1 --digest sha256:5d1f...e0",
        "trustkey trust show registry.example.com/team/app",
    ],
    "docker trustkey": ["docker trustkey sign registry.example.com/team/app:v1", "docker trustkey show registry.example.com/team/app"],
    "docker trust": [],
}

function addBranches(cli: Cli, command: Command, branches: readonly Branch[]): void {
    for (const branch of branches) {
        if (typeof branch === "function") command.addCommand(branch(cli))
        else if (branch.commands.length > 0) command.addCommand(makeGroup(cli, branch))
    }
}

function makeGroup(cli: Cli, { name, description, commands }: Group): Command {
    const command = newCommand(cli, name, description)
    addBranches(cli, command, commands)
    return command
}

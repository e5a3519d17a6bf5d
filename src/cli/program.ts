import type { Command } from "commander"
import { auditListCommand } from "./commands/audit-list.ts"
import { auditVerifyCommand } from "./commands/audit-verify.ts"
import { initCommand } from "./commands/init.ts"
import { journalShowCommand } from "./commands/journal-show.ts"
import { journalVoidCommand } from "./commands/journal-void.ts"
import { keyBindCommand } from "./commands/key-bind.ts"
import { keyCreateCommand } from "./commands/key-create.ts"
import { keyEnrollCommand } from "./commands/key-enroll.ts"
import { keyGroupCreateCommand } from "./commands/key-group-create.ts"
import { keyGroupListCommand } from "./commands/key-group-list.ts"
import { keyListCommand } from "./commands/key-list.ts"
import { keyLockCommand } from "./commands/key-lock.ts"
import { keyPassphraseCommand } from "./commands/key-passphrase.ts"
import { keyPublicCommand } from "./commands/key-public.ts"
import { keyRemoveCommand } from "./commands/key-remove.ts"
import { keyShowCommand } from "./commands/key-show.ts"
import { keyUnlockCommand } from "./commands/key-unlock.ts"
import { signCommand } from "./commands/sign.ts"
import { statusCommand } from "./commands/status.ts"
import { tokenListCommand } from "./commands/token-list.ts"
import { tokenLoginCommand } from "./commands/token-login.ts"
import { tokenLogoutCommand } from "./commands/token-logout.ts"
import { tokenObjectsCommand } from "./commands/token-objects.ts"
import { trustAdoptCommand } from "./commands/trust-adopt.ts"
import { trustInitCommand } from "./commands/trust-init.ts"
import { trustListCommand } from "./commands/trust-list.ts"
import { trustResetCommand } from "./commands/trust-reset.ts"
import { trustRevokeCommand } from "./commands/trust-revoke.ts"
import { trustShowCommand } from "./commands/trust-show.ts"
import { trustSignCommand } from "./commands/trust-sign.ts"
import { type Cli, DEFAULT_ADMIN_SOCKET, DEFAULT_SIGN_SOCKET } from "./context.ts"
import { newCommand, withExamples } from "./syntax.ts"

type CommandMaker = (cli: Cli) => Command

/** The whole command line. Only syntax: what a command does is loaded when it runs. */
export function makeProgram(cli: Cli): Command {
    const program = newCommand(cli, "trustkey", "Ask trustkeyd, which keeps the signing keys of Docker Content Trust repositories.")
        .version(cli.context.version, "--version", "print the version")
        .option("--socket <path>", `the daemon's sign socket (TRUSTKEYD_SOCKET, ${DEFAULT_SIGN_SOCKET})`)
        .option("--admin-socket <path>", `the daemon's admin socket (TRUSTKEYD_ADMIN_SOCKET, ${DEFAULT_ADMIN_SOCKET})`)
        .option("--quiet", "only results and errors, no remarks")
        .hook("preAction", (_program, command) => cli.configure(command))
        .addCommand(initCommand(cli))
        .addCommand(statusCommand(cli))
        .addCommand(group(cli, "token", "Hardware tokens.", [tokenListCommand, tokenLoginCommand, tokenLogoutCommand, tokenObjectsCommand]))
        .addCommand(keyGroup(cli))
        .addCommand(signCommand(cli))
        .addCommand(trustGroup(cli))
        .addCommand(group(cli, "journal", "What was promised.", [journalShowCommand, journalVoidCommand]))
        .addCommand(group(cli, "audit", "What was done, by whom.", [auditListCommand, auditVerifyCommand]))
    return withExamples(program, [
        "trustkey init",
        "trustkey trust init registry.example.com/team/app",
        "trustkey trust sign registry.example.com/team/app:v1 --digest sha256:5d1f...e0",
        "trustkey trust show registry.example.com/team/app",
    ])
}

function keyGroup(cli: Cli): Command {
    const makers = [
        keyCreateCommand,
        keyListCommand,
        keyShowCommand,
        keyPublicCommand,
        keyUnlockCommand,
        keyLockCommand,
        keyPassphraseCommand,
        keyBindCommand,
        keyEnrollCommand,
        keyRemoveCommand,
    ]
    const groups = group(cli, "group", "Key groups: many keys, one passphrase.", [keyGroupCreateCommand, keyGroupListCommand])
    return group(cli, "key", "Keys, sealed or on tokens.", makers).addCommand(groups)
}

function trustGroup(cli: Cli): Command {
    return group(cli, "trust", "A repository's trust data, and the docker trust workflow.", [
        trustInitCommand,
        trustSignCommand,
        trustShowCommand,
        trustRevokeCommand,
        trustListCommand,
        trustAdoptCommand,
        trustResetCommand,
    ])
}

function group(cli: Cli, name: string, description: string, makers: readonly CommandMaker[]): Command {
    const command = newCommand(cli, name, description)
    for (const make of makers) command.addCommand(make(cli))
    return command
}

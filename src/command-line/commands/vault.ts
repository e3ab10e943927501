import type { Command } from 'commander';
import { visibleLines, visibleText } from '../../adapters/log/visible-text.ts';
import type { Terminal } from '../terminal.ts';

interface BootstrapOptions {
  readonly apply?: boolean;
  readonly secretId?: boolean;
  readonly auditFile: string;
}

/** `keyhold vault bootstrap`: what Keyhold needs in HashiCorp Vault (R2.6), as commands or carried out. */
export function addVaultCommand(program: Command, terminal: Terminal): void {
  const vault = program.command('vault').description('HashiCorp Vault, set up for Keyhold');
  vault
    .command('bootstrap')
    .description('print the commands that set up Vault for Keyhold, or carry them out')
    .option('--apply', 'carry it out over the API, with VAULT_ADDR and an administrator\'s VAULT_TOKEN')
    .option('--secret-id', 'also make a secret_id and show it')
    .option('--audit-file <path>', 'where Vault\'s audit device writes, on Vault\'s machine', 'stdout')
    .addHelpText('after', '\nIt makes a KV version 2 engine (VAULT_MOUNT_PATH), the policies ai-gateway-policy and ai-gateway-read, the AppRole\nai-gateway and an audit device. What is there is kept; it can be repeated.')
    .allowExcessArguments(false)
    .action(async ({ apply = false, secretId = false, auditFile }: BootstrapOptions) => {
      const [{ readEnvironment }, { vaultPlaces }] = await Promise.all([import('../../config/environment.ts'), import('../../config/vault-bootstrap-config.ts')]);
      const environment = readEnvironment();
      const plan = { ...vaultPlaces(environment), auditFile, secretId };
      if (!apply) {
        const { bootstrapCommands } = await import('../../adapters/vault-bootstrap/bootstrap-commands.ts');
        terminal.out(visibleLines(bootstrapCommands(plan)));
        terminal.error(afterwards(secretId));
        return;
      }
      const { bootstrapVault } = await import('../../bootstrap-vault.ts');
      const { done, roleId, secretId: made } = await bootstrapVault(environment, plan);
      for (const line of done) terminal.error(`${visibleText(line)}\n`);
      terminal.out(`VAULT_ROLE_ID=${visibleText(roleId)}\n${made === undefined ? '' : `VAULT_SECRET_ID=${visibleText(made)}\n`}`);
      if (made === undefined) terminal.error(howToGetASecretId);
    });
}

const howToGetASecretId = 'A secret_id for VAULT_SECRET_ID is made by: vault write -f auth/approle/role/ai-gateway/secret-id (or by this command with --secret-id).\n';

function afterwards(secretId: boolean): string {
  return [
    '',
    'These commands need the vault command line with VAULT_ADDR and an administrator\'s token. They can be repeated, and piped: keyhold vault bootstrap | sh',
    `Then start Keyhold with VAULT_ENABLED=true, VAULT_ADDR, VAULT_ROLE_ID and VAULT_SECRET_ID: the ${secretId ? 'last two commands show them' : 'last command shows the role_id'}.`,
    ...(secretId ? [''] : [howToGetASecretId]),
  ].join('\n');
}

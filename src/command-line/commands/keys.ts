import type { Command } from 'commander';
import type { ClientOptions } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';

interface RotateOptions extends ClientOptions {
  readonly data?: boolean;
  readonly tenant?: string;
}

/** `keyhold keys …`: what wraps the root key, and changes of it. */
export function addKeysCommand(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .description('the keys above the values: what wraps the root key, and changes of it')
    .addHelpText('after', '\nWith KEYHOLD_URL and KEYHOLD_TOKEN (a platform-admin\'s), or KEYHOLD_URL after `keyhold login`, a running Keyhold is asked; without, the data folder of a stopped one is used.\ndocs/keys.md goes through each change.');
  running(keys.command('status').description('show what wraps the root key')).action(async (options: ClientOptions) => {
    const { showKeyStatus } = await import('../keys/status.ts');
    await showKeyStatus(options, terminal);
  });
  running(keys.command('rotate').description('wrap the root key by something else; with --data, seal everything again under new data keys'))
    .option('--data', 'after a compromise: new data keys, and the list of the provider keys to replace')
    .option('--tenant <tenant>', 'with --data: of one tenant alone')
    .addHelpText('after', rotateHelp)
    .action(async ({ data = false, tenant, ...options }: RotateOptions) => {
      if (data) {
        const { rotateData } = await import('../keys/rotate-data.ts');
        await rotateData(options, tenant ?? null, terminal);
        return;
      }
      const [{ rotateWrapping }, { StartError }] = await Promise.all([import('../keys/rotate.ts'), import('../../ports/start-error.ts')]);
      if (tenant !== undefined) throw new StartError(2, 'One root key serves all tenants: --tenant goes with --data.');
      await rotateWrapping(options, terminal);
    });
}

function running(command: Command): Command {
  return command
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL)')
    .option('--token-file <file>', 'a file with a platform-admin\'s API token for it (or KEYHOLD_TOKEN)')
    .allowExcessArguments(false);
}

const rotateHelp = `
What is to wrap it is named by settings; what is left out stays as it is:
  another key file      KEYHOLD_NEW_KEY_FILE=/etc/keyhold/keyhold-2.key (made where there is none)
  a passphrase          KEYHOLD_NEW_KEY_WRAPPER=passphrase KEYHOLD_NEW_KEY_PASSPHRASE_FILE=/run/secrets/passphrase
  a key in Vault        KEYHOLD_NEW_KEY_WRAPPER=vault-transit KEYHOLD_NEW_TRANSIT_KEY=keyhold
  a key in Azure        KEYHOLD_NEW_KEY_WRAPPER=azure-key KEYHOLD_NEW_AZURE_KEY=https://my-vault.vault.azure.net/keys/keyhold
  a newer version of the key in Vault or Azure: none of them, after it was rotated there
A running Keyhold reads them from its own environment and .env at that moment. Nothing stops working: until the next start with the
new settings, the old and the new one both open the root key.

--data is for when the old wrapping key was seen by somebody, together with the database: everything is sealed again under new data
keys while requests run, the old data keys are destroyed, and the provider keys that were exposed are listed.`;

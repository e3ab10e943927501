import type { Command } from 'commander';
import type { SealState } from '../../adapters/keyhold-api/seal-over-api.ts';
import { visibleText } from '../../adapters/log/visible-text.ts';
import type { ClientOptions } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold seal` and `keyhold unseal`: the emergency stop of a running Keyhold, over its API (S29). */
export function addSealCommands(program: Command, terminal: Terminal): void {
  forRunning(program.command('seal').description('stop all use of keys of a running Keyhold, until `keyhold unseal`'))
    .requiredOption('--reason <text>', 'why, for people')
    .action(async ({ reason, ...options }: ClientOptions & { readonly reason: string }) => tell(await change(options, { to: 'sealed', reason }), terminal));
  forRunning(program.command('unseal').description('let keys of a running Keyhold be used again')).action(async (options: ClientOptions) =>
    tell(await change(options, { to: 'unsealed' }), terminal),
  );
}

function forRunning(command: Command): Command {
  return command
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL)')
    .option('--token-file <file>', 'a file with a platform administrator\'s token (or KEYHOLD_TOKEN)')
    .allowExcessArguments(false);
}

async function change(options: ClientOptions, to: { readonly to: 'sealed'; readonly reason: string } | { readonly to: 'unsealed' }): Promise<SealState> {
  const [{ requiredKeyhold }, { sealOverApi }] = await Promise.all([
    import('../running-keyhold.ts'),
    import('../../adapters/keyhold-api/seal-over-api.ts'),
  ]);
  return sealOverApi(await requiredKeyhold(options), to);
}

function tell({ sealed, changedAt, changedBy }: SealState, terminal: Terminal): void {
  const by = `since ${visibleText(changedAt)}, by ${visibleText(changedBy)}`;
  terminal.out(sealed ? `SEALED ${by}: no key is used, read or written until \`keyhold unseal\`.\n` : `UNSEALED ${by}: keys are used.\n`);
}

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { visibleText } from '../../adapters/log/visible-text.ts';
import type { HandedOut } from '../admin-token-file.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold token new-admin`: the way back in for whoever owns the data folder (S28). */
export function addTokenCommand(program: Command, terminal: Terminal): void {
  const token = program.command('token').description('tokens, made on the data folder itself');
  token
    .command('new-admin')
    .description('make a new administrator\'s token; Keyhold must be stopped')
    .addHelpText('after', '\nThe token is shown at a terminal; otherwise it is written to admin-token in the data folder. It ends after 24 hours.')
    .allowExcessArguments(false)
    .action(async () => {
      const { loadProcessConfig } = await import('../load.ts');
      const { config } = loadProcessConfig();
      const [{ makeAdminTokenOffline }, { handOutAdminToken }] = await Promise.all([import('../../compose.ts'), import('../admin-token-file.ts')]);
      for (const warning of config.warnings) terminal.error(`keyhold: warning: ${visibleText(warning)}\n`);
      const made = await makeAdminTokenOffline(config);
      const { isTerminal } = terminal;
      terminal.out(newTokenText(await handOutAdminToken({ token: made, dataDir: config.dataDir, isTerminal, random: randomBytes })));
    });
}

function newTokenText(token: HandedOut): string {
  if ('show' in token) return `${token.show.reveal()}\n\nThis administrator's token is shown only now. It ends after 24 hours: make a lasting one with POST /api/v1/tokens.\n`;
  return `A new administrator's token is in ${visibleText(token.file)}. It ends after 24 hours: make a lasting one with POST /api/v1/tokens.\n`;
}

import type { Command } from 'commander';
import { visibleText } from '../../adapters/log/visible-text.ts';
import type { HandedOut } from '../token-outlet.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold token new-admin`: the way back in for whoever owns the data folder (S28). */
export function addTokenCommand(program: Command, terminal: Terminal): void {
  const token = program.command('token').description('tokens, made on the data folder itself');
  token
    .command('new-admin')
    .description('make a new administrator\'s token; Keyhold must be stopped')
    .addHelpText('after', '\nThe token is shown at a terminal; otherwise it is written to admin-token in the data folder.')
    .allowExcessArguments(false)
    .action(async () => {
      const { loadProcessConfig } = await import('../load.ts');
      const { config } = loadProcessConfig();
      const [{ makeAdminTokenOffline }, { createLog }, { tokenOutlet }, { createAdminTokenFile }] = await Promise.all([
        import('../../stopped-admin-token.ts'),
        import('../../adapters/log/pino-log.ts'),
        import('../token-outlet.ts'),
        import('../../adapters/admin-token-file/admin-token-file.ts'),
      ]);
      for (const warning of config.warnings) terminal.error(`keyhold: warning: ${visibleText(warning)}\n`);
      // Standard output is for the answer; what goes wrong on the way is told on the other one.
      const log = createLog({ level: 'warn', destination: { write: (line) => terminal.error(line) }, pretty: true });
      const outlet = tokenOutlet({ file: createAdminTokenFile(config.dataDir), isTerminal: terminal.isTerminal });
      const id = await makeAdminTokenOffline(config, log, outlet);
      const handedOut = outlet.handedOut();
      if (handedOut !== undefined) terminal.out(newTokenText(id, handedOut));
    });
}

function newTokenText(id: string, token: HandedOut): string {
  const end = `Revoke it when it is no longer needed: DELETE /api/v1/tokens/${id}\n`;
  if ('show' in token) return `${token.show.reveal()}\n\nThis administrator's token is shown only now. ${end}`;
  return `A new administrator's token is in ${visibleText(token.file)} (move it from there to where you keep such things). ${end}`;
}

import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';

/** `keyhold serve`: runs until it is asked to stop. */
export function addServeCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('run Keyhold until SIGTERM or Ctrl-C')
    .allowExcessArguments(false)
    .action(async () => {
      const { loadProcessConfig } = await import('../load.ts');
      const { config } = loadProcessConfig();
      const [{ createLog }, { standardOutput }, { endOnUnexpected }, { productVersion }, { serve }] = await Promise.all([
        import('../../adapters/log/pino-log.ts'),
        import('../../adapters/log/standard-output.ts'),
        import('../unexpected.ts'),
        import('../version.ts'),
        import('../../serve.ts'),
      ]);
      const destination = standardOutput();
      const log = createLog({ level: config.logLevel, destination, pretty: destination.isTerminal });
      endOnUnexpected(log);
      for (const warning of config.warnings) log.warn('configuration_warning', warning);
      await serve({ config, log, terminal, version: productVersion() });
    });
}

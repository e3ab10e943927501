import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';

/** `keyhold serve`: runs until it is asked to stop. `exit` sets another exit status than 0. */
export function addServeCommand(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('serve')
    .description('run Keyhold until SIGTERM or Ctrl-C')
    .allowExcessArguments(false)
    .action(async () => {
      const { loadProcessConfig } = await import('../load.ts');
      const { config } = loadProcessConfig();
      const [{ createLog }, { LONGEST_SHARED_LINE, standardOutput }, { endOnUnexpected }, { productVersion }, { serve }] = await Promise.all([
        import('../../adapters/log/pino-log.ts'),
        import('../../adapters/log/standard-output.ts'),
        import('../unexpected.ts'),
        import('../version.ts'),
        import('../../serve.ts'),
      ]);
      const destination = standardOutput();
      const log = createLog({ level: config.logLevel, destination, pretty: destination.isTerminal, ...(config.workers === 1 ? {} : { longest: LONGEST_SHARED_LINE }) });
      endOnUnexpected(log);
      for (const warning of config.warnings) log.warn('configuration_warning', warning);
      exit(await serve({ config, log, terminal, version: productVersion() }));
    });
}

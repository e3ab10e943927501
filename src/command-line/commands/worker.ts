import type { Command } from 'commander';
import { StartError } from '../../ports/start-error.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold worker`: what `serve` starts when KEYHOLD_WORKERS is more than 1; of no use to people, and not in the help. */
export function addWorkerCommand(program: Command, terminal: Terminal): void {
  program
    .command('worker', { hidden: true })
    .allowExcessArguments(false)
    .action(async () => {
      if (process.send === undefined) throw new StartError(1, '`keyhold worker` is started by `keyhold serve` itself. Set KEYHOLD_WORKERS and run `keyhold serve`.');
      // First of all, so that signals and the first process's questions are answered while the rest is read.
      const { WorkerLink } = await import('../../workers/worker-link.ts');
      const link = new WorkerLink();
      const { loadProcessConfig } = await import('../load.ts');
      const { config } = loadProcessConfig();
      const [{ createLog }, { LONGEST_SHARED_LINE, standardOutput }, { endOnUnexpected }, { productVersion }, { serveAsWorker }] = await Promise.all([
        import('../../adapters/log/pino-log.ts'),
        import('../../adapters/log/standard-output.ts'),
        import('../unexpected.ts'),
        import('../version.ts'),
        import('../../workers/worker.ts'),
      ]);
      const beginning = await Promise.race([link.begun, link.stopped]);
      if (typeof beginning === 'string') return;
      const destination = standardOutput();
      const log = createLog({ level: config.logLevel, destination, pretty: destination.isTerminal, worker: beginning.number, longest: LONGEST_SHARED_LINE });
      endOnUnexpected(log);
      await serveAsWorker({ config, log, terminal, version: productVersion(), link, beginning });
    });
}

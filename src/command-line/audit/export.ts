import { open, rm } from 'node:fs/promises';
import { auditOverApi } from '../../adapters/keyhold-api/audit-over-api.ts';
import { createLog } from '../../adapters/log/pino-log.ts';
import { type ExportedTree, exportLines } from '../../core/audit/export-lines.ts';
import { StartError } from '../../ports/start-error.ts';
import { exportStoppedAudit } from '../../stopped-audit.ts';
import { loadProcessConfig } from '../load.ts';
import { type ClientOptions, runningKeyhold } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';

export interface ExportOptions extends ClientOptions {
  readonly output?: string;
  readonly tenant?: string;
}

/** Writes the export to a new file, or else to standard output. Throws `StartError`. */
export async function exportAudit(options: ExportOptions, terminal: Terminal): Promise<void> {
  const { config } = loadProcessConfig();
  const api = await runningKeyhold(config.client, options);
  const tree: ExportedTree = options.tenant === undefined ? 'log' : { tenant: options.tenant };
  const log = createLog({ level: 'warn', destination: { write: (line) => terminal.error(line) }, pretty: true });
  await into(options.output, terminal, async (write) => {
    if (api === undefined) {
      await exportStoppedAudit(config, log, tree, write).catch((error: unknown) => {
        if (!(error instanceof StartError && error.exitCode === 5)) throw error;
        throw new StartError(5, `${error.message}\nOr export it while it runs: set KEYHOLD_URL to its address and KEYHOLD_TOKEN to a token that may read the audit log.`, { cause: error });
      });
    } else {
      for await (const line of exportLines(tree, auditOverApi(api, options.tenant ?? null))) await write(line);
    }
  });
}

async function into(file: string | undefined, terminal: Terminal, work: (write: (line: string) => Promise<void>) => Promise<void>): Promise<void> {
  if (file === undefined) {
    await work(async (line) => {
      terminal.out(`${line}\n`);
      await terminal.drained?.();
    });
    return;
  }
  const handle = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    throw new StartError(4, `${file} cannot be made. Name a file that is not there yet, in a folder that this user can write to.`, { cause });
  });
  try {
    let waiting = '';
    const flush = async (): Promise<void> => {
      await handle.writeFile(waiting);
      waiting = '';
    };
    await work(async (line) => {
      waiting += `${line}\n`;
      if (waiting.length > 1_000_000) await flush();
    });
    await flush();
    await handle.sync();
  } catch (error) {
    // What is there is no export, and would be in the way of the next try.
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { allServices } from '../../../catalog/all-services.ts';
import { compose, type Product } from '../../../src/compose.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { end, listening } from '../../../src/serving.ts';
import { temporaryFolder } from '../product.ts';
import { RecordingLog } from '../recording-log.ts';
import { openDataFolder } from '../../../src/adapters/data-folder/data-folder.ts';
import { WorkerLinks } from './worker-links.ts';

export const PLATFORM_TOKEN = 'test-admin-token-0123456789-abcdefghij';

export interface TwoWorkers {
  /** Where each of them listens. */
  readonly ports: readonly number[];
  /** What they told one another; may be emptied. */
  readonly told: string[];
  readonly log: RecordingLog;
  close(): Promise<void>;
}

/** Two compositions of the whole product in this process, over one SQLite file, with the workers' bus between them. */
export async function startTwoWorkers(variables: Readonly<Record<string, string>>): Promise<TwoWorkers> {
  const folder = await temporaryFolder();
  const dataDir = join(folder, 'data');
  const held = openDataFolder(dataDir);
  const environment = { NODE_ENV: 'test', KEYHOLD_DATA_DIR: dataDir, KEYHOLD_LISTEN: '127.0.0.1:0', KEYHOLD_ADMIN_TOKEN: PLATFORM_TOKEN, KEYHOLD_LOG_LEVEL: 'debug', ...variables };
  const { config } = loadConfig({ workingDirectory: folder, variables: environment, dotenv: {}, execArgv: [], inspectorUrl: undefined }, allServices);
  const links = new WorkerLinks(2);
  const log = new RecordingLog();
  const products: Product[] = [];
  const ports: number[] = [];
  for (const number of [1, 2]) {
    const seat = { number, taken: number === 1 ? [] : [1], of: 2, rootKey: undefined, link: links.link() };
    const product = await compose({ config, log, version: '0.0.0-test', firstToken: { keep: async () => undefined, discard: async () => undefined }, alone: number === 1, seat });
    products.push(product);
    await product.begin();
    ports.push((await listening(product.server, config.listen)).port);
  }
  return {
    ports,
    told: links.told,
    log,
    close: async () => {
      for (const product of products) await end(product);
      held.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

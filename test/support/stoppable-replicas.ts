import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copiedKeys } from './copied-keys.ts';
import { baseUrlsOf } from './product-with-provider.ts';
import { type Product, startProduct, temporaryFolder } from './product.ts';
import { type ProviderServer, startProviderServer } from './servers/provider-server.ts';
import { sharedPostgres } from './servers/with-postgres.ts';

/** Replicas on one empty PostgreSQL database and one provider, that stop at steps of a write and have short terms; and their data folders. */
export class StoppableReplicas {
  readonly provider: ProviderServer;
  readonly #env: Readonly<Record<string, string>>;
  readonly #folders: string[];
  readonly #running = new Set<Product>();

  private constructor(provider: ProviderServer, env: Readonly<Record<string, string>>, folders: string[]) {
    this.provider = provider;
    this.#env = env;
    this.#folders = folders;
  }

  /** `env` is for all of them. */
  static async create(env: Readonly<Record<string, string>>): Promise<StoppableReplicas> {
    const provider = await startProviderServer();
    const database = await sharedPostgres().create();
    const folder = await temporaryFolder();
    const stopFile = join(folder, 'stop');
    await writeFile(stopFile, '');
    return new StoppableReplicas(provider, { ...baseUrlsOf(provider), KEYHOLD_DATABASE_URL: database.url, TEST_STOP_FILE: stopFile, ...env }, [folder]);
  }

  async folder(): Promise<string> {
    const path = await temporaryFolder();
    this.#folders.push(path);
    return path;
  }

  /** A data folder with the keys of another. */
  async folderLike(other: string): Promise<string> {
    const path = await copiedKeys(other);
    this.#folders.push(path);
    return path;
  }

  async start(dataDir: string, more: Readonly<Record<string, string>> = {}): Promise<Product> {
    const product = await startProduct({ dataDir, env: { ...this.#env, ...more }, entry: join(import.meta.dirname, 'serve-stopping-at.ts') });
    this.#running.add(product);
    return product;
  }

  async close(): Promise<void> {
    for (const product of this.#running) await product.kill();
    await this.provider.close();
    for (const path of this.#folders) await rm(path, { recursive: true, force: true });
  }
}

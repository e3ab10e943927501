import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiled } from './compiled.ts';

/** Obviously not a real token; long enough for KEYHOLD_ADMIN_TOKEN. */
export const testAdminToken = 'test-admin-token-0123456789-abcdefghij';

const root = join(import.meta.dirname, '..', '..');

export interface ProductOptions {
  /** Kept after stop when given; a fresh one otherwise. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another entry than the product's own command line. */
  readonly entry?: string;
  readonly args?: readonly string[];
  /** Gets what it writes, as it comes. */
  readonly heard?: (text: string) => void;
  /** Whether it is ready at this address; asked again and again. Left out: as `/readyz` says by plain http. */
  readonly isReady?: (url: string) => Promise<boolean>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real Keyhold process on a port of its own. */
export interface Product {
  readonly url: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  /** Everything it has written so far. */
  output(): string;
  /** The JSON lines among it. */
  logLines(): readonly Record<string, unknown>[];
  /** SIGTERM, and waits. */
  stop(): Promise<Exit>;
  /** SIGKILL, and waits. */
  kill(): Promise<Exit>;
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'keyhold-test-'));
}

/** Runs the command line to its end. For starts that must fail, and for commands that end by themselves. */
export async function runToEnd(options: ProductOptions): Promise<Exit & { readonly output: string; readonly stdout: string; readonly stderr: string }> {
  const child = spawnProduct(options, options.dataDir ?? (await temporaryFolder()));
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = await exitOf(child);
  return { ...exit, output: stdout + stderr, stdout, stderr };
}

/** Starts it and kills it (SIGKILL) so many milliseconds later, whatever it is doing then. */
export async function startTorn(options: ProductOptions & { readonly dataDir: string }, afterMs: number): Promise<Exit & { readonly output: string }> {
  const child = spawnProduct(options, options.dataDir);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  setTimeout(() => child.kill('SIGKILL'), afterMs);
  const exit = await exitOf(child);
  return { ...exit, output };
}

/** Starts it and waits until it is ready. Throws with its output when it ends before. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const dataDir = options.dataDir ?? (await temporaryFolder());
  const child = spawnProduct(options, dataDir);
  let output = '';
  const listening = Promise.withResolvers<string>();
  const read = (chunk: Buffer): void => {
    const text = chunk.toString();
    output += text;
    options.heard?.(text);
    const address = /"event":"listening".*?"address":"([^"]+)"/.exec(output)?.[1];
    if (address !== undefined) listening.resolve(`http://${address}`);
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  const exited = exitOf(child);
  void exited.then(({ code, signal }) => listening.reject(new Error(`Keyhold ended before it listened (${code ?? signal}):\n${output}`)));
  const url = await listening.promise;
  const product: Product = {
    url,
    dataDir,
    process: child,
    exited,
    output: () => output,
    logLines: () => jsonLines(output),
    stop: async () => {
      child.kill('SIGTERM');
      const exit = await exited;
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
      return exit;
    },
    kill: async () => {
      child.kill('SIGKILL');
      return exited;
    },
  };
  await ready(product, options.isReady ?? saysReady);
  return product;
}

async function saysReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200;
}

async function ready(product: Product, isReady: (url: string) => Promise<boolean>): Promise<void> {
  let ended = false;
  void product.exited.then(() => (ended = true));
  for (;;) {
    if (ended) throw new Error(`Keyhold ended before it was ready:\n${product.output()}`);
    if (await isReady(product.url)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function spawnProduct(options: ProductOptions, dataDir: string): ChildProcess {
  const entry = compiled(options.entry ?? join(root, 'src', 'main.ts'));
  const { PATH, HOME } = process.env;
  return spawn(process.execPath, ['--disable-sigusr1', '--report-exclude-env', entry, ...(options.args ?? ['serve'])], {
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...(PATH === undefined ? {} : { PATH }),
      ...(HOME === undefined ? {} : { HOME }),
      NODE_ENV: 'test',
      KEYHOLD_LISTEN: '127.0.0.1:0',
      KEYHOLD_DATA_DIR: join(dataDir, 'data'),
      KEYHOLD_ADMIN_TOKEN: testAdminToken,
      KEYHOLD_SHUTDOWN_TIMEOUT: '10s',
      ...options.env,
    },
  });
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

function jsonLines(output: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

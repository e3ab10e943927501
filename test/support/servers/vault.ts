import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { builtVault } from './vault-binary.ts';

const ROOT_TOKEN = 'test-root-token';
const STARTING_MS = 30_000;
const ATTEMPTS = 3;

export interface VaultOptions {
  /** `memory` (the default) is Vault's development mode: at once ready, and empty after a restart. */
  readonly storage?: 'memory' | 'file' | 'raft';
  /** Files of the server's certificate, its key and the CA; with `clientCa` clients must show a certificate of that CA, as the test's own calls do with `client`. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string; readonly clientCa?: string; readonly client?: { readonly cert: string; readonly key: string } };
  /** Writes Vault's audit log into `auditFile`. */
  readonly audit?: boolean;
  /** Joins the cluster of this one as a further node; both with `raft`. */
  readonly joins?: VaultServer;
}

export interface VaultReply {
  readonly status: number;
  /** The JSON object; empty where there is none. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface VaultCallOptions {
  /** Default: the root token. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A real Vault on this machine with a folder and a port of its own. It has a KV v2 engine at `secret`. */
export interface VaultServer {
  readonly address: string;
  readonly rootToken: string;
  readonly unsealKey: string;
  readonly folder: string;
  /** What Vault prints, at its finest level. */
  readonly logFile: string;
  /** With `audit`. */
  readonly auditFile: string;
  /** A call of the HTTP API, path below `/v1/`. */
  call(method: string, path: string, body?: unknown, options?: VaultCallOptions): Promise<VaultReply>;
  /** As `call`, but throws unless Vault says 200 or 204, and gives `data` or `auth` or `wrap_info` of the answer. */
  ask(method: string, path: string, body?: unknown, options?: VaultCallOptions): Promise<Readonly<Record<string, unknown>>>;
  /** The rest is for `file` and `raft`, except that `memory` can be stopped and started, too: as another, empty Vault. */
  seal(): Promise<void>;
  unseal(): Promise<void>;
  /** As with `kill -9`. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** On the same port. Unsealed, unless told otherwise. */
  start(options?: { readonly sealed?: boolean }): Promise<void>;
  /** Stops answering, as a machine that swaps; `resume` ends that. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** Starts the Vault that `buildVault` made; on another port when somebody else was faster on the first. */
export async function startVault(options: VaultOptions = {}): Promise<VaultServer> {
  const binary = builtVault();
  if (binary === undefined) throw new Error('Vault has not been built. Run the tests with npm test, which builds it once.');
  for (let attempt = 1; ; attempt += 1) {
    const vault = new RealVault(binary, options, { api: await freePort(), cluster: await freePort() });
    try {
      await vault.begin();
      return vault;
    } catch (error) {
      await vault.close();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

interface Ports {
  readonly api: number;
  /** Between the nodes of a cluster. */
  readonly cluster: number;
}

class RealVault implements VaultServer {
  readonly address: string;
  readonly folder = mkdtempSync(path.join(tmpdir(), 'keyhold-vault-'));
  readonly logFile = path.join(this.folder, 'vault.log');
  readonly auditFile = path.join(this.folder, 'audit.log');
  readonly #binary: string;
  readonly #options: VaultOptions;
  readonly #ports: Ports;
  #child: ChildProcess | undefined;
  #rootToken = ROOT_TOKEN;
  #unsealKey = '';

  constructor(binary: string, options: VaultOptions, ports: Ports) {
    this.#binary = binary;
    this.#options = options;
    this.#ports = ports;
    this.address = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${ports.api}`;
  }

  get rootToken(): string {
    return this.#rootToken;
  }

  get unsealKey(): string {
    return this.#unsealKey;
  }

  async begin(): Promise<void> {
    if (this.#isInMemory()) {
      await this.start();
      return;
    }
    writeFileSync(path.join(this.folder, 'vault.json'), JSON.stringify(this.#configuration()));
    mkdirSync(path.join(this.folder, 'data'));
    await this.start({ sealed: true });
    if (this.#options.joins !== undefined) return this.#join(this.#options.joins);
    const { body } = await this.call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
    const { root_token: rootToken, keys } = body;
    if (typeof rootToken !== 'string' || !Array.isArray(keys)) throw new Error(`Vault was not initialised: ${JSON.stringify(body)}`);
    this.#rootToken = rootToken;
    this.#unsealKey = String(keys[0]);
    await this.unseal();
    await this.ask('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } });
    if (this.#options.audit === true) await this.#startAudit();
    await this.#untilWritable();
  }

  async call(method: string, apiPath: string, body?: unknown, { token = this.#rootToken, headers = {} }: VaultCallOptions = {}): Promise<VaultReply> {
    const { tls } = this.#options;
    const send = tls === undefined ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        `${this.address}/v1/${apiPath}`,
        {
          method,
          agent: false,
          timeout: 20_000,
          headers: {
            'x-vault-token': token,
            ...(method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {}),
            ...headers,
          },
          ...(tls === undefined ? {} : { ca: readFileSync(tls.ca) }),
          ...(tls?.client === undefined ? {} : { cert: readFileSync(tls.client.cert), key: readFileSync(tls.client.key) }),
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: objectIn(text) }));
        },
      );
      request.once('timeout', () => request.destroy(new Error('Vault did not answer the test in 20 s.'))).once('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async ask(method: string, apiPath: string, body?: unknown, options?: VaultCallOptions): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.call(method, apiPath, body, options);
    if (reply.status !== 200 && reply.status !== 204) throw new Error(`Vault answered ${reply.status} to ${method} ${apiPath}: ${JSON.stringify(reply.body)}`);
    for (const part of ['auth', 'wrap_info', 'data']) {
      const value = reply.body[part];
      if (isObject(value)) return value;
    }
    return {};
  }

  async seal(): Promise<void> {
    await this.ask('PUT', 'sys/seal');
  }

  async unseal(): Promise<void> {
    await this.ask('PUT', 'sys/unseal', { key: this.#unsealKey });
    await this.#until(async () => (await this.call('GET', 'sys/health')).status === 200 || this.#standsBy());
  }

  async start({ sealed = false }: { readonly sealed?: boolean } = {}): Promise<void> {
    const log = openSync(this.logFile, 'a');
    const child = spawn(this.#binary, this.#arguments(), { cwd: this.folder, env: { PATH: '/usr/bin:/bin', HOME: this.folder, VAULT_LOG_LEVEL: 'trace' }, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    process.once('exit', () => child.kill('SIGKILL'));
    await this.#until(async () => (await this.call('GET', 'sys/seal-status')).status === 200);
    if (this.#isInMemory()) {
      await this.#untilWritable();
      if (this.#options.audit === true) await this.#startAudit();
    } else if (!sealed && this.#unsealKey !== '') {
      await this.unseal();
    }
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #join({ address, rootToken, unsealKey }: VaultServer): Promise<void> {
    this.#rootToken = rootToken;
    this.#unsealKey = unsealKey;
    await this.ask('POST', 'sys/storage/raft/join', { leader_api_addr: address });
    await this.unseal();
  }

  /** Whether another node is active. */
  async #standsBy(): Promise<boolean> {
    const { leader_address: leader, is_self: isSelf } = (await this.call('GET', 'sys/leader')).body;
    return leader !== '' && isSelf === false;
  }

  #isInMemory(): boolean {
    return (this.#options.storage ?? 'memory') === 'memory' && this.#options.tls === undefined;
  }

  #arguments(): string[] {
    if (!this.#isInMemory()) return ['server', `-config=${path.join(this.folder, 'vault.json')}`];
    return ['server', '-dev', `-dev-root-token-id=${ROOT_TOKEN}`, `-dev-listen-address=127.0.0.1:${this.#ports.api}`, '-dev-no-store-token'];
  }

  #configuration(): object {
    const { storage = 'memory', tls } = this.#options;
    const data = path.join(this.folder, 'data');
    return {
      storage: storage === 'raft' ? { raft: { path: data, node_id: `node-${this.#ports.api}`, performance_multiplier: 1 } } : storage === 'file' ? { file: { path: data } } : { inmem: {} },
      listener: [
        {
          tcp: {
            address: `127.0.0.1:${this.#ports.api}`,
            cluster_address: `127.0.0.1:${this.#ports.cluster}`,
            ...(tls === undefined
              ? { tls_disable: true }
              : {
                  tls_cert_file: tls.cert,
                  tls_key_file: tls.key,
                  ...(tls.clientCa === undefined ? {} : { tls_require_and_verify_client_cert: true, tls_client_ca_file: tls.clientCa }),
                }),
          },
        },
      ],
      api_addr: this.address,
      cluster_addr: `https://127.0.0.1:${this.#ports.cluster}`,
      disable_mlock: true,
      ui: false,
    };
  }

  /** A KV engine that has just been made answers 400 until it has its version. */
  async #untilWritable(): Promise<void> {
    await this.#until(async () => (await this.call('POST', 'secret/data/keyhold-test-is-ready', { data: {} })).status === 200);
    await this.ask('DELETE', 'secret/metadata/keyhold-test-is-ready');
  }

  async #startAudit(): Promise<void> {
    await this.ask('PUT', 'sys/audit/file', { type: 'file', options: { file_path: this.auditFile } });
  }

  async #until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + STARTING_MS;
    while (!(await isSo().catch(() => false))) {
      if (this.#child?.exitCode !== null || Date.now() > deadline) throw new Error(`Vault did not come up. It says:\n${readFileSync(this.logFile, 'utf8').slice(-3000)}`);
      await sleep(50);
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

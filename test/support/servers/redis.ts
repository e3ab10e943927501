import { createClient, type RedisClientType } from '@redis/client';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificates } from './azure/certificates.ts';
import { debianProgram, type FoundProgram } from './debian-program.ts';
import { freePort } from './free-port.ts';

const STARTING_MS = 30_000;
const ATTEMPTS = 3;

export interface RedisOptions {
  /** Only with TLS. */
  readonly tls?: boolean;
}

/** A real Redis on this machine with a folder, a port and a password of its own; nothing of it outlives a restart. It writes down what it is told. */
export interface RedisServer {
  /** With the password. */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** The certificate authority's file, with `tls`. */
  readonly caFile: string;
  /** A command of the test's own, over a connection of its own. */
  command(...words: readonly string[]): Promise<unknown>;
  /** Every command that has ever changed something there, and what lies there now: the files that Redis writes them to. */
  everything(): Promise<Buffer>;
  /** Listens to every channel from now on; gives what has been said there so far. Before `close`. */
  listen(): Promise<() => Buffer>;
  /** As with `kill -9`. */
  kill(): Promise<void>;
  /** On the same port; empty. */
  start(): Promise<void>;
  /** Stops answering, as a machine that swaps; `resume` ends that. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** Starts it; on another port when somebody else was faster on the first. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = await debianProgram({
    program: 'redis-server',
    file: 'usr/bin/redis-server',
    packages: ['redis-server', 'redis-tools', 'libatomic1', 'libjemalloc2', 'liblzf1'],
    elsewhere: 'apt-get install redis-server, brew install redis',
  });
  for (let attempt = 1; ; attempt += 1) {
    const redis = new RealRedis(program, options, await freePort());
    try {
      await redis.start();
      return redis;
    } catch (error) {
      await redis.close();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

class RealRedis implements RedisServer {
  readonly password = `test-password-${randomBytes(12).toString('hex')}`;
  readonly port: number;
  readonly url: string;
  readonly caFile: string;
  readonly #program: FoundProgram;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'keyhold-redis-'));
  readonly #logFolder = path.join(this.#folder, 'appendonlydir');
  readonly #logFile = path.join(this.#folder, 'redis.log');
  readonly #tls: boolean;
  readonly #listeners: RedisClientType[] = [];
  #child: ChildProcess | undefined;
  readonly #die = (): void => void this.#child?.kill('SIGKILL');

  constructor(program: FoundProgram, { tls = false }: RedisOptions, port: number) {
    this.#program = program;
    this.#tls = tls;
    this.port = port;
    this.url = `${tls ? 'rediss' : 'redis'}://:${this.password}@127.0.0.1:${port}`;
    this.caFile = path.join(this.#folder, 'ca.pem');
    if (!tls) return;
    const { ca, cert, key } = makeCertificates();
    for (const [name, pem] of Object.entries({ ca, cert, key })) writeFileSync(path.join(this.#folder, `${name}.pem`), pem);
  }

  async start(): Promise<void> {
    rmSync(this.#logFolder, { recursive: true, force: true });
    const log = openSync(this.#logFile, 'a');
    const listen = this.#tls
      ? ['--port', '0', '--tls-port', String(this.port), '--tls-cert-file', 'cert.pem', '--tls-key-file', 'key.pem', '--tls-ca-cert-file', 'ca.pem', '--tls-auth-clients', 'no']
      : ['--port', String(this.port)];
    const child = spawn(this.#program.file, ['--bind', '127.0.0.1', ...listen, '--requirepass', this.password, '--save', '', '--appendonly', 'yes', '--appendfsync', 'no', '--auto-aof-rewrite-percentage', '0', '--dir', this.#folder], {
      cwd: this.#folder,
      env: { PATH: '/usr/bin:/bin', ...this.#program.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    process.once('exit', this.#die);
    const deadline = Date.now() + STARTING_MS;
    while ((await this.command('PING').catch(() => undefined)) !== 'PONG') {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`Redis did not come up. It says:\n${readFileSync(this.#logFile, 'utf8').slice(-3000)}`);
      await sleep(20);
    }
  }

  async command(...words: readonly string[]): Promise<unknown> {
    const client = this.#client();
    try {
      await client.connect();
      return await client.sendCommand(words);
    } finally {
      if (client.isOpen) client.destroy();
    }
  }

  async everything(): Promise<Buffer> {
    const files = await readdir(this.#logFolder);
    return Buffer.concat(await Promise.all(files.map((file) => readFile(path.join(this.#logFolder, file)))));
  }

  async listen(): Promise<() => Buffer> {
    const client = this.#client();
    const said: Buffer[] = [];
    await client.connect();
    this.#listeners.push(client);
    await client.pSubscribe('*', (message, channel) => void said.push(channel, Buffer.from(' '), message, Buffer.from('\n')), true);
    return () => Buffer.concat(said);
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    process.off('exit', this.#die);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) if (listener.isOpen) listener.destroy();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #client(): RedisClientType {
    const socket = this.#tls ? { reconnectStrategy: false, tls: true, ca: readFileSync(this.caFile) } as const : { reconnectStrategy: false } as const;
    const client: RedisClientType = createClient({ url: this.url, socket });
    client.on('error', () => undefined);
    return client;
  }
}

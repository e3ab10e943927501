import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeCertificates } from './azure/certificates.ts';
import { debianProgram, type FoundProgram } from './debian-program.ts';
import { freePort } from './free-port.ts';
import { PostgresDatabases, testPassword } from './postgres-databases.ts';

const STARTING_MS = 60_000;
const ATTEMPTS = 3;
/** The server refuses to run as root: then it runs as `nobody`. */
const NOBODY = 65_534;
/** Those of Debian 12 that a machine may lack. */
const PACKAGES = ['postgresql-15', 'postgresql-client-15', 'libpq5', 'libicu72', 'libldap-2.5-0', 'libsasl2-2', 'libxml2', 'libssl3', 'libgssapi-krb5-2', 'libkrb5-3', 'libk5crypto3', 'libkrb5support0', 'libkeyutils1', 'liblz4-1', 'libzstd1', 'libpam0g'];

/** A real PostgreSQL on this machine, with a folder and a port of its own. It speaks TLS to whoever wants it, with a certificate for 127.0.0.1 and localhost. */
export interface PostgresTestServer {
  readonly databases: PostgresDatabases;
  /** As after a crash: every connection breaks, and the next start recovers. */
  kill(): Promise<void>;
  /** On the same port, with what was there. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Starts it; on another port when somebody else was faster on the first. */
export async function startPostgres(): Promise<PostgresTestServer> {
  const program = await debianProgram({ program: 'postgres', file: 'usr/lib/postgresql/*/bin/postgres', packages: PACKAGES, elsewhere: 'apt-get install postgresql, brew install postgresql' });
  for (let attempt = 1; ; attempt += 1) {
    const server = new RealPostgres(program, await freePort());
    try {
      await server.initialise();
      await server.start();
      return server;
    } catch (error) {
      await server.close();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

class RealPostgres implements PostgresTestServer {
  readonly databases: PostgresDatabases;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'keyhold-postgres-'));
  readonly #data = this.#file('data');
  readonly #isRoot = process.getuid?.() === 0;
  readonly #bin: string;
  readonly #run: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly uid?: number; readonly gid?: number };
  #child: ChildProcess | undefined;

  constructor(program: FoundProgram, port: number) {
    this.databases = new PostgresDatabases({ port, caFile: this.#file('ca.pem'), adminPassword: testPassword() });
    const { file, env } = this.#isRoot && program.file.startsWith(homedir()) ? this.#copy(program) : program;
    this.#bin = path.dirname(realpathSync(file));
    this.#run = { cwd: this.#folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...env }, ...(this.#isRoot ? { uid: NOBODY, gid: NOBODY } : {}) };
  }

  async initialise(): Promise<void> {
    const { ca, cert, key } = makeCertificates();
    mkdirSync(this.#data, { mode: 0o700 });
    for (const [name, text] of Object.entries({ 'ca.pem': ca, 'server.pem': cert, 'server.key': key, password: this.databases.adminPassword, log: '' })) {
      writeFileSync(this.#file(name), text, { mode: 0o600 });
    }
    for (const name of this.#isRoot ? ['.', 'data', 'server.pem', 'server.key', 'password', 'log'] : []) chownSync(this.#file(name), NOBODY, NOBODY);
    const options = ['-D', this.#data, '-U', 'admin', '-A', 'scram-sha-256', '--pwfile', this.#file('password'), '-E', 'UTF8', '--no-locale', '--no-sync'];
    await promisify(execFile)(path.join(this.#bin, 'initdb'), options, this.#run);
  }

  async start(): Promise<void> {
    const log = openSync(this.#file('log'), 'a');
    // Nothing here outlives the tests, so nothing waits for the disk.
    const settings = {
      listen_addresses: '127.0.0.1',
      port: this.databases.port,
      unix_socket_directories: '',
      ssl: 'on',
      ssl_cert_file: this.#file('server.pem'),
      ssl_key_file: this.#file('server.key'),
      fsync: 'off',
      full_page_writes: 'off',
      jit: 'off',
      max_connections: 200,
      shared_buffers: '64MB',
    };
    const child = spawn(path.join(this.#bin, 'postgres'), ['-D', this.#data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], { ...this.#run, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    process.once('exit', () => child.kill('SIGQUIT'));
    const deadline = Date.now() + STARTING_MS;
    while (!(await this.databases.query('SELECT 1').then(() => true, () => false))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`PostgreSQL did not come up. It says:\n${readFileSync(this.#file('log'), 'utf8').slice(-3000)}`);
      await sleep(50);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    // SIGKILL would leave its processes, which hold the port and the memory for a while.
    child.kill('SIGQUIT');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  /** Nobody else may enter root's home, where unpacked packages are. */
  #copy({ file, env }: FoundProgram): FoundProgram {
    const [from, to] = [file.slice(0, file.indexOf('/usr/lib/postgresql/')), this.#file('program')];
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    return { file: file.replace(from, to), env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll(from, to)])) };
  }
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Exit, type Product, startProduct, temporaryFolder } from '../product.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { WallClock } from '../servers/wall-clock.ts';

export interface ReplicaWorld {
  readonly databasePort: number;
  readonly redisPort: number;
  /** With these two ports for the database and Redis. */
  readonly env: (databasePort: number, redisPort: number) => Readonly<Record<string, string>>;
}

/** One of several processes on one database: with a folder, a port, a wall clock and ways to the database and to Redis of its own, through all its lives. */
export class Replica {
  readonly name: string;
  readonly databaseWay: TcpProxy;
  readonly redisWay: TcpProxy;
  readonly clock: WallClock;
  /** Makes one for each life, which gets what that writes. */
  listener: (() => (text: string) => void) | undefined;
  /** Grows with each folder. */
  disk = 0;
  readonly #env: Readonly<Record<string, string>>;
  #folder: string;
  #product: Product | undefined;
  #outputs = '';

  static async make(name: string, { databasePort, redisPort, env }: ReplicaWorld): Promise<Replica> {
    const [databaseWay, redisWay, folder, clockFolder] = await Promise.all([startTcpProxy(databasePort), startTcpProxy(redisPort), temporaryFolder(), temporaryFolder()]);
    const clock = await WallClock.at(join(clockFolder, 'clock'));
    return new Replica(name, { databaseWay, redisWay, folder, clock, env: { ...env(databaseWay.port, redisWay.port), ...clock.env } });
  }

  private constructor(name: string, { databaseWay, redisWay, folder, clock, env }: Pick<Replica, 'databaseWay' | 'redisWay' | 'clock'> & { readonly folder: string; readonly env: Readonly<Record<string, string>> }) {
    this.name = name;
    this.databaseWay = databaseWay;
    this.redisWay = redisWay;
    this.clock = clock;
    this.#folder = folder;
    this.#env = env;
  }

  /** undefined between two lives. It may stand still. */
  get url(): string | undefined {
    return this.#product?.url;
  }

  /** Whether it has ended without being asked to. */
  get hasDied(): boolean {
    return this.#product !== undefined && (this.#product.process.exitCode ?? this.#product.process.signalCode) !== null;
  }

  /** What all its lives have said. */
  get output(): string {
    return this.#outputs + (this.#product?.output() ?? '');
  }

  /** For commands on its folder. */
  get options(): { readonly dataDir: string; readonly env: Readonly<Record<string, string>> } {
    return { dataDir: this.#folder, env: this.#env };
  }

  async start(): Promise<void> {
    const heard = this.listener?.();
    this.#product = await startProduct({ ...this.options, ...(heard === undefined ? {} : { heard }) });
  }

  async kill(): Promise<void> {
    const product = this.#product;
    this.#product = undefined;
    await product?.kill();
    this.#outputs += product?.output() ?? '';
  }

  /** SIGTERM. */
  async stop(): Promise<Exit | undefined> {
    const product = this.#product;
    this.#product = undefined;
    const exit = await product?.stop();
    this.#outputs += product?.output() ?? '';
    return exit;
  }

  /** What it had on its disk is gone; between two lives. */
  async loseDisk(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    this.#folder = await temporaryFolder();
    this.disk += 1;
  }

  pause(): void {
    this.#product?.process.kill('SIGSTOP');
  }

  goOn(): void {
    this.#product?.process.kill('SIGCONT');
  }

  /** From now on nothing passes to that server and back; what is on its way is lost. */
  cutOff(way: 'database' | 'redis'): void {
    this.#way(way).silence();
  }

  join(way: 'database' | 'redis'): void {
    this.#way(way).heal();
    // A connection that lost bytes is none any more.
    this.#way(way).cut();
  }

  async close(): Promise<void> {
    await this.kill();
    await Promise.all([this.databaseWay.close(), this.redisWay.close(), rm(this.#folder, { recursive: true, force: true })]);
  }

  #way(way: 'database' | 'redis'): TcpProxy {
    return way === 'database' ? this.databaseWay : this.redisWay;
  }
}

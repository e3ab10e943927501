import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { ownVaultOf, type StoreHealth, type StoreId } from '../../ports/secret-store.ts';
import { signOfLife, Source, type SourceOptions } from './source.ts';
import { StaleReport } from './stale-report.ts';

/** Own vaults of which is remembered how they are; one that is forgotten counts as well again. */
const MAX_OWN = 10_000;

export interface SourcesDependencies {
  /** `KEYHOLD_STALE_LIMIT` */
  readonly staleLimitMs: number;
  readonly ping: () => Promise<void>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'servedStale'>;
}

/** The database and each secret store, tenants' own vaults included, as places that are read from. */
export class Sources {
  readonly database: Source;
  readonly ofDatabase: { readonly source: Source };
  readonly #dependencies: SourcesDependencies;
  readonly #ofStores = new Map<StoreId, Source>();
  readonly #reports = new Map<string, StaleReport>();
  readonly #outlived = new Set<Source>();

  constructor(dependencies: SourcesDependencies) {
    this.#dependencies = dependencies;
    this.database = this.#source('database', () => dependencies.ping().then(() => true));
    this.ofDatabase = { source: this.database };
  }

  /** Whether nothing serves beyond its time: what every request asks, so it costs nothing while it is so. */
  get areWell(): boolean {
    for (const source of this.#outlived) {
      if (source.isOutlived) return false;
      this.#outlived.delete(source);
    }
    return true;
  }

  /** Of the store, made when it is first asked for. */
  of(id: StoreId, health: () => Promise<StoreHealth>): Source {
    // The encrypted database is the database.
    if (id === 'sealed') return this.database;
    const known = this.#ofStores.get(id);
    if (known !== undefined) return known;
    const isOwn = ownVaultOf(id) !== undefined;
    const source = this.#source(isOwn ? 'own-vault' : id, async () => signOfLife(await health()), this.database);
    this.#ofStores.set(id, source);
    if (isOwn && this.#ofStores.size > MAX_OWN) this.#forgetOldest();
    return source;
  }

  #forgetOldest(): void {
    for (const id of this.#ofStores.keys()) {
      if (ownVaultOf(id) === undefined) continue;
      this.#ofStores.delete(id);
      return;
    }
  }

  #source(name: string, isAlive: SourceOptions['isAlive'], needs?: Source): Source {
    const { staleLimitMs, clock, random } = this.#dependencies;
    return new Source({ name, staleLimitMs, isAlive, needs, clock, random, report: this.#reportOf(name), onOutlived: (source) => this.#outlived.add(source) });
  }

  #reportOf(name: string): StaleReport {
    const report = this.#reports.get(name) ?? new StaleReport(name, this.#dependencies);
    this.#reports.set(name, report);
    return report;
  }
}

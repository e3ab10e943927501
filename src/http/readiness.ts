import { inTime } from '../core/outages/in-time.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { MetadataStore } from '../ports/metadata-store.ts';
import type { SecretStore, StoreKind } from '../ports/secret-store.ts';
import type { Readiness } from './control-plane-services.ts';

/** For so long cached records serve without the database (R3.10) where they do not outlive their time. */
const CACHED_MS = 10_000;
/** How long a part may take to answer before it counts as down. */
const ANSWER_MS = 2_000;

export interface ReadinessProbeDependencies {
  readonly database: Pick<MetadataStore, 'ping'>;
  /** How long they do (`KEYHOLD_STALE_LIMIT`). */
  readonly staleLimitMs: number;
  /** All that are switched on; the encrypted database is the database. */
  readonly stores: readonly Pick<SecretStore, 'kind' | 'health'>[];
  /** Whether all use of keys is stopped. Still ready: whoever unseals it has to reach it. */
  readonly seal: { readonly sealed: boolean };
  /** Whether changes on other replicas are heard of at once. */
  readonly bus: { readonly connected: boolean };
  /** Who signs the audit log's heads, too; undefined where nobody does. */
  readonly witness?: { readonly failure: string | null } | undefined;
  /** How many of the processes that are to serve do not; left out where there is one alone. */
  readonly missingWorkers?: (() => number) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

type Part = 'database' | Exclude<StoreKind, 'sealed'>;

/**
 * Whether requests can be served. While the database, the bus or a store is down, cached keys serve on: that is `degraded`, still
 * ready, so that an orchestrator does not remove every replica at once; once nothing from the database can serve any more it is not. Why a part is down
 * goes to the log, once until it is up again, since strangers are not told (S35).
 */
export class ReadinessProbe {
  readonly #dependencies: ReadinessProbeDependencies;
  #state: 'starting' | 'serving' | 'stopping' = 'starting';
  #databaseLastUp: number | undefined;
  readonly #down = new Set<Part>();

  constructor(dependencies: ReadinessProbeDependencies) {
    this.#dependencies = dependencies;
  }

  /** What the start had to finish is finished. */
  started(): void {
    if (this.#state === 'starting') this.#state = 'serving';
  }

  /** New requests should go elsewhere. */
  stopping(): void {
    this.#state = 'stopping';
  }

  async report(): Promise<Readiness> {
    const { database, staleLimitMs, stores, seal, bus, witness, missingWorkers, clock } = this.#dependencies;
    const vaults = stores.flatMap((store) => (store.kind === 'sealed' ? [] : [{ kind: store.kind, health: () => store.health() }]));
    const [databaseUp, ...vaultsUp] = await Promise.all([
      this.#isUp('database', database.ping()),
      ...vaults.map(({ kind, health }) => this.#isUp(kind, health().then(requireConnected))),
    ]);
    const now = clock.monotonic();
    if (databaseUp) this.#databaseLastUp = now;
    const cachesServe = this.#databaseLastUp !== undefined && now - this.#databaseLastUp <= Math.max(CACHED_MS, staleLimitMs);
    const degraded = [...(databaseUp ? [] : ['database']), ...vaults.filter((_vault, index) => vaultsUp[index] === false).map(({ kind }) => kind), ...(bus.connected ? [] : ['bus']), ...(seal.sealed ? ['sealed'] : []), ...((witness?.failure ?? null) === null ? [] : ['witness']), ...((missingWorkers?.() ?? 0) === 0 ? [] : ['workers']), ...(this.#state === 'serving' ? [] : [this.#state])];
    return { ready: this.#state === 'serving' && cachesServe, degraded };
  }

  async #isUp(part: Part, question: Promise<void>): Promise<boolean> {
    const { log } = this.#dependencies;
    try {
      await inTime(question, ANSWER_MS);
      if (this.#down.delete(part)) log.info('part_up', `The ${part} answers again`, { name: part });
      return true;
    } catch (error) {
      if (!this.#down.has(part)) log.warn('part_down', `The ${part} does not answer as it should`, { name: part, error });
      this.#down.add(part);
      return false;
    }
  }
}

function requireConnected({ connected }: { readonly connected: boolean }): void {
  if (!connected) throw new Error('it says that it is not connected');
}

import type { Clock } from '../ports/clock.ts';
import type { MetadataStore } from '../ports/metadata-store.ts';
import type { SecretStore } from '../ports/secret-store.ts';
import type { Readiness } from './control-plane-services.ts';

/** For so long cached records serve without the database (R3.10). */
const CACHED_MS = 10_000;
/** How long a part may take to answer before it counts as down. */
const ANSWER_MS = 2_000;

export interface ReadinessProbeDependencies {
  readonly database: Pick<MetadataStore, 'ping'>;
  /** All that are switched on. */
  readonly stores: readonly Pick<SecretStore, 'health'>[];
  readonly clock: Clock;
}

/**
 * Whether requests can be served. While only the database or a store is down, cached keys serve on: that is `degraded`, still
 * ready, so that an orchestrator does not remove every replica at once; once the caches are too old it is not.
 */
export class ReadinessProbe {
  readonly #dependencies: ReadinessProbeDependencies;
  #state: 'starting' | 'serving' | 'stopping' = 'starting';
  #databaseLastUp: number | undefined;

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
    const { database, stores, clock } = this.#dependencies;
    const [databaseUp, ...storesUp] = await Promise.all([
      answers(database.ping().then(() => true)),
      ...stores.map((store) => answers(store.health().then(({ connected }) => connected))),
    ]);
    const now = clock.monotonic();
    if (databaseUp) this.#databaseLastUp = now;
    const cachesServe = this.#databaseLastUp !== undefined && now - this.#databaseLastUp <= CACHED_MS;
    const degraded = [...(databaseUp ? [] : ['database']), ...(storesUp.every(Boolean) ? [] : ['store']), ...(this.#state === 'serving' ? [] : [this.#state])];
    return { ready: this.#state === 'serving' && cachesServe, degraded };
  }
}

async function answers(question: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ANSWER_MS).unref();
  });
  try {
    return await Promise.race([question, late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

import type { SecretStore, StoreHealth, StoreKind } from '../../ports/secret-store.ts';
import type { Grant } from '../access/grant.ts';
import { inTime } from '../outages/in-time.ts';
import type { WaitingValues } from './waiting-values.ts';

/** A store that has not answered by then counts as not connected. */
const ANSWER_MS = 3_000;

/** What may be shown of a secret store (R0.2, R4.16). */
export interface StoreView extends StoreHealth {
  readonly id: string;
  readonly kind: StoreKind;
  /** New values go here (R0.5). */
  readonly takesNew: boolean;
  /** Values that lie in the encrypted database and move here as soon as this store can be reached (R3.5). */
  readonly waiting: number;
}

/** How the stores are: all of them answer, the one that takes new keys does not, or only another one does not. */
export type StoresState = 'healthy' | 'degraded' | 'unavailable';

export interface StoreStatusDependencies {
  /** The stores that are switched on; the first takes new values. */
  readonly stores: readonly Pick<SecretStore, 'kind' | 'health'>[];
  readonly waiting: Pick<WaitingValues, 'of'>;
}

/** The health of the secret stores that are switched on. */
export class StoreStatus {
  readonly #stores: StoreStatusDependencies['stores'];
  readonly #waiting: StoreStatusDependencies['waiting'];

  constructor({ stores, waiting }: StoreStatusDependencies) {
    this.#stores = stores;
    this.#waiting = waiting;
  }

  /** Each store after a round trip to it, the one that takes new values first. */
  async list(grant: Grant): Promise<readonly StoreView[]> {
    grant.use('store.read');
    return Promise.all(
      this.#stores.map(async (store, index) => ({ id: store.kind, kind: store.kind, takesNew: index === 0, waiting: this.#waiting.of(store.kind), ...(await answerOf(store)) })),
    );
  }
}

export function stateOf(stores: readonly StoreView[]): StoresState {
  if (stores.every(({ connected }) => connected)) return 'healthy';
  return stores.some(({ connected, takesNew }) => takesNew && !connected) ? 'unavailable' : 'degraded';
}

async function answerOf(store: Pick<SecretStore, 'health'>): Promise<StoreHealth> {
  const { connected, latencyMs } = await inTime(store.health(), ANSWER_MS).catch(() => ({ connected: false, latencyMs: ANSWER_MS }));
  return { connected, latencyMs: Math.round(latencyMs * 10) / 10 };
}

import type { CredentialKey, CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { StoreId } from '../../ports/secret-store.ts';
import type { RecordWriter } from '../credentials/record-writer.ts';

const PAGE = 200;

export interface KeptThereDependencies {
  readonly credentials: Pick<CredentialRepository, 'list'>;
  readonly writer: Pick<RecordWriter, 'change'>;
}

/** Which credentials of a tenant a store keeps, and which are to move there. */
export class KeptThere {
  readonly #dependencies: KeptThereDependencies;

  constructor(dependencies: KeptThereDependencies) {
    this.#dependencies = dependencies;
  }

  /** By service and label: those whose live value lies there or is on its way, that could be recovered from there, or of which an earlier version is not destroyed yet. */
  async in(tenant: string, store: StoreId): Promise<readonly CredentialKey[]> {
    const kept: CredentialKey[] = [];
    for await (const record of this.#records(tenant)) if (needs(record, store)) kept.push({ scope: record.scope, service: record.service, label: record.label });
    return kept;
  }

  /** The reconciler moves every live value of the tenant there that lies elsewhere (R3.5). Gives how many. */
  async callHome(tenant: string, store: StoreId): Promise<number> {
    let moving = 0;
    for await (const { scope, service, label } of this.#records(tenant)) {
      let isMoving = false;
      await this.#dependencies.writer.change({ scope, service, label }, (record) => {
        const { current } = record;
        // What an earlier system has encrypted waits for its migration (R3.4).
        if (record.state !== 'active' || current === null || current.reference.legacy !== undefined) return undefined;
        isMoving = current.reference.store !== store;
        if (isMoving) return current.home === store ? undefined : { ...record, current: { ...current, home: store } };
        // It was on its way to elsewhere. To be sealed where it is, it stays marked.
        if (current.home === undefined || current.home === store) return undefined;
        const { home: _elsewhere, ...rest } = current;
        return { ...record, current: rest };
      });
      if (isMoving) moving += 1;
    }
    return moving;
  }

  async *#records(tenant: string): AsyncGenerator<CredentialRecord> {
    let after: string | undefined;
    do {
      const page = await this.#dependencies.credentials.list(tenantScope(tenant), { limit: PAGE, after });
      for (const { record } of page.items) yield record;
      after = page.next;
    } while (after !== undefined);
  }
}

function needs({ state, current, intent, retired }: CredentialRecord, store: StoreId): boolean {
  const isLive = state === 'active' || state === 'deleted';
  return (isLive && current?.reference.store === store) || intent?.store === store || intent?.owed?.store === store || retired.some(({ reference }) => reference.store === store);
}

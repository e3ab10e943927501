import { KeyholdError } from '../../../ports/errors.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import type { LimitsKey } from '../../../ports/metadata/limits.ts';
import type { Row, RowKind, RowTransfer } from '../../../ports/metadata/transfer.ts';
import type { UsageSegment, UsageSegmentRepository } from '../../../ports/metadata/usage-segments.ts';
import { type Scope, scopeFrom } from '../../../ports/scope.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { StoredText } from '../stored-text.ts';
import { gatewayKeys, tokens } from './cosmos-access.ts';
import { budgetAccounts, tenantBudgets } from './cosmos-budgets.ts';
import { credentials } from './cosmos-credentials.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { dataKeys, sealedValues } from './cosmos-sealed.ts';
import { sessions } from './cosmos-sessions.ts';
import { BATCH, type CosmosUsage, rollups } from './cosmos-usage.ts';
import { SEGMENT } from './cosmos-usage-segments.ts';
import { memberships, roles, users } from './cosmos-users.ts';
import { type KeptItem, unreadable } from './item.ts';
import type { RecordKind } from './record-place.ts';
import { INSTALLATION, limits, ownVaults, platform, policies, priceBooks, tenants } from './small-records.ts';

/** Items that are written at a time: each is a request of its own. */
const AT_ONCE = 16;

interface Kept {
  /** As items name it. */
  readonly kind: string;
  readonly keep: (row: Row) => Promise<void>;
}

export interface RowRepositories {
  readonly usage: Pick<CosmosUsage, 'keepBatch'>;
  readonly usageSegments: UsageSegmentRepository;
}

/** The container's records, as they are. */
export class CosmosRows implements RowTransfer {
  readonly #items: CosmosItems;
  readonly #kinds: Readonly<Record<RowKind, Kept>>;

  constructor(items: CosmosItems, { usage, usageSegments }: RowRepositories) {
    this.#items = items;
    const segments = new StoredText<UsageSegment>();
    const ofRecords = <K, R extends object>(kind: RecordKind<K, R>, keyOf: (parts: RowKey) => K): Kept => {
      const records = new CosmosRecords(items, kind);
      return { kind: kind.kind, keep: ({ key, revision, body }) => records.keep(keyOf(new RowKey(key)), revision, body) };
    };
    const ofTenant = (parts: RowKey): { readonly tenant: string } => ({ tenant: parts.text(0) });
    const ofId = (parts: RowKey): { readonly id: string } => ({ id: parts.text(0) });
    this.#kinds = {
      tenants: ofRecords(tenants, ofTenant),
      policies: ofRecords(policies, ofTenant),
      limits: ofRecords(limits, (parts): LimitsKey => ({ tenant: parts.text(0), layer: parts.text(1) === 'own' ? 'own' : 'platform' })),
      'price-books': ofRecords(priceBooks, (parts) => ({ scope: parts.scope() })),
      'tenant-budgets': ofRecords(tenantBudgets, ofTenant),
      'budget-accounts': ofRecords(budgetAccounts, (parts) => ({ tenant: parts.text(0), budget: parts.text(1), period: parts.text(2) })),
      'own-vaults': ofRecords(ownVaults, ofTenant),
      credentials: ofRecords(credentials, (parts) => ({ scope: parts.scope(), service: parts.text(1), label: parts.text(2) })),
      tokens: ofRecords(tokens, ofId),
      'gateway-keys': ofRecords(gatewayKeys, ofId),
      users: ofRecords(users, ofId),
      memberships: ofRecords(memberships, (parts) => ({ tenant: parts.text(0), user: parts.text(1) })),
      roles: ofRecords(roles, (parts) => ({ scope: parts.scope(), name: parts.text(1) })),
      sessions: ofRecords(sessions, ofId),
      'sealed-values': ofRecords(sealedValues, (parts) => ({ scope: parts.scope(), service: parts.text(1), label: parts.text(2), version: parts.number(3) })),
      'data-keys': ofRecords(dataKeys, (parts) => ({ scope: parts.scope(), id: parts.text(1) })),
      // What is in another database under a name is a record of that name, also one that only a newer Keyhold knows.
      platform: ofRecords<{ readonly name: string }, object>({ kind: platform.kind, partsOf: ({ name }) => [name], partitionOf: () => INSTALLATION }, (parts) => ({ name: parts.text(0) })),
      'usage-rollups': ofRecords(rollups, (parts) => ({ tenant: parts.text(0), hour: parts.number(1), journal: parts.text(2) })),
      'usage-batches': { kind: BATCH, keep: ({ body }) => usage.keepBatch(body ?? '') },
      'usage-segments': {
        kind: SEGMENT,
        keep: async ({ key, body }) => {
          const parts = new RowKey(key);
          await usageSegments.create({ journal: parts.text(0), segment: parts.number(1) }, segments.read(body ?? '')).catch((error: unknown) => {
            if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
          });
        },
      },
    };
  }

  async list(kind: RowKind, page: PageRequest): Promise<Page<Row>> {
    const name = `rows-${kind}`;
    const [after = ''] = pageStart(name, ['string'], page) ?? [];
    const named = this.#kinds[kind].kind;
    const parameters = [{ name: '@kind', value: named }, { name: '@ids', value: `${named}.` }, { name: '@after', value: after }];
    // Ids are always in the index, and kinds are not: without their beginning, each page would look through all that the container has.
    const found = await this.#items.queryWithRemoved(`SELECT TOP ${page.limit + 1} * FROM c WHERE STARTSWITH(c.id, @ids) AND c.kind = @kind AND c.id > @after ORDER BY c.id`, parameters);
    const { items, next } = pageFrom(name, found, page.limit, (item) => [item.id]);
    return { items: items.map(rowOf), next };
  }

  async put(kind: RowKind, rows: readonly Row[]): Promise<void> {
    const { keep } = this.#kinds[kind];
    for (let start = 0; start < rows.length; start += AT_ONCE) await Promise.all(rows.slice(start, start + AT_ONCE).map(keep));
  }
}

function rowOf(item: KeptItem): Row {
  return { key: partsOf(item), revision: item.revision, body: item.removed ? null : item.body };
}

/** The parts of a row's key, by what they have to be. */
class RowKey {
  readonly #parts: Row['key'];

  constructor(parts: Row['key']) {
    this.#parts = parts;
  }

  text(index: number): string {
    const part = this.#parts[index];
    if (typeof part !== 'string') throw unreadable('a part of a key is no text');
    return part;
  }

  number(index: number): number {
    const part = this.#parts[index];
    if (typeof part !== 'number') throw unreadable('a part of a key is no number');
    return part;
  }

  scope(): Scope {
    return scopeFrom(this.text(0));
  }
}

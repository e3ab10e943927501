import type { Bus } from '../../ports/bus.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { LimitsLayer, LimitsRecord, LimitsRepository } from '../../ports/metadata/limits.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { Grant } from '../access/grant.ts';
import type { Resource } from '../access/resource.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { etagOf, type IfMatch } from '../versions/etag.ts';
import { putRecord } from '../versions/put-record.ts';
import { type LimitsInput, limitsFrom, noLimits } from './limits-request.ts';

export interface LimitsServiceDependencies {
  readonly limits: LimitsRepository;
  readonly catalog: Catalog;
  readonly bus: Bus;
}

export interface LimitsView extends LimitsRecord {
  readonly etag: string;
}

/** What may be done to which layer. */
const actions = { own: { get: 'limits.read', put: 'limits.put' }, platform: { get: 'platform-limits.read', put: 'platform-limits.put' } } as const;

/** What a tenant may use: its own layer, and the platform's for it (R0.2, R5.4). */
export class LimitsService {
  readonly #limits: LimitsRepository;
  readonly #catalog: Catalog;
  readonly #bus: Bus;

  constructor({ limits, catalog, bus }: LimitsServiceDependencies) {
    this.#limits = limits;
    this.#catalog = catalog;
    this.#bus = bus;
  }

  /** The layer; with the ETag 0, where none was set. */
  async get(grant: Grant, layer: LimitsLayer): Promise<LimitsView> {
    return limitsView(await this.#limits.get({ tenant: tenantOf(grant.use(actions[layer].get)), layer }));
  }

  /** Replaces the layer as a whole; what is left out is not limited. Throws `invalid_argument`, and `precondition_failed` when `ifMatch` names another version. */
  async put(grant: Grant, layer: LimitsLayer, input: LimitsInput, ifMatch?: IfMatch): Promise<LimitsView> {
    const key = { tenant: tenantOf(grant.use(actions[layer].put)), layer };
    const record: LimitsRecord = { limits: limitsFrom(input, this.#catalog) };
    return limitsView(await putRecord(this.#limits, key, record, { ifMatch, announce: (version) => this.#bus.publish({ topic: 'limits', ...key, version }) }));
  }
}

function limitsView(stored: Stored<LimitsRecord> | undefined): LimitsView {
  return { limits: noLimits, ...stored?.record, etag: etagOf(stored?.revision ?? 0) };
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'Limits belong to tenants. The platform has none of its own.');
  return scope.tenant;
}

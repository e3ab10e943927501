import type { Bus } from '../../ports/bus.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { PolicyRecord, PolicyRepository } from '../../ports/metadata/tenants.ts';
import type { Grant } from '../access/grant.ts';
import type { Resource } from '../access/resource.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { rateText, requestPriceText } from '../prices/price-texts.ts';
import { etagOf, type IfMatch } from '../versions/etag.ts';
import { putRecord } from '../versions/put-record.ts';
import { defaultPolicy } from './default-policy.ts';
import { type PolicyInput, policyFrom } from './policy-request.ts';

export interface PolicyServiceDependencies {
  readonly policies: PolicyRepository;
  readonly catalog: Catalog;
  readonly bus: Bus;
}

export interface PolicyView extends Omit<PolicyRecord, 'unpricedPrice'> {
  /** Where one was put. */
  readonly unpricedPrice?: { readonly input: string; readonly output: string; readonly request: string };
  readonly etag: string;
}

/** A tenant's policy (R0.2). */
export class PolicyService {
  readonly #policies: PolicyRepository;
  readonly #catalog: Catalog;
  readonly #bus: Bus;

  constructor({ policies, catalog, bus }: PolicyServiceDependencies) {
    this.#policies = policies;
    this.#catalog = catalog;
    this.#bus = bus;
  }

  /** The policy; the default one, with the ETag 0, where none was set. */
  async get(grant: Grant): Promise<PolicyView> {
    return policyView(await this.#policies.get({ tenant: tenantOf(grant.use('policy.read')) }));
  }

  /**
   * Replaces the policy as a whole; what is left out has its default. Throws `invalid_argument`, `unsupported` for what would not
   * be kept to, `precondition_failed` when `ifMatch` names another version.
   */
  async put(grant: Grant, input: PolicyInput, ifMatch?: IfMatch): Promise<PolicyView> {
    const tenant = tenantOf(grant.use('policy.put'));
    const policy = policyFrom(input, this.#catalog);
    return policyView(await putRecord(this.#policies, { tenant }, policy, { ifMatch, announce: (version) => this.#bus.publish({ topic: 'policy', tenant, version }) }));
  }
}

function policyView(stored: Stored<PolicyRecord> | undefined): PolicyView {
  // Policies from before there was a time zone have none.
  const { unpricedPrice, ...policy } = { ...defaultPolicy, ...stored?.record };
  const etag = etagOf(stored?.revision ?? 0);
  if (unpricedPrice === undefined) return { ...policy, etag };
  const { input, output, request } = unpricedPrice;
  return { ...policy, unpricedPrice: { input: rateText(input), output: rateText(output), request: requestPriceText(request) }, etag };
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'The platform has no policy of a tenant.');
  return scope.tenant;
}

import type { CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { TenantRepository } from '../../ports/metadata/tenants.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Grant } from '../access/grant.ts';

/** A key at a provider whose value was sealed here: who had the wrapping key and the database knows it. Never the value. */
export interface ProviderKey {
  /** null: the platform's own. */
  readonly tenant: string | null;
  readonly service: string;
  readonly label: string;
  readonly state: CredentialRecord['state'];
  /** By the name of the field. */
  readonly hints: Readonly<Record<string, string>>;
}

export interface ProviderKeyPage {
  readonly items: readonly ProviderKey[];
  readonly next: string | undefined;
}

/** Where a page begins: in this scope, after this record; tenants go on from there. */
type Place = readonly [tenant: string | null, inScope: string | null, tenantsAfter: string | null];

export interface ProviderKeysDependencies {
  readonly credentials: Pick<CredentialRepository, 'list'>;
  readonly tenants: Pick<TenantRepository, 'list'>;
}

/** The list that the rotation of data keys ends with (S14): which keys to replace at their providers. */
export class ProviderKeys {
  readonly #credentials: ProviderKeysDependencies['credentials'];
  readonly #tenants: ProviderKeysDependencies['tenants'];

  constructor({ credentials, tenants }: ProviderKeysDependencies) {
    this.#credentials = credentials;
    this.#tenants = tenants;
  }

  /** Of one tenant, or, for null, of the platform and every tenant, in this order. A page may hold fewer than were asked for. */
  async list(grant: Grant, tenant: string | null, page: { readonly limit: number; readonly after: string | undefined }): Promise<ProviderKeyPage> {
    grant.use('data-keys.read');
    return this.page(tenant, page);
  }

  /** The same without a grant, for the command line on a stopped data folder. */
  async page(tenant: string | null, { limit, after }: { readonly limit: number; readonly after: string | undefined }): Promise<ProviderKeyPage> {
    let place: Place | undefined = after === undefined ? [tenant, null, tenant === null ? null : END] : placeOf(after);
    // Tenants without any are passed over, but not without end in one request.
    for (let scopes = 0; scopes < MOST_SCOPES && place !== undefined; scopes += 1) {
      const found: { readonly items: readonly ProviderKey[]; readonly next: Place | undefined } = await this.#at(place, limit);
      if (found.items.length > 0 || found.next === undefined) return { items: found.items, next: found.next === undefined ? undefined : textOf(found.next) };
      place = found.next;
    }
    return { items: [], next: place === undefined ? undefined : textOf(place) };
  }

  async #at([tenant, inScope, tenantsAfter]: Place, limit: number): Promise<{ readonly items: readonly ProviderKey[]; readonly next: Place | undefined }> {
    const scope: Scope = tenant === null ? platformScope : tenantScope(tenant);
    const found = await this.#credentials.list(scope, { limit, ...(inScope === null ? {} : { after: inScope }) });
    const items = found.items.flatMap((stored) => providerKey(stored, tenant));
    if (found.next !== undefined) return { items, next: [tenant, found.next, tenantsAfter] };
    if (tenantsAfter === END) return { items, next: undefined };
    const { items: [following], next } = await this.#tenants.list({ limit: 1, ...(tenantsAfter === null ? {} : { after: tenantsAfter }) });
    return { items, next: following === undefined ? undefined : [following.record.id, null, next ?? END] };
  }
}

/** Every page of them. */
export async function allProviderKeys(page: (after: string | undefined) => Promise<ProviderKeyPage>): Promise<readonly ProviderKey[]> {
  const keys: ProviderKey[] = [];
  let after: string | undefined;
  do {
    const { items, next } = await page(after);
    keys.push(...items);
    after = next;
  } while (after !== undefined);
  return keys;
}

/** In the place of a cursor of tenants: there are no others. */
const END = 'end';
const MOST_SCOPES = 100;

function providerKey({ record }: Stored<CredentialRecord>, tenant: string | null): readonly ProviderKey[] {
  const { service, label, state, current } = record;
  if (current === null || (current.reference.store !== 'sealed' && current.reference.sealed === undefined)) return [];
  return [{ tenant, service, label, state, hints: Object.fromEntries(current.fields.map(({ name, hint }) => [name, hint])) }];
}

function textOf(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function placeOf(text: string): Place {
  try {
    const [tenant, inScope, tenantsAfter]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (isTextOrNull(tenant) && isTextOrNull(inScope) && isTextOrNull(tenantsAfter)) return [tenant, inScope, tenantsAfter];
  } catch {
    // What it is, is said below.
  }
  throw new KeyholdError('invalid_argument', 'The cursor is not one of this list.', { details: { property: 'cursor' } });
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

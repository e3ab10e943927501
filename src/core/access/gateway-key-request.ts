import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { GatewayKeyRecord } from '../../ports/metadata/access.ts';
import { type Catalog, isAiService } from '../catalog/catalog.ts';
import { type BudgetInput, budgetsFrom } from '../budgets/budget-request.ts';
import { checkedExpiry, checkedName } from './checked-input.ts';
import { type LimitsInput, limitsFrom } from '../limits/limits-request.ts';
import { mayUseService } from './gateway-key-scope.ts';
import { checkedNetworks } from './networks.ts';

/** What a caller may say of a gateway key (R0.2). Left out: unchanged, or the default; null: back to the default. */
export interface GatewayKeyInput {
  readonly services?: readonly string[] | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly routes?: readonly string[] | null | undefined;
  readonly defaultProvider?: string | null | undefined;
  readonly tags?: Readonly<Record<string, string>> | null | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | null | undefined;
  readonly owner?: string | null | undefined;
  readonly networks?: readonly string[] | null | undefined;
  readonly limits?: LimitsInput | null | undefined;
  readonly budget?: readonly BudgetInput[] | null | undefined;
}

/** The part of a record that a caller decides. */
export type GatewayKeyChoices = Pick<GatewayKeyRecord, 'name' | 'services' | 'models' | 'routes' | 'defaultProvider' | 'tags' | 'expiresAt' | 'disabled' | 'owner' | 'networks' | 'limits' | 'budget'>;

const MAX_ENTRIES = 100;
const MAX_TAGS = 15;
const MODEL_GLOB = /^[\x21-\x7e]{1,200}$/;
const OTHER_WILDCARDS = /[[\]{}\\]/;
const OWNER = /^[^\p{Cc}\p{Cs}]{1,100}$/u;
const TAG_NAME = /^[^\p{Cc}\p{Cs}]{1,64}$/u;
const TAG_VALUE = /^[^\p{Cc}\p{Cs}]{0,256}$/u;

/**
 * The choices for the key with this id after the input has been applied to those there were. Throws `invalid_argument` for names that the catalogue does not know and values that cannot be.
 */
export function appliedChoices(
  id: string,
  before: GatewayKeyChoices,
  input: GatewayKeyInput & { readonly name?: string | undefined; readonly disabled?: boolean | undefined },
  { catalog, clock }: { readonly catalog: Catalog; readonly clock: Clock },
): GatewayKeyChoices {
  const { name, services, models, routes, defaultProvider, tags, expiresAt, disabled, owner, networks, limits, budget } = input;
  const after: GatewayKeyChoices = {
    name: name === undefined ? before.name : checkedName(name),
    services: services === undefined ? before.services : checkedServices(services, catalog),
    models: models === undefined ? before.models : checkedModels(models),
    routes: routes === undefined ? before.routes : checkedRoutes(routes, catalog),
    defaultProvider: defaultProvider === undefined ? before.defaultProvider : defaultProvider,
    tags: tags === undefined ? before.tags : checkedTags(tags ?? {}),
    expiresAt: expiresAt === undefined ? before.expiresAt : checkedExpiry(expiresAt, clock),
    disabled: disabled ?? before.disabled,
    owner: owner === undefined ? (before.owner ?? null) : checkedOwner(owner),
    networks: networks === undefined ? (before.networks ?? null) : checkedNetworks(networks),
    limits: limits === undefined ? (before.limits ?? null) : limits === null ? null : limitsFrom(limits, catalog),
    budget: budget === undefined ? (before.budget ?? []) : budgetsFrom(id, budget ?? [], 'budget'),
  };
  if (defaultProvider !== undefined || services !== undefined) requireReachableDefault(after, catalog);
  return after;
}

function checkedServices(services: readonly string[] | null, catalog: Catalog): readonly string[] | null {
  if (services === null) return null;
  for (const id of checkedList('services', services)) {
    if (catalog.find(id) === undefined) throw refused('services', `There is no service ${shown(id)}. GET /api/v1/services lists those there are.`);
  }
  return [...services];
}

function checkedModels(models: readonly string[] | null): readonly string[] | null {
  if (models === null) return null;
  for (const glob of checkedList('models', models)) {
    if (MODEL_GLOB.test(glob) && !OTHER_WILDCARDS.test(glob)) continue;
    throw refused('models', `${shown(glob)} is not a model's name. Names are 1 to 200 printable ASCII characters; * and ? are the only wildcards.`);
  }
  return [...models];
}

function checkedRoutes(routes: readonly string[] | null, catalog: Catalog): readonly string[] | null {
  if (routes === null) return null;
  const known = new Set(catalog.list().flatMap(({ gateway }) => gateway?.routes.map(({ id }) => id) ?? []));
  for (const id of checkedList('routes', routes)) {
    if (!known.has(id)) throw refused('routes', `There is no route ${shown(id)}. Known routes: ${[...known].sort().join(', ')}.`);
  }
  return [...routes];
}

function checkedTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) throw refused('tags', `A gateway key has at most ${MAX_TAGS} tags.`);
  for (const [name, value] of entries) {
    if (TAG_NAME.test(name) && TAG_VALUE.test(value)) continue;
    throw refused('tags', 'A tag has a name of 1 to 64 and a value of at most 256 characters, without control characters.');
  }
  return Object.fromEntries(entries);
}

/** A name, or a user's id. */
function checkedOwner(owner: string | null): string | null {
  if (owner === null || OWNER.test(owner)) return owner;
  throw refused('owner', 'owner is 1 to 100 characters without control characters.');
}

/** A default that the key itself may not reach would refuse every request that relies on it. */
function requireReachableDefault(choices: GatewayKeyChoices, catalog: Catalog): void {
  const { defaultProvider } = choices;
  if (defaultProvider === null) return;
  const service = catalog.find(defaultProvider);
  if (service === undefined || service.gateway === null || !isAiService(service)) {
    throw refused('defaultProvider', `${shown(defaultProvider)} is not an AI service that the gateway can call. GET /api/v1/services lists those there are.`);
  }
  if (!mayUseService(choices, service)) throw refused('defaultProvider', `${shown(defaultProvider)} is not among the key's services. Add it there, or choose one of them.`);
}

/** An empty list would reach nothing, and looks like "no restriction" to whoever sends it. */
function checkedList(property: string, entries: readonly string[]): readonly string[] {
  if (entries.length === 0) throw refused(property, `${property} is empty, so the key could be used for nothing. Leave it out for the default, or name at least one.`);
  if (entries.length > MAX_ENTRIES) throw refused(property, `${property} has at most ${MAX_ENTRIES} entries.`);
  return entries;
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

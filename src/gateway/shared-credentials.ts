import { matchesGlob } from '../core/access/glob.ts';
import type { BodyRules, GatewaySpec, RouteSpec, Service } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { KeySource } from '../ports/usage.ts';
import { foldKey } from './body-rules.ts';

/** A credential that several tenants use (S1). */
export function isShared(source: KeySource): boolean {
  return source === 'platform' || source === 'environment';
}

/** What of a request could show one tenant another's objects. */
export interface SharedUse {
  readonly service: Service;
  readonly gateway: GatewaySpec;
  readonly route: RouteSpec;
  readonly rules: BodyRules;
  readonly models: readonly string[];
  readonly references: readonly string[];
}

/** Throws `permission_denied` for what a shared credential does not serve (S1). */
export function requireStateless({ service, gateway, route, rules, models, references }: SharedUse): void {
  if (!route.stateless) throw denied(service, `the route ${route.id} shows what belongs to the account`);
  const reference = references.find((found) => counts(found, rules));
  if (reference !== undefined) throw denied(service, `the body refers to an object of the account (${reference})`);
  const model = models.find((name) => isAccountModel(name, gateway.accountModels));
  if (model !== undefined) throw denied(service, `the model ${model} belongs to an account`);
}

function counts(reference: string, rules: BodyRules): boolean {
  if (reference.startsWith('type=')) return rules.referenceTypes.some((type) => foldKey(`type=${type}`) === reference);
  if (reference.endsWith('.id')) return rules.bareIdKeys.some((key) => foldKey(`${key}.id`) === reference);
  return [...rules.referenceKeys, ...(rules.wholeReferenceKeys ?? [])].some((key) => foldKey(key) === reference);
}

/** The last glob that matches decides; `!` takes a name out. In any case: some providers do not tell names apart by it. */
function isAccountModel(model: string, globs: readonly string[]): boolean {
  const name = model.toLowerCase();
  const last = globs.findLast((glob) => matchesGlob((glob.startsWith('!') ? glob.slice(1) : glob).toLowerCase(), name));
  return last !== undefined && !last.startsWith('!');
}

function denied(service: Service, why: string): KeyholdError {
  return new KeyholdError('permission_denied', `The platform's key for ${service.id} is shared, and ${why}. Store a key of your own for ${service.id} to use it.`);
}

import { BOUNDING_ROLES, type Issuer } from '../core/access/issuer.ts';
import { parseStrictJson } from '../core/json/strict-json.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';
import type { Reader } from './reader.ts';
import { settings } from './settings.ts';

const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/u;
const NAMES: ReadonlySet<string> = new Set(['issuer', 'audience', 'jwksUrl', 'tenants', 'highestRole', 'platformRoles']);

/** The identity providers of `KEYHOLD_OIDC_ISSUERS_FILE`; none where it is not set. What is wrong with the file the reader knows then (S23). */
export function oidcIssuers(reader: Reader): readonly Issuer[] {
  const text = reader.readFileNamedBy(settings.oidcIssuersFile);
  if (text === undefined) return [];
  try {
    return Object.freeze(issuersOf(parsed(text)));
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    reader.problems.push(`${settings.oidcIssuersFile.name} names a file that ${error.message}. docs/sign-in.md shows what belongs there.`);
    return [];
  }
}

function parsed(text: string): unknown {
  try {
    return parseStrictJson(Buffer.from(text));
  } catch {
    throw new InvalidValue('is no JSON, or has a name twice');
  }
}

function issuersOf(content: unknown): Issuer[] {
  if (!isObject(content) || !Array.isArray(content['issuers'])) throw new InvalidValue('has no list "issuers" at its top');
  const issuers = content['issuers'].map(issuerOf);
  const twice = issuers.find(({ issuer }, index) => issuers.findIndex((other) => other.issuer === issuer) !== index);
  if (twice !== undefined) throw new InvalidValue(`names ${quoted(twice.issuer)} twice`);
  return issuers;
}

function issuerOf(entry: unknown): Issuer {
  if (!isObject(entry)) throw new InvalidValue('has an entry in "issuers" that is no object');
  const unknown = Object.keys(entry).find((name) => !NAMES.has(name));
  if (unknown !== undefined) throw new InvalidValue(`has ${quoted(unknown)}, which is nothing that an issuer has`);
  const { audience, jwksUrl, highestRole, platformRoles = false } = entry;
  const issuer = address('issuer', entry['issuer']);
  if (typeof audience !== 'string' || audience === '') throw new InvalidValue(`says of ${quoted(issuer)} no "audience": what its tokens have as aud when they are meant for Keyhold`);
  const role = BOUNDING_ROLES.find((known) => known === highestRole);
  if (role === undefined) throw new InvalidValue(`says of ${quoted(issuer)} no "highestRole", which is one of ${BOUNDING_ROLES.join(', ')}`);
  if (typeof platformRoles !== 'boolean') throw new InvalidValue(`says of ${quoted(issuer)} a "platformRoles" that is neither true nor false`);
  return Object.freeze({ issuer, audience, jwksUrl: jwksUrl === undefined ? null : address('jwksUrl', jwksUrl), tenants: tenantsOf(issuer, entry['tenants']), highestRole: role, platformRoles });
}

/** `"any"`, or a list; there is no default, since one would give an issuer more than its operator thought of. */
function tenantsOf(issuer: string, tenants: unknown): ReadonlySet<string> | null {
  if (tenants === 'any') return null;
  if (Array.isArray(tenants) && tenants.every((tenant): tenant is string => typeof tenant === 'string' && TENANT.test(tenant))) return new Set(tenants);
  throw new InvalidValue(`says of ${quoted(issuer)} no "tenants": a list of tenants' ids, or "any"`);
}

function address(name: string, value: unknown): string {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (typeof value !== 'string' || url === null || url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') throw new InvalidValue(`has an issuer without a "${name}" that is an address`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) throw new InvalidValue(`has ${quoted(value)}, which is not https; http is for this machine alone`);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { resolve } from 'node:path';
import { ACCESS_TOKEN_TYPES, BOUNDING_ROLES, type FirstSignIn, type Issuer, type IssuerClient, type TerminalClient } from '../core/access/issuer.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';
import { readSecretFile } from './variables.ts';

/** What is said of an issuer, by the names that the file has for it, before it is known to be right. */
export type IssuerEntry = Readonly<Record<string, unknown>>;

export interface EntryContext {
  /** How the operator wrote a name: `"tenants"`, or the variable. */
  readonly named: (name: string) => string;
  readonly workingDirectory: string;
  /** Where it does not come from a file of its own. */
  readonly secret?: SecretValue | null;
}

const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/u;
const ROLE = /^[a-z][a-z0-9-]{1,62}$/u;
const NAMES: ReadonlySet<string> = new Set(['issuer', 'name', 'audience', 'accessTokenType', 'clientId', 'clientSecretFile', 'cliClientId', 'cliScope', 'jwksUrl', 'tenants', 'highestRole', 'platformRoles', 'firstSignIn']);

/** An identity provider as an entry describes it (S23). Throws `InvalidValue` with what is missing or wrong. */
export function issuerOf(entry: IssuerEntry, context: EntryContext): Issuer {
  const { named } = context;
  const unknown = Object.keys(entry).find((name) => !NAMES.has(name));
  if (unknown !== undefined) throw new InvalidValue(`has ${quoted(unknown)}, which is nothing that an issuer has`);
  const issuer = address(named('issuer'), entry['issuer']);
  const needs = (name: string, what: string): InvalidValue => new InvalidValue(`says of ${quoted(issuer)} no ${named(name)}: ${what}`);
  const { jwksUrl, platformRoles = false, accessTokenType = 'at+jwt' } = entry;
  const name = text(entry['name'], named('name')) ?? new URL(issuer).host;
  const audience = text(entry['audience'], named('audience'));
  const client = clientOf(entry, context);
  if (audience === null && client === null) throw needs('audience', `what its access tokens have as aud when they are meant for Keyhold; or ${named('clientId')}, where people sign in with a browser alone`);
  const terminal = terminalOf(entry, context);
  if (audience === null && terminal !== null) throw needs('audience', `a terminal shows access tokens, and these are taken by it`);
  const type = ACCESS_TOKEN_TYPES.find((known) => known === accessTokenType);
  if (type === undefined) throw needs('accessTokenType', `it is one of ${ACCESS_TOKEN_TYPES.join(', ')}`);
  if (type === 'jwt' && audience !== null && (audience === client?.id || audience === terminal?.id)) throw needs('audience', `with ${named('accessTokenType')} jwt it cannot be the client id, since that is what ID tokens have as aud; give Keyhold's API an audience of its own`);
  const highestRole = BOUNDING_ROLES.find((known) => known === entry['highestRole']);
  if (highestRole === undefined) throw needs('highestRole', `it is one of ${BOUNDING_ROLES.join(', ')}`);
  if (typeof platformRoles !== 'boolean') throw needs('platformRoles', 'it is true or false');
  const tenants = tenantsOf(entry['tenants']);
  if (tenants === undefined) throw needs('tenants', 'a list of tenants\' ids, or "any"');
  const firstSignIn = firstSignInOf(entry['firstSignIn'], tenants);
  if (firstSignIn === undefined) throw needs('firstSignIn', 'a tenant among its tenants, and a role there that is not tenant-admin: who comes by themselves administers nothing');
  return Object.freeze({ issuer, name, audience, accessTokenType: type, client, terminal, jwksUrl: jwksUrl === undefined ? null : address(named('jwksUrl'), jwksUrl), tenants, highestRole, platformRoles, firstSignIn });
}

function clientOf({ clientId, clientSecretFile }: IssuerEntry, { named, workingDirectory, secret = null }: EntryContext): IssuerClient | null {
  const id = text(clientId, named('clientId'));
  const file = text(clientSecretFile, named('clientSecretFile'));
  if (id === null) {
    if (secret !== null || file !== null) throw new InvalidValue(`has a client secret without ${named('clientId')}`);
    return null;
  }
  return Object.freeze({ id, secret: file === null ? secret : new SecretValue(readSecretFile(named('clientSecretFile'), resolve(workingDirectory, file))) });
}

function terminalOf({ cliClientId, cliScope }: IssuerEntry, { named }: EntryContext): TerminalClient | null {
  const id = text(cliClientId, named('cliClientId'));
  const scope = text(cliScope, named('cliScope'));
  if (id === null && scope !== null) throw new InvalidValue(`has ${named('cliScope')} without ${named('cliClientId')}`);
  return id === null ? null : Object.freeze({ id, scope: scope ?? 'openid offline_access' });
}

/** null: every tenant. There is no default, since one would give an issuer more than its operator thought of. */
function tenantsOf(tenants: unknown): ReadonlySet<string> | null | undefined {
  if (tenants === 'any') return null;
  return Array.isArray(tenants) && tenants.every((tenant): tenant is string => typeof tenant === 'string' && TENANT.test(tenant)) ? new Set(tenants) : undefined;
}

function firstSignInOf(policy: unknown, tenants: ReadonlySet<string> | null): FirstSignIn | null | undefined {
  if (policy === undefined) return null;
  if (!isEntry(policy) || Object.keys(policy).some((name) => name !== 'tenant' && name !== 'role')) return undefined;
  const { tenant, role } = policy;
  if (typeof tenant !== 'string' || !TENANT.test(tenant) || tenants?.has(tenant) === false) return undefined;
  return typeof role === 'string' && ROLE.test(role) && role !== 'tenant-admin' && !role.startsWith('platform-') ? Object.freeze({ tenant, role }) : undefined;
}

function text(value: unknown, named: string): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && /^[\x20-\x7e]{1,255}$/u.test(value)) return value;
  throw new InvalidValue(`has a ${named} that is no text of 1 to 255 printable ASCII characters`);
}

function address(named: string, value: unknown): string {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (typeof value !== 'string' || url === null || url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') throw new InvalidValue(`has an issuer without ${named} that is an address`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) throw new InvalidValue(`has ${quoted(value)}, which is not https; http is for this machine alone`);
  return value;
}

export function isEntry(value: unknown): value is IssuerEntry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

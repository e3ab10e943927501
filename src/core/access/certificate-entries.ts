import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { parseStrictJson } from '../json/strict-json.ts';
import type { ClientCertificate } from './client-certificate.ts';

/** Who has a certificate: a name for the audit log, and one role. */
export interface CertificateEntry {
  readonly name: string;
  readonly scope: Scope;
  readonly role: string;
}

/** By what a certificate says, as `marksOf` has it. */
export type CertificateEntries = ReadonlyMap<string, CertificateEntry>;

const NAME = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/u;
const LONGEST_NAME = 63;
const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/u;
const ROLE = /^[a-z][a-z0-9-]{1,62}$/u;
const KINDS = ['uri', 'dns', 'subject', 'sha256'] as const;
const KNOWN: ReadonlySet<string> = new Set(['name', 'tenant', 'role', ...KINDS]);

/** Everything that an entry can know a certificate by. */
export function marksOf({ uris, dnsNames, subject, sha256 }: ClientCertificate): readonly string[] {
  return [...uris.map((uri) => `uri ${uri}`), ...dnsNames.map((name) => `dns ${name}`), `subject ${subject}`, `sha256 ${sha256}`];
}

/** Reads the file that `KEYHOLD_TLS_CLIENT_ROLES_FILE` names (docs/transport.md). Throws an Error that says what is wrong with it, as the end of a sentence. */
export function certificateEntries(text: string): CertificateEntries {
  const listed = listOf(text);
  const entries = new Map<string, CertificateEntry>();
  const names = new Set<string>();
  for (const each of listed) {
    const { mark, entry } = entryOf(each);
    if (names.has(entry.name)) throw new Error(`it has the name ${quoted(entry.name)} twice: in the audit log nobody could tell the two apart`);
    if (entries.has(mark)) throw new Error(`it has two entries for ${quoted(mark)}`);
    names.add(entry.name);
    entries.set(mark, Object.freeze(entry));
  }
  return entries;
}

function listOf(text: string): readonly unknown[] {
  let content: unknown;
  try {
    content = parseStrictJson(Buffer.from(text));
  } catch (cause) {
    throw new Error('it is no JSON, or has a name twice in one object', { cause });
  }
  const listed = isObject(content) ? content['certificates'] : undefined;
  if (!Array.isArray(listed)) throw new Error('it has no list "certificates" at its top');
  return listed;
}

function entryOf(entry: unknown): { readonly mark: string; readonly entry: CertificateEntry } {
  if (!isObject(entry)) throw new Error('it has an entry in "certificates" that is no object');
  const unknown = Object.keys(entry).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw new Error(`it has ${quoted(unknown)}, which is nothing that an entry has`);
  const { name, tenant, role } = entry;
  if (typeof name !== 'string' || name.length > LONGEST_NAME || !NAME.test(name)) throw new Error('it has an entry without a "name" of at most 63 of a-z, 0-9, hyphen and dot, beginning with a letter');
  if (typeof role !== 'string' || !ROLE.test(role)) throw new Error(`it says of ${quoted(name)} no "role"`);
  return { mark: markOf(name, entry), entry: { name, role, scope: scopeOf(name, tenant) } };
}

/** There is no default, since one would make an entry whose tenant was forgotten the platform's. */
function scopeOf(name: string, tenant: unknown): Scope {
  if (tenant === null) return platformScope;
  if (typeof tenant === 'string' && TENANT.test(tenant)) return tenantScope(tenant);
  throw new Error(`it says of ${quoted(name)} no "tenant": a tenant's id, or null for a role of the platform`);
}

function markOf(name: string, entry: Readonly<Record<string, unknown>>): string {
  const [kind, ...others] = KINDS.filter((each) => entry[each] !== undefined);
  if (kind === undefined || others.length > 0) throw new Error(`it says of ${quoted(name)} not exactly one of ${KINDS.join(', ')}`);
  const value = entry[kind];
  if (typeof value !== 'string' || value === '' || /[\p{Cc}*]/u.test(value)) throw new Error(`it says of ${quoted(name)} a "${kind}" that is no text to compare with: it is compared whole, without wildcards`);
  if (kind !== 'sha256') return `${kind} ${value}`;
  const digest = value.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/u.test(digest)) throw new Error(`it says of ${quoted(name)} a "sha256" that is not 64 hexadecimal digits`);
  return `sha256 ${digest}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For a log line: short, and without what could look like another line. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

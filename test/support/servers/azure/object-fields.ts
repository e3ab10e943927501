import { badParameter } from './key-vault-error.ts';

export type Fields = Readonly<Record<string, unknown>>;
export type Tags = Readonly<Record<string, string>>;

/** Attributes that secrets and keys share; times in seconds since 1970. */
export interface Attributes {
  enabled: boolean;
  nbf?: number;
  exp?: number;
  readonly created: number;
  updated: number;
}

/** The fields of a JSON object, or 400. */
export function readFields(value: unknown, what = 'body'): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badParameter(`The request ${what} is not a JSON object.`);
  return { ...value };
}

export function readText(fields: Fields, name: string, longest: number): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > longest) throw badParameter(`Property ${name} has invalid value\r\n`);
  return value;
}

/** At most 15 tags of 512 and 512 characters (https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates). */
export function readTags(fields: Fields): Tags | undefined {
  if (fields['tags'] === undefined || fields['tags'] === null) return undefined;
  const tags = readFields(fields['tags'], 'property tags');
  const entries = Object.keys(tags).map((name) => [name, readText(tags, name, 512) ?? ''] as const);
  if (entries.length > 15 || entries.some(([name]) => name.length > 512)) throw badParameter('Property tags has invalid value\r\n');
  return Object.fromEntries(entries);
}

/** What a request wants of the attributes; null takes a time away. */
export function readAttributes(fields: Fields): { readonly enabled?: boolean; readonly nbf?: number | null; readonly exp?: number | null } {
  if (fields['attributes'] === undefined || fields['attributes'] === null) return {};
  const { enabled, nbf, exp } = readFields(fields['attributes'], 'property attributes');
  if (enabled !== undefined && enabled !== null && typeof enabled !== 'boolean') throw badParameter('Property enabled has invalid value\r\n');
  const times = { ...readTime('nbf', nbf), ...readTime('exp', exp) };
  return typeof enabled === 'boolean' ? { enabled, ...times } : times;
}

function readTime(name: 'nbf' | 'exp', value: unknown): { readonly nbf?: number | null; readonly exp?: number | null } {
  if (value === undefined) return {};
  if (value !== null && (typeof value !== 'number' || !Number.isSafeInteger(value))) throw badParameter(`Property ${name} has invalid value\r\n`);
  return { [name]: value };
}

/** Changes what is given and leaves the rest. */
export function applyAttributes(attributes: Attributes, changes: ReturnType<typeof readAttributes>, updated: number): void {
  if (changes.enabled !== undefined) attributes.enabled = changes.enabled;
  for (const name of ['nbf', 'exp'] as const) {
    const time = changes[name];
    if (time === null) delete attributes[name];
    else if (time !== undefined) attributes[name] = time;
  }
  attributes.updated = updated;
}

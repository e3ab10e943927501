import { KeyholdError } from '../../../ports/errors.ts';
import type { PutIntent, SecretName } from '../../../ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../../ports/secret-value.ts';
import type { KeptSecret, ReadSecret } from './kept-secret.ts';

/** https://learn.microsoft.com/azure/key-vault/secrets/about-secrets: "25k bytes". */
const MOST_BYTES = 25 * 1024;
const MOST_TAGS = 15;
const LONGEST_TAG = 512;
const JSON_TYPE = 'application/json';
/** The field of a bare value that somebody else has written, where nothing says another. */
const USUAL_FIELD = 'api_key';

/** The tags that are ours alone; those of R1.2 are beside them. */
const own = {
  /** The intent whose put wrote this version. A copy of a version has the same. */
  intent: 'keyhold-intent',
  /** The version of the credential. */
  version: 'keyhold-version',
  /** The version in Key Vault that the put built on. */
  base: 'keyhold-base',
  /** `PutIntent.digest`: without the key nobody can make one that fits, so a version with one was written by Keyhold. */
  digest: 'keyhold-digest',
  /** The version that this one is a copy of, made so that whoever reads the newest version finds its value. */
  copyOf: 'keyhold-copy-of',
  /** The name of the one field of a bare value. */
  field: 'keyhold-field',
} as const;

/** What a version says of the put that wrote it. */
export interface Origin {
  readonly intent: string;
  readonly version: number;
  readonly base: string | null;
  readonly digest: string;
}

/** A version as it is to be written. */
export interface SecretToWrite {
  readonly value: string;
  readonly contentType: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** R1.2: one field is the bare value, several are one JSON object. Throws `payload_too_large` where Azure would refuse it (R1.4). */
export function secretToWrite({ scope, service }: SecretName, fields: SecretFields, intent: PutIntent, now: number): SecretToWrite {
  const names = Object.keys(fields);
  const [first] = names;
  const isBare = names.length === 1 && first !== undefined;
  const value = isBare ? (fields[first]?.reveal() ?? '') : JSON.stringify(Object.fromEntries(names.map((field) => [field, fields[field]?.reveal()])));
  const tags = {
    provider: service,
    scope: scope.kind === 'platform' ? 'system' : 'tenant',
    type: isBare ? 'api-key' : 'credential',
    createdAt: new Date(now).toISOString(),
    [own.intent]: intent.id,
    [own.version]: String(intent.version),
    [own.base]: intent.cas ?? '',
    [own.digest]: intent.digest,
    ...(isBare ? { [own.field]: first } : {}),
  };
  requireWithinLimits(value, tags);
  return { value, contentType: isBare ? undefined : JSON_TYPE, tags };
}

/** A version once more, as the newest one. */
export function copyToWrite(secret: ReadSecret): SecretToWrite {
  return { value: secret.value, contentType: secret.contentType, tags: { ...Object.fromEntries(Object.entries(secret.tags).slice(0, MOST_TAGS - 1)), [own.copyOf]: copyOf(secret) ?? secret.version } };
}

export function copyOf({ tags }: KeptSecret): string | undefined {
  return tags[own.copyOf];
}

/** Which put wrote a version; undefined where it was none of ours, as far as the tags say. */
export function originOf({ tags }: KeptSecret): Origin | undefined {
  const { [own.intent]: intent, [own.version]: version, [own.base]: base, [own.digest]: digest } = tags;
  if (intent === undefined || base === undefined || digest === undefined || version === undefined || !/^[1-9]\d{0,14}$/u.test(version)) return undefined;
  return { intent, version: Number(version), base: base === '' ? null : base, digest };
}

/**
 * The fields of a version. One that somebody else has written has no tags of ours: it is read like `example`, the newest of ours under the name,
 * and without one by what it looks like. Throws `corrupt` where it cannot be read.
 */
export function fieldsOf(secret: ReadSecret, example: KeptSecret | undefined): SecretFields {
  const bareField = secret.tags[own.field] ?? (originOf(secret) === undefined && example !== undefined ? example.tags[own.field] : undefined);
  if (bareField !== undefined) return { [bareField]: new SecretValue(secret.value) };
  const isOurs = originOf(secret) !== undefined;
  const fields = textsIn(secret.value);
  if (fields === undefined && (isOurs || secret.contentType === JSON_TYPE)) throw new KeyholdError('corrupt', 'What Azure Key Vault keeps for this credential cannot be read. Store the key again with PUT.');
  if (fields === undefined) return { [USUAL_FIELD]: new SecretValue(secret.value) };
  return Object.fromEntries(Object.entries(fields).map(([field, text]) => [field, new SecretValue(text)]));
}

function textsIn(value: string): Readonly<Record<string, string>> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const entries = Object.entries(parsed);
  return entries.length > 0 && entries.every((entry): entry is [string, string] => typeof entry[1] === 'string') ? Object.fromEntries(entries) : undefined;
}

function requireWithinLimits(value: string, tags: Readonly<Record<string, string>>): void {
  const bytes = Buffer.byteLength(value);
  if (bytes > MOST_BYTES) throw refused(`the secret has ${bytes} bytes, and Azure Key Vault takes ${MOST_BYTES}. Hand over less at once.`);
  if (Object.keys(tags).length > MOST_TAGS || Object.entries(tags).some((tag) => tag.some((text) => text.length > LONGEST_TAG))) {
    throw refused(`what is noted beside the secret is more than Azure Key Vault takes: ${MOST_TAGS} tags of ${LONGEST_TAG} characters each. Use shorter names of fields.`);
  }
}

function refused(why: string): KeyholdError {
  return new KeyholdError('payload_too_large', `Failed to store credentials: ${why}`);
}

import { randomBytes } from 'node:crypto';
import { collectionOperations, type VaultFacts } from './collection-operations.ts';
import { badParameter, KeyVaultError } from './key-vault-error.ts';
import { applyAttributes, type Attributes, type Fields, readAttributes, readTags, readText, type Tags } from './object-fields.ts';
import type { Operation } from './operation.ts';
import type { VersionedObject, VersionedObjects } from './versioned-objects.ts';

export interface SecretVersion {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly value: string;
  contentType?: string;
  tags: Tags;
  readonly attributes: Attributes;
}

type Secret = VersionedObject<SecretVersion>;

const longestValue = 25 * 1024;

/** The operations on secrets (https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups). */
export function secretOperations(objects: VersionedObjects<SecretVersion>, facts: VaultFacts): Operation[] {
  const seconds = (): number => Math.floor(facts.now() / 1000);
  const item = ({ name }: Secret, { id, contentType, tags, attributes }: SecretVersion, ofVersion: boolean): object => ({
    ...(contentType === undefined ? {} : { contentType }),
    id: `${facts.url()}/secrets/${name}${ofVersion ? `/${id}` : ''}`,
    attributes: { ...attributes, ...facts.recovery() },
    tags,
  });
  const bundle = (secret: Secret, version: SecretVersion): object => item(secret, version, true);
  const change = (version: SecretVersion, fields: Fields): void => {
    const contentType = readText(fields, 'contentType', 255);
    const tags = readTags(fields);
    const attributes = readAttributes(fields);
    if (contentType !== undefined) version.contentType = contentType;
    if (tags !== undefined) version.tags = tags;
    applyAttributes(version.attributes, attributes, seconds());
  };
  return [
    ...collectionOperations({ kind: 'secrets', objects, facts, bundle, item, change }),
    {
      id: 'secrets.set',
      method: 'PUT',
      path: '/secrets/{name}',
      need: { kind: 'secrets', permission: 'set', action: 'secrets/setSecret/action' },
      run: ({ name, fields: read }) => {
        const fields = read();
        const version = { id: randomBytes(16).toString('hex'), value: readValue(fields), tags: {}, attributes: { enabled: true, created: seconds(), updated: seconds() } };
        change(version, fields);
        return { status: 200, body: { value: version.value, ...bundle(objects.add(name, version), version) } };
      },
    },
    {
      id: 'secrets.get',
      method: 'GET',
      path: '/secrets/{name}/{version}',
      need: { kind: 'secrets', permission: 'get', action: 'secrets/getSecret/action' },
      run: ({ name, version }) => {
        const secret = objects.get(name);
        const found = objects.version(secret, version);
        if (!found.attributes.enabled) throw new KeyVaultError(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
        return { status: 200, body: { value: found.value, ...bundle(secret, found) } };
      },
    },
  ];
}

function readValue({ value }: Fields): string {
  if (typeof value !== 'string') throw badParameter('Property value has invalid value\r\n');
  if (Buffer.byteLength(value) > longestValue) throw badParameter(`The value is longer than the ${longestValue} bytes that a secret may have.`);
  return value;
}

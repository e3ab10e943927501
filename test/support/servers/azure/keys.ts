import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { collectionOperations, type VaultFacts } from './collection-operations.ts';
import { badParameter } from './key-vault-error.ts';
import { keyOperation, type KeyVersion } from './key-wrapping.ts';
import { applyAttributes, type Fields, readAttributes, readFields, readTags } from './object-fields.ts';
import type { Operation } from './operation.ts';
import type { KeyPermission, Need } from './permissions.ts';
import type { VersionedObject, VersionedObjects } from './versioned-objects.ts';

type Key = VersionedObject<KeyVersion>;

const everyOperation = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'];
const generate = promisify(generateKeyPair);

/** The operations on RSA keys (https://learn.microsoft.com/rest/api/keyvault/keys/operation-groups); other types of keys are refused. */
export function keyOperations(objects: VersionedObjects<KeyVersion>, facts: VaultFacts): Operation[] {
  const seconds = (): number => Math.floor(facts.now() / 1000);
  const kid = ({ name }: Key, { id }: KeyVersion, ofVersion = true): string => `${facts.url()}/keys/${name}${ofVersion ? `/${id}` : ''}`;
  const attributes = (version: KeyVersion): object => ({ ...version.attributes, ...facts.recovery(), exportable: false });
  const item = (key: Key, version: KeyVersion, ofVersion: boolean): object => ({ kid: kid(key, version, ofVersion), attributes: attributes(version), tags: version.tags });
  const bundle = (key: Key, version: KeyVersion): object => {
    const { n, e } = createPublicKey(version.privateKey).export({ format: 'jwk' });
    return { key: { kid: kid(key, version), kty: 'RSA', key_ops: version.operations, n, e }, attributes: attributes(version), tags: version.tags };
  };
  const change = (version: KeyVersion, fields: Fields): void => {
    const operations = readOperations(fields);
    const tags = readTags(fields);
    const changes = readAttributes(fields);
    if (operations !== undefined) version.operations = operations;
    if (tags !== undefined) version.tags = tags;
    applyAttributes(version.attributes, changes, seconds());
  };
  const make = (privateKey: KeyObject): KeyVersion => ({ id: randomBytes(16).toString('hex'), privateKey, operations: everyOperation, tags: {}, attributes: { enabled: true, created: seconds(), updated: seconds() } });
  const add = (name: string, privateKey: KeyObject, fields: Fields): object => {
    const version = make(privateKey);
    change(version, fields);
    return bundle(objects.add(name, version), version);
  };
  return [
    ...collectionOperations({ kind: 'keys', objects, facts, bundle, item, change }),
    {
      id: 'keys.create',
      method: 'POST',
      path: '/keys/{name}/create',
      need: need('create', 'create/action'),
      run: async ({ name, fields: read }) => {
        const fields = read();
        if (fields['kty'] !== 'RSA') throw badParameter('Property kty has invalid value\r\n');
        return { status: 200, body: add(name, await generateRsa(fields['key_size'] ?? 2048), fields) };
      },
    },
    {
      id: 'keys.import',
      method: 'PUT',
      path: '/keys/{name}',
      need: need('import', 'create/action'),
      run: ({ name, fields: read }) => {
        const fields = read();
        return { status: 200, body: add(name, importRsa(readFields(fields['key'], 'property key')), fields) };
      },
    },
    {
      id: 'keys.rotate',
      method: 'POST',
      path: '/keys/{name}/rotate',
      need: need('rotate', 'rotate/action'),
      run: async ({ name }) => {
        const before = objects.version(objects.get(name), '');
        const version = { ...make(await generateRsa(before.privateKey.asymmetricKeyDetails?.modulusLength)), operations: before.operations, tags: before.tags };
        return { status: 200, body: bundle(objects.add(name, version), version) };
      },
    },
    {
      id: 'keys.get',
      method: 'GET',
      path: '/keys/{name}/{version}',
      need: need('get', 'read'),
      run: ({ name, version }) => {
        const key = objects.get(name);
        return { status: 200, body: bundle(key, objects.version(key, version)) };
      },
    },
    ...(['wrapKey', 'unwrapKey', 'encrypt', 'decrypt'] as const).map(
      (operation): Operation => ({
        id: `keys.${operation}`,
        method: 'POST',
        path: `/keys/{name}/{version}/${operation.toLowerCase()}`,
        need: need(operation, `${operation.replace('Key', '')}/action`),
        run: ({ name, version, fields }) => {
          const key = objects.get(name);
          const found = objects.version(key, version);
          return { status: 200, body: { kid: kid(key, found), value: keyOperation(operation, found, fields(), seconds()).toString('base64url') } };
        },
      }),
    ),
  ];
}

function need(permission: KeyPermission, action: string): Need {
  return { kind: 'keys', permission, action: `keys/${action}` };
}

function readOperations(fields: Fields): readonly string[] | undefined {
  const operations = fields['key_ops'];
  if (operations === undefined || operations === null) return undefined;
  if (!Array.isArray(operations) || !operations.every((operation) => typeof operation === 'string' && everyOperation.includes(operation))) throw badParameter('Property key_ops has invalid value\r\n');
  return operations.map(String);
}

async function generateRsa(bits: unknown): Promise<KeyObject> {
  if (bits !== 2048 && bits !== 3072 && bits !== 4096) throw badParameter('Property key_size has invalid value\r\n');
  return (await generate('rsa', { modulusLength: bits })).privateKey;
}

function importRsa(key: Fields): KeyObject {
  try {
    const imported = createPrivateKey({ key: { ...key }, format: 'jwk' });
    if (imported.asymmetricKeyType === 'rsa') return imported;
  } catch {
    // Refused below, as a key of another type.
  }
  throw badParameter('Property key has invalid value\r\n');
}

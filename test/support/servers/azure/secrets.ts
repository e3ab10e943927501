import { randomBytes } from 'node:crypto';
import { badParameter, KeyVaultError } from './key-vault-error.ts';
import type { Answer } from './listener.ts';
import { applyAttributes, type Attributes, type Fields, readAttributes, readTags, readText, type Tags } from './object-fields.ts';
import type { Operation } from './operation.ts';
import { type ListRequest, type Page, page } from './pages.ts';
import type { Need, SecretPermission } from './permissions.ts';
import { dayMs, type VersionedObject, type VersionedObjects } from './versioned-objects.ts';

export interface SecretVersion {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly value: string;
  contentType?: string;
  tags: Tags;
  readonly attributes: Attributes;
}

type Secret = VersionedObject<SecretVersion>;

/** What the operations need of the vault around them. */
export interface VaultFacts {
  readonly now: () => number;
  /** Of the vault, without a slash at the end. */
  readonly url: () => string;
  readonly recovery: () => { readonly recoveryLevel: string; readonly recoverableDays: number };
  readonly pageSize: () => number;
}

const longestValue = 25 * 1024;

/** The operations on secrets (https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups). */
export class Secrets {
  readonly operations: readonly Operation[];
  readonly #objects: VersionedObjects<SecretVersion>;
  readonly #facts: VaultFacts;

  constructor(objects: VersionedObjects<SecretVersion>, facts: VaultFacts) {
    this.#objects = objects;
    this.#facts = facts;
    this.operations = this.#table();
  }

  #table(): Operation[] {
    const objects = this.#objects;
    const list = (url: URL): ListRequest => ({ url, pageSize: this.#facts.pageSize() });
    return [
      { id: 'secrets.list', method: 'GET', path: '/secrets', need: need('list', 'readMetadata/action'), run: ({ url }) => ok(page(objects.list(), keyOf, list(url)), (secret) => this.#item(secret, secret.versions.at(-1)!, false)) },
      {
        id: 'secrets.versions',
        method: 'GET',
        path: '/secrets/{name}/versions',
        need: need('list', 'readMetadata/action'),
        run: ({ name, url }) => {
          const secret = objects.get(name);
          const sorted = [...secret.versions].sort((a, b) => (a.id < b.id ? -1 : 1));
          return ok(page(sorted, ({ id }) => id, list(url)), (version) => this.#item(secret, version, true));
        },
      },
      { id: 'secrets.set', method: 'PUT', path: '/secrets/{name}', need: need('set', 'setSecret/action'), run: ({ name, fields }) => this.#set(name, fields()) },
      {
        id: 'secrets.get',
        method: 'GET',
        path: '/secrets/{name}/{version}',
        need: need('get', 'getSecret/action'),
        run: ({ name, version }) => {
          const secret = objects.get(name);
          const found = objects.version(secret, version);
          if (!found.attributes.enabled) throw disabledSecret();
          return { status: 200, body: { value: found.value, ...this.#item(secret, found, true) } };
        },
      },
      {
        id: 'secrets.update',
        method: 'PATCH',
        path: '/secrets/{name}/{version}',
        need: need('set', 'update/action'),
        run: ({ name, version, fields }) => {
          const secret = objects.get(name);
          const found = objects.version(secret, version);
          this.#change(found, fields());
          return { status: 200, body: this.#item(secret, found, true) };
        },
      },
      { id: 'secrets.delete', method: 'DELETE', path: '/secrets/{name}', need: need('delete', 'delete'), run: ({ name }) => ({ status: 200, body: this.#deletedItem(objects.delete(name), true) }) },
      { id: 'secrets.listDeleted', method: 'GET', path: '/deletedsecrets', need: need('list', 'readMetadata/action'), run: ({ url }) => ok(page(objects.listDeleted(), keyOf, list(url)), (secret) => this.#deletedItem(secret, false)) },
      { id: 'secrets.getDeleted', method: 'GET', path: '/deletedsecrets/{name}', need: need('get', 'readMetadata/action'), run: ({ name }) => ({ status: 200, body: this.#deletedItem(objects.deleted(name), true) }) },
      {
        id: 'secrets.purge',
        method: 'DELETE',
        path: '/deletedsecrets/{name}',
        need: need('purge', 'purge/action'),
        run: ({ name }) => {
          objects.purge(name);
          return { status: 204 };
        },
      },
      {
        id: 'secrets.recover',
        method: 'POST',
        path: '/deletedsecrets/{name}/recover',
        need: need('recover', 'recover/action'),
        run: ({ name }) => {
          const secret = objects.recover(name);
          return { status: 200, body: this.#item(secret, secret.versions.at(-1)!, true) };
        },
      },
    ];
  }

  #set(name: string, fields: Fields): Answer {
    const value = fields['value'];
    if (typeof value !== 'string') throw badParameter('Property value has invalid value\r\n');
    if (Buffer.byteLength(value) > longestValue) throw badParameter(`The value is longer than the ${longestValue} bytes that a secret may have.`);
    const seconds = this.#seconds();
    const version: SecretVersion = { id: randomBytes(16).toString('hex'), value, tags: {}, attributes: { enabled: true, created: seconds, updated: seconds } };
    this.#change(version, fields);
    const secret = this.#objects.add(name, version);
    return { status: 200, body: { value, ...this.#item(secret, version, true) } };
  }

  /** Reads everything before it changes anything, so that a refused request changed nothing. */
  #change(version: SecretVersion, fields: Fields): void {
    const contentType = readText(fields, 'contentType', 255);
    const tags = readTags(fields);
    const attributes = readAttributes(fields);
    if (contentType !== undefined) version.contentType = contentType;
    if (tags !== undefined) version.tags = tags;
    applyAttributes(version.attributes, attributes, this.#seconds());
  }

  #item({ name }: Secret, { id, contentType, tags, attributes }: SecretVersion, withVersion: boolean): object {
    return {
      ...(contentType === undefined ? {} : { contentType }),
      id: `${this.#facts.url()}/secrets/${name}${withVersion ? `/${id}` : ''}`,
      attributes: { ...attributes, ...this.#facts.recovery() },
      tags,
    };
  }

  #deletedItem(secret: Secret, withVersion: boolean): object {
    const deletedDate = Math.floor((secret.deletedAt ?? 0) / 1000);
    return {
      recoveryId: `${this.#facts.url()}/deletedsecrets/${secret.name}`,
      deletedDate,
      scheduledPurgeDate: deletedDate + (this.#facts.recovery().recoverableDays * dayMs) / 1000,
      ...this.#item(secret, secret.versions.at(-1)!, withVersion),
    };
  }

  #seconds(): number {
    return Math.floor(this.#facts.now() / 1000);
  }
}

function need(permission: SecretPermission, action: string): Need {
  return { kind: 'secrets', permission, action: `secrets/${action}` };
}

function keyOf({ name }: Secret): string {
  return name.toLowerCase();
}

function ok<Item>({ value, nextLink }: Page<Item>, show: (item: Item) => object): Answer {
  return { status: 200, body: { value: value.map(show), nextLink } };
}

function disabledSecret(): KeyVaultError {
  return new KeyVaultError(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
}

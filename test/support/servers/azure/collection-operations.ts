import type { Answer } from './listener.ts';
import type { Fields } from './object-fields.ts';
import type { Operation } from './operation.ts';
import { type ListRequest, type Page, page } from './pages.ts';
import type { KeyPermission, Need, SecretPermission } from './permissions.ts';
import { dayMs, type VersionedObject, type VersionedObjects } from './versioned-objects.ts';

/** What the operations need of the vault around them. */
export interface VaultFacts {
  readonly now: () => number;
  /** Of the vault, without a slash at the end. */
  readonly url: () => string;
  readonly recovery: () => { readonly recoveryLevel: string; readonly recoverableDays: number };
  readonly pageSize: () => number;
}

/** How one kind of object looks in answers. */
export interface Collection<Version extends { readonly id: string }> {
  readonly kind: 'secrets' | 'keys';
  readonly objects: VersionedObjects<Version>;
  readonly facts: VaultFacts;
  /** All of a version but a secret's value. */
  readonly bundle: (object: VersionedObject<Version>, version: Version) => object;
  /** In a list: of the object, or of one of its versions. */
  readonly item: (object: VersionedObject<Version>, version: Version, ofVersion: boolean) => object;
  /** Applies a PATCH; refuses it before anything is changed. */
  readonly change: (version: Version, fields: Fields) => void;
}

/** The operations that secrets and keys have in common: lists, updates of a version's attributes, and soft delete. */
export function collectionOperations<Version extends { readonly id: string }>(collection: Collection<Version>): Operation[] {
  const { kind, objects, facts, bundle, item, change } = collection;
  const live = `/${kind}`;
  const deleted = `/deleted${kind}`;
  const reading = kind === 'secrets' ? 'readMetadata/action' : 'read';
  const need = (permission: SecretPermission | KeyPermission, action: string): Need => ({ kind, permission, action: `${kind}/${action}` });
  const newest = ({ versions }: VersionedObject<Version>): Version => versions.at(-1)!;
  const request = (url: URL): ListRequest => ({ url, pageSize: facts.pageSize() });
  const withDeletion = (object: VersionedObject<Version>, shown: object): object => {
    const deletedDate = Math.floor((object.deletedAt ?? 0) / 1000);
    const scheduledPurgeDate = deletedDate + (facts.recovery().recoverableDays * dayMs) / 1000;
    return { recoveryId: `${facts.url()}${deleted}/${object.name}`, deletedDate, scheduledPurgeDate, ...shown };
  };
  return [
    { id: `${kind}.list`, method: 'GET', path: live, need: need('list', reading), run: ({ url }) => list(page(objects.list(), byName, request(url)), (object) => item(object, newest(object), false)) },
    {
      id: `${kind}.versions`,
      method: 'GET',
      path: `${live}/{name}/versions`,
      need: need('list', reading),
      run: ({ name, url }) => {
        const object = objects.get(name);
        const sorted = [...object.versions].sort((a, b) => (a.id < b.id ? -1 : 1));
        return list(page(sorted, ({ id }) => id, request(url)), (version) => item(object, version, true));
      },
    },
    {
      id: `${kind}.update`,
      method: 'PATCH',
      path: `${live}/{name}/{version}`,
      need: need(kind === 'secrets' ? 'set' : 'update', 'update/action'),
      run: ({ name, version, fields }) => {
        const object = objects.get(name);
        const found = objects.version(object, version);
        change(found, fields());
        return { status: 200, body: bundle(object, found) };
      },
    },
    {
      id: `${kind}.delete`,
      method: 'DELETE',
      path: `${live}/{name}`,
      need: need('delete', 'delete'),
      run: ({ name }) => {
        const object = objects.delete(name);
        return { status: 200, body: withDeletion(object, bundle(object, newest(object))) };
      },
    },
    { id: `${kind}.listDeleted`, method: 'GET', path: deleted, need: need('list', reading), run: ({ url }) => list(page(objects.listDeleted(), byName, request(url)), (object) => withDeletion(object, item(object, newest(object), false))) },
    {
      id: `${kind}.getDeleted`,
      method: 'GET',
      path: `${deleted}/{name}`,
      need: need('get', reading),
      run: ({ name }) => {
        const object = objects.deleted(name);
        return { status: 200, body: withDeletion(object, bundle(object, newest(object))) };
      },
    },
    {
      id: `${kind}.purge`,
      method: 'DELETE',
      path: `${deleted}/{name}`,
      need: need('purge', 'purge/action'),
      run: ({ name }) => {
        objects.purge(name);
        return { status: 204 };
      },
    },
    {
      id: `${kind}.recover`,
      method: 'POST',
      path: `${deleted}/{name}/recover`,
      need: need('recover', 'recover/action'),
      run: ({ name }) => {
        const object = objects.recover(name);
        return { status: 200, body: bundle(object, newest(object)) };
      },
    },
  ];
}

function byName({ name }: { readonly name: string }): string {
  return name.toLowerCase();
}

function list<Item>({ value, nextLink }: Page<Item>, show: (item: Item) => object): Answer {
  return { status: 200, body: { value: value.map(show), nextLink } };
}

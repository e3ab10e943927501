import { KeyholdError } from '../../../ports/errors.ts';

/** What an index of the container can hold. */
export type IndexValue = string | number | readonly string[] | readonly Readonly<Record<string, string | number>>[];

/** A record as the container keeps it; docs/decisions/0008-cosmos-db.md says why it looks so. */
export interface Item {
  readonly id: string;
  /** The partition key. */
  readonly pk: string;
  readonly kind: string;
  /** The parts of the record's key, as JSON: an id is only their hash. */
  readonly key: string;
  readonly revision: number;
  /** Of the write that made this revision, random: by it a write whose answer was lost is found again. */
  readonly write: string;
  /** So many further items hold the body, since an item may have 2 MB at most; 0: it is here. */
  readonly parts: number;
  /** The record as JSON; null where it was removed, or is in parts. */
  readonly body: string | null;
  readonly removed: boolean;
  /** What lists and searches find it by. */
  readonly index: Readonly<Record<string, IndexValue>>;
}

/** An item as it was read, with what its next conditional write must name. */
export interface KeptItem extends Item {
  readonly etag: string;
  /** By what it is in its lists; empty in a list that does not hold it. */
  readonly order: { readonly sort: string; readonly due: string };
}

/** As it goes over the wire: the index beside the rest, so that paths are short. */
export function documentOf({ index, ...rest }: Item): Readonly<Record<string, unknown>> {
  return { ...index, ...rest };
}

/** Throws `corrupt` for a document that is none of ours. */
export function itemFrom(document: unknown): KeptItem {
  if (typeof document !== 'object' || document === null) throw unreadable('it is no object');
  const fields: Readonly<Record<string, unknown>> = { ...document };
  const text = (name: string): string => {
    const value = fields[name];
    if (typeof value !== 'string') throw unreadable(`${name} is no text`);
    return value;
  };
  const order = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  const number = (name: string): number => {
    const value = fields[name];
    if (typeof value !== 'number') throw unreadable(`${name} is no number`);
    return value;
  };
  return {
    id: text('id'),
    pk: text('pk'),
    kind: text('kind'),
    key: text('key'),
    revision: number('revision'),
    write: text('write'),
    parts: number('parts'),
    body: fields['body'] === null ? null : text('body'),
    removed: fields['removed'] === true,
    index: {},
    order: { sort: order('sort'), due: order('due') },
    etag: text('_etag'),
  };
}

export function unreadable(reason: string): KeyholdError {
  return new KeyholdError('corrupt', 'A record of the database cannot be read. Restore the database from a backup.', { cause: new Error(`an item of the container: ${reason}`) });
}

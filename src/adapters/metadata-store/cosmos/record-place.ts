import { createHash } from 'node:crypto';
import type { Place } from '../paging.ts';
import { requireStorable } from '../stored-text.ts';
import type { IndexValue } from './item.ts';

/** Partition keys of containers of the first version count up to here, so nothing longer is used. */
const MOST_PARTITION_BYTES = 100;
const PLAIN = /^[\w:. -]*$/u;

/** How one kind of record is laid into the container. */
export interface RecordKind<K, R> {
  /** Short; a part of ids, of the order in lists, and of queries. */
  readonly kind: string;
  /** The parts of a key; two keys are the same when all parts are. */
  readonly partsOf: (key: K) => Place;
  /** What names the partition; follows from the key alone, so that a record is found by one read. */
  readonly partitionOf: (key: K) => Place;
  /** What lists order it by, where that is not its key's parts. */
  readonly orderOf?: (key: K, record: R) => Place;
  /** What else it is found by. Not kept for a removed record. */
  readonly indexOf?: (key: K, record: R) => Readonly<Record<string, IndexValue>>;
}

/** Where a record is: both are short and hold no character that Cosmos DB refuses, whatever the key holds. */
export interface ItemPlace {
  readonly pk: string;
  readonly id: string;
  /** The key's parts, as JSON. */
  readonly key: string;
}

/** Throws `invalid_argument` for a text that not every database keeps. */
export function itemPlace(kind: string, partition: Place, parts: Place): ItemPlace {
  requireStorable(parts);
  const key = JSON.stringify(parts);
  const hash = createHash('sha256').update(key).digest('base64url');
  return { pk: partitionKey(partition), id: `${kind}.${hash}`, key };
}

/** One text for what names a partition: itself where it is plain and short, else its hash. Throws `invalid_argument` as `itemPlace`. */
export function partitionKey(parts: Place): string {
  requireStorable(parts);
  const [first, ...rest] = parts;
  const plain = rest.length === 0 && typeof first === 'string' ? first : JSON.stringify(parts);
  if (plain.length <= MOST_PARTITION_BYTES && PLAIN.test(plain)) return plain;
  return `#${createHash('sha256').update(JSON.stringify(parts)).digest('base64url')}`;
}

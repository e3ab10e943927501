import { timingSafeEqual } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import type { PlatformRecord, PlatformRepository } from '../../ports/metadata/sealed.ts';
import { StartError } from '../../ports/start-error.ts';
import { decodeBase64 } from './base64.ts';
import { frame } from './framing.ts';
import { KEY_BYTES, RootKey } from './root-key.ts';

const FORMAT = 'keyhold root key 1';

type RootRecord = Extract<PlatformRecord, { readonly name: 'root' }>;

export interface RootKeyDependencies {
  readonly platform: PlatformRepository;
  readonly wrapper: KeyWrapper;
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** Whether a root key may be made where none is kept. Even then it is made only before the first start was ever finished. */
  readonly mayCreate: boolean;
}

/**
 * Whether key file and root key may still be made: the database keeps no root key and has never had an administrator's token,
 * without which nothing can have been sealed. A file's mere existence would not do: a first start may have died after making it.
 */
export async function rootKeyMayBeMade(platform: PlatformRepository): Promise<boolean> {
  const root = await platform.get({ name: 'root' });
  return root === undefined && !(await firstStartFinished(platform));
}

/**
 * The root key, unwrapped and proven against the commitment in the database and the one pinned outside of it; on the first start
 * made, kept and pinned, in this order, so that a start that died between two steps is completed by the next one.
 * Throws `StartError` 6 when any of them is missing or they differ (S12), and what the wrapper and the database throw.
 */
export async function loadOrCreateRootKey({ platform, wrapper, random, clock, mayCreate }: RootKeyDependencies): Promise<RootKey> {
  const record = (await kept(platform)) ?? (await create({ platform, wrapper, random, clock, mayCreate }));
  const root = await unwrap(wrapper, record);
  if (!sameHex(root.commitment(), record.commitment)) throw mismatch();
  // Asked before the pin is read: another replica that finishes its first start in between has pinned before.
  const finished = await firstStartFinished(platform);
  const pinned = await wrapper.pinnedCommitment();
  if (pinned === undefined) {
    if (finished) throw unpinned(root);
    await wrapper.pinCommitment(root.commitment());
  } else if (!sameHex(root.commitment(), pinned)) {
    throw mismatch();
  }
  return root;
}

async function kept(platform: PlatformRepository): Promise<RootRecord | undefined> {
  const stored = await platform.get({ name: 'root' });
  if (stored === undefined) return undefined;
  if (stored.record.name !== 'root') throw new KeyholdError('internal', 'The database gave another record than the root key.');
  return stored.record;
}

async function firstStartFinished(platform: PlatformRepository): Promise<boolean> {
  return (await platform.get({ name: 'first-start' })) !== undefined;
}

async function create({ platform, wrapper, random, clock, mayCreate }: RootKeyDependencies): Promise<RootRecord> {
  if ((await wrapper.pinnedCommitment()) !== undefined) {
    const other = await kept(platform);
    if (other !== undefined) return other;
    throw new StartError(
      6,
      'The key file belongs to another database: a root key is pinned beside it, and this database keeps none. Point KEYHOLD_DATABASE_URL or KEYHOLD_DATA_DIR to the database it belongs to, or restore that. To begin anew with an empty database, move the key file and the file of the same name with .root appended away.',
    );
  }
  if (!mayCreate || (await firstStartFinished(platform))) {
    throw new StartError(6, 'The database is in use, but its root key is missing, so no kept value can be read. Restore the database from a backup.');
  }
  const bytes = random(KEY_BYTES);
  const rootId = `root_${random(8).toString('hex')}`;
  const wrapped = await wrapper.wrap(bytes, contextOf(rootId));
  const record: RootRecord = {
    name: 'root',
    rootId,
    wrapped: wrapped.toString('base64'),
    commitment: new RootKey(rootId, bytes).commitment(),
    createdAt: clock.now(),
  };
  bytes.fill(0);
  try {
    await platform.create({ name: 'root' }, record);
    return record;
  } catch (error) {
    if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    const other = await kept(platform);
    if (other === undefined) throw error;
    return other;
  }
}

async function unwrap(wrapper: KeyWrapper, { rootId, wrapped }: RootRecord): Promise<RootKey> {
  const sealed = decodeBase64(wrapped);
  if (sealed === undefined) throw mismatch();
  let bytes: Buffer;
  try {
    bytes = await wrapper.unwrap(sealed, contextOf(rootId));
  } catch (error) {
    throw error instanceof KeyholdError && error.code === 'corrupt' ? mismatch(error) : error;
  }
  if (bytes.length !== KEY_BYTES) throw mismatch();
  const root = new RootKey(rootId, bytes);
  bytes.fill(0);
  return root;
}

function contextOf(rootId: string): Buffer {
  return frame([FORMAT, rootId]);
}

function sameHex(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

function mismatch(cause?: unknown): StartError {
  return new StartError(
    6,
    'The key file and the database do not belong together: the root key in the database is not the one that this key file protects. Point KEYHOLD_KEY_FILE to the key file this database was made with (with its .root file beside it), or restore both from the same backup. Nothing was changed.',
    { cause },
  );
}

function unpinned(root: RootKey): StartError {
  return new StartError(
    6,
    `The root key's commitment, which is pinned outside the database, is missing: with a key file it is the file of the same name with .root appended. If the key file was moved, move that file too; otherwise restore it from your backup. If it is lost, and you are sure that nobody changed this database, make it again with mode 0600 and this one line: ${root.commitment()}`,
  );
}

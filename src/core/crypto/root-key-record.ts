import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper, RootPin } from '../../ports/key-wrapper.ts';
import type { PlatformRecord, PlatformRepository, RootWrapping } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { StartError } from '../../ports/start-error.ts';
import { isSameCommitment, KEY_BYTES, RootKey } from './root-key.ts';

export type RootRecord = Extract<PlatformRecord, { readonly name: 'root' }>;

export interface RootKeyDependencies {
  readonly platform: PlatformRepository;
  readonly wrapper: KeyWrapper;
  readonly pin: RootPin;
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** Whether a root key may be made where none is kept. Even then it is made only before the first start was ever finished. */
  readonly mayCreate: boolean;
}

export interface OpenRootKey {
  readonly root: RootKey;
  /** The wrapping that opened, and those that are kept beside it. */
  readonly wrapping: RootWrapping;
  readonly record: Stored<RootRecord>;
}

/**
 * Whether key file and root key may still be made: the database keeps no root key and has never had an administrator's token,
 * without which nothing can have been sealed. A file's mere existence would not do: a first start may have died after making it.
 */
export async function rootKeyMayBeMade(platform: PlatformRepository): Promise<boolean> {
  return (await rootRecord(platform)) === undefined && !(await firstStartFinished(platform));
}

/** Throws `StartError` 6 when the root key that is kept is wrapped by nothing of this kind: before files of that kind are missed. */
export async function requireWrapperKind(platform: PlatformRepository, kind: KeyWrapper['kind']): Promise<void> {
  const wrappings = (await rootRecord(platform))?.record.wrappings ?? [];
  if (wrappings.length > 0 && wrappings.every((wrapping) => wrapping.kind !== kind)) throw otherKind(kind, wrappings);
}

/** What the database keeps of the root key; undefined before the first start. */
export async function rootRecord(platform: PlatformRepository): Promise<Stored<RootRecord> | undefined> {
  const stored = await platform.get({ name: 'root' });
  if (stored === undefined) return undefined;
  if (stored.record.name !== 'root') throw new KeyholdError('internal', 'The database gave another record than the root key.');
  return { record: stored.record, revision: stored.revision };
}

/**
 * The root key, unwrapped and proven against the commitment in the database and the one pinned outside of it; on the first start
 * made, kept and pinned, in this order, so that a start that died between two steps is completed by the next one.
 * Throws `StartError` 6 when any of them is missing or they differ (S12), and what the wrapper and the database throw.
 */
export async function loadOrCreateRootKey(dependencies: RootKeyDependencies): Promise<OpenRootKey> {
  const { platform, wrapper, pin } = dependencies;
  const record = (await rootRecord(platform)) ?? (await create(dependencies));
  const { root, wrapping } = await unwrap(dependencies, record.record);
  if (!isSameCommitment(root.commitment(), record.record.commitment)) throw mismatch(wrapper, pin);
  // Asked before the pin is read: another replica that finishes its first start in between has pinned before.
  const finished = await firstStartFinished(platform);
  const pinned = await pin.read();
  if (pinned === undefined) {
    if (finished) throw unpinned(root, pin);
    await pin.write(root.commitment());
  } else if (!isSameCommitment(root.commitment(), pinned)) {
    throw mismatch(wrapper, pin);
  }
  return { root, wrapping, record };
}

/**
 * Once the newest wrapping has opened, the one before it goes: whoever still has the old wrapping key opens nothing any more. Gives the
 * wrappings that went; none when the present one is not the newest (a change that nobody has followed up yet).
 */
export async function settleWrapping(platform: PlatformRepository, { wrapping, record: { record, revision } }: OpenRootKey): Promise<readonly RootWrapping[]> {
  const others = record.wrappings.filter((other) => other !== wrapping);
  if (others.length === 0 || record.wrappings.at(-1) !== wrapping) return [];
  try {
    await platform.replace({ name: 'root' }, { ...record, wrappings: [wrapping] }, revision);
    return others;
  } catch (error) {
    // Another replica was faster, or a newer change is under way.
    if (error instanceof KeyholdError && error.code === 'conflict') return [];
    throw error;
  }
}

/**
 * Of the wrappings that this wrapper may have made, the newest that opens; those first that name its place. What a service says of one that another key
 * has made, such as that the version is forbidden, keeps no other from opening.
 */
async function unwrap({ wrapper, pin }: RootKeyDependencies, { rootId, wrappings }: RootRecord): Promise<{ readonly root: RootKey; readonly wrapping: RootWrapping }> {
  const candidates = wrappings
    .filter(({ kind }) => kind === wrapper.kind)
    .toReversed()
    .toSorted((one, other) => Number(other.place === wrapper.place) - Number(one.place === wrapper.place));
  if (candidates.length === 0) throw otherKind(wrapper.kind, wrappings);
  const refused: unknown[] = [];
  for (const wrapping of candidates) {
    try {
      return { root: await RootKey.unwrapped(wrapper, rootId, wrapping.wrapped), wrapping };
    } catch (error) {
      if (!(error instanceof StartError || (error instanceof KeyholdError && error.code === 'corrupt'))) throw error;
      refused.push(error);
    }
  }
  throw refused.find((error) => error instanceof StartError) ?? mismatch(wrapper, pin, refused[0]);
}

async function firstStartFinished(platform: PlatformRepository): Promise<boolean> {
  return (await platform.get({ name: 'first-start' })) !== undefined;
}

async function create({ platform, wrapper, pin, random, clock, mayCreate }: RootKeyDependencies): Promise<Stored<RootRecord>> {
  if ((await pin.read()) !== undefined) {
    const other = await rootRecord(platform);
    if (other !== undefined) return other;
    throw new StartError(
      6,
      `${pin.place} belongs to another database: a root key is pinned there, and this database keeps none. Point KEYHOLD_DATABASE_URL or KEYHOLD_DATA_DIR to the database it belongs to, or restore that. To begin anew with an empty database, move that file, and a key file beside it, away.`,
    );
  }
  if (!mayCreate || (await firstStartFinished(platform))) {
    throw new StartError(6, 'The database is in use, but its root key is missing, so no kept value can be read. Restore the database from a backup.');
  }
  const bytes = random(KEY_BYTES);
  const root = new RootKey(`root_${random(8).toString('hex')}`, bytes);
  bytes.fill(0);
  const now = clock.now();
  const wrapping: RootWrapping = { kind: wrapper.kind, place: wrapper.place, wrapped: await root.wrappedBy(wrapper), madeAt: now };
  try {
    const { record, revision } = await platform.create({ name: 'root' }, { name: 'root', rootId: root.id, commitment: root.commitment(), wrappings: [wrapping], createdAt: now });
    if (record.name === 'root') return { record, revision };
    throw new KeyholdError('internal', 'The database gave another record than the root key.');
  } catch (error) {
    if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    const other = await rootRecord(platform);
    if (other === undefined) throw error;
    return other;
  }
}

/** How each kind of wrapper is set, for advice. */
const settingOf: Readonly<Record<KeyWrapper['kind'], string>> = {
  'key-file': 'KEYHOLD_KEY_FILE',
  passphrase: 'KEYHOLD_KEY_PASSPHRASE',
  'vault-transit': 'KEYHOLD_TRANSIT_MOUNT and KEYHOLD_TRANSIT_KEY',
  'azure-key': 'KEYHOLD_AZURE_KEY',
};

function otherKind(kind: KeyWrapper['kind'], wrappings: readonly RootWrapping[]): StartError {
  const by = wrappings.map(({ kind: other, place }) => `${other}${place === '' ? '' : ` (${place})`}`).join(' and by ');
  const [last] = wrappings.slice(-1);
  return new StartError(
    6,
    `The root key in the database is wrapped by ${by}, and KEYHOLD_KEY_WRAPPER is ${kind}. Set KEYHOLD_KEY_WRAPPER=${last?.kind ?? kind}${last === undefined ? '' : ` with ${settingOf[last.kind]}`}. \`keyhold keys rotate\` changes what wraps it. Nothing was changed.`,
  );
}

function mismatch(wrapper: KeyWrapper, pin: RootPin, cause?: unknown): StartError {
  const what: Readonly<Record<KeyWrapper['kind'], string>> = {
    'key-file': `the key file ${wrapper.place} does not open the root key in the database, or another one than ${pin.place} pins`,
    passphrase: `the passphrase does not open the root key in the database with the salt in ${wrapper.place}, or another one than ${pin.place} pins`,
    'vault-transit': `Vault's key ${wrapper.place} does not open the root key in the database, or another one than ${pin.place} pins`,
    'azure-key': `the Azure key ${wrapper.place} does not open the root key in the database, or another one than ${pin.place} pins`,
  };
  return new StartError(
    6,
    `What wraps the root key and the database do not belong together: ${what[wrapper.kind]}. Check ${settingOf[wrapper.kind]} and KEYHOLD_DATA_DIR, or restore the files beside the key file and the database from the same backup. Nothing was changed.`,
    { cause },
  );
}

function unpinned(root: RootKey, pin: RootPin): StartError {
  return new StartError(
    6,
    `The root key's commitment, which is pinned outside the database in ${pin.place}, is missing. If the key file was moved, move that file too; otherwise restore it from your backup. If it is lost, and you are sure that nobody changed this database, make it again with mode 0600 and this one line: ${root.commitment()}`,
  );
}

import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper, RootPin } from '../../ports/key-wrapper.ts';
import type { PlatformRepository } from '../../ports/metadata/sealed.ts';
import type { RootRecord } from '../crypto/root-key-record.ts';
import { isSameCommitment, type RootKey } from '../crypto/root-key.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { KeyStepHook } from './steps.ts';
import { wipeIfPossible, type Wiping } from './wiping.ts';

/** What is to wrap the root key. */
export interface NextWrapper {
  readonly wrapper: KeyWrapper;
  readonly pin: RootPin;
  /** It is a newer version of what wraps the root key now, which opens both: nothing has to be kept beside it. */
  readonly replaces: boolean;
}

export interface RewrapDependencies extends Wiping {
  readonly platform: PlatformRepository;
  readonly root: RootKey;
  readonly clock: Clock;
  readonly step: KeyStepHook;
}

/**
 * Wraps the root key by something else. It is seen to open again, then pinned, then kept beside the present wrapping in one
 * compare-and-set: at each moment what wrapped it before opens it, and from that one on the new one does, too. The start that opens it by the
 * new one takes the old one out (`settleWrapping`). Can be repeated; another try takes the place of an earlier one. Returns the record.
 * Throws what the wrapper throws, `corrupt` when the record is of another root key.
 */
export async function rewrapRootKey({ wrapper, pin, replaces }: NextWrapper, { platform, root, wipe, clock, log, step }: RewrapDependencies): Promise<RootRecord> {
  const wrapping = { kind: wrapper.kind, place: wrapper.place, wrapped: await root.wrappedBy(wrapper), madeAt: clock.now() };
  await step('rewrap.wrapped');
  await pin.write(root.commitment());
  await step('rewrap.pinned');
  let replaced = 0;
  const { record } = await changeRecord(platform, { name: 'root' }, {
    decide: (present) => {
      const [first, ...others] = rootOf(present, root).wrappings;
      if (first === undefined) throw notOurs();
      replaced = replaces ? 1 : others.length;
      return { ...rootOf(present, root), wrappings: replaces ? [wrapping, ...others] : [first, wrapping] };
    },
    missing: notOurs,
    announce: async () => undefined,
  });
  await step('rewrap.kept');
  if (replaced > 0) await wipeIfPossible({ wipe, log }, 'A wrapping of the root key is');
  return rootOf(record, root);
}

function rootOf(record: { readonly name: string } | RootRecord, root: RootKey): RootRecord {
  if (!('wrappings' in record) || !isSameCommitment(record.commitment, root.commitment())) throw notOurs();
  return record;
}

function notOurs(): KeyholdError {
  return new KeyholdError('corrupt', 'The database does not keep the root key that Keyhold runs with. Stop Keyhold, and start it again.');
}

import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { UserRecord, UserRepository } from '../../ports/metadata/users.ts';
import { changeRecord } from '../versions/change-record.ts';

interface Needed {
  readonly users: UserRepository;
  readonly bus: Bus;
  readonly clock: Clock;
}

/** Writes down that the user has signed in just now; the record as it is then. Throws `not_found` where there is no such user. */
export async function noteSignIn(needed: Needed, id: string): Promise<UserRecord> {
  return change(needed, id, (record, now) => ({ ...record, lastSignInAt: Math.max(record.lastSignInAt ?? 0, now) }));
}

/** From now on nothing counts that the user signed in with up to this moment. Throws `not_found`. */
export async function signOutUser(needed: Needed, id: string): Promise<void> {
  await change(needed, id, (record, now) => ({ ...record, signedOutBefore: endedBefore(record, now) }));
}

/** A moment that is after all that the record knows of, whichever replica's clock that went by: nothing counts that began before it. */
export function endedBefore({ signedOutBefore, lastSignInAt }: UserRecord, now: number): number {
  return Math.max(signedOutBefore ?? 0, lastSignInAt ?? 0, now) + 1;
}

async function change({ users, bus, clock }: Needed, id: string, decide: (record: UserRecord, now: number) => UserRecord): Promise<UserRecord> {
  const { record } = await changeRecord(users, { id }, {
    decide: (record) => decide(record, clock.now()),
    missing: () => new KeyholdError('not_found', 'There is no user with this id.'),
    announce: (version) => bus.publish({ topic: 'user', id, version }),
  });
  return record;
}

import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { UserRecord, UserRepository } from '../../ports/metadata/users.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { userIdOf } from './user-id.ts';

/** Whom an identity provider names so. */
export interface Invitation {
  readonly issuer: string;
  readonly subject: string;
}

export interface InvitedUserDependencies {
  readonly users: UserRepository;
  readonly bus: Bus;
  readonly clock: Clock;
}

/**
 * Their record, made where there is none: who is invited from several places is one user. It holds nothing by itself. Throws `invalid_argument` for what no
 * issuer or subject can be.
 */
export async function invitedUser({ users, bus, clock }: InvitedUserDependencies, { issuer, subject }: Invitation, createdBy: string): Promise<Stored<UserRecord>> {
  if (!/^https?:\/\/[\x21-\x7e]{1,240}$/.test(issuer)) {
    throw new KeyholdError('invalid_argument', 'issuer is the address that the identity provider calls itself by, for example https://login.example.com, exactly as in its tokens.', { details: { property: 'issuer' } });
  }
  if (!/^[\x20-\x7e]{1,255}$/.test(subject)) {
    throw new KeyholdError('invalid_argument', 'subject is what the identity provider calls the user in `sub`: 1 to 255 printable ASCII characters. It is no e-mail address, unless the provider says so.', { details: { property: 'subject' } });
  }
  const id = userIdOf(issuer, subject);
  const found = await users.get({ id });
  if (found !== undefined) return found;
  const record: UserRecord = { id, issuer, subject, name: null, email: null, disabled: false, signedOutBefore: null, createdAt: clock.now(), createdBy, lastSignInAt: null };
  try {
    const made = await users.create({ id }, record);
    // Whoever tried to sign in before the invitation is known as nobody.
    await bus.publish({ topic: 'user', id, version: made.revision });
    return made;
  } catch (error) {
    const winner = asKeyholdError(error).code === 'already_exists' ? await users.get({ id }) : undefined;
    if (winner === undefined) throw error;
    return winner;
  }
}

import { createHash } from 'node:crypto';
import { frame } from '../crypto/framing.ts';

/** The id of whoever an issuer names by this subject: the same for the same two texts, so that a user's record is found and made once (S23). */
export function userIdOf(issuer: string, subject: string): string {
  return `usr_${createHash('sha256').update(frame(['keyhold user 1', issuer, subject])).digest('hex').slice(0, 32)}`;
}

import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';

const NAME = /^[^\p{Cc}\p{Cs}]{1,100}$/u;
const SOMETHING_TO_SEE = /[^\p{Z}\p{Cf}]/u;
/** 9999-12-31, the last day that RFC 3339 can write. */
const LATEST = 253_402_300_799_999;

/** The name, if it is 1 to 100 characters without control characters, not all blank; else `invalid_argument`. */
export function checkedName(name: string): string {
  if (NAME.test(name) && SOMETHING_TO_SEE.test(name)) return name;
  throw new KeyholdError('invalid_argument', 'A name is 1 to 100 characters without control characters such as line ends.', { details: { property: 'name' } });
}

/** The time, if it lies in the future (milliseconds since the epoch), or null for never; else `invalid_argument`. */
export function checkedExpiry(expiresAt: number | null | undefined, clock: Clock): number | null {
  if (expiresAt === undefined || expiresAt === null) return null;
  if (Number.isSafeInteger(expiresAt) && expiresAt > clock.now() && expiresAt <= LATEST) return expiresAt;
  throw new KeyholdError('invalid_argument', 'expiresAt must lie in the future. Leave it out for something that does not expire.', { details: { property: 'expiresAt' } });
}

import { KeyholdError } from '../ports/errors.ts';
import type { Visit } from './visit.ts';

/** Throws `canceled` when nobody waits for the answer any more. */
export function requirePresent({ response }: Visit): void {
  if (response.gone) throw new KeyholdError('canceled', 'The client left before its request was served.');
}

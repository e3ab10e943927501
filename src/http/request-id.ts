import type { RandomBytes } from '../ports/clock.ts';

const ACCEPTED = /^[\w.-]{1,64}$/;

/** The caller's own request id if it is harmless (S35), else a new one of 24 characters. */
export function requestIdFor(presented: string | undefined, random: RandomBytes): string {
  if (presented !== undefined && ACCEPTED.test(presented)) return presented;
  return `req_${random(10).toString('hex')}`;
}

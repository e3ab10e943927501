import { KeyholdError } from '../../ports/errors.ts';
import type { OfferTo } from '../../ports/metadata/credentials.ts';
import type { Scope } from '../../ports/scope.ts';

const TENANT_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const MAX_OFFERED = 1_000;
const MAX_WEIGHT = 1_000;
const MAX_NOTES = 2_000;
const MAX_REASON = 500;

/** Checks of what a request may set on a credential besides its secret. Each throws `invalid_argument` that says what to give. */

export function checkExpiry(expiresAt: number | null | undefined, now: number): void {
  if (expiresAt === undefined || expiresAt === null) return;
  if (!Number.isSafeInteger(expiresAt) || expiresAt <= now) {
    throw new KeyholdError('invalid_argument', 'expiresAt has to be a time in the future. To take a credential out of use now, disable or revoke it.');
  }
}

export function checkWeight(weight: number | undefined): void {
  if (weight === undefined || (Number.isInteger(weight) && weight >= 0 && weight <= MAX_WEIGHT)) return;
  throw new KeyholdError('invalid_argument', `weight has to be a whole number from 0 (used when no other label can serve) to ${MAX_WEIGHT}.`);
}

export function checkNotes(notes: string | undefined): void {
  if (notes !== undefined && notes.length > MAX_NOTES) throw new KeyholdError('invalid_argument', `notes has at most ${MAX_NOTES} characters.`);
}

export function checkReason(reason: string | undefined): void {
  if (reason !== undefined && reason.length > MAX_REASON) throw new KeyholdError('invalid_argument', `reason has at most ${MAX_REASON} characters.`);
}

/** The offer in one canonical form: a list sorted and without doubles. */
export function checkOffer(scope: Scope, offerTo: OfferTo | undefined): OfferTo | undefined {
  if (offerTo === undefined) return undefined;
  if (scope.kind !== 'platform') throw new KeyholdError('invalid_argument', 'offerTo is for the platform\'s own credentials; a tenant\'s credential serves that tenant alone.');
  if (offerTo === 'all' || offerTo === 'none') return offerTo;
  if (!Array.isArray(offerTo) || offerTo.length > MAX_OFFERED || !offerTo.every((tenant) => typeof tenant === 'string' && TENANT_ID.test(tenant))) {
    throw new KeyholdError('invalid_argument', `offerTo has to be "all", "none" or a list of at most ${MAX_OFFERED} tenant ids.`);
  }
  return [...new Set<string>(offerTo)].sort((a, b) => (a < b ? -1 : 1));
}

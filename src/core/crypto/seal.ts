import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { SecretName } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { decodeBase64 } from './base64.ts';
import type { DataKey } from './data-keys.ts';
import { type EnvelopeContext, isEnvelopeOf, openEnvelope, sealEnvelope } from './envelope.ts';
import { frame } from './framing.ts';
import { pad, unpad } from './padding.ts';

const FORMAT = 'keyhold sealed value 1';

/** Which value it is: the name it is kept under, the field, and the credential's version. A sealed value opens in this place alone. */
export interface SealedPlace {
  readonly name: SecretName;
  readonly field: string;
  readonly version: number;
}

/** One value sealed for its place, base64 (docs/sealing-format.md). Throws `invalid_argument` for text that UTF-8 cannot hold. */
export function sealValue(dataKey: DataKey, place: SealedPlace, value: SecretValue, random: RandomBytes): string {
  const text = value.reveal();
  if (!text.isWellFormed()) throw new KeyholdError('invalid_argument', `The value of ${place.field} holds half of a character (a lone surrogate).`);
  const padded = pad(Buffer.from(text, 'utf8'));
  const sealed = sealEnvelope(contextOf(dataKey, place), padded, random);
  padded.fill(0);
  return sealed.toString('base64');
}

/** The value again. Throws `corrupt` when the sealed text, its place or the key is not what it was. */
export function openValue(dataKey: DataKey, place: SealedPlace, sealed: string): SecretValue {
  const bytes = decodeBase64(sealed);
  if (bytes === undefined) throw new KeyholdError('corrupt', 'A sealed value is not the base64 that was written.');
  const padded = openEnvelope(contextOf(dataKey, place), bytes);
  const text = unpad(padded).toString('utf8');
  padded.fill(0);
  return new SecretValue(text);
}

/** Whether the text was sealed under this data key, for whatever place. */
export function isSealedUnder({ key }: DataKey, text: string): boolean {
  const bytes = decodeBase64(text);
  return bytes !== undefined && isEnvelopeOf({ key, purpose: 'value' }, bytes);
}

function contextOf({ id, key }: DataKey, { name, field, version }: SealedPlace): EnvelopeContext {
  const tenant = name.scope.kind === 'tenant' ? name.scope.tenant : '';
  return { key, purpose: 'value', aad: frame([FORMAT, name.scope.kind, tenant, name.service, name.label, field, String(version), id]) };
}

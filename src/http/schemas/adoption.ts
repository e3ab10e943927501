import { type Static, Type } from 'typebox';
import type { AdoptionOutcome, AdoptionRequest } from '../../core/adoption/adoption-request.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { closed, nullable, nullableText } from './fields.ts';

export const storeKind = Type.Enum(['azure-key-vault', 'vault', 'sealed']);
export const legacyForm = Type.Enum(['cipher', 'fernet'], { description: 'how an earlier system has encrypted it: cipher (iv:salt:ciphertext) or fernet.' });

export const adoptionBodySchema = Type.Object(
  {
    legacyValue: Type.Optional(Type.String({ description: 'what an earlier system has encrypted, as it is: it is kept so, marked. Either this or inStore.' })),
    inStore: Type.Optional(storeKind),
    place: Type.Optional(Type.String({ description: 'where it is believed to lie in that store; refused where the credential\'s own place is another.', maxLength: 500 })),
    encryption: Type.Optional(Type.Enum(['cipher', 'fernet', 'none'], { description: 'how it is encrypted; needed with legacyValue, and in a store found out by reading when left out.' })),
    settings: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'what is not secret: where the key is sent.' })),
    read: Type.Optional(Type.Boolean({ description: 'read the value once, to check it and to take hints; true when left out.' })),
  },
  closed,
);

export const adoptionSchema = Type.Object({
  outcome: Type.Enum(['adoptable', 'adopted', 'already'], { description: 'adoptable: in a preview, what would be adopted; already: it is a credential here, and nothing was changed.' }),
  storedIn: storeKind,
  place: nullableText,
  legacy: Type.Optional(legacyForm),
  authenticated: Type.Boolean({ description: 'false: nothing proves that the value is as it was written. Replace the key at its provider.' }),
  hints: Type.Record(Type.String(), Type.String()),
  version: nullable(Type.Integer()),
  warnings: Type.Array(Type.String()),
});

/** What a body asks for. Throws `invalid_argument` where it names no source, or two. */
export function adoptionRequest({ legacyValue, inStore, place, encryption, settings, read = true }: Static<typeof adoptionBodySchema>): AdoptionRequest {
  const form = encryption === 'none' ? 'plain' : encryption;
  if (legacyValue !== undefined && inStore === undefined && place === undefined && form !== undefined && form !== 'plain') {
    return { source: { kind: 'value', form, text: new SecretValue(legacyValue) }, settings, read };
  }
  if (legacyValue === undefined && inStore !== undefined) return { source: { kind: 'place', store: inStore, place, form }, settings, read };
  throw new KeyholdError('invalid_argument', 'Say what is to be adopted: either legacyValue with encryption (cipher or fernet), or inStore, perhaps with place.');
}

export function adoptionBody({ hints, warnings, ...rest }: AdoptionOutcome): Static<typeof adoptionSchema> {
  return { ...rest, hints: { ...hints }, warnings: [...warnings] };
}

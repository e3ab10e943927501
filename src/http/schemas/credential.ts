import { type Static, Type } from 'typebox';
import type { CredentialView } from '../../core/credentials/credential-view.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText, optionalInstantText } from '../rfc3339.ts';
import { etag, instant, label, nullable, serviceId, tenantId } from './fields.ts';

const settings = Type.Record(Type.String(), Type.Union([Type.String(), Type.Record(Type.String(), Type.String())]), {
  description: 'What is not secret: where the key is sent.',
});

export const offerTo = Type.Union([Type.Enum(['all', 'none']), Type.Array(tenantId, { maxItems: 1000 })], {
  description: '"all", "none" or a list of tenants\' ids: who may use the platform\'s key.',
});

export const credentialSchema = Type.Object({
  service: serviceId,
  label,
  id: Type.String(),
  state: Type.Enum(['active', 'disabled', 'expired', 'revoked', 'deleted', 'purged']),
  storedIn: Type.Enum(['azure-key-vault', 'vault', 'sealed']),
  ownVault: Type.Optional(Type.Literal(true, { description: 'Only on a key that is kept in a vault of the tenant\'s own.' })),
  legacy: Type.Optional(Type.Enum(['cipher', 'fernet'], { description: 'Only on a key that is kept as an earlier system has encrypted it: cipher (iv:salt:ciphertext) or fernet.' })),
  hints: Type.Record(Type.String(), Type.String(), { description: 'By field, the last characters of its value; empty for a short one.' }),
  settings,
  version: Type.Integer(),
  etag,
  createdAt: instant,
  updatedAt: instant,
  expiresAt: nullable(instant),
  weight: Type.Integer(),
  notes: Type.String(),
  disabled: Type.Boolean(),
  offerTo: Type.Optional(offerTo),
  revokedAt: nullable(instant),
  deletedAt: nullable(instant),
  warnings: Type.Optional(Type.Array(Type.String(), { description: 'What looks unusual about a value that was stored all the same.' })),
});

/** A credential as it is answered: never a value. */
export function credentialBody(view: CredentialView): Static<typeof credentialSchema> {
  const { offerTo: offered, warnings, ...rest } = view;
  return {
    ...rest,
    etag: entityTag(view.etag),
    hints: { ...view.hints },
    settings: { ...view.settings },
    createdAt: instantText(view.createdAt),
    updatedAt: instantText(view.updatedAt),
    expiresAt: optionalInstantText(view.expiresAt),
    revokedAt: optionalInstantText(view.revokedAt),
    deletedAt: optionalInstantText(view.deletedAt),
    ...(offered === undefined ? {} : { offerTo: typeof offered === 'string' ? offered : [...offered] }),
    ...(warnings === undefined ? {} : { warnings: [...warnings] }),
  };
}

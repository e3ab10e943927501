import { type Static, Type } from 'typebox';
import type { ShreddingView } from '../../core/keys/tenant-shredding.ts';
import { instantText, optionalInstantText } from '../rfc3339.ts';
import { nullable, nullableText } from './fields.ts';

export const shreddingSchema = Type.Object({
  tenant: Type.String(),
  startedAt: Type.String(),
  requestedBy: Type.String(),
  dataKeys: Type.Array(
    Type.Object({
      id: Type.String(),
      createdAt: Type.String(),
      commitment: nullable(Type.String({ description: 'Fixes the key and tells nothing of it; null for one that could not be opened any more.' })),
      destroyedAt: nullableText,
    }),
  ),
  certificate: nullable(Type.String({ description: 'A signed note under the audit log\'s key: what was destroyed, and each copy that remains with its date. null until the removal has ended.' })),
});

export function shreddingBody({ tenant, startedAt, requestedBy, keys, certificate }: ShreddingView): Static<typeof shreddingSchema> {
  const dataKeys = keys.map(({ id, createdAt, commitment, destroyedAt }) => ({ id, createdAt: instantText(createdAt), commitment, destroyedAt: optionalInstantText(destroyedAt) }));
  return { tenant, startedAt: instantText(startedAt), requestedBy, dataKeys, certificate };
}

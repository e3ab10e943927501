import { type Static, Type } from 'typebox';
import type { RootKeyView } from '../../core/keys/root-key-view.ts';
import { instantText } from '../rfc3339.ts';

export const rootKeySchema = Type.Object({
  rootId: Type.String(),
  commitment: Type.String({ description: 'What is pinned outside the database; says nothing of the key.' }),
  createdAt: Type.String(),
  wrappings: Type.Array(
    Type.Object({
      wrapper: Type.Enum(['key-file', 'passphrase', 'vault-transit', 'azure-key']),
      place: Type.String({ description: 'Where the wrapping key is. Empty where that was not noted yet.' }),
      wrappedAt: Type.String(),
      state: Type.Enum(['present', 'next'], { description: 'next: opens the root key too, and alone as soon as a start has used it.' }),
    }),
  ),
});

export function rootKeyBody({ rootId, commitment, createdAt, wrappings }: RootKeyView): Static<typeof rootKeySchema> {
  return { rootId, commitment, createdAt: instantText(createdAt), wrappings: wrappings.map(({ wrappedAt, ...wrapping }) => ({ ...wrapping, wrappedAt: instantText(wrappedAt) })) };
}

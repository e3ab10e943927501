import { type Static, Type } from 'typebox';
import type { RootKeyView } from '../../core/keys/root-key-view.ts';
import type { DataKeyRotationRecord } from '../../ports/metadata/sealed.ts';
import { instantText, optionalInstantText } from '../rfc3339.ts';
import { nullable, nullableText } from './fields.ts';

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

export const dataRotationSchema = Type.Object({
  id: Type.String(),
  tenant: nullable(Type.String({ description: 'null: the platform and every tenant.' })),
  state: Type.Enum(['none', 'running', 'finished']),
  startedAt: nullableText,
  finishedAt: nullableText,
  resealed: Type.Integer({ description: 'Values that are sealed under new keys, counted by the process that finished.' }),
  destroyedKeys: Type.Integer(),
  waiting: Type.Integer({ description: 'Values in a vault that are written there anew, one by one; their old data keys go after them.' }),
  unreadable: Type.Integer({ description: 'Values that could not be opened; the keys that they name are kept.' }),
});

export function dataRotationBody(record: DataKeyRotationRecord | undefined): Static<typeof dataRotationSchema> {
  if (record === undefined) return { id: '', tenant: null, state: 'none', startedAt: null, finishedAt: null, resealed: 0, destroyedKeys: 0, waiting: 0, unreadable: 0 };
  const { id, tenant, startedAt, finishedAt, resealed, destroyedKeys, waiting, unreadable } = record;
  const state = finishedAt === null ? 'running' : 'finished';
  return { id, tenant, state, startedAt: instantText(startedAt), finishedAt: optionalInstantText(finishedAt), resealed, destroyedKeys, waiting, unreadable };
}

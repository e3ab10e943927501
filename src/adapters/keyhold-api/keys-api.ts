import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ProviderKeyPage } from '../../core/keys/provider-keys.ts';
import type { RootKeyView } from '../../core/keys/root-key-view.ts';
import { callKeyhold, type KeyholdApi, unexpectedAnswer } from './call-keyhold.ts';

const RootKey = Type.Object({
  rootId: Type.String(),
  commitment: Type.String(),
  createdAt: Type.String(),
  wrappings: Type.Array(
    Type.Object({
      wrapper: Type.Enum(['key-file', 'passphrase', 'vault-transit', 'azure-key']),
      place: Type.String(),
      wrappedAt: Type.String(),
      state: Type.Enum(['present', 'next']),
    }),
  ),
});

const Rotation = Type.Object({
  id: Type.String(),
  state: Type.Enum(['none', 'running', 'finished']),
  resealed: Type.Integer(),
  destroyedKeys: Type.Integer(),
  waiting: Type.Integer(),
  unreadable: Type.Integer(),
});

const ProviderKeys = Type.Object({
  items: Type.Array(
    Type.Object({
      tenant: Type.Union([Type.String(), Type.Null()]),
      service: Type.String(),
      label: Type.String(),
      state: Type.Enum(['new', 'active', 'revoked', 'deleted', 'purged']),
      hints: Type.Record(Type.String(), Type.String()),
    }),
  ),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

/** How far a rotation of data keys is. */
export type RotationProgress = Static<typeof Rotation>;

/** The root key of a running Keyhold. Throws as `callKeyhold` does. */
export const keysApi = {
  status: async (keyhold: KeyholdApi): Promise<RootKeyView> => rootKeyIn(keyhold, await callKeyhold(keyhold, { method: 'GET', path: '/api/v1/platform/keys' })),
  rewrap: async (keyhold: KeyholdApi): Promise<RootKeyView> => rootKeyIn(keyhold, await callKeyhold(keyhold, { method: 'POST', path: '/api/v1/platform/keys/rewrap' })),
  rotateData: async (keyhold: KeyholdApi, tenant: string | null): Promise<RotationProgress> =>
    checked(Rotation, keyhold, await callKeyhold(keyhold, { method: 'POST', path: '/api/v1/platform/keys/rotate-data', body: tenant === null ? {} : { tenant } })),
  dataRotation: async (keyhold: KeyholdApi): Promise<RotationProgress> => checked(Rotation, keyhold, await callKeyhold(keyhold, { method: 'GET', path: '/api/v1/platform/keys/data-rotation' })),
  providerKeys: async (keyhold: KeyholdApi, tenant: string | null, cursor: string | undefined): Promise<ProviderKeyPage> => {
    const query = new URLSearchParams({ limit: '1000', ...(tenant === null ? {} : { tenant }), ...(cursor === undefined ? {} : { cursor }) });
    const { items, nextCursor } = checked(ProviderKeys, keyhold, await callKeyhold(keyhold, { method: 'GET', path: `/api/v1/platform/keys/provider-keys?${query.toString()}` }));
    return { items, next: nextCursor ?? undefined };
  },
} as const;

function rootKeyIn(keyhold: KeyholdApi, answer: unknown): RootKeyView {
  const { wrappings, createdAt, ...root } = checked(RootKey, keyhold, answer);
  return { ...root, createdAt: Date.parse(createdAt), wrappings: wrappings.map(({ wrappedAt, ...wrapping }) => ({ ...wrapping, wrappedAt: Date.parse(wrappedAt) })) };
}

function checked<S extends TSchema>(schema: S, keyhold: KeyholdApi, answer: unknown): Static<S> {
  if (!Value.Check(schema, answer)) throw unexpectedAnswer(keyhold);
  return answer;
}

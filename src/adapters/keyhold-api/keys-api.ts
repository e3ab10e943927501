import { Type } from 'typebox';
import { Value } from 'typebox/value';
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

/** The root key of a running Keyhold. Throws as `callKeyhold` does. */
export const keysApi = {
  status: async (keyhold: KeyholdApi): Promise<RootKeyView> => rootKeyIn(keyhold, await callKeyhold(keyhold, { method: 'GET', path: '/api/v1/platform/keys' })),
  rewrap: async (keyhold: KeyholdApi): Promise<RootKeyView> => rootKeyIn(keyhold, await callKeyhold(keyhold, { method: 'POST', path: '/api/v1/platform/keys/rewrap' })),
} as const;

function rootKeyIn(keyhold: KeyholdApi, answer: unknown): RootKeyView {
  if (!Value.Check(RootKey, answer)) throw unexpectedAnswer(keyhold);
  const { wrappings, createdAt, ...root } = answer;
  return { ...root, createdAt: Date.parse(createdAt), wrappings: wrappings.map(({ wrappedAt, ...wrapping }) => ({ ...wrapping, wrappedAt: Date.parse(wrappedAt) })) };
}

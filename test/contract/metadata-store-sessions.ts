import { expect } from 'vitest';
import { sessionRecord, time } from './metadata-store-records.ts';
import { readAll, type Rule } from './metadata-store-rule.ts';

const issuer = 'https://login.example.com';

/** Sessions: by whom they are, by what a provider calls them, and by when they are over. */
export const sessionRules: readonly Rule[] = [
  {
    title: 'S24 sessions are listed by whose they are, and by what the identity provider calls them, ended ones included',
    check: async ({ store: { sessions } }) => {
      const token = { kind: 'token', id: 'u1', digest: 'd' } as const;
      const provider = { issuer, sid: 'é'.repeat(900) };
      await sessions.create({ id: 'b' }, sessionRecord('b', { provider }));
      await sessions.create({ id: 'a' }, sessionRecord('a', { provider: { issuer: 'https://other.example.com', sid: provider.sid } }));
      await sessions.create({ id: 'c' }, sessionRecord('c', { holder: { kind: 'user', id: 'u2' }, provider }));
      await sessions.create({ id: 't' }, sessionRecord('t', { holder: token }));
      await sessions.create({ id: 'gone' }, sessionRecord('gone', { provider }));
      await sessions.remove({ id: 'gone' }, 1);
      await sessions.replace({ id: 'b' }, sessionRecord('b', { provider, endedAt: time }), 1);
      for (const limit of [1, 2, 1000]) {
        expect((await readAll((page) => sessions.listOf({ kind: 'user', id: 'u1' }, page), limit)).map(({ record }) => record.id)).toEqual(['a', 'b']);
        expect((await readAll((page) => sessions.listOfProvider(provider, page), limit)).map(({ record }) => record.id)).toEqual(['b', 'c']);
      }
      expect(await readAll((page) => sessions.listOf(token, page), 5)).toEqual([{ record: sessionRecord('t', { holder: token }), revision: 1 }]);
    },
  },
  {
    title: 'S24 sessions whose time is over are found, the longest ago first, until they are removed',
    check: async ({ store: { sessions } }) => {
      for (const [id, expiresAt] of [['x', time + 2], ['y', time], ['z', time], ['w', time + 3]] as const) await sessions.create({ id }, sessionRecord(id, { expiresAt }));
      for (const limit of [1, 2, 1000]) expect((await readAll((page) => sessions.expired(time + 2, page), limit)).map(({ record }) => record.id)).toEqual(['y', 'z', 'x']);
      await sessions.remove({ id: 'y' }, 1);
      await sessions.replace({ id: 'z' }, sessionRecord('z', { expiresAt: time + 9 }), 1);
      expect((await readAll((page) => sessions.expired(time + 2, page), 5)).map(({ record }) => record.id)).toEqual(['x']);
    },
  },
];

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { codeOf, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { memoryOwnVaults } from '../../../test/support/memory-own-vaults.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnVaultRepository } from '../../ports/metadata/own-vaults.ts';
import { KeptThere } from './kept-there.ts';
import { OwnVaultSecrets } from './own-vault-secrets.ts';
import { OwnVaultService } from './own-vault-service.ts';

const vault = { kind: 'vault', address: 'https://vault.example.com' } as const;
const lost = new KeyholdError('unavailable', 'The answer was lost.');

function serviceOver(trouble: { when: 'never' | 'before' | 'after' }) {
  const world = createCredentialWorld();
  const { metadata, parts, bus, clock } = world;
  const { ownVaults } = metadata;
  const lossy = async <T>(write: () => Promise<T>): Promise<T> => {
    if (trouble.when === 'before') throw lost;
    const done = await write();
    if (trouble.when === 'after') throw lost;
    return done;
  };
  const records: OwnVaultRepository = {
    get: (key) => ownVaults.get(key),
    create: (key, record) => lossy(() => ownVaults.create(key, record)),
    replace: (key, record, revision) => lossy(() => ownVaults.replace(key, record, revision)),
    remove: (key, revision) => lossy(() => ownVaults.remove(key, revision)),
  };
  const secrets = new OwnVaultSecrets({ sealed: world.store, values: { list: async () => ({ items: [], next: undefined }) }, random: randomBytes });
  const service = new OwnVaultService({ records, secrets, connector: memoryOwnVaults(), kept: new KeptThere({ credentials: metadata.credentials, writer: parts.writer }), usualStore: 'sealed', bus, clock, random: randomBytes });
  const register = (token: string): Promise<unknown> => world.as('own-vault.put', (grant) => service.put(grant, { ...vault, auth: { token } }, {}));
  /** What opens the vault by its record. */
  const opens = async (): Promise<string | undefined> => {
    const stored = await ownVaults.get({ tenant: 'acme' });
    return stored === undefined ? undefined : (await secrets.open(stored.record)).reveal();
  };
  return { register, opens, store: world.store };
}

describe('S20 what opens a tenant\'s vault, when the database fails', () => {
  it('a write that happened although its answer was lost: the vault opens with what the record names', async () => {
    const trouble: { when: 'never' | 'after' } = { when: 'after' };
    const { register, opens, store } = serviceOver(trouble);
    expect(await codeOf(register('token-one-0123456789'))).toBe('unavailable');
    expect(await opens()).toBe('token-one-0123456789');
    expect(await codeOf(register('token-two-0123456789'))).toBe('unavailable');
    expect(await opens()).toBe('token-two-0123456789');
    trouble.when = 'never';
    await register('token-three-0123456789');
    expect(await opens()).toBe('token-three-0123456789');
    // The first one is left over, and goes with its tenant.
    expect(store.keptVersions()).toBe(2);
  });

  it('a write that did not happen leaves nothing behind', async () => {
    const trouble: { when: 'never' | 'before' } = { when: 'before' };
    const { register, opens, store } = serviceOver(trouble);
    expect(await codeOf(register('token-one-0123456789'))).toBe('unavailable');
    expect([await opens(), store.keptVersions()]).toEqual([undefined, 0]);
    trouble.when = 'never';
    await register('token-two-0123456789');
    trouble.when = 'before';
    expect(await codeOf(register('token-three-0123456789'))).toBe('unavailable');
    expect([await opens(), store.keptVersions()]).toEqual(['token-two-0123456789', 1]);
  });
});

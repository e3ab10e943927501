import { randomBytes } from 'node:crypto';
import { Adoption } from '../../src/core/adoption/adoption.ts';
import { LegacyMigration } from '../../src/core/adoption/legacy-migration.ts';
import type { Actor } from '../../src/core/access/actor.ts';
import type { Action } from '../../src/core/access/actions.ts';
import type { Grant } from '../../src/core/access/grant.ts';
import { LegacyReader } from '../../src/core/credentials/legacy-reader.ts';
import { withLegacyValues } from '../../src/core/credentials/legacy-store.ts';
import type { LegacyCipher } from '../../src/core/crypto/legacy/legacy-cipher.ts';
import { platformScope, type Scope, tenantScope } from '../../src/ports/scope.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import legacy from '../vectors/legacy/legacy-values.json' with { type: 'json' };
import fernet from '../vectors/legacy/multi-fernet.json' with { type: 'json' };
import { createCredentialWorld } from './credential-world.ts';

/** A value of `iv:salt:ciphertext`, with a tag. */
export const gcm = legacy.values.find(({ title }) => title === 'GCM, scrypt, hex, the tag as the fourth part')!;
/** One without a tag. */
export const cbc = legacy.values.find(({ title }) => title === 'CBC, scrypt, hex')!;
export const token = fernet.tokens[0]!;

const admin: Actor = { kind: 'token', id: 'tok-platform', role: 'platform-admin', scope: platformScope };

/** Adoption and migration over a vault and the encrypted database, both in memory; new keys go to the vault. */
export function createAdoptionWorld({ cipher = 'aes-256-gcm' }: { readonly cipher?: LegacyCipher['cipher'] } = {}) {
  const world = createCredentialWorld({ home: 'vault' });
  const reader = new LegacyReader({
    cipher: { key: new SecretValue(legacy.passphrase), cipher, kdf: { name: 'scrypt', n: 16_384, r: 8, p: 1 }, encoding: 'hex' },
    fernetKeys: fernet.keys.map((key) => new SecretValue(key)),
    catalog: world.catalog,
  });
  const vault = withLegacyValues(world.store, reader);
  const database = withLegacyValues(world.database, reader);
  world.switchedOn.set('vault', vault);
  world.switchedOn.set('sealed', database);
  const adoption = new Adoption({ parts: world.parts, sealed: database, legacy: reader, random: randomBytes });
  const migration = new LegacyMigration({ parts: world.parts, placement: { store: vault }, legacy: reader });
  const as = <T>(action: Action, work: (grant: Grant) => Promise<T>, { service = 'openai', scope = tenantScope('acme') }: { service?: string; scope?: Scope } = {}): Promise<T> =>
    world.access.perform(admin, action, { scope, service, label: 'default' }, 'req-1', work);
  return { ...world, world, adoption, migration, platformAs: as };
}

export type AdoptionWorld = ReturnType<typeof createAdoptionWorld>;

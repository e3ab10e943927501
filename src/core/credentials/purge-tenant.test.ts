import { describe, expect, it } from 'vitest';
import { createCredentialWorld } from '../../../test/support/credential-world.ts';
import { tenantScope } from '../../ports/scope.ts';
import { PurgeTenant } from './purge-tenant.ts';
import { emptyRecord, expecting } from './record-changes.ts';

const key = { scope: tenantScope('acme'), service: 'openai', label: 'default' };

describe('S16: a tenant\'s credentials', () => {
  it('are not gone while something of theirs may still arrive in a store, also under a name that never came into use', async () => {
    const world = createCredentialWorld();
    const purge = new PurgeTenant({ records: world.metadata.credentials, credentials: world.credentials, access: world.access });
    expect(await purge.purgeAll('acme')).toBe(true);
    const late = expecting(emptyRecord(key, 0), { store: 'sealed', name: key, version: 'put:late' }, 1, world.clock.now() + 600_000);
    await world.metadata.credentials.create(key, late);
    expect(await purge.purgeAll('acme')).toBe(false);
    world.clock.advance(600_001);
    expect(await world.reconcile()).toEqual({ finished: 1, failed: 0 });
    expect(await purge.purgeAll('acme')).toBe(true);
  });
});

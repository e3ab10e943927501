import { describe, expect, it } from 'vitest';
import { codeOf, createCredentialWorld, noMetrics } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { AiCredentials } from './ai-credentials.ts';

const KEY = 'sk-test-listed-0123456789ab';

function underTest() {
  const world = createCredentialWorld({ staleLimitMs: 900_000 });
  const { metadata, catalog, bus, clock, sources } = world;
  return { ...world, listed: new AiCredentials({ records: metadata.credentials, catalog, bus, clock, metrics: noMetrics, sources }) };
}

describe('R4.3 the AI services that a tenant has credentials for', () => {
  it('are read once in 10 s, without a promise after that, and again at once when a credential changes', async () => {
    const { listed, put, as, credentials, databaseState } = underTest();
    expect(await listed.of('acme')).toEqual([]);
    await put(KEY);
    expect(await listed.of('acme')).toEqual(['openai']);
    const before = databaseState.calls;
    expect([listed.of('acme'), databaseState.calls]).toEqual([['openai'], before]);
    await as('credential.update', (grant) => credentials.update(grant, { disabled: true }));
    expect(await listed.of('acme')).toEqual([]);
  });

  it('serve on without the database; that there is none does not', async () => {
    const { listed, put, clock, databaseState } = underTest();
    await put(KEY);
    await listed.of('acme');
    await listed.of('empty');
    clock.advance(11_000);
    databaseState.fault = new KeyholdError('unavailable', 'The database cannot answer now.');
    expect(await listed.of('acme')).toEqual(['openai']);
    expect(await codeOf(Promise.resolve(listed.of('empty')))).toBe('unavailable');
  });
});

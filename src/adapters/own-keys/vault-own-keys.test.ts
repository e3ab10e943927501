import { describe, expect, it } from 'vitest';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { VaultSecret } from '../vault/vault-client.ts';
import { createVaultOwnKeys } from './vault-own-keys.ts';

function reading(answer: VaultSecret | undefined | KeyholdError) {
  const log = new RecordingLog();
  const asked: string[] = [];
  const client = {
    readSecret: async (mount: string, path: string): Promise<VaultSecret | undefined> => {
      asked.push(`${mount} ${path}`);
      if (answer instanceof KeyholdError) throw answer;
      return answer;
    },
  };
  return { log, asked, read: () => createVaultOwnKeys({ client, mount: 'secret', path: 'ai-gateway', log }).read() };
}

describe('the service\'s own keys in Vault (R2.3)', () => {
  it('are the texts of the one secret; what is empty or no text is not used, and the latter is told by its name', async () => {
    const { read, asked, log } = reading({ version: 3, fields: { OPENAI_API_KEY: new SecretValue('sk-test-own'), GROQ_API_KEY: new SecretValue('') }, notText: ['XAI_API_KEY'] });
    const { values, version } = await read();
    expect([[...values.keys()], values.get('OPENAI_API_KEY')?.reveal(), version, asked]).toEqual([['OPENAI_API_KEY'], 'sk-test-own', '3', ['secret ai-gateway']]);
    expect(log.of('own_key_unusable')).toMatchObject([{ level: 'warn', fields: { key: 'XAI_API_KEY' } }]);
  });

  it('are none where there is no such secret, and an error where Vault cannot be asked', async () => {
    expect((await reading(undefined).read()).values.size).toBe(0);
    await expect(reading(new KeyholdError('unavailable', 'Vault is away.')).read()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

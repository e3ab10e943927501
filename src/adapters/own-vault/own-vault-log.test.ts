import { expect, it } from 'vitest';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { ownVaultLog } from './own-vault-log.ts';

it('S20 no line about a tenant\'s vault is taken for one about the installation\'s own', () => {
  const log = new RecordingLog();
  const own = ownVaultLog(log, 'acme');
  own.error('vault_connection_failed', 'Vault cannot be reached. Check VAULT_ADDR.', { address: 'https://vault.example.com' });
  own.warn('vault_token_ends', 'The token ends.');
  own.info('vault_connected', 'Connected.');
  const hint = expect.stringMatching(/^(?:Vault cannot be reached. Check VAULT_ADDR.|The token ends.) \(A vault of tenant acme's own: .* is the tenant's to change/);
  expect(log.lines).toEqual([
    { level: 'warn', event: 'own_vault_connection_failed', msg: hint, fields: { address: 'https://vault.example.com', tenantId: 'acme' } },
    { level: 'warn', event: 'own_vault_token_ends', msg: hint, fields: { tenantId: 'acme' } },
    { level: 'info', event: 'own_vault_connected', msg: 'Connected.', fields: { tenantId: 'acme' } },
  ]);
});

import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { openVaultTransit } from '../../src/adapters/key-wrapper/vault-transit.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { clientOf, rootAuth } from '../support/vault-fixture.ts';
import { startVault } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { keyWrapperContract } from './key-wrapper-contract.ts';

describeWithVault('R0.5 in a real Vault', () => {
  for (const type of ['aes256-gcm96', 'chacha20-poly1305']) {
    keyWrapperContract('vault-transit', {
      changes: 60,
      create: async () => {
        const vault = await startVault();
        await vault.ask('POST', 'sys/mounts/transit', { type: 'transit' });
        for (const key of ['keyhold', 'other']) await vault.ask('POST', `transit/keys/${key}`, { type });
        const { client } = clientOf(vault.address, rootAuth(vault));
        const open = (key: string) => openVaultTransit({ client, mount: 'transit', key });
        return {
          wrapper: open('keyhold'),
          again: async () => open('keyhold'),
          other: async () => open('other'),
          close: async () => {
            await client.close();
            await vault.close();
          },
        };
      },
    });
  }

  it('S12 opens what older versions of the key wrapped, says when Vault does not any more, and what is missing', async () => {
    const vault = await startVault();
    const { client } = clientOf(vault.address, rootAuth(vault));
    try {
      const wrapper = openVaultTransit({ client, mount: 'transit', key: 'keyhold' });
      const refusal = (...parts: readonly string[]): unknown => expect.objectContaining({ exitCode: 6, message: expect.toSatisfy((text: string) => parts.every((part) => text.includes(part))) });
      const [root, context] = [Buffer.alloc(32, 7), Buffer.from('context')];
      await expect(wrapper.wrap(root, context)).rejects.toThrow(refusal('no transit engine at transit', 'vault secrets enable'));
      await vault.ask('POST', 'sys/mounts/transit', { type: 'transit' });
      await vault.ask('POST', 'transit/keys/keyhold');
      const first = await wrapper.wrap(root, context);
      // As docs/sealing-format.md has it for other programs.
      const { plaintext } = await vault.ask('POST', 'transit/decrypt/keyhold', { ciphertext: `vault:v1:${first.subarray(5).toString('base64')}`, associated_data: context.toString('base64') });
      expect(Buffer.from(String(plaintext), 'base64')).toEqual(Buffer.concat([createHash('sha256').update(context).digest(), root]));
      await vault.ask('POST', 'transit/keys/keyhold/rotate');
      const second = await wrapper.wrap(root, context);
      expect([first.readUInt32BE(1), second.readUInt32BE(1)]).toEqual([1, 2]);
      expect((await wrapper.unwrap(first, context)).equals(root)).toBe(true);
      await vault.ask('POST', 'transit/keys/keyhold/config', { min_decryption_version: 2 });
      await expect(wrapper.unwrap(first, context)).rejects.toThrow(refusal('min_decryption_version', 'keyhold keys rotate'));
      expect((await wrapper.unwrap(second, context)).equals(root)).toBe(true);
      await vault.ask('POST', 'transit/keys/rsa', { type: 'rsa-2048' });
      await expect(openVaultTransit({ client, mount: 'transit', key: 'rsa' }).wrap(root, context)).rejects.toThrow(refusal('aes256-gcm96'));
      await expect(openVaultTransit({ client, mount: 'transit', key: 'absent' }).unwrap(second, context)).rejects.toThrow(refusal('transit/keys/absent', 'KEYHOLD_TRANSIT_KEY'));

      await vault.ask('PUT', 'sys/policies/acl/encrypt-only', { policy: 'path "transit/encrypt/keyhold" { capabilities = ["update"] }' });
      const token = await vault.ask('POST', 'auth/token/create', { policies: ['encrypt-only'] });
      const limited = clientOf(vault.address, { kind: 'token', token: new SecretValue(String(token['client_token'])) });
      await expect(openVaultTransit({ client: limited.client, mount: 'transit', key: 'keyhold' }).unwrap(second, context)).rejects.toThrow(refusal('transit/decrypt/keyhold', '"update"'));
      await limited.client.close();
    } finally {
      await client.close();
      await vault.close();
    }
  });
});

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AzureKeyOptions, openAzureKey } from '../../src/adapters/key-wrapper/azure-key.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { keyClient } from '../support/servers/azure/sdk-clients.ts';
import { type AzureServer, startAzureServer } from '../support/servers/azure/server.ts';
import { keyWrapperContract } from './key-wrapper-contract.ts';

function optionsOn(azure: AzureServer, key: string): AzureKeyOptions {
  const servicePrincipal = { tenantId: azure.directory.tenantId, clientId: azure.app.clientId, clientSecret: new SecretValue([...azure.app.secrets].at(-1) ?? '') };
  return { vaultUrl: new URL(azure.vault.url).origin, key, identity: { servicePrincipal, workload: null, managed: null, authorityHost: azure.authority.url, isDisconnected: true } };
}

keyWrapperContract('azure-key', {
  changes: 30,
  create: async () => {
    const azure = await startAzureServer();
    azure.trust();
    const keys = keyClient(azure);
    for (const name of ['keyhold', 'other']) await keys.createRsaKey(name, { keySize: 2048 });
    const open = (key: string) => openAzureKey(optionsOn(azure, key));
    return { wrapper: open('keyhold'), again: async () => open('keyhold'), other: async () => open('other'), close: async () => azure.close() };
  },
});

describe('R0.5: a key in Azure Key Vault', () => {
  let azure: AzureServer;
  beforeAll(async () => {
    azure = await startAzureServer();
    azure.trust();
  });
  afterAll(async () => azure.close());

  it('opens what an older version wrapped, wraps by the newest, and says what is missing', async () => {
    const [root, context] = [Buffer.alloc(32, 7), Buffer.from('context')];
    const wrapper = openAzureKey(optionsOn(azure, 'keyhold'));
    const refusal = (...parts: readonly string[]): unknown => expect.objectContaining({ exitCode: 6, message: expect.toSatisfy((text: string) => parts.every((part) => text.includes(part))) });
    await expect(wrapper.wrap(Buffer.from(root), context)).rejects.toThrow(refusal('There is no RSA key', 'az keyvault key create'));
    const keys = keyClient(azure);
    const first = await keys.createRsaKey('keyhold', { keySize: 2048 });
    const before = await wrapper.wrap(Buffer.from(root), context);
    const second = await keys.rotateKey('keyhold');
    const after = await wrapper.wrap(Buffer.from(root), context);
    expect([before, after].map((wrapped) => wrapped.subarray(1, 17).toString('hex'))).toEqual([first.properties.version, second.properties.version]);
    // As docs/sealing-format.md has it for other programs.
    const { result } = await keys.getCryptographyClient('keyhold', { keyVersion: before.subarray(1, 17).toString('hex') }).unwrapKey('RSA-OAEP-256', before.subarray(17));
    expect(Buffer.from(result)).toEqual(Buffer.concat([createHash('sha256').update(context).digest(), root]));
    for (const wrapped of [before, after]) expect((await wrapper.unwrap(wrapped, context)).equals(root)).toBe(true);
    await keys.updateKeyProperties('keyhold', first.properties.version ?? '', { enabled: false });
    await expect(wrapper.unwrap(before, context)).rejects.toThrow(refusal('is disabled', 'set-attributes'));
    expect((await wrapper.unwrap(after, context)).equals(root)).toBe(true);
  });

  it('is unavailable while nobody answers, which is not a wrong key', async () => {
    const options = optionsOn(azure, 'keyhold');
    const away = openAzureKey({ ...options, vaultUrl: 'https://127.0.0.1:9' });
    await expect(away.unwrap(Buffer.concat([Buffer.of(1), Buffer.alloc(300)]), Buffer.from('context'))).rejects.toThrow(expect.objectContaining({ code: 'unavailable' }));
  });
});

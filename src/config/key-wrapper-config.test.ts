import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { StartError } from '../ports/start-error.ts';
import { loadConfig } from './config.ts';
import type { Environment } from './environment.ts';
import { readWrapperChange } from './new-key-wrapper.ts';

const good = 'nine purple lamps sing softly';

function environment(variables: Readonly<Record<string, string>>): Environment {
  return { workingDirectory: '/srv', variables: { NODE_ENV: 'test', ...variables }, dotenv: {}, execArgv: [], inspectorUrl: undefined };
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof StartError && error.exitCode === 2) return error.message;
    throw error;
  }
  throw new Error('It was accepted.');
}

const load = (variables: Readonly<Record<string, string>>) => loadConfig(environment(variables), allServices).config;
const vault = { VAULT_ADDR: 'http://127.0.0.1:8200', VAULT_TOKEN: 'test-token' };

describe('R0.5: what wraps the root key', () => {
  it('is a key file unless something else is named', () => {
    expect(load({}).keyWrapper).toEqual({ kind: 'key-file', keyFile: '/srv/data/keyhold.key' });
    expect(load({ KEYHOLD_KEY_FILE: 'k' }).keyWrapper).toEqual({ kind: 'key-file', keyFile: '/srv/k' });
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'hsm' }))).toContain('must be one of key-file, passphrase, vault-transit');
  });

  it('is a passphrase that somebody gave', () => {
    const { keyWrapper } = load({ KEYHOLD_KEY_WRAPPER: 'passphrase', KEYHOLD_KEY_PASSPHRASE: good });
    expect(keyWrapper.kind === 'passphrase' && keyWrapper.passphrase.reveal()).toBe(good);
    expect(JSON.stringify(keyWrapper)).not.toContain(good);
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'passphrase' }))).toContain('needs KEYHOLD_KEY_PASSPHRASE, or KEYHOLD_KEY_PASSPHRASE_FILE');
  });

  it.each([
    ['short', 'too weak: it has 5 characters'],
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 'repeats a few characters'],
    ['Password Password Password', 'what guessers try first'],
    ['1234567890123456', 'what guessers try first'],
    ['Password1234567890', 'what guessers try first'],
    ['correct horse battery staple', 'what guessers try first'],
    ['abcdefgabcdefgabcdefg', 'repeats a few characters'],
    [' nine purple lamps sing softly', 'begins or ends with a space'],
    ['nine purple\tlamps sing softly', 'a newline or a tab'],
  ])('refuses the passphrase %j with advice, never quoting it', (text, why) => {
    const message = refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'passphrase', KEYHOLD_KEY_PASSPHRASE: text }));
    expect(message).toContain(why);
    expect(message.split('Example:')[0]).not.toContain(text);
    if (why.includes('weak')) expect(message).toContain('openssl rand -base64 24');
    expect(message.match(/KEYHOLD_KEY_PASSPHRASE /g)).toHaveLength(1);
  });

  it('is a key of Vault\'s, which is reached also when no keys are kept there', () => {
    const { keyWrapper, vault: store, warnings } = load({ KEYHOLD_KEY_WRAPPER: 'vault-transit', KEYHOLD_TRANSIT_KEY: 'root', ...vault });
    expect(keyWrapper).toMatchObject({ kind: 'vault-transit', mount: 'transit', key: 'root', vault: { address: 'http://127.0.0.1:8200' } });
    expect(store).toBeNull();
    expect(warnings.join()).not.toContain('VAULT_ENABLED');
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'vault-transit' }))).toContain('KEYHOLD_KEY_WRAPPER=vault-transit needs VAULT_ADDR');
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'vault-transit', KEYHOLD_TRANSIT_KEY: 'a/b', ...vault }))).toContain('KEYHOLD_TRANSIT_KEY');
    expect(load({ KEYHOLD_KEY_WRAPPER: 'vault-transit', VAULT_ENABLED: 'true', ...vault }).vault).not.toBeNull();
  });

  it('is a key in Azure Key Vault, of a known cloud, also when no keys are kept there', () => {
    const { keyWrapper, keyVault } = load({ KEYHOLD_KEY_WRAPPER: 'azure-key', KEYHOLD_AZURE_KEY: 'https://my-vault.vault.azure.net/keys/keyhold' });
    expect(keyWrapper).toMatchObject({ kind: 'azure-key', vaultUrl: 'https://my-vault.vault.azure.net', key: 'keyhold' });
    expect(keyVault).toBeNull();
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'azure-key' }))).toContain('KEYHOLD_KEY_WRAPPER=azure-key needs KEYHOLD_AZURE_KEY');
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'azure-key', KEYHOLD_AZURE_KEY: 'https://evil.example.com/keys/keyhold' }))).toContain('no vault of Azure');
    for (const wrong of ['keyhold', 'https://my-vault.vault.azure.net/keys/a/b', 'https://my-vault.vault.azure.net/secrets/a']) {
      expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER: 'azure-key', KEYHOLD_AZURE_KEY: wrong }))).toContain('without a version');
    }
  });

  it('waits for a service that is away, for a time that is a setting', () => {
    expect(load({ KEYHOLD_KEY_WRAPPER_WAIT: '5m' }).keyWrapperWaitMs).toBe(300_000);
    expect(refusal(() => load({ KEYHOLD_KEY_WRAPPER_WAIT: 'long' }))).toContain('KEYHOLD_KEY_WRAPPER_WAIT');
  });
});

describe('what is to wrap it next', () => {
  const change = (variables: Readonly<Record<string, string>>) => readWrapperChange(environment(variables));

  it('is the newest version of the same key when nothing is named', () => {
    expect(change({ KEYHOLD_KEY_WRAPPER: 'vault-transit', ...vault })).toMatchObject({ present: { kind: 'vault-transit' }, next: null });
  });

  it('is what the KEYHOLD_NEW_ variables name, and for the rest as it is', () => {
    expect(change({ KEYHOLD_NEW_KEY_FILE: '/etc/k2' }).next).toEqual({ kind: 'key-file', keyFile: '/etc/k2' });
    expect(change({ KEYHOLD_KEY_FILE: '/etc/k', KEYHOLD_NEW_KEY_WRAPPER: 'passphrase', KEYHOLD_NEW_KEY_PASSPHRASE: good }).next).toMatchObject({ kind: 'passphrase', keyFile: '/etc/k' });
    expect(change({ KEYHOLD_KEY_WRAPPER: 'vault-transit', KEYHOLD_TRANSIT_MOUNT: 'kms', ...vault, KEYHOLD_NEW_TRANSIT_KEY: 'two' }).next).toMatchObject({ kind: 'vault-transit', mount: 'kms', key: 'two' });
    expect(change({ KEYHOLD_NEW_KEY_WRAPPER: 'vault-transit', ...vault }).next).toMatchObject({ kind: 'vault-transit', mount: 'transit', key: 'keyhold' });
  });

  it('is refused when it lacks something, or is the same', () => {
    expect(refusal(() => change({ KEYHOLD_NEW_KEY_WRAPPER: 'passphrase' }))).toContain('needs KEYHOLD_NEW_KEY_PASSPHRASE');
    expect(refusal(() => change({ KEYHOLD_NEW_KEY_PASSPHRASE: 'weak', KEYHOLD_NEW_KEY_WRAPPER: 'passphrase' }))).toContain('KEYHOLD_NEW_KEY_PASSPHRASE is too weak');
    expect(refusal(() => change({ KEYHOLD_NEW_KEY_WRAPPER: 'vault-transit' }))).toContain('KEYHOLD_NEW_KEY_WRAPPER=vault-transit needs VAULT_ADDR');
    expect(refusal(() => change({ KEYHOLD_NEW_KEY_FILE: '/srv/data/keyhold.key' }))).toContain('another file');
  });
});

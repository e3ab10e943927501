import { describe, expect, it } from 'vitest';
import fernet from '../../test/vectors/legacy/multi-fernet.json' with { type: 'json' };
import { allServices } from '../../catalog/all-services.ts';
import { StartError } from '../ports/start-error.ts';
import { loadConfig } from './config.ts';

function load(variables: Readonly<Record<string, string>>) {
  return loadConfig({ workingDirectory: '/srv', variables, dotenv: {}, execArgv: [], inspectorUrl: undefined }, allServices);
}

function problemsOf(variables: Readonly<Record<string, string>>): string {
  try {
    load(variables);
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe('R3.4: what opens the values of an earlier system', () => {
  it('is nothing where nothing is set', () => {
    expect(load({}).config.legacy).toEqual({ cipher: null, fernetKeys: [] });
  });

  it('has documented defaults beside the passphrase, which is kept exactly', () => {
    const { cipher } = load({ KEYHOLD_LEGACY_KEY: ' fake passphrase ö ' }).config.legacy;
    expect(cipher).toMatchObject({ cipher: 'aes-256-gcm', encoding: 'hex', kdf: { name: 'scrypt', n: 16_384, r: 8, p: 1 } });
    expect(cipher?.key.reveal()).toBe(' fake passphrase ö ');
  });

  it('takes the other ones', () => {
    const { legacy } = load({
      KEYHOLD_LEGACY_KEY: 'fake',
      KEYHOLD_LEGACY_CIPHER: 'AES-256-CBC',
      KEYHOLD_LEGACY_KDF: 'pbkdf2',
      KEYHOLD_LEGACY_ENCODING: 'base64',
      KEYHOLD_LEGACY_PBKDF2_ITERATIONS: '10000',
      KEYHOLD_LEGACY_PBKDF2_DIGEST: 'sha1',
      KEYHOLD_FERNET_KEYS: ` ${fernet.keys[0]}, ${fernet.keys[1]} `,
    }).config;
    expect(legacy.cipher).toMatchObject({ cipher: 'aes-256-cbc', encoding: 'base64', kdf: { name: 'pbkdf2', iterations: 10_000, digest: 'sha1' } });
    expect(legacy.fernetKeys.map((key) => key.reveal())).toEqual(fernet.keys.slice(0, 2));
  });

  it('refuses derivations that scrypt does not have, or that would take the machine\'s memory for one value', () => {
    expect(problemsOf({ KEYHOLD_LEGACY_SCRYPT_N: '65536', KEYHOLD_LEGACY_SCRYPT_R: '1' })).toMatch(/KEYHOLD_LEGACY_SCRYPT_N is 65536 with KEYHOLD_LEGACY_SCRYPT_R 1/u);
    expect(problemsOf({ KEYHOLD_LEGACY_SCRYPT_N: '1048576', KEYHOLD_LEGACY_SCRYPT_R: '32' })).toMatch(/4096 MiB/u);
    expect(load({ KEYHOLD_LEGACY_KEY: 'fake', KEYHOLD_LEGACY_SCRYPT_N: '1048576' }).config.legacy.cipher?.kdf).toMatchObject({ n: 1_048_576, r: 8 });
  });

  it('says what is wrong, and shows no secret', () => {
    const text = problemsOf({
      KEYHOLD_LEGACY_KEY: 'fake-first-line\nfake-second-line',
      KEYHOLD_LEGACY_CIPHER: 'des',
      KEYHOLD_LEGACY_SCRYPT_N: '10000',
      KEYHOLD_LEGACY_SCRYPT_P: '0',
      KEYHOLD_LEGACY_PBKDF2_ITERATIONS: 'many',
      KEYHOLD_FERNET_KEYS: `${fernet.keys[0]},fake-not-a-key`,
    });
    expect(text).toMatch(/KEYHOLD_LEGACY_KEY holds a line break[^]*KEYHOLD_LEGACY_CIPHER is "des"[^]*SCRYPT_N is "10000", but must be a power of two[^]*SCRYPT_P is "0"[^]*ITERATIONS is "many"[^]*KEYHOLD_FERNET_KEYS has a key that is no Fernet key, at position 2/u);
    expect(text).not.toMatch(/fake-/u);
    const { effective } = load({ KEYHOLD_LEGACY_KEY: 'fake-shown', KEYHOLD_FERNET_KEYS: fernet.keys[0]! });
    expect(JSON.stringify(effective)).not.toContain('fake-shown');
    expect(JSON.stringify(effective)).not.toContain(fernet.keys[0]);
  });
});

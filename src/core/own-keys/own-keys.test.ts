import { describe, expect, it } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnKeySource } from '../../ports/own-keys.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { OwnKeys } from './own-keys.ts';

const MINUTE = 60_000;
const LINE = 'Using environment variables for secrets';

/** A source whose answer a test sets. */
class SettableSource implements OwnKeySource {
  keys: Record<string, string>;
  version = 1;
  error: KeyholdError | undefined;
  reads = 0;

  constructor(keys: Record<string, string>) {
    this.keys = keys;
  }

  async read() {
    this.reads += 1;
    if (this.error !== undefined) throw this.error;
    return { values: new Map(Object.entries(this.keys).map(([name, text]) => [name, new SecretValue(text)])), version: String(this.version) };
  }
}

function world({ withVault = true, staleLimitMs = 0 } = {}) {
  const [clock, log] = [new TestClock(), new RecordingLog()];
  const vault = new SettableSource({ OPENAI_API_KEY: 'sk-test-vault', SESSION_SECRET: 'test-session' });
  const environment = new SettableSource({ OPENAI_API_KEY: 'sk-test-env', GROQ_API_KEY: 'gsk-test-env' });
  const ownKeys = new OwnKeys({ environment, vault: withVault ? vault : undefined, staleLimitMs, clock, log });
  const find = (name: string): string | undefined => ownKeys.find(name)?.reveal();
  const lines = (): string[] => log.lines.map(({ msg }) => msg);
  return { clock, log, vault, environment, ownKeys, find, lines };
}

const outage = new KeyholdError('unavailable', 'Vault is away.');
const unavailable = expect.objectContaining({ code: 'unavailable' });

describe('the service\'s own keys (R2.3)', () => {
  it('come from the environment where no Vault is switched on, with the line of R2.5', async () => {
    const { ownKeys, find, lines } = world({ withVault: false });
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), find('GROQ_API_KEY'), find('SESSION_SECRET')]).toEqual(['sk-test-env', 'gsk-test-env', undefined]);
    await ownKeys.refresh();
    expect(lines()).toEqual([LINE]);
  });

  it('come from Vault first, then from the environment, and each fetched name is told once, never its value (R2.5)', async () => {
    const { ownKeys, find, log, vault } = world();
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), find('GROQ_API_KEY'), find('SESSION_SECRET'), find('XAI_API_KEY')]).toEqual(['sk-test-vault', 'gsk-test-env', 'test-session', undefined]);
    await ownKeys.refresh();
    expect(log.of('secret_fetched_from_vault').map(({ level, fields }) => [level, fields.key])).toEqual([['info', 'OPENAI_API_KEY'], ['info', 'SESSION_SECRET']]);
    vault.version = 2;
    await ownKeys.refresh();
    expect(log.of('secret_fetched_from_vault')).toHaveLength(4);
    expect(log.of('own_keys_from_environment')).toEqual([]);
    expect(JSON.stringify(log.lines)).not.toMatch(/test-(vault|session)/);
  });

  it('come from the environment while Vault cannot be reached at the start, and nothing that only Vault could tell counts as absent', async () => {
    const { ownKeys, find, lines, vault } = world();
    vault.error = outage;
    expect(await ownKeys.refresh()).toBe(false);
    expect(find('OPENAI_API_KEY')).toBe('sk-test-env');
    expect(() => find('SESSION_SECRET')).toThrow(unavailable);
    expect(lines()).toContain(LINE);
    await ownKeys.refresh();
    expect(lines().filter((line) => line === LINE)).toHaveLength(1);
    vault.error = undefined;
    expect(await ownKeys.refresh()).toBe(true);
    expect([find('OPENAI_API_KEY'), find('SESSION_SECRET')]).toEqual(['sk-test-vault', 'test-session']);
  });

  it('stay Vault\'s for 5 minutes of an outage, then are the environment\'s, then Vault\'s again', async () => {
    const { ownKeys, find, lines, vault, clock } = world();
    await ownKeys.refresh();
    vault.error = outage;
    clock.advance(5 * MINUTE - 1);
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), lines().includes(LINE)]).toEqual(['sk-test-vault', false]);
    clock.advance(1);
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), lines().includes(LINE)]).toEqual(['sk-test-env', true]);
    expect(() => find('SESSION_SECRET')).toThrow(unavailable);
    vault.error = undefined;
    vault.keys = { OPENAI_API_KEY: 'sk-test-rotated' };
    vault.version = 2;
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), find('SESSION_SECRET')]).toEqual(['sk-test-rotated', undefined]);
  });

  it('are out of use at once when Vault\'s policy takes them away', async () => {
    const { ownKeys, find, vault } = world();
    await ownKeys.refresh();
    vault.error = new KeyholdError('permission_denied', 'Vault refuses.');
    await ownKeys.refresh();
    expect(find('OPENAI_API_KEY')).toBe('sk-test-env');
    expect(() => find('SESSION_SECRET')).toThrow(unavailable);
  });

  it('are the environment\'s where Vault has no such secret', async () => {
    const { ownKeys, find, lines, vault } = world();
    vault.keys = {};
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), find('SESSION_SECRET')]).toEqual(['sk-test-env', undefined]);
    expect(lines()).toEqual([LINE]);
  });

  it('are read once for all who ask at the same time', async () => {
    const { ownKeys, vault } = world();
    await Promise.all([ownKeys.refresh(), ownKeys.refresh(), ownKeys.refresh()]);
    expect(vault.reads).toBe(1);
  });

  it('R2.3 while Vault is away what the environment has comes from there, and what only Vault had serves on up to KEYHOLD_STALE_LIMIT', async () => {
    const { ownKeys, vault, find, clock } = world({ staleLimitMs: 15 * MINUTE });
    await ownKeys.refresh();
    vault.error = outage;
    clock.advance(5 * MINUTE);
    await ownKeys.refresh();
    expect([find('OPENAI_API_KEY'), ownKeys.staleMs('OPENAI_API_KEY')]).toEqual(['sk-test-env', 0]);
    expect([find('SESSION_SECRET'), ownKeys.staleMs('SESSION_SECRET')]).toEqual(['test-session', 5 * MINUTE]);
    expect(() => find('MISTRAL_API_KEY')).toThrow(unavailable);
    clock.advance(10 * MINUTE);
    expect(() => find('SESSION_SECRET')).toThrow(unavailable);
  });

  it.each([new KeyholdError('permission_denied', 'no policy'), new KeyholdError('unavailable', 'Vault does not let us in.', { outage: 'refused' })])('but not when Vault has taken our access away (%s)', async (error) => {
    const { ownKeys, vault, find } = world({ staleLimitMs: 15 * MINUTE });
    await ownKeys.refresh();
    vault.error = error;
    await ownKeys.refresh();
    expect(() => find('SESSION_SECRET')).toThrow(unavailable);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { VaultAuth } from '../../src/adapters/vault/vault-auth.ts';
import type { VaultClientOptions } from '../../src/adapters/vault/vault-client.ts';
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from './servers/fault-proxy.ts';
import { startVault, type VaultServer } from './servers/vault.ts';
import { clientOf, type ClientUnderTest } from './vault-fixture.ts';

/** A real Vault behind a proxy, for clients that sign in to it in every way. It holds the secret `ai-gateway`. */
export class SignInBench {
  #vault: VaultServer | undefined;
  #proxy: FaultProxy | undefined;
  #folder = '';
  readonly #open: ClientUnderTest[] = [];

  /** Begins and ends it with the tests of the `describe` that this is called in; each test's clients end with the test. */
  constructor() {
    beforeAll(async () => {
      this.#vault = await startVault();
      await this.#vault.ask('POST', 'secret/data/ai-gateway', { data: { OPENAI_API_KEY: 'sk-test-own-key-0001' } });
      this.#proxy = await startFaultProxy(this.#vault.address);
      this.#folder = await mkdtemp(path.join(tmpdir(), 'keyhold-sign-in-'));
    });
    afterAll(async () => {
      await this.#proxy?.close();
      await this.#vault?.close();
      await rm(this.#folder, { recursive: true });
    });
    beforeEach(() => {
      this.proxy.heal();
      this.proxy.requests.length = 0;
    });
    afterEach(async () => {
      await Promise.all(this.#open.splice(0).map(({ client }) => client.close()));
    });
  }

  get vault(): VaultServer {
    if (this.#vault === undefined) throw new Error('The tests have not begun.');
    return this.#vault;
  }

  get proxy(): FaultProxy {
    if (this.#proxy === undefined) throw new Error('The tests have not begun.');
    return this.#proxy;
  }

  /** A file that no other test uses, if the name is no other's. */
  file(name: string): string {
    return path.join(this.#folder, name);
  }

  connect(auth: VaultAuth, options: Partial<VaultClientOptions> = {}): ClientUnderTest {
    const made = clientOf(this.proxy.url, auth, options);
    this.#open.push(made);
    return made;
  }

  async ownKey({ client }: ClientUnderTest): Promise<string | undefined> {
    return (await client.readSecret('secret', 'ai-gateway'))?.fields['OPENAI_API_KEY']?.reveal();
  }

  requestsTo(ending: string): readonly ProxiedRequest[] {
    return this.proxy.requests.filter((request) => request.path.endsWith(ending));
  }
}

import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { until } from '../outcome.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../servers/fault-proxy.ts';
import { startVault, type VaultServer } from '../servers/vault.ts';
import { bootstrapped } from '../vault-world.ts';
import { type CanaryWorld, chat, ofTenant } from './canary-world.ts';
import type { Ask } from './witness.ts';

/** A real Vault for the product of a canary world, with a proxy before it that hears what is said to it and can answer in its place. */
export class CanaryVault {
  readonly #world: CanaryWorld;
  readonly #vault: VaultServer;
  readonly #proxy: FaultProxy;

  /** Sets it up as a user would, switches it on in the world, and puts the service's own keys there. */
  static async startFor(world: CanaryWorld): Promise<CanaryVault> {
    const vault = await startVault({ audit: true });
    const proxy = await startFaultProxy(vault.address);
    const { canaries } = world;
    const signIn = await bootstrapped(vault);
    canaries.text('secret_id', signIn['VAULT_SECRET_ID'] ?? '');
    world.settings = { ...signIn, VAULT_ENABLED: 'true', VAULT_ADDR: proxy.url };
    const names = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'SESSION_SECRET', 'DATABASE_PASSWORD'];
    await vault.ask('POST', 'secret/data/ai-gateway', { data: Object.fromEntries(names.map((name) => [name, canaries.mint(`own-${name.toLowerCase()}-in-vault`)])) });
    return new CanaryVault(world, vault, proxy);
  }

  private constructor(world: CanaryWorld, vault: VaultServer, proxy: FaultProxy) {
    this.#world = world;
    this.#vault = vault;
    this.#proxy = proxy;
  }

  /** A tenant without a key, who is served with the service's own from Vault. */
  async serveOwnKeys(): Promise<void> {
    const { platform, canaries } = this.#world;
    const tenant = '/api/v1/tenants/keyless-tenant';
    await this.#world.ok({ method: 'POST', path: '/api/v1/tenants', token: platform, body: { id: 'keyless-tenant', name: 'Keyless' } });
    const admin = await this.#world.makeToken(`${tenant}/tokens`, platform, 'tenant-admin');
    const made = await this.#world.ok({ method: 'POST', path: `${tenant}/gateway-keys`, token: admin.text, body: { name: 'application' }, shows: 'key' });
    const token = canaries.token('gateway key of the keyless', String(made.body['key']));
    await this.#world.ok({ method: 'POST', path: '/anthropic/v1/messages', token, body: { model: 'claude-local', max_tokens: 50, messages: [{ role: 'user', content: 'Hello' }] } });
    expect(this.#world.provider.requests.at(-1)?.key).toContain('own-anthropic_api_key-in-vault');
  }

  /** Vault, or what stands before it, that tells us in its errors what we sent and what it keeps. */
  async quoteEverything(): Promise<void> {
    const quoting: readonly ((text: string) => Fault)[] = [
      ...[400, 403, 404, 413, 429, 500, 502, 503].map((status) => (text: string): Fault => ({ kind: 'answer', status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ errors: [text], data: { error: text } }) })),
      (text) => ({ kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: { data: text, metadata: text } }) }),
      (text) => ({ kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: `<h1>${text}</h1>` }),
      (text) => ({ kind: 'answer', status: 307, headers: { location: `http://127.0.0.1:1/${encodeURIComponent(text)}` } }),
    ];
    for (const [index, fault] of quoting.entries()) {
      const kept = this.#world.canaries.mint('quoted-by-vault');
      await this.#world.ok(this.#handOver('groq', kept));
      this.#proxy.breakBy((request) => (request.path.includes('/secret/') ? fault(whatWasSaid(request, kept)) : undefined));
      const used = await this.#world.witness.ask({ ...chat('groq/local'), token: this.#world.gatewayKey });
      const stored = await this.#world.witness.ask(this.#handOver(`cohere?label=refused-${index}`, this.#world.canaries.mint('refused-by-vault')));
      this.#proxy.heal();
      expect(used.status, used.text).toBeGreaterThanOrEqual(500);
      expect(stored.body['storedIn'] ?? stored.status, stored.text).not.toBe('vault');
      await until('Vault is back', async () => {
        const { body } = await this.#world.ok({ method: 'GET', path: '/api/brain/vault/health', token: this.#world.platform });
        return body['status'] === 'healthy' && (await this.#world.witness.ask({ ...chat('groq/local'), token: this.#world.gatewayKey })).status === 200;
      });
    }
  }

  /** Among the places that are searched: everything that Vault has written down itself. Every token that Keyhold had is searched for, too. */
  async look(): Promise<void> {
    const tokens = new Set(this.#proxy.requests.map(({ headers }) => String(headers['x-vault-token'] ?? '')));
    tokens.delete('');
    for (const token of tokens) this.#world.canaries.text('token for Vault', token);
    expect(tokens.size).toBeGreaterThan(0);
    this.#world.evidence.add('audit file of Vault', await readFile(this.#vault.auditFile));
    this.#world.evidence.add('server log of Vault', await readFile(this.#vault.logFile));
  }

  async close(): Promise<void> {
    await Promise.all([this.#vault.close(), this.#proxy.close()]);
  }

  #handOver(credential: string, key: string): Ask {
    return { method: 'PUT', path: `${ofTenant}/credentials/${credential}`, token: this.#world.admin, body: { fields: { api_key: key } } };
  }
}

function whatWasSaid({ body, headers }: ProxiedRequest, kept: string): string {
  return `${body} ${String(headers['x-vault-token'])} ${kept}`;
}

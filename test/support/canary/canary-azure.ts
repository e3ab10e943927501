import { expect } from 'vitest';
import { azureName, documentedPermissions } from '../azure-world.ts';
import { until } from '../outcome.ts';
import type { AzureFault } from '../servers/azure/faults.ts';
import { type AzureServer, startAzureServer } from '../servers/azure/server.ts';
import { type CanaryWorld, chat, ofTenant, TENANT } from './canary-world.ts';
import type { Ask } from './witness.ts';

/** An Azure Key Vault for the product of a canary world, with an authority before it; either can tell us in its errors what it was sent. */
export class CanaryAzure {
  readonly #world: CanaryWorld;
  readonly #azure: AzureServer;
  readonly #clientSecret: string;

  /** Switches it on in the world, as an app with the documented permissions. */
  static async startFor(world: CanaryWorld): Promise<CanaryAzure> {
    const azure = await startAzureServer();
    const app = azure.directory.addApp();
    azure.vault.permissions.setPolicy(app, { secrets: [...documentedPermissions, 'recover'] });
    const settings = azure.environment(app);
    const clientSecret = world.canaries.text('client secret', settings['AZURE_CLIENT_SECRET'] ?? '');
    world.settings = { ...world.settings, ...settings };
    return new CanaryAzure(world, azure, clientSecret);
  }

  private constructor(world: CanaryWorld, azure: AzureServer, clientSecret: string) {
    this.#world = world;
    this.#azure = azure;
    this.#clientSecret = clientSecret;
  }

  /** A vault, or what stands before it, that tells us in its errors what we sent and what it keeps. */
  async quoteEverything(): Promise<void> {
    const quoting: readonly ((text: string) => AzureFault)[] = [
      ...[400, 401, 403, 404, 409, 413, 429, 500, 503].map((status) => (text: string) => answer(status, JSON.stringify({ error: { code: text, message: text, innererror: { code: text } } }))),
      (text) => answer(403, JSON.stringify({ error: { code: 'Forbidden', message: `${text} oid=${text}`, innererror: { code: 'ForbiddenByPolicy' } } })),
      (text) => answer(200, JSON.stringify({ value: [text], id: `https://${text}/`, attributes: text, tags: { said: text } })),
      (text) => answer(200, `<h1>${text}</h1>`),
      (text) => ({ ...answer(307, text), headers: { location: `https://127.0.0.1:1/${encodeURIComponent(text)}` } }),
    ];
    for (const [index, fault] of quoting.entries()) {
      const [kept, refused] = [this.#world.canaries.mint('quoted-by-key-vault'), this.#world.canaries.mint('refused-by-key-vault')];
      await this.#world.ok(this.#handOver('groq', kept));
      this.#azure.faults.break(fault(`${kept} ${refused}`), { where: 'keyhold-test' });
      const used = await this.#world.witness.ask({ ...chat('groq/local'), token: this.#world.gatewayKey });
      const stored = await this.#world.witness.ask(this.#handOver(`cohere?label=refused-${index}`, refused));
      this.#azure.faults.heal();
      expect(used.status, used.text).toBeGreaterThanOrEqual(500);
      expect(stored.body['storedIn'] ?? stored.status, stored.text).not.toBe('azure-key-vault');
      await this.#untilHealthy();
    }
  }

  /** A start with an authority that tells whoever signs in what was sent to it, so that a new key goes to the encrypted database; the process is stopped again. */
  async startWithQuotingAuthority(): Promise<void> {
    const text = JSON.stringify({ error: 'invalid_client', error_description: `AADSTS7000215: ${this.#clientSecret}`, said: this.#clientSecret });
    this.#azure.faults.break(answer(400, text), { where: 'authority' });
    await this.#world.start({ KEYHOLD_ADMIN_TOKEN: this.#world.platform });
    await this.#world.statuses([[503, { ...chat('groq/local'), token: this.#world.gatewayKey }]]);
    const stored = await this.#world.ok(this.#handOver('groq?label=away', this.#world.canaries.mint('handed-over-while-away')));
    expect(stored.body).toMatchObject({ storedIn: 'sealed', warnings: expect.arrayContaining([expect.stringContaining('moves by itself when Azure Key Vault is back')]) });
    expect(this.#world.product.logLines()).toContainEqual(expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/^Key Vault service not initialized - will use legacy encryption/) }));
    this.#world.evidence.add('output with a quoting authority', this.#world.product.output());
    await this.#world.product.stop();
    this.#azure.faults.heal();
  }

  /** The names of what lies there. */
  keeps(): readonly string[] {
    return this.#azure.calls({ operation: 'secrets.set', status: 200 }).map(({ name }) => name ?? '');
  }

  nameOf(service: string): string {
    return azureName({ id: TENANT }, service);
  }

  close(): Promise<void> {
    return this.#azure.close();
  }

  async #untilHealthy(): Promise<void> {
    await until('Key Vault is back', async () => {
      const { body } = await this.#world.ok({ method: 'GET', path: '/api/brain/vault/health', token: this.#world.platform });
      return body['status'] === 'healthy' && (await this.#world.witness.ask({ ...chat('groq/local'), token: this.#world.gatewayKey })).status === 200;
    });
  }

  #handOver(credential: string, key: string): Ask {
    return { method: 'PUT', path: `${ofTenant}/credentials/${credential}`, token: this.#world.admin, body: { fields: { api_key: key } } };
  }
}

function answer(status: number, text: string): Extract<AzureFault, { readonly kind: 'answer' }> {
  return { kind: 'answer', status, text, headers: { 'content-type': 'application/json' } };
}

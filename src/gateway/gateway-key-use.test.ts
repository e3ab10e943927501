import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, eventually, type GatewayFixture, gatewayKeyOf, startGateway } from '../../test/support/gateway-fixture.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;

beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider.close());
beforeEach(async () => {
  gateway = await startGateway({ baseUrls: { openai: provider.openAiUrl } });
});
afterEach(() => gateway.close());

const chat = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }] };
const path = '/v1/chat/completions';
const as = (key: string) => ({ authorization: `Bearer ${key}` });

describe('where a gateway key may be used from', () => {
  it('from its networks; elsewhere it is 403 before a byte of its body is read, and one denial in the audit log a minute', async () => {
    gateway.principals.set('here', gatewayKeyOf('acme', { networks: ['2001:db8::/32', '127.0.0.0/8'] }));
    gateway.principals.set('elsewhere', gatewayKeyOf('acme', { networks: ['192.0.2.0/24', '::1'] }));
    expect((await ask(gateway.url, path, chat, as('here'))).status).toBe(200);
    const before = provider.requests.length;
    for (let count = 0; count < 3; count += 1) {
      const { status, body } = await ask(gateway.url, path, chat, as('elsewhere'));
      expect(status).toBe(403);
      expect(JSON.parse(body.toString())).toMatchObject({ error: { type: 'permission_error', code: 'permission_denied' } });
    }
    expect(provider.requests).toHaveLength(before);
    await eventually(() => gateway.denied.length > 0);
    expect(gateway.denied).toEqual(['gateway.use gk1 permission_denied']);
  });

  it('what the caller says of its address changes nothing', async () => {
    gateway.principals.set('elsewhere', gatewayKeyOf('acme', { networks: ['192.0.2.0/24'] }));
    const headers = { ...as('elsewhere'), 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1', 'x-real-ip': '192.0.2.1' };
    expect((await ask(gateway.url, path, chat, headers)).status).toBe(403);
  });
});

describe('S2: routes that mint credentials', () => {
  const minting = '/v1/realtime/client_secrets';
  const statusOf = async (key: string): Promise<number> => (await ask(gateway.url, minting, { session: { type: 'realtime', model: 'gpt-realtime' } }, as(key))).status;

  it('are refused for tokens and for keys that do not name them, and open to a key that does', async () => {
    gateway.principals.set('usual', gatewayKeyOf('acme', {}));
    gateway.principals.set('chats', gatewayKeyOf('acme', { routes: ['chat/completions'] }));
    gateway.principals.set('opened', gatewayKeyOf('acme', { routes: ['chat/completions', 'realtime/client_secrets'] }));
    const before = provider.requests.length;
    expect([await statusOf('key'), await statusOf('usual'), await statusOf('chats')]).toEqual([403, 403, 403]);
    expect(provider.requests).toHaveLength(before);
    await statusOf('opened');
    expect(provider.requests).toHaveLength(before + 1);
    expect(provider.requests.at(-1)?.path).toBe(minting);
  });

  it('never reach a shared credential, and the models in their body count (S1, S8)', async () => {
    gateway.principals.set('opened', gatewayKeyOf('acme', { routes: ['realtime/client_secrets'] }));
    gateway.principals.set('other-model', gatewayKeyOf('acme', { routes: ['realtime/client_secrets'], models: ['gpt-4o*'] }));
    expect(await statusOf('other-model')).toBe(403);
    gateway.source = 'platform';
    expect(await statusOf('opened')).toBe(403);
  });
});

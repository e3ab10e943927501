import { connect } from 'node:net';
import { type CanaryWorld, chat, ofTenant } from './canary-world.ts';

/** Keys and tokens in queries, paths, headers and properties that are no place for them, and in what is no request at all. */
export async function misplaceKeys(world: CanaryWorld): Promise<void> {
  const c = (place: string): string => encodeURIComponent(world.canaries.mint(`misplaced-${place}`));
  const h = (place: string): string => world.canaries.mint(`misplaced-${place}`);
  const read = { method: 'GET', path: '/api/v1/me' };
  await world.statuses([
    [400, { ...chat('gpt-local'), path: `/v1/chat/completions?api_key=${c('query')}`, token: world.gatewayKey }],
    [400, { ...chat('gpt-local'), path: `/v1/chat/completions?key=${c('query-key')}`, token: world.gatewayKey }],
    [400, { ...chat('gpt-local'), path: `/v1/chat/completions?access_token=${c('query-token')}` }],
    [400, { ...chat('gpt-local'), path: `/v1/chat/completions?api_key=${world.gatewayKey}` }],
    [400, { ...chat('gpt-local'), token: world.gatewayKey, headers: { 'x-api-key': h('second-key') } }],
    [401, { ...chat('gpt-local'), token: h('provider-key-as-token') }],
    [401, { ...chat('gpt-local'), headers: { authorization: `Basic ${Buffer.from(`user:${h('basic')}`).toString('base64')}` } }],
    [401, { ...chat('gpt-local'), headers: { cookie: `token=${world.gatewayKey}; key=${h('cookie')}` } }],
    [200, { ...chat('gpt-local', { api_key: h('body') }), token: world.gatewayKey, headers: { 'x-custom-key': h('custom-header'), cookie: h('cookie-beside') } }],
    [400, { ...chat('gpt-local'), token: world.gatewayKey, headers: { 'content-type': h('content-type') } }],
    [400, { ...chat('gpt-local'), token: world.gatewayKey, headers: { 'content-encoding': h('content-encoding') } }],
    [400, { method: 'POST', path: '/v1/chat/completions', token: world.gatewayKey, body: `{"model":"gpt-local","api_key":${h('broken-body')}` }],
    [404, { method: 'POST', path: `/v1/unknown-${world.canaries.mintPlain('misplaced-path')}`, token: world.gatewayKey, body: {} }],
    [404, { method: 'GET', path: `/proxy/openai/${world.canaries.mintPlain('misplaced-proxy-path')}`, token: world.gatewayKey }],
    [400, { ...read, path: `/api/v1/audit?token=${c('control-query')}`, token: world.platform }],
    [404, { ...read, path: `/api/v1/${c('control-path')}`, token: world.platform }],
    [404, { ...read, path: `/${c('root-path')}?api_key=${c('root-query')}` }],
    [401, { ...read, headers: { 'x-api-key': h('control-x-api-key') } }],
    [400, { ...read, headers: { authorization: [`Bearer ${world.platform}`, `Bearer ${h('control-second-key')}`] } }],
    [401, { ...read, headers: { authorization: `Token ${h('scheme')}` } }],
    [200, { ...read, token: world.platform, headers: { 'x-request-id': h('request-id'), cookie: h('control-cookie'), referer: `https://example.com/?key=${c('referer')}`, 'user-agent': h('user-agent') } }],
    [400, { method: 'POST', path: '/api/ai/chat', token: world.admin, body: { message: 'Hello', apiKey: h('chat') } }],
    [400, { method: 'POST', path: '/api/ai/chat', token: world.admin, body: { message: 'Hello', [h('chat-name')]: true }, repeats: true }],
    [400, { method: 'PUT', path: `${ofTenant}/credentials/openai`, token: world.admin, body: { fields: { [h('field-name')]: 'api_key' } }, repeats: true }],
    [400, { method: 'PUT', path: `${ofTenant}/credentials/openai`, token: world.admin, body: { fields: {}, settings: { [h('setting-name')]: '' } }, repeats: true }],
    [400, { method: 'PUT', path: `${ofTenant}/credentials/openai`, token: world.admin, body: { [h('property-name')]: '' }, repeats: true }],
    [404, { method: 'GET', path: `/api/v1/tenants/${c('tenant-name')}`, token: world.platform, repeats: true }],
    [400, { method: 'POST', path: '/api/ai/chat', token: world.admin, body: `{"message":"Hello","apiKey":"${h('chat-cut').slice(0, 50)}` }],
  ]);
  for (const [what, bytes] of [
    ['no HTTP', `${h('no-http')}\r\n\r\n`],
    ['another version', `GET /?key=${c('http-9')} HTTP/9.9\r\nhost: x\r\n\r\n`],
    ['no host', `GET / HTTP/1.1\r\nauthorization: Bearer ${h('no-host')}\r\n\r\n`],
    ['a huge header', `GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${h('huge-header').repeat(2000)}\r\n\r\n`],
    ['a bad header', `GET / HTTP/1.1\r\nhost: x\r\nauthorization Bearer ${h('bad-header')}\r\n\r\n`],
    ['an absolute target', `GET http://example.com/?key=${c('absolute')} HTTP/1.1\r\nhost: example.com\r\nauthorization: Bearer ${world.gatewayKey}\r\nconnection: close\r\n\r\n`],
  ] as const) {
    world.evidence.add(`answer to ${what}`, await rawAnswer(world.product.url, bytes));
  }
}

async function rawAnswer(url: string, bytes: string): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(chunks))).on('error', () => undefined);
    socket.setTimeout(5_000, () => socket.destroy());
    socket.write(bytes);
  });
}

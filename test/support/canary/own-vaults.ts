import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CanaryWorld, ofTenant } from './canary-world.ts';

/** A tenant's own vault, with what opens it in every place where it belongs and where it does not, and a vault that says whatever it was sent. */
export async function bringVaults(world: CanaryWorld): Promise<void> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const said = `${JSON.stringify(request.headers)} ${Buffer.concat(chunks).toString()}`;
      response.writeHead(request.url?.includes('login') === true ? 400 : 403, { 'content-type': 'application/json', 'x-said': Buffer.from(said).toString('base64') }).end(JSON.stringify({ errors: [said], said }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const h = (place: string): string => world.canaries.mint(`own-vault-${place}`);
  const path = `${ofTenant}/vault`;
  const put = (body: Readonly<Record<string, unknown>>, query = '') => ({ method: 'PUT', path: path + query, token: world.admin, body: { kind: 'vault', address, ...body } });
  const azure = { kind: 'azure-key-vault', url: 'https://canary.vault.azure.net.example.com', tenantId: 'canary-directory', clientId: 'canary-app', address: undefined };
  try {
    await world.statuses([
      [400, put({ auth: { token: h('refused-token') } })],
      [400, put({ auth: { roleId: 'canary-role', secretId: h('refused-secret-id') } })],
      [400, { ...put({ auth: { token: h('token-with-newline') + '\n' } }), repeats: true }],
      [400, put({ ...azure, clientSecret: h('client-secret') })],
      [400, put({ address: `http://user:${h('password')}@127.0.0.1/`, auth: { token: h('beside-password') } })],
      [400, put({ token: h('misplaced') })],
      [201, put({ auth: { token: h('token') } }, '?force=true')],
      [200, put({ auth: { roleId: 'canary-role', secretId: h('secret-id') } }, '?force=true')],
      [200, { method: 'GET', path, token: world.admin }],
      [200, { method: 'POST', path: `${path}/test`, token: world.admin }],
      [503, { method: 'PUT', path: `${ofTenant}/credentials/cohere`, token: world.admin, body: { fields: { api_key: h('key') } } }],
      [204, { method: 'DELETE', path, token: world.admin }],
    ]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

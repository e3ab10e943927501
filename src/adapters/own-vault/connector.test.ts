import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { testConnector } from '../../../test/support/own-vaults-world.ts';
import { Egress } from '../../egress/egress.ts';
import { AzureFailure } from '../azure/azure-failure.ts';
import type { PipelinePolicy } from '../azure/refusal-bodies.ts';
import { guardedWay } from './guarded-way.ts';
import type { OwnHashiCorpVault } from '../../ports/metadata/own-vaults.ts';
import type { OwnVaultConnector, TrialStep } from '../../ports/own-vault.ts';
import { SecretValue } from '../../ports/secret-value.ts';

type PipelineRequest = Parameters<PipelinePolicy['sendRequest']>[0];

const TOKEN = 'hvs.test-token-of-a-tenant-0001';
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

function vaultAt(address: string): OwnHashiCorpVault {
  return { kind: 'vault', address, namespace: null, mount: 'secret', roleId: null, caCertificate: null };
}

function azureAt(url: string) {
  return { kind: 'azure-key-vault', url, tenantId: '00000000-0000-0000-0000-000000000000', clientId: '11111111-1111-1111-1111-111111111111' } as const;
}

async function listening(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{ readonly url: string; readonly port: number; readonly requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''} ${String(request.headers['x-vault-token'] ?? '')}`);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

async function trialOf(connector: OwnVaultConnector, address: string): Promise<readonly TrialStep[]> {
  const connection = connector.open({ tenant: 'acme', settings: vaultAt(address), secret: new SecretValue(TOKEN) });
  try {
    return await connection.trial('delete');
  } finally {
    await connection.close();
  }
}

describe('addresses that tenants may name (S4, S20, S33)', () => {
  it.each([
    'http://vault.example.com:8200',
    'ftp://vault.example.com',
    'vault.example.com',
    'https://user:password@vault.example.com',
    'https://vault.example.com@127.0.0.1',
    'https://vault.example.com#@evil.test',
    'https://vault.example.com/?x=1',
    'https://vault.example.com\\@evil.test',
    'https://vault.example.com/../v2',
    'https://vault.example.com/%2e%2e/',
    'https://vault.example.com//x',
    'https://vault.example.com/a;b',
    'https://vault.exam\tple.com',
    'https://',
    '',
    'https://127.0.0.1:8200',
    'https://0x7f.1:8200',
    'https://2130706433',
    'https://017700000001',
    'https://[::1]:8200',
    'https://[::ffff:127.0.0.1]',
    'https://[64:ff9b::7f00:1]',
    'https://[2002:7f00:1::]',
    'https://169.254.169.254/latest',
    'https://10.0.0.1',
  ])('not %j', (address) => {
    const { connector } = testConnector({ allowHosts: [], allowHttp: false });
    expect(() => connector.checked(vaultAt(address))).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('https, and http on loopback only where the operator lets both through', () => {
    expect(testConnector({ allowHosts: [], allowHttp: false }).connector.checked(vaultAt('https://Vault.Example.com:8200/'))).toMatchObject({ address: 'https://vault.example.com:8200' });
    expect(testConnector({ allowHosts: [] }).connector.checked(vaultAt('https://proxy.example.com/team/vault/'))).toMatchObject({ address: 'https://proxy.example.com/team/vault' });
    expect(testConnector().connector.checked(vaultAt('http://127.0.0.1:8200'))).toMatchObject({ address: 'http://127.0.0.1:8200' });
    for (const connector of [testConnector({ allowHttp: false }).connector, testConnector({ allowHosts: [] }).connector]) expect(() => connector.checked(vaultAt('http://127.0.0.1:8200'))).toThrow(/http|KEYHOLD_EGRESS_ALLOW_HOSTS/);
    expect(() => testConnector({ allowHosts: ['vault.example.com'] }).connector.checked(vaultAt('http://vault.example.com'))).toThrow(/http/);
  });

  it.each([
    'https://my-vault.vault.azure.net.evil.test',
    'https://evil.test/my-vault.vault.azure.net',
    'https://vault.azure.net',
    'https://my-vault.vault.azure.net:8443',
    'https://a.b.vault.azure.net',
    'https://my-vault.vault.azure.net@evil.test',
    'https://my-vaultvault.azure.net',
    'https://evil.test#.vault.azure.net',
    'https://my-vault.vault.azure.net.',
    'https://my-vault.vault.azure.net/secrets',
    'http://my-vault.vault.azure.net',
    'https://127.0.0.1',
  ])('no Key Vault at %j', (url) => {
    expect(() => testConnector().connector.checked(azureAt(url))).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it.each(['vault.azure.net', 'vault.azure.cn', 'vault.usgovcloudapi.net'])('a Key Vault in the cloud of %s', (suffix) => {
    expect(testConnector().connector.checked(azureAt(`https://my-vault.${suffix}/`))).toMatchObject({ url: `https://my-vault.${suffix}` });
  });

  it('S4 ids of Azure that would lead elsewhere are refused', () => {
    for (const tenantId of ['../common', 'a/b', 'x?y', '']) expect(() => testConnector().connector.checked({ ...azureAt('https://my-vault.vault.azure.net'), tenantId })).toThrow(/tenantId/);
  });

  it('a CA that is none is refused', () => {
    for (const caCertificate of ['not a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']) {
      expect(() => testConnector().connector.checked({ ...vaultAt('https://vault.example.com'), caCertificate })).toThrow(/caCertificate/);
    }
  });
});

describe('connections to a tenant\'s Vault (S20, S33)', () => {
  it('a name that leads into this machine is not connected to, whatever it led to before', async () => {
    const inside = await listening((_request, response) => response.end('{}'));
    const table = [['127.0.0.1'], ['93.184.215.14', '127.0.0.1']];
    const { connector } = testConnector({ allowHosts: [], resolve: async () => (table.shift() ?? ['127.0.0.1']).map((address) => ({ address, family: 4 })) });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [first] = await trialOf(connector, `https://vault.example.com:${inside.port}`);
      expect(first).toMatchObject({ step: 'address', outcome: 'failed', reason: expect.stringContaining('KEYHOLD_EGRESS_ALLOW_HOSTS') });
    }
    // Past the trial's own look, the name turns.
    let looks = 0;
    const turning = testConnector({ allowHosts: [], resolve: async () => [{ address: (looks += 1) === 1 ? '93.184.215.14' : '127.0.0.1', family: 4 }] });
    expect((await trialOf(turning.connector, `https://vault.example.com:${inside.port}`))[1]).toMatchObject({ step: 'sign-in', outcome: 'failed' });
    expect(inside.requests).toEqual([]);
  });

  it('a redirect elsewhere is not followed, so that the token goes nowhere else', async () => {
    const elsewhere = await listening((_request, response) => response.end('{}'));
    const vault = await listening((_request, response) => response.writeHead(307, { location: `${elsewhere.url}/v1/auth/token/lookup-self` }).end());
    const steps = await trialOf(testConnector().connector, vault.url);
    expect(steps[1]).toMatchObject({ step: 'sign-in', outcome: 'failed', reason: expect.stringContaining('another address') });
    expect(elsewhere.requests).toEqual([]);
  });

  it('answers above 1 MiB, of other shapes and with words of their own are errors that say none of it', async () => {
    for (const answer of ['x'.repeat(2 * 1024 * 1024), '{"data":7}', '<html>hello from inside</html>']) {
      const vault = await listening((_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(answer));
      expect((await trialOf(testConnector().connector, vault.url))[1]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('does not speak like Vault') });
    }
    const { connector, log } = testConnector();
    const rude = await listening((_request, response) => response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: ['inner words, and the token'] })));
    const steps = await trialOf(connector, rude.url);
    expect(JSON.stringify([steps, log.lines.map(({ msg }) => msg)])).not.toMatch(/inner words|hvs\.test/);
  });

  it('one that never answers is given up after 5 seconds', async () => {
    const silent = await listening(() => undefined);
    expect((await trialOf(testConnector().connector, silent.url))[1]).toMatchObject({ step: 'sign-in', outcome: 'failed', reason: expect.stringContaining('5 seconds') });
  });
});

describe('connections to a tenant\'s Key Vault (S20, S33)', () => {
  it('its name is looked at for each connection, too, inside the official library', async () => {
    const inside = await listening((_request, response) => response.end('{}'));
    let looks = 0;
    const { connector } = testConnector({ allowHosts: [], resolve: async () => [{ address: (looks += 1) === 1 ? '93.184.215.14' : '127.0.0.1', family: 4 }] });
    const connection = connector.open({ tenant: 'acme', settings: azureAt('https://my-vault.vault.azure.net'), secret: new SecretValue('test-client-secret-0001') });
    const steps = await connection.trial('delete');
    await connection.close();
    expect(steps[1]).toMatchObject({ step: 'sign-in', outcome: 'failed', reason: expect.stringContaining('cannot be reached') });
    expect(looks).toBeGreaterThan(1);
    expect(inside.requests).toEqual([]);
  });

  it('goes to the vault and its authority and nowhere else, past proxies, and takes no large answers', async () => {
    const way = guardedWay({ egress: new Egress({ allowHosts: [] }), vault: 'https://my-vault.vault.azure.net', authority: 'https://login.microsoftonline.com' });
    const sent: PipelineRequest[] = [];
    const send = (url: string): Promise<unknown> =>
      way.policy.sendRequest({ url, proxySettings: { host: 'http://proxy', port: 1 } } as unknown as PipelineRequest, async (request) => {
        sent.push(request);
        return { request, status: 200, headers: request.headers };
      });
    for (const url of ['https://evil.test/secrets', 'http://my-vault.vault.azure.net/secrets', 'https://my-vault.vault.azure.net:8443/', 'https://my-vault.vault.azure.net.evil.test/', 'https://login.microsoftonline.com.evil.test/']) await expect(send(url)).rejects.toBeInstanceOf(AzureFailure);
    expect(sent).toEqual([]);
    for (const url of ['https://my-vault.vault.azure.net/secrets', 'https://login.microsoftonline.com/x']) await send(url);
    expect(sent.map(({ agent, proxySettings, timeout }) => [agent !== undefined, proxySettings, timeout])).toEqual([[true, undefined, 5_000], [true, undefined, 5_000]]);
    expect(sent[0]?.agent).not.toBe(sent[1]?.agent);
    expect(() => sent[0]?.onDownloadProgress?.({ loadedBytes: 1024 * 1024 + 1 })).toThrow(AzureFailure);
    way.close();
  });
});

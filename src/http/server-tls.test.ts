import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeCertificates } from '../../test/support/servers/azure/certificates.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { openTlsFiles } from '../adapters/tls-files/tls-files.ts';
import type { ClientResponse } from '../gateway/client/client.ts';
import { createServer, type Listener } from './server.ts';

const first = makeCertificates();
const second = makeCertificates();
const log = new RecordingLog();
let folder: string;
let files: ReturnType<typeof openTlsFiles>;
let server: Listener;
let port: number;
let answer: (response: ClientResponse) => void;

const eventually = (isSo: () => void | Promise<void>): Promise<void> => vi.waitFor(isSo, { timeout: 30_000, interval: 20 });

/** As Kubernetes mounts a Secret: links to a folder behind a link that is moved on in one step. */
function mount(name: string, { cert, key }: { readonly cert: string; readonly key: string }): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'tls.crt'), cert);
  writeFileSync(join(folder, name, 'tls.key'), key);
  symlinkSync(name, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-tls-'));
  mount('one', first);
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(folder, name));
  files = openTlsFiles({ certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key'), log, everyMs: 20 });
  server = createServer({
    gateway: { owns: (target) => target.startsWith('/v1/'), handle: (_request, response) => response.end('node:http'), serve: (_request, response) => answer(response) },
    controlPlane: { handle: (_request, response) => response.end('control plane') },
    random: (count) => Buffer.alloc(count),
    tls: { certificate: files },
    limits: { checkMs: 20, headMs: 300 },
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  answer = plainly;
});
afterAll(() => {
  files.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const plainly = (response: ClientResponse): void => {
  response.head(200, ['content-length', '5'], false);
  response.end('plain');
};
answer = plainly;

function talk(text: string, options: ConnectionOptions = {}): Promise<{ readonly text: string; readonly socket: TLSSocket; readonly protocol: string | null }> {
  return new Promise((resolve, reject) => {
    let got = '';
    let protocol: string | null = null;
    const socket = connect({ port, host: '127.0.0.1', ca: [first.ca, second.ca], ...options }, () => {
      protocol = socket.getProtocol();
      socket.write(text);
    });
    socket.on('data', (bytes: Buffer) => (got += bytes.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve({ text: got, socket, protocol }));
  });
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
const last = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;

describe('TLS on the listener (R10.4)', () => {
  it('serves both halves on one connection, as without, by TLS 1.3 or 1.2', async () => {
    const { text, protocol } = await talk(get('/v1/a') + get('/api') + last('/v1/b'));
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*plainHTTP\/1\.1 200 OK[^]*control planeHTTP\/1\.1 200 OK[^]*node:http$/);
    expect(protocol).toBe('TLSv1.3');
    expect((await talk(last('/api'), { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
  });

  it('refuses older versions, other protocols and plain HTTP', async () => {
    await expect(talk(last('/api'), { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow();
    await expect(talk(last('/api'), { ALPNProtocols: ['h2'] })).rejects.toThrow();
    const plain = connectPlain(port, '127.0.0.1');
    let got = '';
    plain.on('data', (bytes: Buffer) => (got += bytes.toString('latin1'))).on('error', () => undefined);
    plain.write(last('/api'));
    await new Promise<void>((resolve) => void plain.once('close', () => resolve()));
    expect(got).not.toContain('HTTP/1.1');
  });

  it('says so to browsers, also where it refuses what is no request', async () => {
    const { text } = await talk('NONSENSE\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*strict-transport-security: max-age=31536000/);
  });

  it('S34 waits no longer for a handshake than for a head, nor for a head behind it', async () => {
    const silent = connectPlain(port, '127.0.0.1').on('error', () => undefined);
    const slow = talk('GET /api HT');
    await new Promise<void>((resolve) => void silent.once('close', () => resolve()));
    expect((await slow).text).toContain('did not arrive in time');
  });

  it('R5.2 breaks an answer off so that nobody takes it for whole', async () => {
    answer = (response) => {
      response.head(200, [], false);
      response.write('some');
      response.breakOff('');
    };
    const broken = await talk(get('/v1/a')).then(({ text }) => text, (error: Error) => error.message);
    expect(broken).not.toContain('0\r\n\r\n');
    answer = (response) => {
      response.head(200, [], false);
      response.write('some');
      response.breakOff('last words');
    };
    expect((await talk(get('/v1/a'))).text).toMatch(/4\r\nsome\r\na\r\nlast words\r\n$/);
  });

  it('takes a certificate that replaces the one before, and keeps that where the new one is broken, and says so', async () => {
    const shows = async (ca: string) => expect((await talk(last('/api'), { ca })).text).toContain('control plane');
    await shows(first.ca);
    mount('mixed', { cert: second.cert, key: first.key });
    await eventually(() => expect(log.of('tls_files_unusable')).toHaveLength(1));
    await shows(first.ca);
    mount('two', second);
    await eventually(() => shows(second.ca));
    expect(log.of('tls_files_reloaded')).toHaveLength(1);
    await expect(talk(last('/api'), { ca: first.ca })).rejects.toThrow();
  });

  it('does not start with files that are missing or do not belong together', () => {
    const open = (cert: string, key: string) => () => openTlsFiles({ certFile: join(folder, cert), keyFile: join(folder, key), log });
    expect(open('absent', 'tls.key')).toThrow(/KEYHOLD_TLS_CERT_FILE[^]*ENOENT/);
    expect(open('two/tls.crt', 'one/tls.key')).toThrow(/KEYHOLD_TLS_CERT_FILE/);
  });
});

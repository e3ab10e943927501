import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { loadConfig } from './config.ts';

function load(variables: Readonly<Record<string, string>>) {
  return loadConfig({ workingDirectory: '/srv/app', variables, dotenv: {}, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices).config;
}

describe('trusted proxies (S6)', () => {
  it('are networks and addresses', () => {
    expect(load({ KEYHOLD_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7,2001:db8::/32,::1' }).trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']);
  });

  it.each([
    ['proxy.internal', 'neither a network'],
    ['10.0.0.0/33', 'neither a network'],
    ['10.0.0.0/', 'neither a network'],
    ['10.0.0.0/8/8', 'neither a network'],
    ['fe80::1%eth0', 'neither a network'],
    ['10.0.0.0/8,', 'neither a network'],
    ['0.0.0.0/0', 'every address'],
    ['::/0', 'every address'],
  ])('%s is refused', (text, reason) => {
    expect(() => load({ KEYHOLD_TRUSTED_PROXIES: text })).toThrow(new RegExp(`KEYHOLD_TRUSTED_PROXIES[^]*${reason}`));
  });
});

describe('TLS of the listener', () => {
  it('has a certificate and its key, or neither', () => {
    expect(load({ KEYHOLD_TLS_CERT_FILE: 'tls.crt', KEYHOLD_TLS_KEY_FILE: '/run/tls.key' }).tls).toEqual({ certFile: '/srv/app/tls.crt', keyFile: '/run/tls.key', clients: null });
    for (const name of ['KEYHOLD_TLS_CERT_FILE', 'KEYHOLD_TLS_KEY_FILE']) expect(() => load({ [name]: '/etc/tls' })).toThrow('go together');
  });

  it('R10.4: asks clients for certificates where it is said whose are trusted, and by https only', () => {
    const files = { KEYHOLD_TLS_CERT_FILE: 'tls.crt', KEYHOLD_TLS_KEY_FILE: 'tls.key' };
    expect(load({ ...files, KEYHOLD_TLS_CLIENT_CA_FILE: 'ca.crt' }).tls?.clients).toEqual({ caFile: '/srv/app/ca.crt', crlFile: null, required: true, rolesFile: null });
    const all = { ...files, KEYHOLD_TLS_CLIENT_CA_FILE: 'ca.crt', KEYHOLD_TLS_CLIENT_CRL_FILE: 'ca.crl', KEYHOLD_TLS_CLIENT_CERTIFICATES: 'optional', KEYHOLD_TLS_CLIENT_ROLES_FILE: 'roles.json' };
    expect(load(all).tls?.clients).toEqual({ caFile: '/srv/app/ca.crt', crlFile: '/srv/app/ca.crl', required: false, rolesFile: '/srv/app/roles.json' });
    expect(() => load({ KEYHOLD_TLS_CLIENT_CA_FILE: 'ca.crt' })).toThrow('which only https does');
    for (const name of ['KEYHOLD_TLS_CLIENT_CRL_FILE', 'KEYHOLD_TLS_CLIENT_CERTIFICATES', 'KEYHOLD_TLS_CLIENT_ROLES_FILE']) expect(() => load({ ...files, [name]: 'optional' })).toThrow('nothing says whose are trusted');
  });
});

describe('what Keyhold is called, and how long sessions last (S24)', () => {
  it('is an origin, other names, and times', () => {
    expect(load({ KEYHOLD_PUBLIC_URL: 'https://keyhold.example.com/', KEYHOLD_KNOWN_HOSTS: 'Keyhold, keyhold.default.svc', KEYHOLD_SESSION_LIFETIME: '30m', KEYHOLD_SESSION_IDLE: '1m' })).toMatchObject({
      publicUrl: 'https://keyhold.example.com',
      knownHosts: ['keyhold', 'keyhold.default.svc'],
      sessions: { lifetimeMs: 1_800_000, idleMs: 60_000 },
    });
    expect(load({ KEYHOLD_PUBLIC_URL: 'https://keyhold.example.com:8443' }).publicUrl).toBe('https://keyhold.example.com:8443');
    expect(load({ KEYHOLD_PUBLIC_URL: 'http://localhost:8080' }).publicUrl).toBe('http://localhost:8080');
  });

  it.each([
    ['KEYHOLD_PUBLIC_URL', 'keyhold.example.com', 'must be like'],
    ['KEYHOLD_PUBLIC_URL', 'https://keyhold.example.com/app', 'must be like'],
    ['KEYHOLD_PUBLIC_URL', 'https://me@keyhold.example.com', 'must be like'],
    ['KEYHOLD_PUBLIC_URL', 'https://Keyhold.example.com', 'must be like'],
    ['KEYHOLD_PUBLIC_URL', 'ftp://keyhold.example.com', 'must be like'],
    ['KEYHOLD_PUBLIC_URL', 'http://keyhold.example.com', 'not https'],
    ['KEYHOLD_KNOWN_HOSTS', 'keyhold:8080', 'no host'],
    ['KEYHOLD_KNOWN_HOSTS', '*.example.com', 'no host'],
    ['KEYHOLD_KNOWN_HOSTS', 'a,,b', 'no host'],
    ['KEYHOLD_SESSION_LIFETIME', '59s', 'from a minute'],
    ['KEYHOLD_SESSION_LIFETIME', '721h', 'from a minute'],
    ['KEYHOLD_SESSION_IDLE', '0', 'from a minute'],
    ['KEYHOLD_SESSION_IDLE', 'long', 'must be a time'],
  ])('%s=%s is refused', (name, text, reason) => {
    expect(() => load({ [name]: text })).toThrow(new RegExp(`${name}[^]*${reason}`));
  });
});

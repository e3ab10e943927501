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
    expect(load({ KEYHOLD_TLS_CERT_FILE: 'tls.crt', KEYHOLD_TLS_KEY_FILE: '/run/tls.key' }).tls).toEqual({ certFile: '/srv/app/tls.crt', keyFile: '/run/tls.key' });
    for (const name of ['KEYHOLD_TLS_CERT_FILE', 'KEYHOLD_TLS_KEY_FILE']) expect(() => load({ [name]: '/etc/tls' })).toThrow('go together');
  });
});

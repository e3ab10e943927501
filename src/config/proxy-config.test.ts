import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { loadConfig } from './config.ts';

const PASSWORD = 'not-a-real-p@ssword';

function load(variables: Readonly<Record<string, string>>) {
  return loadConfig({ workingDirectory: '/srv/app', variables, dotenv: {}, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices);
}

const HOSTS = { KEYHOLD_PROXY_ALLOW_HOSTS: 'models.acme.example, LOGIN.example.com' };

describe('proxies (S33)', () => {
  it('are those of the usual variables, in upper or lower case, with user and password', () => {
    expect(load({}).config.proxies).toBeNull();
    const { config, effective } = load({ ...HOSTS, HTTPS_PROXY: `http://keyhold:${encodeURIComponent(PASSWORD)}@proxy.example.com:3128`, no_proxy: '.Internal.example.com, 10.0.0.0/8 vault:8200' });
    expect(config.proxies).toEqual({
      https: { host: 'proxy.example.com', port: 3128, secure: false, authorization: expect.anything() },
      http: null,
      direct: ['.internal.example.com', '10.0.0.0/8', 'vault:8200'],
      allowHosts: expect.arrayContaining(['api.openai.com', 'api.anthropic.com', 'models.acme.example', 'login.example.com']),
    });
    expect(config.proxies?.https?.authorization?.reveal()).toBe(`Basic ${Buffer.from(`keyhold:${PASSWORD}`).toString('base64')}`);
    expect(JSON.stringify(effective)).not.toContain('keyhold:');
    expect(load({ ...HOSTS, all_proxy: 'https://[2001:db8::1]' }).config.proxies).toMatchObject({ https: { host: '2001:db8::1', port: 443, secure: true, authorization: null }, http: { port: 443 } });
    expect(load({ ...HOSTS, ALL_PROXY: 'one:1', https_proxy: 'two:2', HTTPS_PROXY: 'three:3' }).config.proxies).toMatchObject({ https: { host: 'three' }, http: { host: 'one' } });
  });

  it('are ways to the hosts that are compiled in alone, where no others are listed', () => {
    const allowed = load({ HTTPS_PROXY: 'http://proxy.example.com:3128' }).config.proxies?.allowHosts ?? [];
    const named = allServices.flatMap(({ gateway }) => Object.values(gateway?.endpoints ?? {}).map(({ baseUrl }) => baseUrl));
    expect(allowed.toSorted()).toEqual([...new Set(named.filter((url) => typeof url === 'string').map((url) => new URL(url).host))].toSorted());
    expect(load({ HTTPS_PROXY: 'http://proxy.example.com:3128', NO_PROXY: '*' }).config.proxies).toBeNull();
  });

  it.each([
    ['HTTPS_PROXY', `socks5://keyhold:${encodeURIComponent(PASSWORD)}@proxy:1080`, 'SOCKS'],
    ['HTTP_PROXY', 'http://proxy:3128/path', 'nothing belongs'],
    ['ALL_PROXY', 'http://', 'no address'],
    ['HTTPS_PROXY', 'http://keyhold:100%@proxy', '%25'],
    ['NO_PROXY', 'example.com,http://x', 'neither a host'],
    ['NO_PROXY', '10.0.0.0/40', 'neither a host'],
    ['KEYHOLD_PROXY_ALLOW_HOSTS', '*.example.com', 'wildcards'],
  ])('%s=%s is refused', (name, value, message) => {
    const told = (): string => {
      try {
        load({ ...HOSTS, [name]: value });
        return '';
      } catch (error) {
        return String(error);
      }
    };
    expect(told()).toMatch(new RegExp(`${name}[^]*${message}`));
    expect(told()).not.toContain('p%40ssword');
  });
});

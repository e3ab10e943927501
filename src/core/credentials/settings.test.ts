import { describe, expect, it } from 'vitest';
import { testServices } from '../../../test/support/credential-world.ts';
import { checkSettings } from './settings.ts';

const { azure, openai } = testServices;

function endpoint(value: unknown): unknown {
  return checkSettings(azure, { endpoint: value })['endpoint'];
}

describe('S3, S4: settings', () => {
  it('keeps an endpoint in one form', () => {
    expect(endpoint('https://my-team.openai.azure.com/')).toBe('https://my-team.openai.azure.com');
    expect(endpoint('https://MY-TEAM.openai.azure.com')).toBe('https://my-team.openai.azure.com');
    expect(endpoint('https://my-team.openai.azure.com:443')).toBe('https://my-team.openai.azure.com');
  });

  it.each([
    'http://my-team.openai.azure.com',
    'https://openai.azure.com',
    'https://.openai.azure.com',
    'https://a.b.openai.azure.com',
    'https://my_team.openai.azure.com',
    'https://evil.test/my-team.openai.azure.com',
    'https://my-team.openai.azure.com.evil.test',
    'https://evil.test#.openai.azure.com',
    'https://my-team#.openai.azure.com',
    'https://evil.test/#.openai.azure.com',
    'https://evil.test%23.openai.azure.com',
    'https://evil.test?.openai.azure.com',
    'https://evil.test\\.openai.azure.com',
    'https://user:pass@my-team.openai.azure.com',
    'https://evil.test@my-team.openai.azure.com',
    'https://my-team.openai.azure.com:8443',
    'https://my-team.openai.azure.com/../x',
    'https://my-team.openai.azure.com/a//b',
    'https://my-team.openai.azure.com/%2e%2e/x',
    'https://my-team.openai.azure.com/\n',
    'javascript:alert(1)',
    '',
    7,
    null,
  ])('Portkey#1596: refuses the endpoint %j', (value) => {
    expect(() => endpoint(value)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('S33 asks of a resource, too, whether it may be reached at all: with a proxy, only what an operator has listed', () => {
    const url = 'https://my-team.openai.azure.com';
    expect(() => checkSettings(azure, { endpoint: url }, () => false)).toThrow('KEYHOLD_PROXY_ALLOW_HOSTS');
    expect(checkSettings(azure, { endpoint: url }, (host) => host === 'my-team.openai.azure.com')).toEqual({ endpoint: url });
  });

  it('takes a map of names to texts', () => {
    const mappings = { 'gpt-4': 'my-deployment' };
    expect(checkSettings(azure, { endpoint: 'https://t.openai.azure.com', deploymentMappings: mappings })['deploymentMappings']).toEqual(mappings);
    for (const wrong of [[], 'x', null, { a: 1 }, { a: '' }, { a: 'has space' }, { 'a\nb': 'x' }, JSON.parse('{"__proto__":"x"}')]) {
      expect(() => checkSettings(azure, { endpoint: 'https://t.openai.azure.com', deploymentMappings: wrong })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });

  it('names what is unknown and what is missing', () => {
    expect(() => checkSettings(openai, { endpoint: 'https://x.test' })).toThrow('"endpoint" is not a setting of openai: it has none.');
    expect(() => checkSettings(azure, {})).toThrow('endpoint is missing');
  });
});

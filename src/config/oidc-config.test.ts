import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { loadConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhold-issuers-'));
const one = { issuer: 'https://login.example.com', audience: 'keyhold', tenants: ['acme'], highestRole: 'tenant-admin' };
const made = { name: 'login.example.com', accessTokenType: 'at+jwt', client: null, terminal: null, jwksUrl: null, platformRoles: false, firstSignIn: null };

function load(content: unknown, variables: Readonly<Record<string, string>> = {}) {
  const file = join(folder, 'issuers.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content ?? null));
  const named: Record<string, string> = content === undefined ? {} : { KEYHOLD_OIDC_ISSUERS_FILE: file };
  return loadConfig({ workingDirectory: folder, variables: { NODE_ENV: 'development', KEYHOLD_PUBLIC_URL: 'https://keyhold.example.com', ...named, ...variables }, dotenv: {}, execArgv: [], inspectorUrl: undefined }, allServices).config.oidcIssuers;
}

describe('the file of identity providers (S23)', () => {
  it('binds each to tenants and a highest role, and to nothing of the platform unless it says so', () => {
    writeFileSync(join(folder, 'secret'), 'test-client-secret-in-a-file\n');
    const other = {
      ...one,
      issuer: 'http://localhost:4000',
      name: 'Ours',
      accessTokenType: 'jwt',
      clientId: 'keyhold-web',
      clientSecretFile: 'secret',
      cliClientId: 'keyhold-cli',
      jwksUrl: 'https://keys.example.com/set',
      tenants: 'any',
      platformRoles: true,
      firstSignIn: { tenant: 'acme', role: 'tenant-member' },
    };
    const [first, second] = load({ issuers: [one, other] });
    expect(first).toEqual({ ...one, ...made, tenants: new Set(['acme']) });
    const { clientId, clientSecretFile: _file, cliClientId, ...shown } = other;
    expect(second).toMatchObject({ ...shown, tenants: null, client: { id: clientId }, terminal: { id: cliClientId, scope: 'openid offline_access' } });
    expect(second?.client?.secret?.reveal()).toBe('test-client-secret-in-a-file');
  });

  it.each([
    ['no JSON', '{', 'is no JSON'],
    ['a name twice', '{"issuers":[],"issuers":[]}', 'a name twice'],
    ['no list', { issuers: 1 }, 'no list "issuers"'],
    ['an issuer twice', { issuers: [one, one] }, 'twice'],
    ['a name that does not exist', { issuers: [{ ...one, tenant: 'acme' }] }, 'nothing that an issuer has'],
    ['a secret in it', { issuers: [{ ...one, clientSecret: 'test-secret' }] }, 'nothing that an issuer has'],
    ['http elsewhere', { issuers: [{ ...one, issuer: 'http://login.example.com' }] }, 'not https'],
    ['neither audience nor client', { issuers: [{ ...one, audience: undefined }] }, 'no "audience"'],
    ['a client id as the audience of any JWT', { issuers: [{ ...one, accessTokenType: 'jwt', clientId: 'keyhold' }] }, 'cannot be the client id'],
    ['no such type', { issuers: [{ ...one, accessTokenType: 'any' }] }, 'no "accessTokenType"'],
    ['no tenants', { issuers: [{ ...one, tenants: undefined }] }, 'no "tenants"'],
    ['no such role', { issuers: [{ ...one, highestRole: 'platform-admin' }] }, 'no "highestRole"'],
    ['a platformRoles in words', { issuers: [{ ...one, platformRoles: 'true' }] }, 'no "platformRoles"'],
    ['scopes of a terminal without its client', { issuers: [{ ...one, cliScope: 'openid' }] }, 'without "cliClientId"'],
    ['a terminal where no access token is taken', { issuers: [{ ...one, audience: undefined, clientId: 'web', cliClientId: 'keyhold-cli' }] }, 'a terminal shows access tokens'],
    ['a terminal\'s client id as the audience of any JWT', { issuers: [{ ...one, accessTokenType: 'jwt', cliClientId: 'keyhold' }] }, 'cannot be the client id'],
    ['a secret without a client', { issuers: [{ ...one, clientSecretFile: 'secret' }] }, 'without "clientId"'],
    ['a secret that is not there', { issuers: [{ ...one, clientId: 'web', clientSecretFile: 'nowhere' }] }, 'there is no file'],
    ['uninvited administrators', { issuers: [{ ...one, firstSignIn: { tenant: 'acme', role: 'tenant-admin' } }] }, 'no "firstSignIn"'],
    ['uninvited users of the platform', { issuers: [{ ...one, firstSignIn: { tenant: 'acme', role: 'platform-auditor' } }] }, 'no "firstSignIn"'],
    ['uninvited users in another tenant', { issuers: [{ ...one, firstSignIn: { tenant: 'globex', role: 'tenant-member' } }] }, 'no "firstSignIn"'],
  ])('refuses %s', (_name, content, message) => {
    expect(() => load(content)).toThrow(message);
  });
});

describe('the variables of one identity provider (S23)', () => {
  const variables = { KEYHOLD_OIDC_ISSUER: one.issuer, KEYHOLD_OIDC_AUDIENCE: 'keyhold', KEYHOLD_OIDC_TENANTS: 'acme, globex', KEYHOLD_OIDC_HIGHEST_ROLE: 'tenant-admin' };

  it('say the same, beside those of the file', () => {
    const secret = 'test-client-secret-of-a-variable';
    const more = { KEYHOLD_OIDC_CLIENT_ID: 'web', KEYHOLD_OIDC_CLIENT_SECRET: secret, KEYHOLD_OIDC_ACCESS_TOKEN_TYPE: 'jwt', KEYHOLD_OIDC_FIRST_SIGN_IN: 'globex:tenant-member', KEYHOLD_OIDC_NAME: 'Ours' };
    expect(load(undefined, variables)).toEqual([{ ...one, ...made, tenants: new Set(['acme', 'globex']) }]);
    const [first, second] = load({ issuers: [{ ...one, issuer: 'https://other.example.com' }] }, { ...variables, ...more });
    expect(first).toMatchObject({ name: 'Ours', accessTokenType: 'jwt', client: { id: 'web' }, firstSignIn: { tenant: 'globex', role: 'tenant-member' } });
    expect(first?.client?.secret?.reveal()).toBe(secret);
    expect(second?.issuer).toBe('https://other.example.com');
    expect(load(undefined, { ...variables, KEYHOLD_OIDC_TENANTS: 'any' })[0]?.tenants).toBeNull();
  });

  it.each([
    ['its tenants', { KEYHOLD_OIDC_TENANTS: '' }, 'no KEYHOLD_OIDC_TENANTS'],
    ['its highest role', { KEYHOLD_OIDC_HIGHEST_ROLE: '' }, 'no KEYHOLD_OIDC_HIGHEST_ROLE'],
    ['who it is', { KEYHOLD_OIDC_ISSUER: '' }, 'is set without KEYHOLD_OIDC_ISSUER'],
    ['whose secret it is', { KEYHOLD_OIDC_CLIENT_SECRET: 'test-client-secret' }, 'without KEYHOLD_OIDC_CLIENT_ID'],
    ['where browsers come back to', { KEYHOLD_OIDC_CLIENT_ID: 'web', KEYHOLD_PUBLIC_URL: '' }, 'KEYHOLD_PUBLIC_URL'],
    ['a role of who comes by themselves', { KEYHOLD_OIDC_FIRST_SIGN_IN: 'acme' }, 'a colon between them'],
  ])('miss %s', (_name, change, message) => {
    expect(() => load(undefined, { ...variables, ...change })).toThrow(message);
  });

  it('are not said twice', () => {
    expect(() => load({ issuers: [one] }, variables)).toThrow('Keep one of them');
  });
});

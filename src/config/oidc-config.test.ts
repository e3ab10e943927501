import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { loadConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhold-issuers-'));
const one = { issuer: 'https://login.example.com', audience: 'keyhold', tenants: ['acme'], highestRole: 'tenant-admin' };

function load(content: unknown) {
  const file = join(folder, 'issuers.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return loadConfig({ workingDirectory: folder, variables: { NODE_ENV: 'development', KEYHOLD_OIDC_ISSUERS_FILE: file }, dotenv: {}, execArgv: [], inspectorUrl: undefined }, allServices).config.oidcIssuers;
}

describe('the file of identity providers (S23)', () => {
  it('binds each to tenants and a highest role, and to nothing of the platform unless it says so', () => {
    expect(load({ issuers: [one, { ...one, issuer: 'http://localhost:4000', jwksUrl: 'https://keys.example.com/set', tenants: 'any', platformRoles: true }] })).toEqual([
      { ...one, jwksUrl: null, tenants: new Set(['acme']), platformRoles: false },
      { ...one, issuer: 'http://localhost:4000', jwksUrl: 'https://keys.example.com/set', tenants: null, platformRoles: true },
    ]);
  });

  it.each([
    ['no JSON', '{', 'is no JSON'],
    ['a name twice', '{"issuers":[],"issuers":[]}', 'a name twice'],
    ['no list', { issuers: 1 }, 'no list "issuers"'],
    ['an issuer twice', { issuers: [one, one] }, 'twice'],
    ['a name that does not exist', { issuers: [{ ...one, tenant: 'acme' }] }, 'nothing that an issuer has'],
    ['http elsewhere', { issuers: [{ ...one, issuer: 'http://login.example.com' }] }, 'not https'],
    ['no audience', { issuers: [{ ...one, audience: undefined }] }, 'no "audience"'],
    ['no tenants', { issuers: [{ ...one, tenants: undefined }] }, 'no "tenants"'],
    ['no such role', { issuers: [{ ...one, highestRole: 'platform-admin' }] }, 'no "highestRole"'],
    ['a platformRoles in words', { issuers: [{ ...one, platformRoles: 'true' }] }, 'neither true nor false'],
  ])('refuses %s', (_name, content, message) => {
    expect(() => load(content)).toThrow(message);
  });
});

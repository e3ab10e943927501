import type { Issuer } from '../../src/core/access/issuer.ts';

export const TEST_ISSUER = 'https://login.example.com';

/** An identity provider whose users may hold everything, where the test says nothing else. */
export function testIssuer(change: Partial<Issuer> = {}): Issuer {
  return {
    issuer: TEST_ISSUER,
    name: 'Example',
    audience: 'keyhold',
    accessTokenType: 'at+jwt',
    client: null,
    terminal: null,
    jwksUrl: null,
    tenants: null,
    highestRole: 'tenant-admin',
    platformRoles: true,
    firstSignIn: null,
    ...change,
  };
}

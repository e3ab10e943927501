import { ACCESS_TOKEN_TYPES, BOUNDING_ROLES, type FirstSignIn } from '../core/access/issuer.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { oneOf, path, trueOrFalse } from './parsers.ts';
import type { Setting } from './settings.ts';

const nothing = { secret: false, fallback: null, fallbackText: '' } as const;

const oidcIssuer: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_ISSUER',
  description: [
    'An identity provider (OpenID Connect) whose users may sign in, exactly as it calls itself in iss (docs/sign-in.md). The variables below say more of it;',
    'several are in KEYHOLD_OIDC_ISSUERS_FILE. Hosts of a private network have to be in KEYHOLD_EGRESS_ALLOW_HOSTS, too. All of it is read at the start.',
  ],
  example: 'https://login.example.com',
  parse: (text) => text,
};

const oidcName: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_NAME',
  description: ['What people know it as.'],
  example: 'Example Inc.',
  parse: (text) => text,
};

const oidcAudience: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_AUDIENCE',
  description: ['What its access tokens (JWTs) have in aud when they are meant for Keyhold: an API or resource of its own, not a client\'s id. Left out, they are not taken.'],
  example: 'https://keyhold.example.com',
  parse: (text) => text,
};

const oidcAccessTokenType: Setting<(typeof ACCESS_TOKEN_TYPES)[number]> = {
  name: 'KEYHOLD_OIDC_ACCESS_TOKEN_TYPE',
  secret: false,
  description: [
    'at+jwt, as RFC 9068 says (Auth0\'s RFC 9068 profile), or jwt for a provider whose access tokens have another type or none',
    '(Entra ID, Keycloak, Okta): then they need a scope, and nothing that ID tokens have.',
  ],
  example: 'jwt',
  fallback: 'at+jwt',
  fallbackText: 'at+jwt',
  parse: oneOf(...ACCESS_TOKEN_TYPES),
};

const oidcClientId: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_CLIENT_ID',
  description: ['What Keyhold is registered as there, for people who sign in with a browser.'],
  example: 'keyhold',
  parse: (text) => text,
};

const oidcClientSecret: Setting<SecretValue | null> = {
  name: 'KEYHOLD_OIDC_CLIENT_SECRET',
  secret: true,
  description: ['And its secret.'],
  example: '<as the identity provider shows it>',
  fallback: null,
  fallbackText: '',
  parse: (text) => {
    if (!/^[\x21-\x7e]{8,1024}$/u.test(text)) throw new InvalidValue('is no client secret: it is shorter than 8 characters, or holds spaces, control characters or letters outside ASCII');
    return new SecretValue(text);
  },
};

const oidcCliClientId: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_CLI_CLIENT_ID',
  description: ['What keyhold login is registered as there: a public client (no secret) that may use the device flow (RFC 8628), for people at a terminal.'],
  example: 'keyhold-cli',
  parse: (text) => text,
};

const oidcCliScope: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_CLI_SCOPE',
  description: ['The scopes that it asks for, divided by spaces: what makes the provider give an access token for Keyhold, and a refresh token. openid offline_access without it.'],
  example: 'openid offline_access api',
  parse: (text) => text,
};

const oidcJwksUrl: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_JWKS_URL',
  description: ['Where its public keys are, if its discovery document (/.well-known/openid-configuration) does not say.'],
  example: 'https://login.example.com/keys',
  parse: (text) => text,
};

const oidcTenants: Setting<string | readonly string[] | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_TENANTS',
  description: ['The tenants in which its users may hold a role, separated by commas, or any.'],
  example: 'acme,globex',
  parse: (text) => (text === 'any' ? text : Object.freeze(text.split(',').map((tenant) => tenant.trim()))),
};

const oidcHighestRole: Setting<(typeof BOUNDING_ROLES)[number] | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_HIGHEST_ROLE',
  description: [`The most that a role of its users may permit in a tenant: ${BOUNDING_ROLES.join(', ')}.`],
  example: 'tenant-member',
  parse: oneOf(...BOUNDING_ROLES),
};

const oidcPlatformRoles: Setting<boolean> = {
  name: 'KEYHOLD_OIDC_PLATFORM_ROLES',
  secret: false,
  description: ['true: its users may hold roles of the platform. Only for your own identity provider.'],
  example: 'true',
  fallback: false,
  fallbackText: 'false',
  parse: trueOrFalse,
};

const oidcFirstSignIn: Setting<FirstSignIn | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_FIRST_SIGN_IN',
  description: ['What a user gets whom nobody has invited, as tenant:role; never tenant-admin. Left out, they are not let in. Only where everybody whom it signs in is yours.'],
  example: 'acme:tenant-member',
  parse: (text) => {
    const [, tenant, role] = /^([^:]+):([^:]+)$/u.exec(text) ?? [];
    if (tenant === undefined || role === undefined) throw new InvalidValue(`is ${quoted(text)}, but has to be a tenant and a role with a colon between them`);
    return Object.freeze({ tenant, role });
  },
};

const oidcIssuersFile: Setting<string | null> = {
  ...nothing,
  name: 'KEYHOLD_OIDC_ISSUERS_FILE',
  description: ['A JSON file that names several identity providers, and the same of each (docs/sign-in.md).'],
  example: '/etc/keyhold/issuers.json',
  parse: path,
};

/** S23. */
export const oidcSettings = {
  oidcIssuer,
  oidcName,
  oidcAudience,
  oidcAccessTokenType,
  oidcClientId,
  oidcClientSecret,
  oidcCliClientId,
  oidcCliScope,
  oidcJwksUrl,
  oidcTenants,
  oidcHighestRole,
  oidcPlatformRoles,
  oidcFirstSignIn,
  oidcIssuersFile,
} as const;

import type { Directory } from './directory.ts';
import { vaultApplicationId, vaultResource } from './directory.ts';
import { KeyVaultError } from './key-vault-error.ts';

/** Whom a vault believes to be speaking. */
export interface Caller {
  readonly clientId: string;
  readonly objectId: string;
  readonly issuer: string;
}

/**
 * Reads a request's access token as a vault does: 401 with the challenge that names tenant and resource, unless the token is signed by
 * the directory, for Key Vault, in its time, and of a service principal that the directory still has
 * (https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses).
 */
export function authenticate(authorization: string | undefined, directory: Directory, authorityUrl: string, now: () => number): Caller {
  const refuse = (message: string): KeyVaultError =>
    new KeyVaultError(401, 'Unauthorized', message, undefined, { 'www-authenticate': `Bearer authorization="${authorityUrl}/${directory.tenantId}", resource="${vaultResource}"` });
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw refuse('AKV10000: Request is missing a Bearer or PoP token.');
  const claims = directory.signer.read(token);
  if (claims === undefined) throw refuse('AKV10002: Error validating token: IDX10503: Signature validation failed.');
  const { aud, iss, exp, nbf, appid, oid } = claims;
  if (aud !== vaultResource && aud !== vaultApplicationId) throw refuse(`AKV10022: Invalid audience. Expected ${vaultResource}, found: ${String(aud)}.`);
  if (iss !== directory.issuer) throw refuse(`AKV10032: Invalid issuer. Expected one of ${directory.issuer}, found ${String(iss)}.`);
  const seconds = now() / 1000;
  if (typeof exp !== 'number' || exp <= seconds) throw refuse('AKV10046: Unable to validate token. IDX10223: Lifetime validation failed. The token is expired.');
  if (typeof nbf !== 'number' || nbf > seconds) throw refuse('AKV10046: Unable to validate token. IDX10222: Lifetime validation failed. The token is not yet valid.');
  const app = directory.find(typeof appid === 'string' ? appid : undefined);
  if (app === undefined || app.objectId !== oid) throw refuse('AKV10002: Error validating token: the service principal is not known.');
  return { clientId: app.clientId, objectId: app.objectId, issuer: directory.issuer };
}

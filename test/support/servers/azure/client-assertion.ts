import type { AzureApp, Directory } from './directory.ts';

/** A refusal of the authority, with the number that Entra's documentation lists it under. */
export class EntraError extends Error {
  readonly status: number;
  readonly error: string;
  readonly aadsts: string;

  constructor(status: number, error: string, aadsts: string, message: string) {
    super(message);
    this.status = status;
    this.error = error;
    this.aadsts = aadsts;
  }
}

/**
 * Whether a service account's token may stand for the app's secret: signed by the cluster, in its time, and issuer, subject and
 * audience are those of one of the app's federated credentials, compared as they are written
 * (https://learn.microsoft.com/entra/workload-id/workload-identity-federation).
 */
export function checkAssertion(assertion: string, app: AzureApp, { clusterSigner }: Directory, now: () => number): void {
  const claims = clusterSigner.read(assertion);
  if (claims === undefined) throw new EntraError(401, 'invalid_client', 'AADSTS5000222', 'Client assertion failed signature validation.');
  const { iss, sub, aud, exp, nbf } = claims;
  const seconds = now() / 1000;
  if (typeof exp !== 'number' || exp <= seconds || (typeof nbf === 'number' && nbf > seconds)) {
    throw new EntraError(401, 'invalid_client', 'AADSTS700024', `Client assertion is not within its valid time range. Current time: ${new Date(now()).toISOString()}.`);
  }
  const audiences = Array.isArray(aud) ? aud : [aud];
  const known = [...app.federations].some(({ issuer, subject, audience }) => issuer === iss && subject === sub && audiences.includes(audience));
  if (known) return;
  throw new EntraError(401, 'invalid_client', 'AADSTS70021', `No matching federated identity record found for presented assertion. Assertion Issuer: '${String(iss)}'. Assertion Subject: '${String(sub)}'. Assertion Audience: '${String(audiences[0])}'. https://learn.microsoft.com/entra/workload-id/workload-identity-federation`);
}

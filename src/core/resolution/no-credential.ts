import { KeyholdError } from '../../ports/errors.ts';

export type UnusableState = 'disabled' | 'expired' | 'revoked';

const whatHappened: Readonly<Record<UnusableState, string>> = {
  disabled: 'is disabled',
  expired: 'has expired',
  revoked: 'was revoked',
};

/** Nobody has a key for the service that this tenant may use (R3.3). */
export function absent(tenant: string, service: string): KeyholdError {
  return new KeyholdError('no_credential', `There is no credential for ${service} that tenant ${tenant} can use. ${howToStore(tenant, service)}`, {
    details: { reason: 'absent', service },
  });
}

/** There is a key, and it must not be used; nothing else is tried in its place (R3.3). */
export function unusable(source: 'tenant' | 'platform', tenant: string, service: string, state: UnusableState): KeyholdError {
  const message =
    source === 'tenant'
      ? `The credential of tenant ${tenant} for ${service} ${whatHappened[state]}. ${whatToDo(tenant, service, state)}`
      : `The platform's credential for ${service} ${whatHappened[state]}. Ask the platform's operator, or use a key of your own: ${howToStore(tenant, service)}`;
  return new KeyholdError('no_credential', message, { details: { reason: state, service, source } });
}

function whatToDo(tenant: string, service: string, state: UnusableState): string {
  const path = credentialPath(tenant, service);
  if (state === 'disabled') return `A tenant administrator can enable it: PATCH ${path} with {"disabled": false}.`;
  if (state === 'expired') return `A tenant administrator can store a new key: PUT ${path}.`;
  return `A tenant administrator can store a new key: PUT ${path}; the revoked one never comes back.`;
}

function howToStore(tenant: string, service: string): string {
  return `A tenant administrator can store one: PUT ${credentialPath(tenant, service)}.`;
}

function credentialPath(tenant: string, service: string): string {
  return `/api/v1/tenants/${tenant}/credentials/${service}`;
}

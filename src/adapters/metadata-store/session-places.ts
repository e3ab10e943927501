import { createHash } from 'node:crypto';
import type { ProviderSession, SessionHolder } from '../../ports/metadata/sessions.ts';

/** What a holder's sessions are found by. */
export function holderText({ kind, id }: Pick<SessionHolder, 'kind' | 'id'>): string {
  return `${kind}:${id}`;
}

/** What those of one session at a provider are found by; short, whatever the provider calls it. */
export function providerText({ issuer, sid }: ProviderSession): string {
  return createHash('sha256').update(JSON.stringify([issuer, sid])).digest('base64url');
}

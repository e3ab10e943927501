import type { RandomBytes } from '../../ports/clock.ts';
import type { CredentialIntent, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { CredentialParts } from './credential-parts.ts';

/** The intent to remove a credential's version from its store, or to bring it back there. */
export function nameIntent(operation: 'remove' | 'restore', { reference, version }: CurrentVersion, { clock, limits }: Pick<CredentialParts, 'clock' | 'limits'>, random: RandomBytes): CredentialIntent {
  return {
    id: random(16).toString('hex'),
    operation,
    store: reference.store,
    version,
    cas: null,
    digest: '',
    next: null,
    expires: clock.now() + limits.intentMs,
  };
}

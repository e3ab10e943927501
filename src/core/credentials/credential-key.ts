import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey } from '../../ports/metadata/credentials.ts';
import { scopeKey } from '../../ports/scope.ts';
import type { Resource } from '../access/resource.ts';

export const DEFAULT_LABEL = 'default';

const LABEL = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Which credential a grant is about. Throws `invalid_argument` for a label that cannot be one, `internal` for a grant without a service. */
export function credentialKey({ scope, service, label = DEFAULT_LABEL }: Resource): CredentialKey {
  if (service === undefined) throw new KeyholdError('internal', 'A credential was asked for without a service.');
  if (!LABEL.test(label)) {
    throw new KeyholdError(
      'invalid_argument',
      'A label has 1 to 63 characters out of a-z, 0-9, ".", "_" and "-", and begins with a letter or a digit, such as "default" or "batch-jobs".',
    );
  }
  return { scope, service, label };
}

/** One text for a credential's name, for map keys: ids and labels never contain `/`. */
export function credentialKeyText({ scope, service, label }: CredentialKey): string {
  return `${scopeKey(scope)}/${service}/${label}`;
}

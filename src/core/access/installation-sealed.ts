import { KeyholdError } from '../../ports/errors.ts';

/** While the whole installation is sealed, whatever would use, read or write a key is refused with this. */
export class InstallationSealed extends KeyholdError {
  constructor() {
    super(
      'unavailable',
      'Keyhold is sealed: a platform administrator has stopped all use of keys, and nothing was done. It goes on when an administrator unseals it (POST /api/v1/platform/unseal).',
      { retryAfterSeconds: 60, outage: 'refused' },
    );
  }
}

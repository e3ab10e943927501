import { isObject, isThrown, type Thrown } from './thrown.ts';

export interface SignInTrouble {
  readonly trouble: 'no-identity' | 'authority-away' | 'refused';
  /** `AADSTS7000215` */
  readonly code?: string | undefined;
}

/** What was wrong with signing in to Azure; undefined where the error is not about that. Of the error only a code of a list is kept. */
export function signInTrouble(error: Thrown): SignInTrouble | undefined {
  switch (error.name) {
    case 'CredentialUnavailableError':
      return { trouble: 'no-identity' };
    case 'AuthenticationRequiredError':
    case 'AuthenticationError':
      return authenticationTrouble(error);
    case 'AggregateAuthenticationError':
    case 'ChainedTokenCredentialError': {
      const inner = Array.isArray(error.errors) ? error.errors.filter(isThrown).map(signInTrouble) : [];
      return inner.find((trouble) => trouble !== undefined && trouble.trouble !== 'no-identity') ?? { trouble: 'no-identity' };
    }
    default:
      // The library of the authorities throws its own for what is wrong on the way to one.
      return /^(?:ClientAuthError|ClientConfigurationError|ServerError|InteractionRequiredAuthError)$/u.test(error.name) ? authenticationTrouble(error) : undefined;
  }
}

function authenticationTrouble(error: Thrown): SignInTrouble {
  const code = /AADSTS\d{1,8}/u.exec(`${isObject(error.errorResponse) ? String(error.errorResponse['errorDescription']) : ''} ${error.message}`)?.[0];
  const status = typeof error.statusCode === 'number' ? error.statusCode : 0;
  return code === undefined && (status === 0 || status === 429 || status >= 500) ? { trouble: 'authority-away' } : { trouble: 'refused', code };
}

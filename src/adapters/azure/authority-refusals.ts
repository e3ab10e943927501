import type { TokenCredential } from '@azure/identity';
import type { PipelinePolicy } from './refusal-bodies.ts';
import { isThrown } from './thrown.ts';

const CODE = /AADSTS\d{1,8}/u;

/**
 * Keeps what an authority refuses with. The official library loses it where the refusal comes before the sign-in itself, when it asks for the authority's
 * addresses (a directory that is gone answers that so), and then says that there is nobody to sign in as, as it does of one that cannot be reached.
 */
export class AuthorityRefusals {
  /** Of the last answer, if that was a refusal. A word of Microsoft's list, never a sentence: those may quote what was sent. */
  #code: string | undefined;

  readonly policy: PipelinePolicy = {
    name: 'keyholdAuthorityRefusals',
    sendRequest: async (request, next) => {
      this.#code = undefined;
      const response = await next(request);
      const { status, bodyAsText } = response;
      if (status >= 400 && status < 500 && status !== 429) this.#code = CODE.exec(bodyAsText ?? '')?.[0];
      return response;
    },
  };

  /** The credential, which says that it was refused where the authority said so. */
  toldBy(credential: TokenCredential): TokenCredential {
    return {
      getToken: async (...asked) => {
        try {
          return await credential.getToken(...asked);
        } catch (error) {
          if (isThrown(error) && error.name === 'CredentialUnavailableError' && this.#code !== undefined) throw new AuthorityRefused(this.#code);
          throw error;
        }
      },
    };
  }
}

/** As the official library throws what is refused in the sign-in itself (`signInTrouble`). */
class AuthorityRefused extends Error {
  override readonly name = 'AuthenticationError';
  readonly errorResponse: { readonly errorDescription: string };

  constructor(code: string) {
    super('The authority refused to say where its addresses are.');
    this.errorResponse = { errorDescription: code };
  }
}

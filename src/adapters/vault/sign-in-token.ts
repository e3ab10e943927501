import type { SecretSource } from './secret-source.ts';
import { type Lease, lookUp, type SignIn, SignInRefused, type SignInTools } from './sign-in.ts';

/** A token that somebody else made, given or in a file that they keep fresh. */
export class SignInToken implements SignIn {
  readonly makesTokens = false;
  readonly #tools: SignInTools;
  readonly #source: SecretSource;

  constructor(tools: SignInTools, source: SecretSource) {
    this.#tools = tools;
    this.#source = source;
  }

  async signIn(): Promise<Lease> {
    const found = await lookUp(this.#tools, await this.#source.read());
    if (found === undefined) {
      throw new SignInRefused('Vault refuses the token: it has expired, was revoked, or may not look itself up, which the policy "default" allows. Give Keyhold another one: vault token create -policy=ai-gateway-policy -period=24h');
    }
    return found;
  }

  isReplaced(): Promise<boolean> {
    return this.#source.isReplaced();
  }
}

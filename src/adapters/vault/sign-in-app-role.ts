import type { SecretValue } from '../../ports/secret-value.ts';
import { lease, type Lease, type SignIn, SignInRefused, type SignInTools } from './sign-in.ts';

export interface AppRole {
  readonly mount: string;
  readonly roleId: string;
  readonly secretId: { read(): Promise<SecretValue>; isReplaced(): Promise<boolean> };
}

/** AppRole (R2.1): every sign-in makes a token, which costs one use of the secret_id. */
export class SignInAppRole implements SignIn {
  readonly makesTokens = true;
  readonly #tools: SignInTools;
  readonly #role: AppRole;

  constructor(tools: SignInTools, role: AppRole) {
    this.#tools = tools;
    this.#role = role;
  }

  async signIn(): Promise<Lease> {
    const { mount, roleId, secretId } = this.#role;
    const body = { role_id: roleId, secret_id: (await secretId.read()).reveal() };
    return lease(this.#tools, { method: 'POST', path: `auth/${mount}/login`, body }, (status) => {
      // A secret_id that is used up, has expired or never was: 400 (FACTS 1).
      if (status === 400) {
        return new SignInRefused('Vault refuses the AppRole sign-in: the role_id is wrong, or the secret_id has expired or is used up. Make another one: vault write -f auth/approle/role/ai-gateway/secret-id', { isCounted: true });
      }
      return new SignInRefused(
        `Vault forbids the AppRole sign-in: there is no AppRole at auth/${mount} (keyhold vault bootstrap makes it; check VAULT_NAMESPACE, too), the address we come from is not bound to the role, or too many wrong sign-ins have locked it for a while.`,
      );
    });
  }

  isReplaced(): Promise<boolean> {
    return this.#role.secretId.isReplaced();
  }
}

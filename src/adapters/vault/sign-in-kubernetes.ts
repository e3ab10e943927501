import type { SecretValue } from '../../ports/secret-value.ts';
import { SecretSource, SecretUnreadable } from './secret-source.ts';
import { lease, type Lease, type SignIn, SignInRefused, type SignInTools } from './sign-in.ts';

/** Where Kubernetes puts the token of the pod's service account. */
const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export interface KubernetesRole {
  readonly mount: string;
  readonly role: string;
  readonly audience: string | undefined;
  readonly tokenFile: string | undefined;
}

/** Kubernetes auth (R2.1): the pod's service account vouches for us. Its token is read each time, since Kubernetes replaces it. */
export class SignInKubernetes implements SignIn {
  readonly makesTokens = true;
  readonly #tools: SignInTools;
  readonly #role: KubernetesRole;
  readonly #file: string;
  readonly #source: SecretSource;

  constructor(tools: SignInTools, role: KubernetesRole) {
    this.#tools = tools;
    this.#role = role;
    this.#file = role.tokenFile ?? TOKEN_FILE;
    this.#source = new SecretSource({ file: this.#file });
  }

  async signIn(): Promise<Lease> {
    const { mount, role, audience } = this.#role;
    const jwt = await this.#source.read();
    if (audience !== undefined) this.#requireAudience(jwt, audience);
    return lease(this.#tools, { method: 'POST', path: `auth/${mount}/login`, body: { role, jwt: jwt.reveal() } }, (status) => {
      if (status === 400) return new SignInRefused(`Vault refuses the Kubernetes sign-in: there is no role ${role}, or the token is not what it asks for. Check: vault read auth/${mount}/role/${role}`);
      return new SignInRefused(
        `Vault forbids the Kubernetes sign-in: there is no Kubernetes auth at auth/${mount}, the role ${role} is not bound to this service account, namespace or audience, or Kubernetes did not confirm the token. From Vault 1.21 on the role must name its audience. Check: vault read auth/${mount}/role/${role}`,
      );
    });
  }

  isReplaced(): Promise<boolean> {
    return this.#source.isReplaced();
  }

  /** A token for somebody else must not be sent to Vault, and Vault's own words for it would say less. */
  #requireAudience(jwt: SecretValue, audience: string): void {
    if (audiencesOf(jwt).includes(audience)) return;
    throw new SecretUnreadable(`The service account's token in ${this.#file} is not for the audience ${audience}. Mount a projected token with that audience, and name its file in VAULT_K8S_TOKEN_FILE.`);
  }
}

function audiencesOf(jwt: SecretValue): readonly unknown[] {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.reveal().split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('aud' in claims)) return [];
    return Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  } catch {
    return [];
  }
}

import { randomBytes, randomUUID } from 'node:crypto';
import { TokenSigner } from './json-web-token.ts';

/** An app registration with its service principal, or a managed identity. */
export interface AzureApp {
  readonly clientId: string;
  /** Of the service principal: what access policies and role assignments name. */
  readonly objectId: string;
  /** The client secrets that hold now; empty for a managed identity. */
  readonly secrets: Set<string>;
  /** Whose assertions are taken for it: a workload identity's federated credentials. */
  readonly federations: Set<Federation>;
}

interface Federation {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
}

/** What to have in a token that differs from what the authority would issue. Times in seconds from now. */
export interface TokenChanges {
  readonly audience?: string;
  readonly issuer?: string;
  readonly expiresIn?: number;
  readonly notBeforeIn?: number;
  /** Signed by a key that the authority does not have. */
  readonly foreign?: boolean;
}

export interface FederatedTokenChanges extends TokenChanges {
  readonly subject?: string;
}

export const vaultResource = 'https://vault.azure.net';
/** Key Vault's application id; it may stand as a token's audience, too. */
export const vaultApplicationId = 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093';
const exchangeAudience = 'api://AzureADTokenExchange';

/** One Entra tenant: who there is, and the tokens that they get. */
export class Directory {
  readonly tenantId = randomUUID();
  readonly signer = new TokenSigner();
  /** Lifetime of the tokens that are issued from now on, in seconds. Entra's own is 60 to 90 minutes. */
  tokenLifetime = 3600;
  /** The issuer of a Kubernetes cluster, whose service accounts' tokens can be exchanged. */
  readonly clusterIssuer = 'https://oidc.cluster.invalid/';
  #clusterSigner: TokenSigner | undefined;
  #foreignSigner: TokenSigner | undefined;
  readonly #apps = new Map<string, AzureApp>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  addApp(): AzureApp {
    const app = { clientId: randomUUID(), objectId: randomUUID(), secrets: new Set([`not-real-${randomBytes(15).toString('base64url')}`]), federations: new Set<Federation>() };
    this.#apps.set(app.clientId, app);
    return app;
  }

  addManagedIdentity(): AzureApp {
    const app = this.addApp();
    app.secrets.clear();
    return app;
  }

  /** From now on the service account's tokens are as good as the app's secret. */
  federate(app: AzureApp, subject: string): Federation {
    const federation = { issuer: this.clusterIssuer, subject, audience: exchangeAudience };
    app.federations.add(federation);
    return federation;
  }

  removeApp({ clientId }: AzureApp): void {
    this.#apps.delete(clientId);
  }

  find(clientId: string | undefined): AzureApp | undefined {
    return clientId === undefined ? undefined : this.#apps.get(clientId);
  }

  /** Made when it is needed, as is the foreign one: a key takes a while. */
  get clusterSigner(): TokenSigner {
    return (this.#clusterSigner ??= new TokenSigner());
  }

  get issuer(): string {
    return `https://sts.windows.net/${this.tenantId}/`;
  }

  /** A token as the cluster would put it into the pod's AZURE_FEDERATED_TOKEN_FILE. */
  federatedToken(subject: string, changes: FederatedTokenChanges = {}): string {
    const now = this.#seconds();
    const claims = {
      iss: changes.issuer ?? this.clusterIssuer,
      sub: changes.subject ?? subject,
      aud: [changes.audience ?? exchangeAudience],
      iat: now,
      nbf: now + (changes.notBeforeIn ?? 0),
      exp: now + (changes.expiresIn ?? 3600),
    };
    return (changes.foreign === true ? this.#foreign() : this.clusterSigner).sign(claims);
  }

  /** An access token as Entra issues it to an app for an API that takes version 1.0 tokens, as Key Vault does. */
  accessToken({ clientId, objectId }: AzureApp, by: 'secret' | 'assertion' | 'managed-identity', changes: TokenChanges = {}): { readonly token: string; readonly expiresOn: number; readonly notBefore: number } {
    const now = this.#seconds();
    const notBefore = now + (changes.notBeforeIn ?? -300);
    const expiresOn = now + (changes.expiresIn ?? this.tokenLifetime);
    const issuer = changes.issuer ?? this.issuer;
    const claims = {
      aud: changes.audience ?? vaultResource,
      iss: issuer,
      iat: notBefore,
      nbf: notBefore,
      exp: expiresOn,
      aio: randomBytes(24).toString('base64'),
      appid: clientId,
      appidacr: by === 'secret' ? '1' : '2',
      idp: issuer,
      idtyp: 'app',
      oid: objectId,
      sub: objectId,
      tid: this.tenantId,
      uti: randomBytes(16).toString('base64url'),
      ver: '1.0',
    };
    return { token: (changes.foreign === true ? this.#foreign() : this.signer).sign(claims), expiresOn, notBefore };
  }

  #foreign(): TokenSigner {
    return (this.#foreignSigner ??= new TokenSigner());
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

import type { TokenCredential } from '@azure/identity';
import { AuthorityRefusals } from './authority-refusals.ts';
import type { PipelinePolicy } from './refusal-bodies.ts';
import type { SecretValue } from '../../ports/secret-value.ts';

/** As whom we sign in to Azure. Of several, the first that there is counts, as in Microsoft's own chain. */
export interface AzureIdentity {
  readonly servicePrincipal: { readonly tenantId: string; readonly clientId: string; readonly clientSecret: SecretValue } | null;
  /** Workload Identity of a Kubernetes cluster; the file is read again before its token ends. */
  readonly workload: { readonly tenantId: string; readonly clientId: string; readonly tokenFile: string } | null;
  /** The machine's own identity, or the user-assigned one with this client id. */
  readonly managed: { readonly clientId: string | null } | null;
  /** null: the public cloud's. */
  readonly authorityHost: string | null;
  /** A private cloud, or a test server: it is not looked up at Microsoft whether the authority is one. */
  readonly isDisconnected: boolean;
}

/** A credential of the official library, which is loaded only now. Where neither of the three is given, it is who has signed in with `az login`. `way` stands between a service principal's sign-in and the network. */
export async function openAzureCredential({ servicePrincipal, workload, managed, authorityHost, isDisconnected }: AzureIdentity, way?: PipelinePolicy): Promise<TokenCredential> {
  const identity = await import('@azure/identity');
  const options = { ...(authorityHost === null ? {} : { authorityHost }), retryOptions: { maxRetries: 1, retryDelayInMs: 200 }, additionalPolicies: lastStep(way) };
  const trust = { ...options, disableInstanceDiscovery: isDisconnected };
  if (servicePrincipal !== null) {
    const refusals = new AuthorityRefusals();
    const { tenantId, clientId, clientSecret } = servicePrincipal;
    const credential = new identity.ClientSecretCredential(tenantId, clientId, clientSecret.reveal(), { ...trust, additionalPolicies: [{ policy: refusals.policy, position: 'perCall' }, ...trust.additionalPolicies] });
    return refusals.toldBy(credential);
  }
  const chain: TokenCredential[] = [];
  if (workload !== null) chain.push(new identity.WorkloadIdentityCredential({ ...trust, tenantId: workload.tenantId, clientId: workload.clientId, tokenFilePath: workload.tokenFile }));
  if (managed !== null) chain.push(new identity.ManagedIdentityCredential({ ...options, ...(managed.clientId === null ? {} : { clientId: managed.clientId }) }));
  else chain.push(new identity.AzureCliCredential(), new identity.AzureDeveloperCliCredential(), new identity.AzurePowerShellCredential());
  return new identity.ChainedTokenCredential(...chain);
}

/** A policy for the official libraries that is asked after all of theirs, for each request that goes out. */
export function lastStep(way: PipelinePolicy | undefined): { readonly policy: PipelinePolicy; readonly position: 'perRetry' }[] {
  return way === undefined ? [] : [{ policy: way, position: 'perRetry' }];
}

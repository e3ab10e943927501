import type { Egress } from '../../egress/egress.ts';
import { WayAgent } from '../../egress/way-agent.ts';
import { AzureFailure } from '../azure/azure-failure.ts';
import type { PipelinePolicy } from '../azure/refusal-bodies.ts';

const CONNECTIONS = 16;
const ANSWER_MS = 5_000;
const LARGEST_ANSWER = 1024 * 1024;

export interface GuardedWayOptions {
  readonly egress: Egress;
  /** Origin of the tenant's vault. */
  readonly vault: string;
  /** Origin of who gives out tokens for it: of a known cloud, or named by the operator. */
  readonly authority: string;
}

export interface GuardedWay {
  readonly policy: PipelinePolicy;
  close(): void;
}

/**
 * How the official libraries reach a tenant's vault (S20, S33): the vault and its authority and nothing else, whatever an answer says; through a pool of
 * its own whose addresses are checked and pinned, past any proxy but the operator's; 5 s a request and 1 MiB an answer. It has to be the last step before the network.
 */
export function guardedWay({ egress, vault, authority }: GuardedWayOptions): GuardedWay {
  const toVault = new WayAgent(egress, { keepAlive: true, maxSockets: CONNECTIONS });
  const toAuthority = new WayAgent(egress.toNamed, { keepAlive: true, maxSockets: 2 });
  return {
    policy: {
      name: 'keyholdGuardedWay',
      sendRequest: async (request, next) => {
        const { origin, hostname } = new URL(request.url);
        if (origin !== vault && origin !== authority) throw new AzureFailure('not-azure', { mayHaveHappened: false });
        if (origin === vault) egress.requireAllowedLiteral(hostname);
        request.agent = origin === vault ? toVault : toAuthority;
        delete request.proxySettings;
        request.timeout = ANSWER_MS;
        request.onDownloadProgress = ({ loadedBytes }) => {
          if (loadedBytes > LARGEST_ANSWER) throw new AzureFailure('not-azure', { mayHaveHappened: true });
        };
        return next(request);
      },
    },
    close: () => {
      toVault.destroy();
      toAuthority.destroy();
    },
  };
}

import { type Egress, EgressRefused } from '../../egress/egress.ts';
import { TrialFailure } from './trial-run.ts';

/** Whether there is a way to the host at all. Throws `TrialFailure`. */
export async function requireReachable(egress: Egress, tenant: string, url: URL): Promise<void> {
  try {
    await egress.requireReachable(tenant, url.hostname, Number(url.port === '' ? 443 : url.port));
  } catch (error) {
    if (error instanceof EgressRefused) throw new TrialFailure(error.message, { cause: error });
    throw new TrialFailure(`The name ${url.hostname} cannot be found from where Keyhold runs. Check how it is written; a name that only your own network knows cannot be reached from outside it.`, { cause: error });
  }
}

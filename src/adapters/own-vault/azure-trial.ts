import type { Egress } from '../../egress/egress.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { tenantScope } from '../../ports/scope.ts';
import { AzureFailure, type AzureTrouble } from '../azure/azure-failure.ts';
import { NameChanges } from '../secret-store/azure-key-vault/name-changes.ts';
import { secretNameInAzure } from '../secret-store/azure-key-vault/secret-name.ts';
import type { VaultSecrets } from '../secret-store/azure-key-vault/vault-secrets.ts';
import { requireReachable } from './reach.ts';
import { TrialFailure, type TrialWork } from './trial-run.ts';

export interface AzureTrialOptions {
  readonly tenant: string;
  readonly url: string;
  readonly secrets: VaultSecrets;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** Every permission that Keyhold needs, on a secret with a name of its own. It leaves that secret among the deleted ones, unless Keyhold may purge it. */
export function azureTrial({ tenant, url, secrets, egress, clock, random }: AzureTrialOptions): TrialWork {
  const name = secretNameInAzure({ scope: tenantScope(tenant), service: 'keyhold-connection-test', label: random(6).toString('hex') });
  const value = random(16).toString('hex');
  let version = '';
  const changes = new NameChanges(secrets, clock);
  return {
    address: () => requireReachable(egress, tenant, new URL(url)),
    // The cheapest question is one that takes a permission: without it we are known all the same.
    'sign-in': () => asked(() => secrets.ping(), { mayBeDenied: true }),
    write: async () => {
      const written = await asked(() => secrets.set(name, value, { tags: { type: 'connection-test' }, contentType: undefined, expiresAt: null }));
      if (typeof written !== 'object') throw new TrialFailure('The vault did not take a secret under a new name. Try again in a moment.');
      version = written.version;
    },
    read: async () => {
      const found = await asked(() => secrets.version(name, version));
      if (typeof found !== 'object' || found.value !== value) throw new TrialFailure('The vault did not give back what was written to it a moment ago. Try again in a moment.');
    },
    list: async () => {
      await asked(() => secrets.versions(name));
    },
    delete: async () => {
      await asked(() => secrets.delete(name));
      // A key that was deleted needs it when it comes back or is stored again. Who lacks it is told so whatever the secret is on its way to.
      if ((await asked(() => secrets.recover(name))) === 'begun') await changes.until(async () => deletedAgain(secrets, name)).catch(() => secrets.delete(name)).catch(() => undefined);
      await secrets.purge(name).catch(() => undefined);
    },
  };
}

/** undefined while the name is still on its way back. */
async function deletedAgain(secrets: VaultSecrets, name: string): Promise<true | undefined> {
  if ((await secrets.newest(name)) === 'absent') return undefined;
  await secrets.delete(name);
  return (await secrets.newest(name)) === 'absent' ? true : undefined;
}

async function asked<T>(call: () => Promise<T>, { mayBeDenied = false }: { readonly mayBeDenied?: boolean } = {}): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof KeyholdError && error.code === 'permission_denied') {
      if (mayBeDenied) return undefined;
      const commands = error.details?.['commands'];
      throw new TrialFailure(error.publicMessage, { grant: Array.isArray(commands) ? commands.join('\n') : undefined });
    }
    throw explained(error);
  }
}

const reasons: Readonly<Record<AzureTrouble, string>> = {
  unreachable: 'Your vault cannot be reached from where Keyhold runs. Check the url, and the vault\'s network settings.',
  silent: 'Your vault did not answer in time.',
  broken: 'The connection broke before an answer was complete.',
  'not-azure': 'What answers at this url does not speak like Azure Key Vault. Check the url.',
  challenge: 'The vault asks for a token for something that it is not. Check the url.',
  'no-identity': 'There is nobody to sign in as. Check tenantId, clientId and clientSecret.',
  'authority-away': 'The authority that gives out Azure\'s tokens cannot be reached from where Keyhold runs.',
  refused: 'Azure does not let Keyhold sign in. Check tenantId and clientId, and whether clientSecret has run out: az ad app credential reset --id <clientId>',
  firewall: 'The vault\'s firewall does not let Keyhold in. Add the address that Keyhold comes from: az keyvault network-rule add --name <vault> --ip-address <address>',
  busy: 'Your vault refuses requests beyond its limits. Try again in a minute.',
  failing: 'Your vault failed.',
  resting: 'Your vault has failed several times in a row and is asked again in a moment.',
  strange: 'Your vault answered in a way that this call is never answered.',
  closed: 'The connection was closed, since the vault was changed meanwhile or Keyhold is stopping.',
};

function explained(error: unknown): unknown {
  for (let each: unknown = error; each instanceof Error; each = each.cause) if (each instanceof AzureFailure) return new TrialFailure(reasons[each.trouble], { cause: error });
  return error;
}

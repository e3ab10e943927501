import { randomBytes } from 'node:crypto';
import { systemClock } from './adapters/clock/system-clock.ts';
import { applyBootstrap, type Bootstrapped } from './adapters/vault-bootstrap/apply-bootstrap.ts';
import type { BootstrapPlan } from './adapters/vault-bootstrap/bootstrap-plan.ts';
import { SignInRefused } from './adapters/vault/sign-in.ts';
import { createVaultClient } from './adapters/vault/vault-client.ts';
import type { Environment } from './config/environment.ts';
import { vaultAdministrator } from './config/vault-bootstrap-config.ts';
import { KeyholdError } from './ports/errors.ts';
import type { Log, LogFields } from './ports/log.ts';
import { StartError } from './ports/start-error.ts';

/** Sets up Vault for Keyhold as its administrator. Throws `StartError`: 2 for what is not configured, 1 for what Vault does not do. */
export async function bootstrapVault(environment: Environment, plan: BootstrapPlan): Promise<Bootstrapped> {
  const log = new LastComplaint();
  const client = createVaultClient({ ...vaultAdministrator(environment), clock: systemClock, random: randomBytes, log });
  try {
    await client.start();
    return await applyBootstrap(client, plan);
  } catch (error) {
    if (error instanceof KeyholdError) throw new StartError(1, log.last ?? error.publicMessage, { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}

/** The client logs why it cannot go on, in words for operators, who at a command line read them at its end. */
class LastComplaint implements Log {
  last: string | undefined;

  debug(): void {}

  info(): void {}

  warn(_event: string, msg: string): void {
    this.last = msg;
  }

  error(_event: string, msg: string, { error }: LogFields = {}): void {
    // What the client advises is meant for the token that Keyhold itself works with.
    this.last = error instanceof SignInRefused ? 'Vault refuses the token in VAULT_TOKEN: it has expired, was revoked, or belongs to another Vault. --apply needs the token of an administrator of Vault, this once.' : msg;
  }
}

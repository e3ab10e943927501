import type { Log, LogFields } from '../../ports/log.ts';

/** The log for what is about one tenant's vault: the same events with `own_` before their names, so that nobody takes them for the installation's own vault. */
export function ownVaultLog(log: Log, tenant: string): Log {
  // The sentences are those of the installation's own vault, with its variables and policies.
  const explained = (msg: string): string => `${msg} (A vault of tenant ${tenant}'s own: what is named of Keyhold's variables and policies is the tenant's to change, in the registration and in the vault.)`;
  const ofTenant = (fields: LogFields | undefined): LogFields => ({ ...fields, tenantId: tenant });
  return {
    ...(log.debugs === undefined ? {} : { debugs: log.debugs }),
    debug: (event, msg, fields) => log.debug(`own_${event}`, msg, ofTenant(fields)),
    info: (event, msg, fields) => log.info(`own_${event}`, msg, ofTenant(fields)),
    // The operator can do nothing about it: what is an error of the installation's own vault is a warning here.
    warn: (event, msg, fields) => log.warn(`own_${event}`, explained(msg), ofTenant(fields)),
    error: (event, msg, fields) => log.warn(`own_${event}`, explained(msg), ofTenant(fields)),
  };
}

import { KeyholdError } from '../../ports/errors.ts';
import type { AzureRefusal } from './azure-refusal.ts';

/** What a vault lets somebody do with secrets, as access policies call it. */
export type SecretPermission = 'get' | 'list' | 'set' | 'delete' | 'recover' | 'purge';

const DOCUMENTED: readonly SecretPermission[] = ['get', 'list', 'set', 'delete'];
/** https://learn.microsoft.com/azure/key-vault/general/rbac-guide#azure-built-in-roles-for-key-vault-data-plane-operations */
const ROLE = 'Key Vault Secrets Officer';

/**
 * R1.5: which permission is missing, and the command that grants it: for access policies, for RBAC, or for both where the vault does not say
 * which of them it uses.
 */
export function missingPermission(permission: SecretPermission, vaultName: string, { code, objectId = '<object id of Keyhold\'s identity>' }: Pick<AzureRefusal, 'code' | 'objectId'>): KeyholdError {
  const all = [...DOCUMENTED, ...(DOCUMENTED.includes(permission) ? [] : [permission])].join(' ');
  const byPolicy = `with access policies: az keyvault set-policy --name ${vaultName} --object-id ${objectId} --secret-permissions ${all}`;
  const byRole = `with RBAC: az role assignment create --role "${ROLE}" --assignee ${objectId} --scope $(az keyvault show --name ${vaultName} --query id --output tsv)`;
  const ways = code === 'ForbiddenByPolicy' ? [byPolicy] : code === 'ForbiddenByRbac' ? [byRole] : [byPolicy, byRole];
  return new KeyholdError(
    'permission_denied',
    `The user, group or application does not have secrets ${permission} permission on the key vault ${vaultName}. Grant it, ${ways.join('; ')}. A new grant can take ten minutes until it counts everywhere.`,
    { details: { permission, commands: ways } },
  );
}

import { deleteDocumentedCredential } from './documented/delete-credential.ts';
import { health } from './documented/health.ts';
import { storeDocumentedCredential } from './documented/store-credential.ts';
import { vaultHealth } from './documented/vault-health.ts';
import { ownersOf } from './owner.ts';
import type { Route } from './route.ts';
import { listAudit } from './routes/audit/list-audit.ts';
import { listAuditEntries } from './routes/audit/list-audit-entries.ts';
import { listTenantAudit } from './routes/audit/list-tenant-audit.ts';
import { proveAudit } from './routes/audit/prove-audit.ts';
import { showAuditCheckpoint } from './routes/audit/show-audit-checkpoint.ts';
import { logTree, tenantTree } from './routes/audit/tree.ts';
import { adoptCredential, previewAdoption } from './routes/credentials/adopt-credential.ts';
import { deleteCredential } from './routes/credentials/delete-credential.ts';
import { getCredential } from './routes/credentials/get-credential.ts';
import { listCredentials } from './routes/credentials/list-credentials.ts';
import { migrateCredential, previewMigration } from './routes/credentials/migrate-credential.ts';
import { platformOwner, tenantOwner } from './routes/credentials/owner.ts';
import { purgeCredential } from './routes/credentials/purge-credential.ts';
import { putCredential } from './routes/credentials/put-credential.ts';
import { recoverCredential } from './routes/credentials/recover-credential.ts';
import { revokeCredential } from './routes/credentials/revoke-credential.ts';
import { updateCredential } from './routes/credentials/update-credential.ts';
import { getBudgets } from './routes/budgets/get-budgets.ts';
import { getPlatformBudgets } from './routes/budgets/get-platform-budgets.ts';
import { listLostLeases } from './routes/budgets/list-lost-leases.ts';
import { putBudgets } from './routes/budgets/put-budgets.ts';
import { putPlatformBudgets } from './routes/budgets/put-platform-budgets.ts';
import { releaseLostLeases } from './routes/budgets/release-lost-leases.ts';
import { createGatewayKey } from './routes/gateway-keys/create-gateway-key.ts';
import { disableGatewayKey } from './routes/gateway-keys/disable-gateway-key.ts';
import { findGatewayKey } from './routes/gateway-keys/find-gateway-key.ts';
import { getGatewayKey } from './routes/gateway-keys/get-gateway-key.ts';
import { listGatewayKeys } from './routes/gateway-keys/list-gateway-keys.ts';
import { revokeGatewayKey } from './routes/gateway-keys/revoke-gateway-key.ts';
import { rotateGatewayKey } from './routes/gateway-keys/rotate-gateway-key.ts';
import { showGatewayKeyBudget } from './routes/gateway-keys/show-gateway-key-budget.ts';
import { updateGatewayKey } from './routes/gateway-keys/update-gateway-key.ts';
import { getLimits } from './routes/limits/get-limits.ts';
import { ownLayer, platformLayer } from './routes/limits/layer.ts';
import { putLimits } from './routes/limits/put-limits.ts';
import { listJobs } from './routes/jobs/list-jobs.ts';
import { listProviderKeys } from './routes/keys/list-provider-keys.ts';
import { rotateDataKeys } from './routes/keys/rotate-data-keys.ts';
import { showDataRotation } from './routes/keys/show-data-rotation.ts';
import { rewrapKeys } from './routes/keys/rewrap-keys.ts';
import { showKeys } from './routes/keys/show-keys.ts';
import { showMe } from './routes/me/show-me.ts';
import { showOpenapi } from './routes/openapi/show-openapi.ts';
import { sealPlatform } from './routes/platform-seal/seal-platform.ts';
import { showSeal } from './routes/platform-seal/show-seal.ts';
import { unsealPlatform } from './routes/platform-seal/unseal-platform.ts';
import { deleteOwnVault } from './routes/own-vault/delete-own-vault.ts';
import { getOwnVault } from './routes/own-vault/get-own-vault.ts';
import { putOwnVault } from './routes/own-vault/put-own-vault.ts';
import { testOwnVault } from './routes/own-vault/test-own-vault.ts';
import { listModels } from './routes/models/list-models.ts';
import { getPolicy } from './routes/policy/get-policy.ts';
import { putPolicy } from './routes/policy/put-policy.ts';
import { getPrices } from './routes/prices/get-prices.ts';
import { platformPrices, tenantPrices } from './routes/prices/owner.ts';
import { putPrices } from './routes/prices/put-prices.ts';
import { livez } from './routes/probes/livez.ts';
import { metrics } from './routes/probes/metrics.ts';
import { readyz } from './routes/probes/readyz.ts';
import { createRole } from './routes/roles/create-role.ts';
import { deleteRole } from './routes/roles/delete-role.ts';
import { getRole } from './routes/roles/get-role.ts';
import { listRoles } from './routes/roles/list-roles.ts';
import { putRole } from './routes/roles/put-role.ts';
import { endSignIn } from './routes/sign-in/end-sign-in.ts';
import { finishSignIn } from './routes/sign-in/finish-sign-in.ts';
import { listWaysIn } from './routes/sign-in/list-ways-in.ts';
import { signIn } from './routes/sign-in/sign-in.ts';
import { signOut } from './routes/sign-in/sign-out.ts';
import { startSignIn } from './routes/sign-in/start-sign-in.ts';
import { listServices } from './routes/services/list-services.ts';
import { findSecrets } from './routes/stores/find-secrets.ts';
import { listStores } from './routes/stores/list-stores.ts';
import { createTenant } from './routes/tenants/create-tenant.ts';
import { deleteTenant } from './routes/tenants/delete-tenant.ts';
import { getTenant } from './routes/tenants/get-tenant.ts';
import { listTenants } from './routes/tenants/list-tenants.ts';
import { listShreddings } from './routes/tenants/list-shreddings.ts';
import { shredTenant } from './routes/tenants/shred-tenant.ts';
import { updateTenant } from './routes/tenants/update-tenant.ts';
import { createToken } from './routes/tokens/create-token.ts';
import { listTokens } from './routes/tokens/list-tokens.ts';
import { revokeToken } from './routes/tokens/revoke-token.ts';
import { listUsageEvents } from './routes/usage/list-usage-events.ts';
import { sumUsage } from './routes/usage/sum-usage.ts';
import { getMember } from './routes/users/get-member.ts';
import { getUser } from './routes/users/get-user.ts';
import { inviteMember } from './routes/users/invite-member.ts';
import { inviteUser } from './routes/users/invite-user.ts';
import { listMembers } from './routes/users/list-members.ts';
import { listUsers } from './routes/users/list-users.ts';
import { removeMember } from './routes/users/remove-member.ts';
import { removeUser } from './routes/users/remove-user.ts';
import { signOutUser } from './routes/users/sign-out-user.ts';
import { updateMember } from './routes/users/update-member.ts';
import { updateUser } from './routes/users/update-user.ts';

const credentialRoutes = [listCredentials, putCredential, getCredential, updateCredential, deleteCredential, revokeCredential, recoverCredential, purgeCredential, adoptCredential, previewAdoption, migrateCredential, previewMigration];
const tokenRoutes = [createToken, listTokens, revokeToken];
const roleRoutes = [createRole, listRoles, getRole, putRole, deleteRole];

/** Every address of the control plane. What is not here is 404. */
export const routeTable: readonly Route[] = [
  createTenant,
  listTenants,
  getTenant,
  updateTenant,
  deleteTenant,
  shredTenant,
  listShreddings,
  getPolicy,
  putPolicy,
  ...[ownLayer, platformLayer].flatMap((layer) => [getLimits(layer), putLimits(layer)]),
  getPrices(platformPrices),
  putPrices(platformPrices),
  getPrices(tenantPrices),
  putPrices(tenantPrices),
  listModels,
  getOwnVault,
  putOwnVault,
  deleteOwnVault,
  testOwnVault,
  ...ownersOf('tokens').flatMap((owner) => tokenRoutes.map((route) => route(owner))),
  inviteMember,
  listMembers,
  getMember,
  updateMember,
  removeMember,
  inviteUser,
  listUsers,
  getUser,
  updateUser,
  removeUser,
  signOutUser,
  ...ownersOf('roles').flatMap((owner) => roleRoutes.map((route) => route(owner))),
  ...[tenantOwner, platformOwner].flatMap((owner) => credentialRoutes.map((route) => route(owner))),
  createGatewayKey,
  listGatewayKeys,
  getGatewayKey,
  updateGatewayKey,
  revokeGatewayKey,
  rotateGatewayKey,
  findGatewayKey,
  disableGatewayKey,
  showGatewayKeyBudget,
  getBudgets,
  putBudgets,
  getPlatformBudgets,
  putPlatformBudgets,
  listLostLeases,
  releaseLostLeases,
  sumUsage,
  listUsageEvents,
  listAudit,
  listTenantAudit,
  ...[logTree, tenantTree].flatMap((tree) => [showAuditCheckpoint(tree), proveAudit(tree), listAuditEntries(tree)]),
  sealPlatform,
  unsealPlatform,
  showSeal,
  listServices,
  listJobs,
  listStores,
  findSecrets,
  showKeys,
  rewrapKeys,
  rotateDataKeys,
  showDataRotation,
  listProviderKeys,
  listWaysIn,
  signIn,
  startSignIn,
  finishSignIn,
  endSignIn,
  signOut,
  showMe,
  showOpenapi,
  storeDocumentedCredential,
  deleteDocumentedCredential,
  vaultHealth,
  health,
  livez,
  readyz,
  metrics,
];

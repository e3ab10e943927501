import type { VaultServer } from './servers/vault.ts';

/** A token that may do in this vault what Keyhold needs for this tenant, but for what is left out. */
export async function tokenFor(vault: VaultServer, tenant: string, withoutRule = 'nothing'): Promise<string> {
  const below = `tenants/${tenant}/api-keys`;
  const rules = [
    `path "secret/data/${below}/*" { capabilities = ["create", "update", "read"] }`,
    ...['delete', 'undelete', 'destroy'].map((operation) => `path "secret/${operation}/${below}/*" { capabilities = ["update"] }`),
    `path "secret/metadata/${below}/*" { capabilities = ["create", "update", "patch", "read", "list"] }`,
    `path "secret/metadata/${below}" { capabilities = ["list"] }`,
    `path "secret/config" { capabilities = ["read"] }`,
  ].filter((rule) => !rule.includes(withoutRule));
  const policy = `keyhold-${tenant}-${withoutRule.replaceAll('/', '-')}`;
  await vault.ask('PUT', `sys/policies/acl/${policy}`, { policy: rules.join('\n') });
  return String((await vault.ask('POST', 'auth/token/create', { policies: [policy], period: '24h' }))['client_token']);
}

/** What Keyhold needs in Vault (R2.6), by names that users know from their own documents. */
export interface BootstrapPlan {
  /** Of the KV v2 engine, without slashes around it. */
  readonly mount: string;
  /** Of the secret with the service's own keys, below the mount. */
  readonly secretPath: string;
  /** Where the audit device writes: a file on Vault's machine, or `stdout`. */
  readonly auditFile: string;
  /** Make a secret_id, and show it. */
  readonly secretId: boolean;
}

const gatewayPolicy = 'ai-gateway-policy';
const readerPolicy = 'ai-gateway-read';
export const appRole = 'ai-gateway';
export const appRoleSettings = { token_policies: gatewayPolicy, token_ttl: '1h', token_max_ttl: '4h' } as const;

/** The policies by their names, in Vault's language. */
export function policiesOf({ mount, secretPath }: Pick<BootstrapPlan, 'mount' | 'secretPath'>): Readonly<Record<string, string>> {
  const credentials = ['platform/*', 'tenants/*'];
  return {
    // What Keyhold does with credentials; of everything else in the engine it reads its own keys alone.
    [gatewayPolicy]: policy([
      ...credentials.map((path) => [`${mount}/data/${path}`, 'create', 'update', 'read'] as const),
      ...['delete', 'undelete', 'destroy'].flatMap((operation) => credentials.map((path) => [`${mount}/${operation}/${path}`, 'update'] as const)),
      ...credentials.map((path) => [`${mount}/metadata/${path}`, 'create', 'update', 'patch', 'read', 'list'] as const),
      [`${mount}/data/${secretPath}`, 'read'],
      [`${mount}/config`, 'read'],
    ]),
    [readerPolicy]: policy([
      [`${mount}/data/${secretPath}`, 'read'],
      [`${mount}/data/${secretPath}/*`, 'read'],
      [`${mount}/metadata/${secretPath}`, 'list'],
      [`${mount}/metadata/${secretPath}/*`, 'list'],
    ]),
  };
}

type Rule = readonly [path: string, ...capabilities: readonly string[]];

function policy(rules: readonly Rule[]): string {
  return rules.map(([path, ...capabilities]) => `path "${path}" {\n  capabilities = [${capabilities.map((capability) => `"${capability}"`).join(', ')}]\n}\n`).join('');
}

import { X509Certificate } from 'node:crypto';
import type { Egress } from '../../egress/egress.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnHashiCorpVault } from '../../ports/metadata/own-vaults.ts';
import type { OwnVaultConnection } from '../../ports/own-vault.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { createVaultStore } from '../secret-store/vault-kv/vault-store.ts';
import { createVaultClient } from '../vault/vault-client.ts';
import type { OwnVaultTools } from './connector.ts';
import { hashiCorpTrial } from './hashicorp-trial.ts';
import { ownVaultLog } from './own-vault-log.ts';
import { tenantUrl } from './tenant-url.ts';
import { runTrial } from './trial-run.ts';

/** As they are kept. Throws `invalid_argument`. */
export function checkedHashiCorpVault(settings: OwnHashiCorpVault, { egress, allowHttp }: { readonly egress: Egress; readonly allowHttp: boolean }): OwnHashiCorpVault {
  const url = tenantUrl(settings.address, { property: 'address', example: 'https://vault.example.com:8200', allowHttpOnLoopback: allowHttp, mayHavePath: true });
  egress.requireAllowedLiteral(url.hostname);
  const { caCertificate } = settings;
  if (caCertificate !== null) requireCertificate(caCertificate);
  return { ...settings, address: (url.origin + url.pathname).replace(/\/+$/u, '') };
}

/** Nothing is sent before the first call. */
export function openHashiCorpVault(tenant: string, settings: OwnHashiCorpVault, secret: SecretValue, tools: OwnVaultTools): OwnVaultConnection {
  const { egress, digest, clock, random } = tools;
  const log = ownVaultLog(tools.log, tenant);
  const { address, namespace, mount, roleId, caCertificate } = settings;
  const client = createVaultClient({
    address,
    auth: roleId === null ? { kind: 'token', token: secret } : { kind: 'app-role', roleId, secretId: secret },
    ...(namespace === null ? {} : { namespace }),
    tls: caCertificate === null ? {} : { ca: caCertificate },
    way: egress.wayOf(tenant),
    clock,
    random,
    log,
  });
  return {
    store: createVaultStore({ client, mount, digest, clock, log }),
    trial: (last) => runTrial(hashiCorpTrial({ tenant, settings, client, egress, random }), last),
    close: () => client.close(),
  };
}

function requireCertificate(pem: string): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/gu) ?? [];
  if (blocks.length > 0 && blocks.every(isCertificate)) return;
  throw new KeyholdError('invalid_argument', 'caCertificate is not a certificate in PEM: it begins with -----BEGIN CERTIFICATE-----, with its line breaks.', { details: { property: 'caCertificate' } });
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

import { randomBytes } from 'node:crypto';
import type { AzureIdentity } from '../../src/adapters/azure/azure-credential.ts';
import { type AzureStore, createAzureStore } from '../../src/adapters/secret-store/azure-key-vault/azure-store.ts';
import type { FieldsDigest } from '../../src/adapters/secret-store/azure-key-vault/own-versions.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import type { PutIntent, SecretName, SecretReference } from '../../src/ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../src/ports/secret-value.ts';
import { RecordingLog } from './recording-log.ts';
import type { AzureApp } from './servers/azure/directory.ts';
import type { AzureServer } from './servers/azure/server.ts';
import { systemTime } from './vault-fixture.ts';

const digestKey = Buffer.alloc(32, 1);

export interface StoreUnderTest {
  readonly store: AzureStore;
  readonly log: RecordingLog;
}

export interface StoreOptions {
  readonly app?: AzureApp;
  readonly digest?: FieldsDigest;
  /** Instead of the app's secret. */
  readonly identity?: Partial<AzureIdentity>;
}

/** The adapter on the server's first vault. */
export function azureStoreOn(server: AzureServer, { app = server.app, digest = (_name, _version, fields) => fieldsDigest(digestKey, fields), identity = {} }: StoreOptions = {}): StoreUnderTest {
  server.trust();
  const log = new RecordingLog();
  const servicePrincipal = { tenantId: server.directory.tenantId, clientId: app.clientId, clientSecret: new SecretValue([...app.secrets].at(-1) ?? '') };
  const store = createAzureStore({
    url: new URL(server.vault.url).origin,
    identity: { servicePrincipal, workload: null, managed: null, authorityHost: server.authority.url, isDisconnected: true, ...identity },
    digest,
    clock: systemTime,
    random: randomBytes,
    log,
  });
  return { store, log };
}

export function oneField(text: string, field = 'api_key'): SecretFields {
  return { [field]: new SecretValue(text) };
}

/** A new attempt to write a version that builds on another one. */
export function intend(version: number, fields: SecretFields, base: SecretReference | null = null): PutIntent {
  return { id: randomBytes(12).toString('hex'), version, cas: base?.version ?? null, digest: fieldsDigest(digestKey, fields) };
}

/** A name that no other test uses. */
export function newName(): SecretName {
  return { scope: tenantScope(`t-${randomBytes(6).toString('hex')}`), service: 'openai', label: 'default' };
}

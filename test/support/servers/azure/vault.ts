import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallLog, OpenCall } from './call-log.ts';
import { authenticate, type Caller } from './caller.ts';
import type { Directory } from './directory.ts';
import { conclude, type Faults } from './faults.ts';
import { badParameter, KeyVaultError } from './key-vault-error.ts';
import { type Answer, PortListener, readBody } from './listener.ts';
import { readFields } from './object-fields.ts';
import type { KeyVersion } from './key-wrapping.ts';
import { keyOperations } from './keys.ts';
import { type Match, matchOperation, type Operation } from './operation.ts';
import { type Need, Permissions } from './permissions.ts';
import { type SecretVersion, secretOperations } from './secrets.ts';
import { Throttle } from './throttle.ts';
import { type Durations, VersionedObjects } from './versioned-objects.ts';

/** What a vault is like; all but the name can be changed while it serves. */
export interface VaultSettings {
  readonly name: string;
  /** Which permission model decides. */
  authorization: 'access-policies' | 'rbac';
  purgeProtection: boolean;
  /** 7 to 90. */
  retentionDays: number;
  /** Of the lists, at most 25. */
  pageSize: number;
  /** The inner code of a refusal by access policy; the service knows both. */
  policyRefusal: 'ForbiddenByPolicy' | 'AccessDenied';
}

interface VaultParts {
  readonly directory: Directory;
  readonly authorityUrl: () => string;
  readonly log: CallLog;
  readonly faults: Faults;
  readonly now: () => number;
  readonly tls: { readonly cert: string; readonly key: string };
}

/** https://learn.microsoft.com/rest/api/keyvault/: the versions that the SDKs in use ask for. */
const apiVersions = ['7.4', '7.5', '7.6', '2025-07-01', '2026-04-01'];

const usualHeaders = { 'cache-control': 'no-cache', pragma: 'no-cache', expires: '-1', 'x-ms-keyvault-region': 'westeurope', 'x-ms-keyvault-service-version': '1.9.2000.1', 'x-content-type-options': 'nosniff' };

/** One key vault on a port of its own. */
export class AzureVault {
  readonly settings: VaultSettings;
  readonly durations: Durations = { deletingMs: 0, recoveringMs: 0, recoverySettlingMs: 0, purgingMs: 0 };
  readonly permissions: Permissions;
  readonly throttle: Throttle;
  readonly listener: PortListener;
  readonly #parts: VaultParts;
  readonly #secrets: VersionedObjects<SecretVersion>;
  readonly #keys: VersionedObjects<KeyVersion>;
  readonly #operations: readonly Operation[];

  constructor(settings: Partial<VaultSettings> & Pick<VaultSettings, 'name'>, parts: VaultParts) {
    this.settings = { authorization: 'access-policies', purgeProtection: false, retentionDays: 90, pageSize: 25, policyRefusal: 'ForbiddenByPolicy', ...settings };
    this.#parts = parts;
    this.permissions = new Permissions(parts.now);
    this.throttle = new Throttle(parts.now);
    this.listener = new PortListener((request, response) => this.#serve(request, response), parts.tls);
    const rules = { durations: this.durations, now: parts.now, purgeProtection: () => this.settings.purgeProtection, retentionDays: () => this.settings.retentionDays, vaultName: () => this.#location };
    this.#secrets = new VersionedObjects({ noun: 'Secret', ...rules });
    this.#keys = new VersionedObjects({ noun: 'Key', ...rules });
    const facts = { now: parts.now, url: () => this.listener.url, pageSize: () => this.settings.pageSize, recovery: () => this.#recovery };
    this.#operations = [...secretOperations(this.#secrets, facts), ...keyOperations(this.#keys, facts)];
  }

  /** What AZURE_KEY_VAULT_URL says. */
  get url(): string {
    return `${this.listener.url}/`;
  }

  /** As if the vault had just been made: nothing is in it. Who may what stays. */
  empty(): void {
    this.#secrets.clear();
    this.#keys.clear();
  }

  get #location(): string {
    return `${this.settings.name};location=westeurope`;
  }

  /** https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview: the level follows from purge protection and retention. */
  get #recovery(): { readonly recoveryLevel: string; readonly recoverableDays: number } {
    const { retentionDays, purgeProtection } = this.settings;
    return { recoveryLevel: `${retentionDays < 90 ? 'Customized' : ''}Recoverable${purgeProtection ? '' : '+Purgeable'}`, recoverableDays: retentionDays };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.listener.url);
    const body = await readBody(request);
    const match = matchOperation(this.#operations, request.method ?? '', url.pathname);
    const call = this.#parts.log.open({ at: Date.now(), where: this.settings.name, operation: match?.operation.id ?? 'unknown', authenticated: false });
    if (match !== undefined && match.name !== '') call.name = match.name;
    if (match !== undefined && match.version !== '') call.version = match.version;
    const outcome = await this.#answer(request, url, body, match, call);
    conclude(outcome === 'break' ? outcome : { ...outcome, headers: { ...usualHeaders, 'x-ms-request-id': randomUUID(), ...outcome.headers } }, call, request, response);
  }

  #answer(request: IncomingMessage, url: URL, body: string, match: Match | undefined, call: OpenCall): Promise<Answer | 'break'> {
    const { directory, authorityUrl, faults, now } = this.#parts;
    return refusing(call, () => {
      const caller = authenticate(request.headers.authorization, directory, authorityUrl(), now);
      call.authenticated = true;
      call.clientId = caller.clientId;
      return faults.serve(call, () => refusing(call, () => this.#operate(caller, url, body, match)));
    });
  }

  #operate(caller: Caller, url: URL, body: string, match: Match | undefined): Answer | Promise<Answer> {
    this.throttle.admit();
    const version = url.searchParams.get('api-version');
    if (version === null) throw badParameter('api-version must be specified');
    if (!apiVersions.includes(version)) throw badParameter(`The specified version (${version}) is not recognized. Consider using the latest supported version (2026-04-01).`);
    if (match === undefined) throw new KeyVaultError(404, 'NotFound', 'There is no such operation.');
    this.#authorize(caller, match);
    return match.operation.run({
      name: match.name,
      version: match.version,
      url,
      fields: () => readFields(parse(body)),
    });
  }

  #authorize({ clientId, objectId, issuer }: Caller, { operation: { need }, name }: Match): void {
    const who = `appid=${clientId};oid=${objectId};iss=${issuer}`;
    if (this.settings.authorization === 'rbac') {
      if (!this.permissions.roleAllows(objectId, need)) throw this.#forbiddenByRbac(who, need, name);
    } else if (!this.permissions.policyAllows(objectId, need)) {
      throw new KeyVaultError(403, 'Forbidden', `The user, group or application '${who}' does not have ${need.kind} ${need.permission} permission on key vault '${this.#location}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`, this.settings.policyRefusal);
    }
  }

  #forbiddenByRbac(who: string, { action, kind }: Need, name: string): KeyVaultError {
    const resource = `/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/test/providers/microsoft.keyvault/vaults/${this.settings.name}${name === '' ? '' : `/${kind}/${name}`}`;
    const lines = ['Caller is not authorized to perform action on resource.', 'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.', `Caller: ${who}`, `Action: 'Microsoft.KeyVault/vaults/${action}'`, `Resource: '${resource}'`, 'Assignment: (not found)', 'DenyAssignmentId: null', "DecisionReason: 'DeniedWithNoValidRBAC' ", `Vault: ${this.#location}`, ''];
    return new KeyVaultError(403, 'Forbidden', lines.join('\r\n'), 'ForbiddenByRbac');
  }
}

/** Does it; a refusal is written down and becomes its answer. */
async function refusing<Result>(call: OpenCall, operate: () => Result | Promise<Result>): Promise<Result | Answer> {
  try {
    return await operate();
  } catch (error) {
    if (!(error instanceof KeyVaultError)) throw error;
    call.error = error.inner ?? error.code;
    return { status: error.status, headers: error.headers, body: error.body };
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw badParameter('The request body is not JSON.');
  }
}

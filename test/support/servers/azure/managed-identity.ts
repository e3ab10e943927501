import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallLog } from './call-log.ts';
import type { AzureApp, Directory } from './directory.ts';
import { conclude, type Faults } from './faults.ts';
import { type Answer, PortListener } from './listener.ts';

const operations: Readonly<Record<string, string>> = { '/msi/token': 'app-service-token', '/metadata/identity/oauth2/token': 'imds-token' };

/**
 * What a machine in Azure has beside it, over plain HTTP: App Service's identity endpoint
 * (https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference) at `/msi/token`, and a virtual
 * machine's (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token) at `/metadata/identity/oauth2/token`.
 */
export class ManagedIdentityEndpoint {
  readonly listener: PortListener;
  /** The machine's own identity. */
  systemAssigned: AzureApp | undefined;
  /** Identities that a client asks for by client id or object id. */
  readonly userAssigned = new Set<AzureApp>();
  /** What IDENTITY_HEADER says: it proves that a request does not come through somebody's forged link. */
  readonly header = randomBytes(16).toString('hex');
  readonly #parts: { readonly directory: Directory; readonly log: CallLog; readonly faults: Faults };

  constructor(parts: { readonly directory: Directory; readonly log: CallLog; readonly faults: Faults }) {
    this.#parts = parts;
    this.listener = new PortListener((request, response) => this.#serve(request, response));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.listener.url);
    const operation = operations[url.pathname.replace(/\/$/, '')] ?? 'unknown';
    const call = this.#parts.log.open({ at: Date.now(), where: 'managed-identity', operation, authenticated: false });
    const outcome = await this.#parts.faults.serve(call, async () => this.#answer(operation, url, request));
    conclude(outcome, call, request, response);
  }

  #answer(operation: string, { searchParams }: URL, { headers }: IncomingMessage): Answer {
    const appService = operation === 'app-service-token';
    if (operation === 'unknown') return { status: 404, body: { error: 'not_found', error_description: 'There is no such endpoint.' } };
    if (appService && headers['x-identity-header'] !== this.header) return { status: 401, body: { statusCode: 401, message: 'The header X-IDENTITY-HEADER is not that of this site.' } };
    if (!appService && headers['metadata'] !== 'true') return refusal('bad_request_102', 'Required metadata header not specified');
    if (!appService && headers['x-forwarded-for'] !== undefined) return refusal('bad_request_102', 'X-Forwarded-For header specified');
    const resource = searchParams.get('resource');
    if (resource === null || searchParams.get('api-version') === null) return refusal('invalid_request', 'Required query variable missing');
    const identity = this.#find(searchParams);
    if (identity === undefined) return refusal('invalid_request', 'Identity not found');
    const { token, expiresOn, notBefore } = this.#parts.directory.accessToken(identity, 'managed-identity', { audience: resource.replace(/\/$/, '') });
    const answer = { access_token: token, client_id: identity.clientId, expires_on: String(expiresOn), resource, token_type: 'Bearer' };
    const lifetime = String(this.#parts.directory.tokenLifetime);
    return { status: 200, body: appService ? answer : { ...answer, expires_in: lifetime, ext_expires_in: lifetime, not_before: String(notBefore) } };
  }

  #find(query: URLSearchParams): AzureApp | undefined {
    const clientId = query.get('client_id');
    const objectId = query.get('object_id');
    if (clientId === null && objectId === null) return this.systemAssigned;
    const known = [...this.userAssigned, ...(this.systemAssigned === undefined ? [] : [this.systemAssigned])];
    return known.find((app) => app.clientId === clientId || app.objectId === objectId);
  }
}

function refusal(error: string, description: string): Answer {
  return { status: 400, body: { error, error_description: description } };
}

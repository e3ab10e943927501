import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { CallLog } from './call-log.ts';
import { checkAssertion, EntraError } from './client-assertion.ts';
import type { AzureApp, Directory } from './directory.ts';
import { conclude, type Faults } from './faults.ts';
import { type Answer, PortListener, readBody } from './listener.ts';

interface AuthorityParts {
  readonly directory: Directory;
  readonly log: CallLog;
  readonly faults: Faults;
  readonly now: () => number;
  readonly tls: { readonly cert: string; readonly key: string };
}

/**
 * What an AZURE_AUTHORITY_HOST does for apps: discovery and the OAuth 2.0 client credentials grant
 * (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
 */
export class Authority {
  readonly listener: PortListener;
  readonly #parts: AuthorityParts;

  constructor(parts: AuthorityParts) {
    this.#parts = parts;
    this.listener = new PortListener((request, response) => this.#serve(request, response), parts.tls);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.listener.url);
    const body = await readBody(request);
    const operation = operationOf(request.method ?? '', pathname);
    const call = this.#parts.log.open({ at: Date.now(), where: 'authority', operation, authenticated: false });
    const form = new URLSearchParams(body);
    const clientId = form.get('client_id');
    if (clientId !== null) call.clientId = clientId;
    const outcome = await this.#parts.faults.serve(call, async () => {
      try {
        return this.#answer(operation, pathname, form);
      } catch (error) {
        if (error instanceof EntraError) call.error = error.aadsts;
        if (error instanceof EntraError) return this.#refusal(error);
        throw error;
      }
    });
    conclude(outcome, call, request, response);
  }

  #answer(operation: string, pathname: string, form: URLSearchParams): Answer {
    const tenant = pathname.split('/')[1] ?? '';
    const { directory } = this.#parts;
    const own = `${this.listener.url}/${tenant}`;
    switch (operation) {
      case 'instance-discovery':
        return { status: 200, body: { tenant_discovery_endpoint: `${this.listener.url}/${directory.tenantId}/v2.0/.well-known/openid-configuration`, 'api-version': '1.1', metadata: [{ preferred_network: new URL(own).host, preferred_cache: new URL(own).host, aliases: [new URL(own).host] }] } };
      case 'openid-configuration':
        this.#mustBeTenant(tenant);
        return { status: 200, body: { issuer: `${own}/v2.0`, authorization_endpoint: `${own}/oauth2/v2.0/authorize`, token_endpoint: `${own}/oauth2/v2.0/token`, jwks_uri: `${own}/discovery/v2.0/keys`, token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'], response_types_supported: ['code', 'id_token'], subject_types_supported: ['pairwise'], id_token_signing_alg_values_supported: ['RS256'] } };
      case 'keys':
        return { status: 200, body: { keys: [directory.signer.jwk] } };
      case 'token':
        this.#mustBeTenant(tenant);
        return this.#token(form);
      default:
        return { status: 404, body: { error: { code: 'NotFound' } } };
    }
  }

  #mustBeTenant(tenant: string): void {
    if (tenant.toLowerCase() === this.#parts.directory.tenantId) return;
    throw new EntraError(400, 'invalid_request', 'AADSTS90002', `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`);
  }

  #token(form: URLSearchParams): Answer {
    const { directory } = this.#parts;
    if (form.get('grant_type') !== 'client_credentials') throw new EntraError(400, 'unsupported_grant_type', 'AADSTS70003', `The app requested an unsupported grant type '${form.get('grant_type') ?? ''}'.`);
    const clientId = form.get('client_id') ?? '';
    const app = directory.find(clientId);
    if (app === undefined) {
      throw new EntraError(400, 'unauthorized_client', 'AADSTS700016', `Application with identifier '${clientId}' was not found in the directory 'Test'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`);
    }
    const scope = form.get('scope')?.split(' ').find((word) => word.endsWith('/.default'));
    if (scope === undefined) throw new EntraError(400, 'invalid_scope', 'AADSTS1002012', `The provided value for scope ${form.get('scope') ?? ''} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`);
    const by = this.#prove(app, form);
    const issued = directory.accessToken(app, by, { audience: scope.slice(0, -'/.default'.length) });
    return { status: 200, headers: { 'cache-control': 'no-store, no-cache' }, body: { token_type: 'Bearer', expires_in: directory.tokenLifetime, ext_expires_in: directory.tokenLifetime, access_token: issued.token } };
  }

  #prove(app: AzureApp, form: URLSearchParams): 'secret' | 'assertion' {
    const assertion = form.get('client_assertion');
    if (assertion !== null) {
      if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') throw new EntraError(400, 'invalid_request', 'AADSTS90014', "The required field 'client_assertion_type' is missing from the credential.");
      checkAssertion(assertion, app, this.#parts.directory, this.#parts.now);
      return 'assertion';
    }
    const secret = form.get('client_secret');
    if (secret === null) throw new EntraError(401, 'invalid_client', 'AADSTS7000218', "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.");
    if (!app.secrets.has(secret)) {
      throw new EntraError(401, 'invalid_client', 'AADSTS7000215', `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.clientId}'.`);
    }
    return 'secret';
  }

  #refusal({ status, error, aadsts, message }: EntraError): Answer {
    const timestamp = new Date(this.#parts.now()).toISOString().replace('T', ' ').replace(/\.\d+Z/, 'Z');
    const ids = { trace_id: randomUUID(), correlation_id: randomUUID() };
    return {
      status,
      body: { error, error_description: `${aadsts}: ${message} Trace ID: ${ids.trace_id} Correlation ID: ${ids.correlation_id} Timestamp: ${timestamp}`, error_codes: [Number(aadsts.slice('AADSTS'.length))], timestamp, ...ids, error_uri: `${this.listener.url}/error?code=${aadsts.slice('AADSTS'.length)}` },
    };
  }
}

function operationOf(method: string, pathname: string): string {
  if (method === 'GET' && pathname.endsWith('/discovery/instance')) return 'instance-discovery';
  if (method === 'GET' && pathname.endsWith('/.well-known/openid-configuration')) return 'openid-configuration';
  if (method === 'GET' && pathname.endsWith('/discovery/v2.0/keys')) return 'keys';
  if (method === 'POST' && pathname.endsWith('/oauth2/v2.0/token')) return 'token';
  return 'unknown';
}

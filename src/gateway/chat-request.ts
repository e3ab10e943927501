import type { Catalog } from '../core/catalog/catalog.ts';
import { isAiService } from '../core/catalog/catalog.ts';
import type { RouteSpec, Service } from '../core/catalog/service.ts';
import { parseStrictJson } from '../core/json/strict-json.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { PolicyRecord } from '../ports/metadata/tenants.ts';
import type { Soon } from '../ports/soon.ts';
import { gatewayService } from './choose-provider.ts';
import { isFields } from './token-counts.ts';

/** The documented endpoint that needs no SDK (R4.3). */
export const CHAT_PATH = '/api/ai/chat';
/** R0.3: it is one of the documented endpoints, whose bodies are small. */
export const MAX_CHAT_BYTES = 1024 * 1024;

const CHAT_ROUTE = 'chat/completions';
const KEYS: ReadonlySet<string> = new Set(['message', 'provider', 'model', 'stream']);

export interface ChatRequest {
  readonly message: string;
  readonly provider: string | null;
  readonly model: string | null;
  readonly stream: boolean;
}

/** The body of R4.3. Throws `invalid_argument` that says what is wrong with which key. */
export function readChatRequest(bytes: Buffer): ChatRequest {
  const body = parseStrictJson(bytes);
  if (!isFields(body)) throw refused('The body must be a JSON object like {"message": "Hello"}.');
  for (const key of Object.keys(body)) {
    if (!KEYS.has(key)) throw refused(`${JSON.stringify(key.slice(0, 64))} is not known here. The body takes message, provider, model and stream.`);
  }
  const { message, stream = false } = body;
  if (typeof message !== 'string' || message.trim() === '') throw refused('"message" must be a text that is not empty.');
  if (typeof stream !== 'boolean') throw refused('"stream" must be true or false.');
  return { message, provider: name(body, 'provider'), model: name(body, 'model'), stream };
}

export interface ChatPlan {
  readonly service: Service;
  readonly route: RouteSpec;
  readonly model: string;
}

export interface ChatDefaults {
  readonly gatewayKeyProvider: string | null;
  readonly policy: () => Soon<Pick<PolicyRecord, 'defaultProvider' | 'defaultModels'>>;
  /** Services that the tenant has credentials of its own for. */
  readonly credentials: () => Soon<readonly string[]>;
}

/**
 * Who answers: the provider given, else the default one, else the tenant's only AI credential; with the model given, else the
 * tenant's for that provider, else the catalogue's (R4.3). Throws `not_found` for an unknown provider, `invalid_argument` when
 * nothing decides.
 */
export async function planChat(catalog: Catalog, request: ChatRequest, defaults: ChatDefaults): Promise<ChatPlan> {
  const policy = await defaults.policy();
  const id = request.provider ?? defaults.gatewayKeyProvider ?? policy.defaultProvider ?? onlyOne(catalog, await defaults.credentials());
  const service = gatewayService(catalog, id);
  const route = chatRoute(service);
  if (route === undefined) throw refused(`${service.id} has no chat completions. Choose another provider.`);
  return { service, route, model: request.model ?? policy.defaultModels[service.id] ?? service.gateway.defaultModel };
}

/** The body for the provider, in OpenAI's format. */
export function chatBody({ message, stream }: ChatRequest, { model, route }: ChatPlan): Buffer {
  const messages = [{ role: 'user', content: message }];
  const options = stream && route.includeUsage === true ? { stream_options: { include_usage: true } } : {};
  return Buffer.from(JSON.stringify({ model, messages, ...(stream ? { stream } : {}), ...options }), 'utf8');
}

function chatRoute(service: Service): RouteSpec | undefined {
  return service.gateway?.routes.find(({ id, format }) => id === CHAT_ROUTE && format === 'openai');
}

function onlyOne(catalog: Catalog, credentials: readonly string[]): string {
  const able = [...new Set(credentials)].filter((id) => {
    const service = catalog.find(id);
    return service !== undefined && isAiService(service) && chatRoute(service) !== undefined;
  });
  const [only] = able;
  if (able.length === 1 && only !== undefined) return only;
  throw refused(
    able.length === 0
      ? 'Nothing says which provider should answer. Send "provider", or store a credential, or set the tenant\'s defaultProvider.'
      : `Several providers could answer (${able.sort().join(', ')}). Send "provider", or set the tenant's defaultProvider.`,
  );
}

function name(body: Readonly<Record<string, unknown>>, key: 'provider' | 'model'): string | null {
  const value = body[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(value)) throw refused(`"${key}" must be a name: printable ASCII without spaces.`);
  return value;
}

function refused(message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message);
}

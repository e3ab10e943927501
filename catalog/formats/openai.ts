import type { ApiEndpoint, BodyRules, RouteSpec, StreamEnd } from '../../src/core/catalog/service.ts';

/** https://platform.openai.com/docs/api-reference/chat-streaming: the last event's data is `[DONE]`. */
const dataDone: StreamEnd = { finished: ['[DONE]'], failed: [] };

/** For providers that have been seen to end without `[DONE]` (perplexityai/api-discussion#209, huggingface/text-generation-inference#1896). */
const doneOrFinishReason: StreamEnd = { finished: ['[DONE]'], failed: [], finishReasonSuffices: true };

/** https://platform.openai.com/docs/api-reference/responses-streaming */
const responseEvents: StreamEnd = { finished: ['response.completed', 'response.incomplete'], failed: ['response.failed', 'error'] };

const post = { format: 'openai', method: 'POST', model: 'body', stateless: true } as const;

/** Chat that tells its usage in a stream only when asked. */
export const chat: RouteSpec = { ...post, id: 'chat/completions', path: 'chat/completions', usage: 'openai-chat', streamEnd: dataDone, includeUsage: true };

/** Chat of providers that refuse `stream_options`, or tell their usage without being asked. */
export const chatWithoutOptions: RouteSpec = { ...chat, includeUsage: false };

export const chatWithLooseEnd: RouteSpec = { ...chatWithoutOptions, streamEnd: doneOrFinishReason };

export const completions: RouteSpec = { ...post, id: 'completions', path: 'completions', usage: 'openai-chat', streamEnd: dataDone, includeUsage: true };

export const completionsWithoutOptions: RouteSpec = { ...completions, includeUsage: false };

export const embeddings: RouteSpec = { ...post, id: 'embeddings', path: 'embeddings', usage: 'openai-embeddings' };

/** Stateless by its body only: what refers to stored responses is refused by the body rules. Usage comes in the last event, unasked. */
export const responses: RouteSpec = { ...post, id: 'responses', path: 'responses', usage: 'openai-responses', streamEnd: responseEvents };

export const moderations: RouteSpec = { ...post, id: 'moderations', path: 'moderations', usage: 'none' };

/** A key of OpenAI's own for a browser or a phone, which goes past Keyhold then: for gateway keys that name the route (S2). https://platform.openai.com/docs/api-reference/realtime-sessions */
export const clientSecrets: RouteSpec = { ...post, id: 'realtime/client_secrets', path: 'realtime/client_secrets', model: 'none', stateless: false, credentials: true, usage: 'none' };

/** The list of models; where it is the account's own view (fine-tuned models), it is not for shared credentials (S1). */
export const accountModelList: RouteSpec = { format: 'openai', method: 'GET', id: 'models', path: 'models', model: 'none', stateless: false, usage: 'none' };

export const publicModelList: RouteSpec = { ...accountModelList, stateless: true };

export const accountModelEntry: RouteSpec = {
  format: 'openai',
  method: 'GET',
  id: 'models/{model}',
  path: 'models/{model}',
  model: 'path',
  stateless: false,
  usage: 'none',
};

/** What OpenAI's format has that refers to objects of an account; the extensions of those who speak it are added by their own files. */
export const openAiBody: BodyRules = {
  modelKeys: ['model', 'models'],
  referenceKeys: [
    'assistant_id',
    'background',
    'batch_id',
    'connector_id',
    'container',
    'container_id',
    'conversation',
    'file_id',
    'file_ids',
    'previous_response_id',
    'skill_id',
    'thread_id',
    'vector_store_id',
    'vector_store_ids',
  ],
  // An image is passed on by the id of the call that made it: https://platform.openai.com/docs/guides/image-generation#multi-turn-image-generation
  referenceTypes: ['image_generation_call', 'item_reference'],
  bareIdKeys: ['audio', 'container', 'conversation', 'input', 'prompt', 'voice'],
  freeFormKeys: ['arguments', 'input_schema', 'logit_bias', 'metadata', 'parameters', 'properties', 'schema'],
};

/** The endpoint of a provider that takes one key as a bearer token, as all of them do. */
export function bearerEndpoint(baseUrl: string, body: BodyRules = openAiBody): ApiEndpoint {
  return { baseUrl, keyHeader: 'authorization', keyPrefix: 'Bearer ', keyField: 'api_key', body };
}

/**
 * Azure's older form: the deployment in the path, and the version of the API in the query.
 * https://learn.microsoft.com/azure/ai-foundry/openai/reference
 */
export function withDeployment(route: RouteSpec): RouteSpec {
  return { ...withVersion(route), path: `deployments/{model}/${route.path}`, model: 'path' };
}

/** https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle: the model in the body, and the version of the API in the query. */
export function withVersion(route: RouteSpec): RouteSpec {
  return { ...route, format: 'azure', query: [...(route.query ?? []), 'api-version'] };
}

/** OpenAI's body rules and a provider's own additions. */
export function openAiBodyAnd(added: Partial<BodyRules>): BodyRules {
  return {
    modelKeys: [...openAiBody.modelKeys, ...(added.modelKeys ?? [])],
    referenceKeys: [...openAiBody.referenceKeys, ...(added.referenceKeys ?? [])],
    wholeReferenceKeys: added.wholeReferenceKeys ?? [],
    referenceTypes: [...openAiBody.referenceTypes, ...(added.referenceTypes ?? [])],
    bareIdKeys: [...openAiBody.bareIdKeys, ...(added.bareIdKeys ?? [])],
    freeFormKeys: [...openAiBody.freeFormKeys, ...(added.freeFormKeys ?? [])],
  };
}

/** What official SDKs send besides the key and the body. */
export const sdkRequestHeaders = ['accept', 'user-agent', 'x-stainless-*'] as const;

/** A repeated `idempotency-key` is answered from the account's memory, which several tenants would share. */
export const sdkAccountHeaders = ['idempotency-key'] as const;

export const plainResponseHeaders = ['content-type', 'cache-control', 'retry-after', 'retry-after-ms', 'x-should-retry'] as const;

export const rateResponseHeaders = ['x-ratelimit-*'] as const;

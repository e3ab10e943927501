import type { BodyRules, RouteSpec } from '../../src/core/catalog/service.ts';

/** https://docs.anthropic.com/en/api/messages-streaming: `message_stop` ends a whole stream, `error` one that failed. */
export const messages: RouteSpec = {
  id: 'messages',
  format: 'anthropic',
  method: 'POST',
  path: 'v1/messages',
  model: 'body',
  stateless: true,
  usage: 'anthropic-messages',
  streamEnd: { finished: ['message_stop'], failed: ['error'] },
  query: ['beta'],
};

/** https://docs.anthropic.com/en/docs/build-with-claude/token-counting: it is free. */
export const countTokens: RouteSpec = {
  id: 'messages/count_tokens',
  format: 'anthropic',
  method: 'POST',
  path: 'v1/messages/count_tokens',
  model: 'body',
  stateless: true,
  usage: 'none',
  free: true,
  query: ['beta'],
};

/** Files, containers and skills are the account's; the input of a tool is the caller's own data. */
export const anthropicBody: BodyRules = {
  modelKeys: ['model'],
  referenceKeys: ['container', 'container_id', 'file_id', 'skill_id'],
  referenceTypes: [],
  bareIdKeys: ['container'],
  freeFormKeys: ['input', 'input_schema', 'metadata', 'properties', 'schema'],
};

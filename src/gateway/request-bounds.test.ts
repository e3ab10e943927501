import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { Catalog } from '../core/catalog/catalog.ts';
import { compileRules } from './body-rules.ts';
import { readFacts } from './read-facts.ts';
import { boundsOf } from './request-bounds.ts';

const catalog = new Catalog(allServices);

function bounds(serviceId: string, routeId: string, body: Readonly<Record<string, unknown>>) {
  const service = catalog.get(serviceId);
  const route = service.gateway?.routes.find(({ id }) => id === routeId);
  if (route === undefined) throw new Error(`${serviceId} has no route ${routeId}`);
  const bytes = Buffer.from(JSON.stringify(body));
  const facts = readFacts(bytes, compileRules(catalog.bodyRules(route.format)));
  const models = facts.model === null ? facts.otherModels : [facts.model, ...facts.otherModels];
  return { ...boundsOf({ service, route, models, references: facts.references, output: facts, bodyBytes: bytes.length }), bytes: bytes.length };
}

const chat = (body: Readonly<Record<string, unknown>>, service = 'openai') => bounds(service, 'chat/completions', { model: 'gpt-4o', ...body });
const message = (content: unknown) => ({ max_tokens: 5, messages: [{ role: 'user', content }] });

describe('what bounds a request (R5.4, DESIGN «Budgets»)', () => {
  it('is its bytes, and what it says of the length of its answers', () => {
    const { inputTokens, bytes, ...rest } = chat({ max_tokens: 100 });
    expect(inputTokens).toBe(bytes);
    expect(rest).toEqual({ inputIsOpen: false, outputTokens: 100 });
    expect(chat({ max_tokens: 100, max_completion_tokens: 300, n: 4 }).outputTokens).toBe(1_200);
    expect(bounds('anthropic', 'messages', { model: 'claude-sonnet-4-5', max_tokens: 64 }).outputTokens).toBe(64);
    expect(bounds('openai', 'responses', { model: 'gpt-5', max_output_tokens: 7.5 }).outputTokens).toBe(8);
  });

  it('is the longest answer of all models that could run, where the request says nothing', () => {
    expect(chat({}).outputTokens).toBe(16_384);
    expect(chat({ n: 2, max_tokens: null }).outputTokens).toBe(32_768);
    expect(chat({ models: ['o3-mini'] }).outputTokens).toBe(100_000);
    expect(chat({ model: 'nobody-knows-it' }).outputTokens).toBeNull();
    expect(chat({ max_tokens: 'many' }).outputTokens).toBe(16_384);
    expect(chat({ max_tokens: -1 }).outputTokens).toBe(16_384);
  });

  it('counts the answers to each of several prompts', () => {
    const completions = (prompt: unknown) => bounds('openai', 'completions', { model: 'gpt-3.5-turbo-instruct', max_tokens: 10, n: 2, best_of: 3, prompt }).outputTokens;
    expect(['one', ['one', 'two'], [1, 2, 3], [[1, 2], [3]], []].map(completions)).toEqual([30, 60, 30, 60, 30]);
  });

  it('is nothing to write for embeddings, and nothing at all where nobody counts', () => {
    expect(bounds('openai', 'embeddings', { model: 'text-embedding-3-small', input: 'x' })).toMatchObject({ outputTokens: 0, inputIsOpen: false });
    expect(bounds('openai', 'moderations', { model: 'omni-moderation-latest', input: 'x' })).toMatchObject({ inputTokens: 0, outputTokens: 0 });
  });

  it('knows what makes a provider read more than it was sent', () => {
    for (const open of [
      message([{ type: 'image_url', image_url: { url: 'https://example.com/cat.png' } }]),
      message([{ type: 'image_url', image_url: 'HTTPS://example.com/cat.png' }]),
      { ...message('x'), web_search_options: {} },
      { ...message('x'), tools: [{ type: 'web_search_preview' }, { type: 'function', function: { name: 'f', parameters: {} } }] },
      message([{ type: 'file', file: { file_id: 'file-1' } }]),
    ]) {
      expect([JSON.stringify(open), chat(open).inputIsOpen]).toEqual([JSON.stringify(open), true]);
    }
    for (const closed of [
      message('https://example.com/cat.png'),
      message([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]),
      { ...message('x'), tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { url: { type: 'string', default: 'https://example.com' } } } } }] },
    ]) {
      expect([JSON.stringify(closed), chat(closed).inputIsOpen]).toEqual([JSON.stringify(closed), false]);
    }
  });

  it('S8: refuses what two parsers could read differently', () => {
    for (const text of ['{"best_of":1,"best_of":9}', '{"Max_Tokens":5}', '{"prompt":"a","prompt":["a","b"]}']) {
      expect(() => readFacts(Buffer.from(text), compileRules(catalog.bodyRules('openai')))).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });
});

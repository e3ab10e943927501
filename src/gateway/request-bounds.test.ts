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
    expect(chat({ model: 'gpt-5-pro' }).outputTokens).toBe(272_000);
    expect(chat({ max_tokens: 'many' }).outputTokens).toBe(16_384);
    expect(chat({ max_tokens: -1 }).outputTokens).toBe(16_384);
  });

  it('S8: is nothing that one provider reads as a number and another does not', () => {
    const other = { model: 'nobody-knows-it', max_completion_tokens: 5 };
    expect(chat(other).outputTokens).toBe(5);
    for (const odd of ['100000', -1, 0, true, [9]]) {
      expect([odd, chat({ ...other, max_tokens: odd }).outputTokens]).toEqual([odd, null]);
      expect([odd, chat({ max_completion_tokens: 5, max_tokens: odd }).outputTokens]).toEqual([odd, 16_384]);
      expect([odd, chat({ max_tokens: 5, n: odd }).outputTokens, chat({ max_tokens: 5, n: 2, best_of: odd }).outputTokens]).toEqual([odd, null, null]);
    }
    expect(chat({ ...other, max_tokens: null, n: null, best_of: false }).outputTokens).toBe(5);
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
      message([{ type: 'document_url', document_url: 'https://example.com/a.pdf' }]),
      { ...message('x'), tools: [{ type: 'function', function: { name: 'f', parameters: {} } }, { type: 'x_search' }] },
      { ...message('x'), tools: [{ google_search: {} }] },
      { ...message('x'), tools: [{ google_search: {}, input_schema: {} }] },
      { ...message('x'), Tools: [{ type: 'browser_search' }] },
      { ...message('x'), compound_custom: { tools: { enabled_tools: ['web_search'] } } },
      { ...message('x'), plugins: [{ id: 'web' }] },
      { ...message('x'), search_parameters: { mode: 'on' } },
      { ...message('x'), data_sources: [{ type: 'azure_search', parameters: {} }] },
      { ...message('x'), model: 'gpt-4o-Search-preview' },
      { ...message('x'), models: ['o3-deep-research'] },
    ]) {
      expect([JSON.stringify(open), chat(open).inputIsOpen]).toEqual([JSON.stringify(open), true]);
    }
    for (const closed of [
      message('https://example.com/cat.png for web_search'),
      message([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]),
      { ...message('x'), tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { url: { type: 'string', default: 'https://example.com' } } } } }] },
      { ...message('x'), tools: [], plugins: null },
    ]) {
      expect([JSON.stringify(closed), chat(closed).inputIsOpen]).toEqual([JSON.stringify(closed), false]);
    }
  });

  it.each([['groq', 'groq/compound-mini'], ['openrouter', 'openai/gpt-4o:online'], ['openrouter', 'perplexity/sonar'], ['perplexity', 'sonar-deep-research']])('R5.4: knows that %s has %s, which searches by itself', (service, model) => {
    expect(chat({ ...message('x'), model }, service).inputIsOpen).toBe(true);
  });

  it('R5.4: knows that a picture is more tokens than its bytes, and that nobody can tell how long a document or a sound is', () => {
    const picture = message([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }, { type: 'image_url', image_url: 'data:image/gif;base64,AAAA' }]);
    const over = ({ inputTokens, bytes }: ReturnType<typeof bounds>) => inputTokens - bytes;
    // 2,833 and 5,667 for each of eight tiles.
    expect(over(chat({ ...picture, model: 'gpt-4o-mini' }))).toBe(2 * 48_169);
    expect(over(chat(picture))).toBe(2 * 1_445);
    expect(over(chat({ ...picture, models: ['gpt-4o-mini'] }))).toBe(2 * 48_169);
    expect(chat({ ...picture, model: 'nobody-knows-it' }).inputIsOpen).toBe(true);
    expect(chat({ ...picture, model: 'llama-3.3-70b-versatile' }, 'groq').inputIsOpen).toBe(true);
    const claude = (source: unknown) => bounds('anthropic', 'messages', { model: 'claude-sonnet-4-5', ...message([{ type: 'image', source }]) });
    expect(over(claude({ type: 'base64', media_type: 'image/png', data: 'AAAA' }))).toBe(100 + 5_000);
    expect(claude({ type: 'base64', media_type: 'application/pdf', data: 'AAAA' }).inputIsOpen).toBe(true);
    expect(claude({ type: 'text', media_type: 'text/plain', data: 'text' })).toMatchObject({ inputIsOpen: false });
    for (const content of [
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { type: 'image_url', image_url: { url: 'data:video/mp4;base64,AAAA' } },
    ]) {
      expect([content.type, chat(message([content])).inputIsOpen]).toEqual([content.type, true]);
    }
  });

  it('R5.4: counts what a provider puts in front of a request, and what it bills of a prediction', () => {
    const tool = { name: 'f', input_schema: { type: 'object' } };
    const claude = (body: object) => bounds('anthropic', 'messages', { model: 'claude-sonnet-4-5', ...message('x'), ...body });
    const over = ({ inputTokens, bytes }: ReturnType<typeof bounds>) => inputTokens - bytes;
    expect(over(claude({}))).toBe(100);
    expect(over(claude({ tools: [tool] }))).toBe(3_100);
    expect(claude({ tools: [tool, { type: 'bash_20250124', name: 'bash' }] }).inputIsOpen).toBe(false);
    expect(over(chat({ ...message('x'), model: 'grok-4' }, 'xai'))).toBe(1_000);
    const { outputTokens, bytes } = chat({ ...message('x'), prediction: { type: 'content', content: 'y'.repeat(500) }, n: 2 });
    expect(outputTokens).toBe(2 * (5 + bytes));
  });

  it('S8: refuses what two parsers could read differently', () => {
    for (const text of ['{"best_of":1,"best_of":9}', '{"Max_Tokens":5}', '{"prompt":"a","prompt":["a","b"]}']) {
      expect(() => readFacts(Buffer.from(text), compileRules(catalog.bodyRules('openai')))).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });
});

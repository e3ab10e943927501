import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAiBody } from '../../catalog/formats/openai.ts';
import type { BodyFacts } from './body-facts.ts';
import { compileRules } from './body-rules.ts';
import { scanBody } from './body-scan.ts';

const rules = compileRules(openAiBody);

function scan(text: string): BodyFacts {
  return scanBody(Buffer.from(text, 'utf8').toString('latin1'), rules);
}

function refused(text: string): boolean {
  try {
    scan(text);
    return false;
  } catch {
    return true;
  }
}

function parses(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

describe('S8 the body scan', () => {
  it('accepts what JSON.parse accepts as an object, and nothing else', () => {
    const noise = fc.array(fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '"a"', '"é😀"', '\\', '"\\u00e9"', '"\\x"', '1', '-', '01', '1.5e3', '1.', 'true', 'nul', 'null', ' ', '\n', '\u0000'), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(noise, (parts) => {
        for (const text of [parts.join(''), `{"k":${parts.join('')}}`]) expect(refused(text)).toBe(!parses(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('finds the same model, stream flag and offsets as JSON.parse does in any object', () => {
    const body = fc.record(
      { a: fc.jsonValue(), model: fc.stringMatching(/^[\x21-\x7e]{1,40}$/), stream: fc.boolean(), messages: fc.jsonValue(), z: fc.jsonValue() },
      { requiredKeys: ['model'] },
    );
    fc.assert(
      fc.property(body, fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const facts = scan(text);
        expect(facts.model).toBe(value.model);
        expect(facts.stream).toBe(value.stream ?? false);
        const span = facts.modelSpan ?? { start: 0, end: 0 };
        expect(JSON.parse(Buffer.from(text).subarray(span.start, span.end).toString())).toBe(value.model);
      }),
    );
  });

  it('reads any spelling of a key that JSON has', () => {
    expect(scan('{"mod\\u0065l":"gpt"}').model).toBe('gpt');
    expect(scan('{"model":"openai\\/gpt"}').model).toBe('openai/gpt');
  });

  it.each([
    ['{"model":"a","model":"b"}'],
    ['{"model":"a","mod\\u0065l":"b"}'],
    ['{"model":"a","Model":"b"}'],
    ['{"MODEL":"b"}'],
    ['{"ſtream":true}'],
    ['{"stream":true,"stream":false}'],
    ['{"stream_options":{},"stream_options":{}}'],
    ['{"stream_options":{"include_usage":true,"include_usage":false}}'],
    ['{"models":["a"],"models":["b"]}'],
    ['{"max_tokens":1,"max_tokens":100000}'],
    ['{"stream":"true"}'],
    ['{"stream":1}'],
    ['{"model":["a"]}'],
    ['{"model":"a b"}'],
    ['{"model":"a\\u0000"}'],
    ['[]'],
    ['"x"'],
    [''],
    ['\uFEFF{}'],
    [`{"a":${'['.repeat(600)}${']'.repeat(600)}}`],
  ])('refuses %s', (text) => {
    expect(() => scan(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('collects every model the provider could run, but not what is free-form', () => {
    const facts = scan('{"model":"a","models":["b","c"],"tools":[{"type":"image_generation","model":"d"},{"function":{"parameters":{"model":"no"}}}]}');
    expect(facts.otherModels).toEqual(['b', 'c', 'd']);
  });

  it('collects the models of an object that has one for each purpose', () => {
    const facts = scan('{"model":"groq/compound","compound_custom":{"models":{"answering_model":"a","reasoning_model":["b"]},"tools":{"enabled_tools":["web_search"]}}}');
    expect(facts.otherModels).toEqual(['a', 'b']);
  });

  it('tells where stream_options and include_usage stand', () => {
    const text = '{"stream": true, "stream_options": {"x":1, "include_usage": false}}';
    const facts = scan(text);
    const { span, includeUsage } = facts.streamOptions ?? { span: { start: 0, end: 0 }, includeUsage: null };
    expect(text.slice(span.start, span.end)).toBe('{"x":1, "include_usage": false}');
    expect(text.slice(includeUsage?.span.start, includeUsage?.span.end)).toBe('false');
    expect(includeUsage?.asked).toBe(false);
  });

  it('keeps an end user that every store can keep, and no other', () => {
    expect(scan('{"user":"anna"}').endUser).toBe('anna');
    expect(scan('{"metadata":{"user_id":"berta"}}').endUser).toBe('berta');
    expect(scan('{"user":"\\ud800"}').endUser).toBeNull();
    expect(scan('{"user":"a\\u0000"}').endUser).toBeNull();
  });
});

describe('S1 references to objects of the account', () => {
  it.each([
    ['{"messages":[{"content":[{"type":"file","file":{"file_id":"file-1"}}]}]}', ['file_id']],
    ['{"previous_response_id":"resp_1"}', ['previous_response_id']],
    ['{"previous_response_id":null}', []],
    ['{"background":false}', []],
    ['{"background":true}', ['background']],
    ['{"conversation":{"id":"conv_1"}}', ['conversation.id']],
    ['{"conversation":"conv_1"}', ['conversation']],
    ['{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}', ['vector_store_ids']],
    ['{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}', []],
    ['{"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":[]}}]}', []],
    ['{"tools":[{"type":"code_interpreter","container":"cntr_1"}]}', ['container']],
    ['{"input":[{"type":"item_reference","id":"msg_1"}]}', ['type=item_reference']],
    ['{"input":[{"id":"msg_1"}]}', ['input.id']],
    ['{"input":[{"id":"msg_1","type":null}]}', ['input.id']],
    ['{"input":[{"type":"message","id":"msg_1","type":"message"}]}', ['input.id']],
    ['{"input":[{"type":"message","id":"msg_1"}]}', []],
    ['{"input":"text"}', []],
    ['{"prompt":"text"}', []],
    ['{"prompt":{"id":"pmpt_1"}}', ['prompt.id']],
    ['{"prompt":{"id":"pmpt_1","type":"x"}}', ['prompt.id']],
    ['{"conversation":{"type":"conversation","id":"conv_1"}}', ['conversation.id']],
    ['{"messages":[{"role":"assistant","audio":{"id":"audio_1","type":"audio"}}]}', ['audio.id']],
    ['{"input":[[{"id":"msg_1"}]]}', ['input.id']],
    ['{"input":[{"type":"image_generation_call","id":"ig_1"}]}', ['type=image_generation_call']],
    ['{"tools":[{"type":"image_generation"}]}', []],
    ['{"File_ID":"x"}', ['file_id']],
    ['{"f\\u0069le_id":"x"}', ['file_id']],
    ['{"tools":[{"function":{"parameters":{"properties":{"file_id":{"type":"string"}}}}}]}', []],
    ['{"metadata":{"file_id":"mine"}}', []],
  ])('in %s are %j', (text, references) => {
    expect(scan(text).references).toEqual(references);
  });
});

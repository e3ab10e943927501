import { accountHeaders, type AnswerTools, type JsonObject, reply, sendEvents, sendJson, streamFault, tokensIn } from './provider-server-answers.ts';

const CREATED = 1_767_225_600;

/** `POST …/chat/completions`, `…/completions`, `…/embeddings`, `…/moderations`, `GET …/models`, in OpenAI's shapes. */
export async function answerChat(tools: AnswerTools, body: JsonObject): Promise<void> {
  const model = text(body['model']);
  const words = reply(lastText(body['messages']));
  const tool = toolName(body['tools'], body['messages']);
  const input = tokensIn(body['messages']);
  const output = tool === undefined ? words.length : 12;
  const usage = usageOf(input, output);
  if (body['stream'] !== true) {
    const message = tool === undefined ? { role: 'assistant', content: words.join('') } : { role: 'assistant', content: null, tool_calls: [toolCall(tool)] };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: tool === undefined ? 'stop' : 'tool_calls' }];
    const whole = { id: 'chatcmpl-local', object: 'chat.completion', created: CREATED, model, choices };
    sendWhole(tools, model.startsWith('no-usage') ? whole : { ...whole, usage }, model, input, output);
    return;
  }
  const asked = isObject(body['stream_options']) && body['stream_options']['include_usage'] === true;
  const chunk = (delta: JsonObject, finishReason: string | null): string =>
    data({
      id: 'chatcmpl-local',
      object: 'chat.completion.chunk',
      created: CREATED,
      model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(asked ? { usage: null } : {}),
    });
  const frames = [chunk({ role: 'assistant', content: '' }, null)];
  if (tool === undefined) frames.push(...words.map((word) => chunk({ content: word }, null)));
  else {
    const { id, function: called } = toolCall(tool);
    frames.push(chunk({ tool_calls: [{ index: 0, id, type: 'function', function: { name: called.name, arguments: '' } }] }, null));
    for (const part of halves(called.arguments)) frames.push(chunk({ tool_calls: [{ index: 0, function: { arguments: part } }] }, null));
  }
  if (model.startsWith('stream-error')) frames.push(data({ error: { message: 'The local provider failed', type: 'server_error', param: null, code: null } }));
  frames.push(chunk({}, tool === undefined ? 'stop' : 'tool_calls'));
  if (asked) frames.push(data({ id: 'chatcmpl-local', object: 'chat.completion.chunk', created: CREATED, model, choices: [], usage }));
  frames.push('data: [DONE]\n\n');
  const fault = streamFault(model);
  if (asked && (fault === 'none' || fault === 'slow' || fault === 'split' || fault === 'crlf' || fault === 'burst')) tools.report(input, output);
  await sendEvents(tools, frames, fault, chunk({ content: ' and so on' }, null));
}

export function answerCompletion(tools: AnswerTools, body: JsonObject): void {
  const model = text(body['model']);
  const words = reply(text(body['prompt']));
  const input = tokensIn(body['prompt']);
  const choices = [{ index: 0, text: words.join(''), logprobs: null, finish_reason: 'stop' }];
  sendWhole(tools, { id: 'cmpl-local', object: 'text_completion', created: CREATED, model, choices, usage: usageOf(input, words.length) }, model, input, words.length);
}

export function answerEmbeddings(tools: AnswerTools, body: JsonObject): void {
  const model = text(body['model']);
  const inputs: unknown[] = Array.isArray(body['input']) ? body['input'] : [body['input']];
  const tokens = tokensIn(body['input']);
  const vector = Array.from({ length: model.startsWith('huge') ? 100_000 : 8 }, (_, at) => Math.sin(at));
  const bytes = Buffer.from(Float32Array.from(vector).buffer).toString('base64');
  const embedding = body['encoding_format'] === 'base64' ? bytes : vector;
  const items = inputs.map((_, index) => ({ object: 'embedding', index, embedding }));
  sendWhole(tools, { object: 'list', data: items, model, usage: { prompt_tokens: tokens, total_tokens: tokens } }, model, tokens, 0);
}

export function answerModerations({ response }: AnswerTools, body: JsonObject): void {
  const inputs: unknown[] = Array.isArray(body['input']) ? body['input'] : [body['input']];
  const results = inputs.map(() => ({ flagged: false, categories: { violence: false }, category_scores: { violence: 0.0001 } }));
  sendJson(response, 200, { id: 'modr-local', model: body['model'] ?? 'omni-moderation-latest', results });
}

export function answerModels({ response }: AnswerTools): void {
  const models = ['gpt-4o-mini', 'ft:gpt-4o-mini:local-account'].map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'local' }));
  sendJson(response, 200, { object: 'list', data: models }, accountHeaders);
}

/** `POST …/responses`. */
export async function answerResponses(tools: AnswerTools, body: JsonObject): Promise<void> {
  const model = text(body['model']);
  const words = reply(typeof body['input'] === 'string' ? body['input'] : lastText(body['input']));
  const tool = toolName(body['tools'], body['input']);
  const input = tokensIn(body['input']);
  const output = tool === undefined ? words.length : 12;
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
  const part = { type: 'output_text', text: words.join(''), annotations: [], logprobs: [] };
  const call = toolCall(tool ?? '');
  const item =
    tool === undefined
      ? { type: 'message', id: 'msg_local', status: 'completed', role: 'assistant', content: [part] }
      : { type: 'function_call', id: 'fc_local', call_id: call.id, name: tool, arguments: call.function.arguments, status: 'completed' };
  const whole = { id: 'resp_local', object: 'response', created_at: CREATED, status: 'completed', error: null, incomplete_details: null, model, output: [item], usage };
  if (body['stream'] !== true) {
    sendWhole(tools, whole, model, input, output);
    return;
  }
  let sequence = 0;
  const event = (type: string, fields: JsonObject): string => {
    sequence += 1;
    return `event: ${type}\n${data({ type, sequence_number: sequence, ...fields })}`;
  };
  const begun = { ...whole, status: 'in_progress', output: [], usage: null };
  const place = { item_id: item.id, output_index: 0 };
  const frames = [event('response.created', { response: begun }), event('response.in_progress', { response: begun })];
  if (tool === undefined) {
    frames.push(event('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', content: [] } }));
    frames.push(event('response.content_part.added', { ...place, content_index: 0, part: { ...part, text: '' } }));
    for (const word of words) frames.push(event('response.output_text.delta', { ...place, content_index: 0, delta: word, logprobs: [] }));
    frames.push(event('response.output_text.done', { ...place, content_index: 0, text: part.text, logprobs: [] }));
    frames.push(event('response.content_part.done', { ...place, content_index: 0, part }));
  } else {
    frames.push(event('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', arguments: '' } }));
    for (const delta of halves(call.function.arguments)) frames.push(event('response.function_call_arguments.delta', { ...place, delta }));
    frames.push(event('response.function_call_arguments.done', { ...place, arguments: call.function.arguments }));
  }
  frames.push(event('response.output_item.done', { output_index: 0, item }));
  const failed = model.startsWith('stream-error');
  frames.push(failed ? event('response.failed', { response: { ...whole, status: 'failed' } }) : event('response.completed', { response: whole }));
  const fault = streamFault(model);
  if (!['cut-midstream', 'clean-end-without-done', 'endless', 'flood'].includes(fault)) tools.report(input, output);
  await sendEvents(tools, frames, fault, event('response.output_text.delta', { ...place, content_index: 0, delta: ' and so on', logprobs: [] }));
}

/** A whole answer, or one that is cut, endless in size or without a length, by the model's name. */
function sendWhole({ response, report }: AnswerTools, value: JsonObject, model: string, input: number, output: number): void {
  const body = Buffer.from(JSON.stringify(model.includes('huge') ? { ...value, padding: 'x'.repeat(2 * 1024 * 1024) } : value));
  const headers = { 'content-type': 'application/json', 'x-request-id': 'req-local-1', ...accountHeaders };
  if (model.startsWith('cut-midstream')) {
    response.writeHead(200, { ...headers, 'content-length': body.length });
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.socket?.destroy());
    return;
  }
  if (value['usage'] !== undefined) report(input, output);
  response.writeHead(200, { ...headers, 'content-length': body.length });
  response.end(body);
}

function usageOf(input: number, output: number): JsonObject {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
}

/** The first tool, unless its result is there already. */
function toolName(tools: unknown, messages: unknown): string | undefined {
  if (!Array.isArray(tools) || JSON.stringify(messages ?? '').match(/"role":"tool"|"function_call_output"/) !== null) return undefined;
  const [first]: unknown[] = tools;
  if (!isObject(first)) return undefined;
  const named = isObject(first['function']) ? first['function'] : first;
  return typeof named['name'] === 'string' ? named['name'] : undefined;
}

function toolCall(name: string): { id: string; type: 'function'; function: { name: string; arguments: string } } {
  return { id: 'call_local', type: 'function', function: { name, arguments: '{"city":"Paris"}' } };
}

function halves(whole: string): [string, string] {
  return [whole.slice(0, 6), whole.slice(6)];
}

function lastText(messages: unknown): string {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const content = isObject(last) ? last['content'] : '';
  return typeof content === 'string' ? content : JSON.stringify(content ?? '');
}

function data(value: JsonObject): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

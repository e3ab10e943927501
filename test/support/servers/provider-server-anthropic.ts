import { accountHeaders, type AnswerTools, type JsonObject, reply, sendEvents, sendJson, streamFault, tokensIn } from './provider-server-answers.ts';
import { isObject } from './provider-server-openai.ts';

/** Read from the provider's cache in every answer, so that its own way of counting shows. */
const CACHED = 3;

/** `POST …/v1/messages`, in Anthropic's shapes. `input_tokens` leaves cached ones out, the counts of `message_delta` are cumulative. */
export async function answerMessages(tools: AnswerTools, body: JsonObject): Promise<void> {
  const model = typeof body['model'] === 'string' ? body['model'] : '';
  const last: unknown = Array.isArray(body['messages']) ? body['messages'].at(-1) : undefined;
  const content = isObject(last) ? last['content'] : '';
  const words = reply(typeof content === 'string' ? content : JSON.stringify(content));
  const tool = firstTool(body['tools'], content);
  const input = tokensIn(body['messages']);
  const output = tool === undefined ? words.length : 12;
  const usage = { input_tokens: input, cache_creation_input_tokens: 0, cache_read_input_tokens: CACHED, output_tokens: output };
  const block = tool === undefined ? { type: 'text', text: words.join('') } : { type: 'tool_use', id: 'toolu_local', name: tool, input: { city: 'Paris' } };
  const stopReason = tool === undefined ? 'end_turn' : 'tool_use';
  const whole = { id: 'msg_local', type: 'message', role: 'assistant', model, content: [block], stop_reason: stopReason, stop_sequence: null, usage };
  if (body['stream'] !== true) {
    const bytes = Buffer.from(JSON.stringify(whole));
    tools.response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length, 'request-id': 'req_local_1', ...accountHeaders });
    if (model.startsWith('cut-midstream')) {
      tools.response.write(bytes.subarray(0, 50), () => tools.response.socket?.destroy());
      return;
    }
    tools.report(input + CACHED, output);
    tools.response.end(bytes);
    return;
  }
  const start = tool === undefined ? { type: 'text', text: '' } : { type: 'tool_use', id: 'toolu_local', name: tool, input: {} };
  const deltas =
    tool === undefined
      ? words.map((word) => ({ type: 'text_delta', text: word }))
      : ['{"city":', '"Paris"}'].map((part) => ({ type: 'input_json_delta', partial_json: part }));
  const delta = (value: JsonObject): string => event('content_block_delta', { index: 0, delta: value });
  const frames = [
    event('message_start', { message: { ...whole, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }),
    event('content_block_start', { index: 0, content_block: start }),
    event('ping', {}),
    ...deltas.map(delta),
    event('content_block_stop', { index: 0 }),
  ];
  if (model.startsWith('stream-error')) frames.push(event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }));
  else {
    const ending = { stop_reason: stopReason, stop_sequence: null };
    frames.push(event('message_delta', { delta: ending, usage: { output_tokens: output - 1 } }));
    frames.push(event('message_delta', { delta: ending, usage: { output_tokens: output } }), event('message_stop', {}));
  }
  const fault = streamFault(model);
  if (!['cut-midstream', 'clean-end-without-done', 'endless', 'flood'].includes(fault) && !model.startsWith('stream-error')) tools.report(input + CACHED, output);
  await sendEvents(tools, frames, fault, delta({ type: 'text_delta', text: ' and so on' }));
}

export function answerCountTokens({ response }: AnswerTools, body: JsonObject): void {
  sendJson(response, 200, { input_tokens: tokensIn(body['messages']) });
}

function firstTool(tools: unknown, content: unknown): string | undefined {
  if (!Array.isArray(tools) || JSON.stringify(content ?? '').includes('"tool_result"')) return undefined;
  const [first]: unknown[] = tools;
  return isObject(first) && typeof first['name'] === 'string' ? first['name'] : undefined;
}

function event(type: string, fields: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

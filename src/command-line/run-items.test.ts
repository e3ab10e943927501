import { describe, expect, it } from 'vitest';
import { KeyholdRefusal } from '../adapters/keyhold-api/call-keyhold.ts';
import { StartError } from '../ports/start-error.ts';
import { runItems } from './run-items.ts';

const terminal = { out: () => undefined, error: () => undefined, isTerminal: false };
const items = ['a', 'b', 'c', 'd'].map((service) => ({ from: service, tenant: 'acme', service, label: 'default' }));

function refusal(code: string, retryAfter = '0'): KeyholdRefusal {
  return new KeyholdRefusal('http://x', new Response(null, { status: 400, headers: { 'retry-after': retryAfter } }), { code, message: `It is ${code}.` });
}

async function run(failing: Readonly<Record<string, Error>>) {
  const asked: string[] = [];
  const { results, error } = await runItems(items, terminal, async ({ service }) => {
    asked.push(service);
    const failure = failing[service];
    if (failure !== undefined) throw failure;
    return { outcome: 'adopted' };
  });
  return { asked: asked.join(''), outcomes: results.map(({ service, outcome, reason }) => [service, outcome, reason].filter(Boolean).join(' ')), error };
}

describe('a run over many items', () => {
  it('goes on after what is refused, and tells what may be otherwise later', async () => {
    expect(await run({ a: refusal('conflict'), c: refusal('internal') })).toEqual({ asked: 'abcd', outcomes: ['a refused It is conflict.', 'b adopted', 'c failed It is internal.', 'd adopted'], error: undefined });
  });

  it('tries again while a store is away, and does not wait for each item after that', async () => {
    expect((await run({ a: refusal('unavailable'), b: refusal('unavailable'), d: refusal('rate_limited') })).asked).toBe('aaabcddd');
  });

  it('ends where Keyhold answers no more, or does not know the token', async () => {
    const gone = new StartError(1, 'gone');
    expect(await run({ c: gone })).toEqual({ asked: 'abc', outcomes: ['a adopted', 'b adopted'], error: gone });
    expect((await run({ b: refusal('unauthenticated') })).asked).toBe('ab');
  });
});

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askSecret, type SecretInput } from './ask-secret.ts';

class TypedInput extends PassThrough implements SecretInput {
  readonly isTTY = true;
  readonly modes: boolean[] = [];

  setRawMode(raw: boolean): this {
    this.modes.push(raw);
    return this;
  }
}

function asked(input: SecretInput) {
  const shown: string[] = [];
  return { shown, answer: askSecret('Token: ', input, { error: (text) => void shown.push(text) }).then((secret) => secret.reveal()) };
}

describe('a secret that is asked for', () => {
  it('is typed or pasted without being shown, corrected, and the terminal is as before afterwards', async () => {
    const input = new TypedInput();
    const { shown, answer } = asked(input);
    input.write('wrong\u0015kh_t_exb\u007f');
    input.write('\u0008xample');
    input.write('\r');
    expect(await answer).toBe('kh_t_example');
    expect(shown.join('')).toBe('Token: \n');
    expect(input.modes).toEqual([true, false]);
  });

  it('comes from a pipe without a question, its first line alone', async () => {
    const { shown, answer } = asked(new PassThrough().end('kh_t_example\nmore\n'));
    expect(await answer).toBe('kh_t_example');
    expect(shown).toEqual([]);
    expect(await asked(new PassThrough().end('  kh_t_no-newline ')).answer).toBe('kh_t_no-newline');
  });

  it.each([['\u0003', /Given up/], ['\r', /Nothing was given/], ['\u0004', /Nothing was given/], ['x'.repeat(20_000), /too long/]])('%j says what happened, and leaves the terminal as it was', async (typed, message) => {
    const input = new TypedInput();
    const { answer } = asked(input);
    input.write(typed);
    await expect(answer).rejects.toThrow(message);
    expect(input.modes).toEqual([true, false]);
  });
});

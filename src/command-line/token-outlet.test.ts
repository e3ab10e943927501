import { describe, expect, it } from 'vitest';
import { SecretValue } from '../ports/secret-value.ts';
import { tokenOutlet } from './token-outlet.ts';

function outlet(isTerminal: boolean) {
  const done: string[] = [];
  const file = { path: '/data/admin-token', keep: async () => void done.push('kept'), discard: async () => void done.push('discarded') };
  return { done, outlet: tokenOutlet({ file, isTerminal }) };
}

const token = new SecretValue('kh_t_test');

describe('an administrator\'s new token (S28)', () => {
  it('is shown at a terminal and leaves no file', async () => {
    const { done, outlet: shown } = outlet(true);
    expect(shown.handedOut()).toBeUndefined();
    await shown.keep(token);
    expect(shown.handedOut()).toEqual({ show: token });
    expect(done).toEqual([]);
  });

  it('is otherwise in the file, until it is taken back', async () => {
    const { done, outlet: kept } = outlet(false);
    await kept.keep(token);
    expect(kept.handedOut()).toEqual({ file: '/data/admin-token' });
    await kept.discard('id');
    expect(kept.handedOut()).toBeUndefined();
    expect(done).toEqual(['kept', 'discarded']);
  });
});

import { describe, expect, it } from 'vitest';
import { stateOf, type StoreView } from './store-status.ts';

function store(kind: StoreView['kind'], connected: boolean, takesNew: boolean): StoreView {
  return { id: kind, kind, connected, latencyMs: 1, takesNew, waiting: 0 };
}

describe('how the stores are (R4.16)', () => {
  it.each([
    ['healthy', true, true],
    ['unavailable', false, true],
    ['degraded', true, false],
    ['unavailable', false, false],
  ] as const)('is %s with Vault, which takes new keys, connected: %s, and the encrypted database connected: %s', (state, vault, sealed) => {
    expect(stateOf([store('vault', vault, true), store('sealed', sealed, false)])).toBe(state);
  });
});

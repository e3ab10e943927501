import { describe, expect, it } from 'vitest';
import { secretHint } from './secret-hint.ts';

describe('S22: a hint', () => {
  it('shows the last four characters of a long value', () => {
    expect(secretHint('sk-test-0123456789abcdWXYZ')).toBe('WXYZ');
    expect(secretHint('a'.repeat(16) + 'tail')).toBe('tail');
  });

  it('shows nothing of a value under 20 characters', () => {
    expect(secretHint('a'.repeat(19))).toBe('');
    expect(secretHint('')).toBe('');
  });

  it('counts characters, so that no half of one is shown', () => {
    expect(secretHint('🔑'.repeat(19))).toBe('');
    expect(secretHint('🔑'.repeat(20))).toBe('🔑🔑🔑🔑');
  });
});

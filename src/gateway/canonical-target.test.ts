import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTarget } from './canonical-target.ts';
import { upstreamQuery } from './query.ts';

describe('S6 canonical targets', () => {
  it('are what every URL reader makes of them, or refused', () => {
    const character = fc.constantFrom('a', 'Z', '9', '.', '/', '%2e', '%2F', '%5c', '%41', '%', ';', '\\', '?', '#', ' ', '\t', '\u0000', 'é', '@', ':', '&', '=', '~', '-');
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), (parts) => {
        const target = `/${parts.join('')}`;
        let canonical: ReturnType<typeof canonicalTarget>;
        try {
          canonical = canonicalTarget(target);
        } catch {
          return;
        }
        const url = new URL(`http://host${target}`);
        expect(url.host).toBe('host');
        expect(url.hash).toBe('');
        expect(url.pathname).toBe(canonical.path);
        expect(url.search).toBe(canonical.query === '' ? '' : `?${canonical.query}`);
        expect(target.startsWith(canonical.path)).toBe(true);
        expect(canonical.encodedSlash).toBe(/%2f/i.test(canonical.path));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each(['', '*', 'http://evil/v1', '//evil/v1', '/v1\\x', 'v1', '/a b', '/a%', '/a%4', `/${'a'.repeat(5_000)}`])('%j is refused', (target) => {
    expect(() => canonicalTarget(target)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('S6 and S7 queries', () => {
  it('pass only what the route lists, in one spelling', () => {
    expect(upstreamQuery('', ['beta'])).toBe('');
    expect(upstreamQuery('beta=true&x=1&%62eta=a%20b', ['beta'])).toBe('?beta=true&beta=a%20b');
    expect(upstreamQuery('x=1', [])).toBe('');
  });

  it.each(['key=1', 'a=b&api_key=2', 'ACCESS_TOKEN=3', '%6Bey=4', 'key', 'api-key=5'])('%s is refused', (query) => {
    expect(() => upstreamQuery(query, [])).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allServices } from '../../../catalog/all-services.ts';
import { Catalog, isAiService } from '../catalog/catalog.ts';
import { mayUseModel, mayUseRoute, mayUseService } from './gateway-key-scope.ts';
import { matchesGlob } from './glob.ts';

const catalog = new Catalog(allServices);

describe('what a gateway key reaches (S2)', () => {
  it('without services: AI services and no others', () => {
    for (const service of catalog.list()) expect(mayUseService({ services: null }, service), service.id).toBe(isAiService(service));
  });

  it('with services: those alone', () => {
    const key = { services: ['stripe', 'openai'] };
    expect(catalog.list().filter((service) => mayUseService(key, service)).map(({ id }) => id).toSorted()).toEqual(['openai', 'stripe']);
  });

  it('models by glob; without models every one', () => {
    expect(mayUseModel({ models: null }, 'anything')).toBe(true);
    const key = { models: ['gpt-4o*', 'o?-mini'] };
    for (const model of ['gpt-4o', 'gpt-4o-mini', 'o3-mini']) expect(mayUseModel(key, model), model).toBe(true);
    for (const model of ['gpt-4', 'xgpt-4o', 'o-mini', 'o33-mini', 'GPT-4o', '']) expect(mayUseModel(key, model), model).toBe(false);
  });

  it('R5.9: models that a provider lists as models/… by their names', () => {
    for (const model of ['models/gemini-2.5-flash', 'gemini-2.5-flash']) expect(mayUseModel({ models: ['gemini-*'] }, model), model).toBe(true);
    expect(mayUseModel({ models: ['models/*'] }, 'models/gemini-2.5-flash')).toBe(true);
    for (const model of ['accounts/models/gemini-2.5-flash', 'models/models/gemini-2.5-flash']) expect(mayUseModel({ models: ['gemini-*'] }, model), model).toBe(false);
  });

  it('routes by id; without routes every one', () => {
    expect(mayUseRoute({ routes: null }, { id: 'embeddings' })).toBe(true);
    expect(mayUseRoute({ routes: ['chat/completions'] }, { id: 'chat/completions' })).toBe(true);
    expect(mayUseRoute({ routes: ['chat/completions'] }, { id: 'chat' })).toBe(false);
  });

  it('routes that read or mint credentials only where they are named', () => {
    const minting = { id: 'realtime/client_secrets', credentials: true } as const;
    expect(mayUseRoute({ routes: null }, minting)).toBe(false);
    expect(mayUseRoute({ routes: ['chat/completions'] }, minting)).toBe(false);
    expect(mayUseRoute({ routes: ['realtime/client_secrets'] }, minting)).toBe(true);
  });
});

describe('matchesGlob', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'a/b:c', true],
    ['**', 'x', true],
    ['?', '', false],
    ['?', 'a', true],
    ['a*b', 'ab', true],
    ['a*b', 'axxb', true],
    ['a*b', 'axxbc', false],
    ['a*b*c', 'abxbc', true],
    ['*mini', 'gpt-4o-mini', true],
    ['*mini', 'gpt-4o-minis', false],
    ['a.c', 'abc', false],
    ['a+', 'aa', false],
    ['(a)', '(a)', true],
    ['[ab]', 'a', false],
    ['^a$', 'a', false],
    ['a', 'A', false],
  ])('%j and %j: %s', (glob, text, matches) => {
    expect(matchesGlob(glob, text)).toBe(matches);
  });

  it('property: agrees with the plain definition', () => {
    const plain = (glob: string, text: string): boolean => {
      if (glob === '') return text === '';
      if (glob.startsWith('*')) return plain(glob.slice(1), text) || (text !== '' && plain(glob, text.slice(1)));
      return text !== '' && (glob.startsWith('?') || glob.charAt(0) === text.charAt(0)) && plain(glob.slice(1), text.slice(1));
    };
    const signs = (letters: string) => array(constantFrom(...Array.from(letters)), { maxLength: 9 }).map((parts) => parts.join(''));
    assert(property(signs('ab*?'), signs('ab'), (glob, text) => matchesGlob(glob, text) === plain(glob, text)), { numRuns: 2_000 });
  });

  it('S34: the worst glob of 200 characters is decided within its bound of steps', () => {
    const glob = `${'*a'.repeat(99)}*b`;
    expect(matchesGlob(glob, 'a'.repeat(20_000))).toBe(false);
  });
});

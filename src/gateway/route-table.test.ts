import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { Catalog } from '../core/catalog/catalog.ts';
import { Egress } from '../egress/egress.ts';
import { canonicalTarget } from './canonical-target.ts';
import { shapeOf, pathWithModel, RouteTable } from './route-table.ts';
import { Upstreams } from './upstreams.ts';

const table = new RouteTable(new Catalog(allServices));

function found(method: string, target: string): ReturnType<RouteTable['find']> {
  return table.find(method, canonicalTarget(target));
}

describe('R5.1 routes', () => {
  it('are found by method and path, with who has them', () => {
    expect(found('POST', '/v1/chat/completions')?.specs.has('openai')).toBe(true);
    expect(found('POST', '/v1/moderations')?.specs.has('groq')).toBe(false);
    expect(found('POST', '/anthropic/v1/messages/count_tokens')).toMatchObject({ format: 'anthropic', id: 'messages/count_tokens' });
    expect(found('GET', '/v1/models/openai%2Fft:x')).toMatchObject({ id: 'models/{model}', pathModel: 'openai/ft:x' });
    expect(found('GET', '/v1/chat/completions')).toBeUndefined();
    expect(found('POST', '/v1/chat/completions/x')).toBeUndefined();
    expect(found('POST', '/anthropic/v1/chat/completions')).toBeUndefined();
  });

  it('tell in whose shape an unknown one is refused', () => {
    expect(['/anthropic', '/anthropic/x', '/anthropic?x', '/anthropics', '/v1/x'].map(shapeOf)).toEqual(['anthropic', 'anthropic', 'anthropic', 'openai', 'openai']);
  });
});

describe('S4 and S6 hosts', () => {
  it('whatever stands in the path, the address that is called stays below the provider\'s base', () => {
    const piece = fc.constantFrom('gpt', '@evil.com', ':80', '.', '..', '/', '%2F', '%40', '%3F', '%23', '?x=1', '#', '\\', '%09', '%0d%0a', 'http:', '~', "'", '(', '!', '*', '%C3%A9');
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
        let model: string | null | undefined;
        try {
          model = found('GET', `/v1/models/${pieces.join('')}`)?.pathModel;
        } catch {
          return;
        }
        if (model === undefined || model === null) return;
        const url = new URL(`https://provider.example/base/v1/${pathWithModel('models/{model}', model)}`);
        expect(url.origin).toBe('https://provider.example');
        expect(url.pathname.startsWith('/base/v1/models/')).toBe(true);
        expect(url.search + url.hash + url.username).toBe('');
      }),
      { numRuns: 3_000 },
    );
  });

  it('come from the catalogue, or from an operator\'s override for exactly that service', async () => {
    const upstreams = new Upstreams(new Catalog(allServices), new Map([['anthropic', 'http://127.0.0.1:9000/'], ['openai', 'http://127.0.0.1:9001/v1']]), new Egress({ allowHosts: [] }));
    const placeOf = (id: string, format: 'openai' | 'anthropic') => {
      const upstream = upstreams.find(id, format);
      return upstream?.placeFor({ source: 'tenant', service: upstream.service, settings: {} }, 'acme');
    };
    expect(placeOf('openai', 'openai')?.basePath).toBe('/v1/');
    expect(placeOf('anthropic', 'anthropic')?.basePath).toBe('/');
    expect(placeOf('anthropic', 'openai')?.basePath).toBe('/v1/');
    expect(placeOf('groq', 'openai')?.basePath).toBe('/openai/v1/');
    expect(upstreams.find('groq', 'anthropic')).toBeUndefined();
    expect(upstreams.find('stripe', 'openai')).toBeUndefined();
    expect(placeOf('anthropic', 'openai')?.pool).toBe(placeOf('anthropic', 'anthropic')?.pool);
    upstreams.destroy();
  });
});

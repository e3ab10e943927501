import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseFrames, sseEvent } from './sse-frames.ts';

describe('R5.2 frames of an event stream', () => {
  it('are the stream, byte for byte, however it is cut, and each is whole', () => {
    const line = fc.constantFrom('data: {"a":1}', 'event: x', ': ping', 'data:', 'id: 1');
    const end = fc.constantFrom('\n', '\r\n');
    const stream = fc.tuple(end, fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 6 }), fc.constantFrom('', 'data: cut', 'data: cut\n'));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(12), { minLength: 1, maxLength: 40 }), ([newline, events, rest], cuts) => {
        const text = events.map((lines) => lines.map((one) => one + newline).join('') + newline).join('') + rest;
        const frames = new SseFrames();
        const out: string[] = [];
        let at = 0;
        for (let turn = 0; at < text.length; turn += 1) {
          const size = 1 + (cuts[turn % cuts.length] ?? 0);
          out.push(...frames.push(text.slice(at, at + size)));
          at += size;
        }
        expect(out.join('') + frames.rest()).toBe(text);
        expect(out).toEqual(events.map((lines) => lines.map((one) => one + newline).join('') + newline));
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses one that does not end', () => {
    const frames = new SseFrames();
    const piece = 'x'.repeat(1024 * 1024);
    expect(() => {
      for (let count = 0; count < 20; count += 1) frames.push(piece);
    }).toThrow(RangeError);
  });

  it('are read as the HTML standard says', () => {
    expect(sseEvent('event: a\r\ndata: 1\r\ndata:2\r\n: no\r\n\r\n')).toEqual({ name: 'a', data: '1\n2' });
    expect(sseEvent(': comment\n\n')).toEqual({ name: '', data: '' });
    expect(sseEvent('data: [DONE]')).toEqual({ name: '', data: '[DONE]' });
  });
});

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CursorSeal } from './cursor-seal.ts';

const seal = new CursorSeal(Buffer.alloc(32, 7), randomBytes);
const list = ['/api/v1/tenants/:tenant/audit', 'tenant:acme'];

describe('R10.2: cursors', () => {
  it('open again for their list, also after a restart', () => {
    for (const cursor of ['', 'W10', 'x'.repeat(500)]) {
      expect(new CursorSeal(Buffer.alloc(32, 7), randomBytes).open(list, seal.seal(list, cursor))).toBe(cursor);
    }
  });

  it('are text for an address, and tell neither the place nor how long it is', () => {
    const [early, late] = ['["audit",7]', '["audit",123456789]'].map((cursor) => seal.seal(list, cursor));
    expect(early).toMatch(/^[\w-]+$/);
    expect(early).toHaveLength(late?.length ?? 0);
    expect(Buffer.from(early ?? '', 'base64url').toString('latin1')).not.toContain('audit');
  });

  it.each([
    ['of another tenant', seal.seal([list[0] ?? '', 'tenant:other'], 'W10')],
    ['of another list', seal.seal(['/api/v1/audit', 'tenant:acme'], 'W10')],
    ['of another installation', new CursorSeal(Buffer.alloc(32, 8), randomBytes).seal(list, 'W10')],
    ['made by hand', Buffer.from('["audit",7]').toString('base64url')],
    ['of nothing', ''],
  ])('are refused when they are %s', (_what, cursor) => {
    expect(() => seal.open(list, cursor)).toThrow(expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining('Use nextCursor') as string }) as Error);
  });
});

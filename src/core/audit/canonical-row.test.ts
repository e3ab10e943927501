import { describe, expect, it } from 'vitest';
import type { AuditRow } from '../../ports/metadata/audit.ts';
import { auditRowView } from './audit-row-view.ts';
import { canonicalRow, noPreviousRow, rowHash } from './canonical-row.ts';

const row: AuditRow = {
  nonce: '00112233445566778899aabbccddeeff',
  previous: noPreviousRow,
  counter: 1,
  replica: 'r1.00000000',
  requestId: null,
  code: null,
  outcome: null,
  resource: 'tenant:acme/openai/café 🔑',
  tenant: 'acme',
  actor: { role: 'tenant-admin', id: 't1', kind: 'token' },
  action: 'credential.put',
  intentId: 'aud_1',
  phase: 'intent',
  time: 1_767_225_600_000,
  id: 'aud_1',
};

describe('the canonical form of an audit row (S30)', () => {
  it('is these bytes, whatever the order in which a database gives the fields back', () => {
    expect(canonicalRow(row)).toBe(
      `{"v":1,"id":"aud_1","time":1767225600000,"phase":"intent","intentId":"aud_1","action":"credential.put","actor":{"kind":"token","id":"t1","role":"tenant-admin"},"tenant":"acme","resource":"tenant:acme/openai/café 🔑","outcome":null,"code":null,"requestId":null,"replica":"r1.00000000","counter":1,"previous":"${noPreviousRow}","nonce":"00112233445566778899aabbccddeeff"}`,
    );
    expect(canonicalRow({ ...row, position: 7 } as AuditRow)).toBe(canonicalRow(row));
  });

  it('is hashed with SHA-256 over its UTF-8 bytes', () => {
    // printf '%s' '<the text above>' | sha256sum
    expect(rowHash(row)).toBe('06113ec7f61022dd8bec2150caefb5153e5fdd063534e3879b723d5b14e7cf2b');
    expect(rowHash({ ...row, counter: 2 })).not.toBe(rowHash(row));
  });
});

describe('an audit row in the API (R0.2)', () => {
  it('has exactly the fields of the contract, its time as RFC 3339', () => {
    expect(auditRowView(row)).toStrictEqual({
      id: 'aud_1',
      time: '2026-01-01T00:00:00.000Z',
      phase: 'intent',
      intentId: 'aud_1',
      action: 'credential.put',
      actor: { kind: 'token', id: 't1', role: 'tenant-admin' },
      tenant: 'acme',
      resource: 'tenant:acme/openai/café 🔑',
      outcome: null,
      code: null,
      requestId: null,
    });
  });
});

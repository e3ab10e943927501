import { describe, expect, it } from 'vitest';
import type { CredentialIntent, CredentialRecord } from '../../ports/metadata/credentials.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { SecretReference } from '../../ports/secret-store.ts';
import { emptyRecord, putCommitted, putGivenUp } from './record-changes.ts';

const key = { scope: tenantScope('acme'), service: 'openai', label: 'default' };

function inVault(version: string): SecretReference {
  return { store: 'vault', name: key, version };
}

/** A live credential with a put open that builds on this version in the store. */
function record(cas: string | null): CredentialRecord {
  const intent: CredentialIntent = { id: 'intent', operation: 'put', store: 'vault', version: 2, cas, digest: '', next: null, expires: 0 };
  const current = { id: 'cred_1', version: 1, fields: [], settings: {}, createdAt: 0, createdBy: 'someone', reference: inVault('1') };
  return { ...emptyRecord(key, 0), state: 'active', current, version: 2, intent };
}

describe('a put that was given up', () => {
  it('leaves the record pointing at where its live value was moved', () => {
    const after = putGivenUp(record('1'), inVault('2'), 100, 60);
    expect(after).toMatchObject({ intent: null, current: { version: 1, reference: inVault('2') }, retired: [{ reference: inVault('1'), destroyAfter: 160 }] });
  });

  it('S17 does not take what somebody else had written for the live value, when it was that which was moved', () => {
    const after = putGivenUp(record('7'), inVault('8'), 100, 60);
    expect(after).toMatchObject({ intent: null, current: { reference: inVault('1') }, retired: [] });
  });

  it('leaves everything where it was, when nothing was moved', () => {
    expect(putGivenUp(record('1'), undefined, 100, 60)).toEqual({ ...record('1'), intent: null });
  });

  it('destroys what was moved of a value that had left for another store, and remembers where the next write begins', () => {
    const left = { ...record('3'), leftIn: { vault: '3' } };
    const elsewhere = { ...left, current: { ...left.current!, reference: { store: 'sealed', name: key, version: '1' } as const } };
    const after = putGivenUp(elsewhere, inVault('4'), 100, 60);
    expect(after).toMatchObject({ intent: null, current: { reference: { store: 'sealed' } }, leftIn: { vault: '4' }, retired: [{ reference: inVault('4'), destroyAfter: 100 }] });
  });

  it('keeps the mark of a value that was sealed before its store got it', () => {
    const open = record('1');
    const sealed = { dataKeyId: 'dk_1', version: 1 };
    const after = putGivenUp({ ...open, current: { ...open.current!, reference: { ...inVault('1'), sealed } } }, inVault('2'), 100, 60);
    expect(after.current?.reference).toEqual({ ...inVault('2'), sealed });
  });
});

describe('a put that is committed', () => {
  const next = { id: 'cred_1', version: 2, fields: [], settings: {}, createdAt: 0, createdBy: 'someone', expiresAt: null, offerTo: null };

  function committed(version: string): CredentialRecord {
    const before = record('1');
    return putCommitted({ ...before, intent: before.intent === null ? null : { ...before.intent, next } }, inVault(version), 100, 60);
  }

  it('retires the version before', () => {
    expect(committed('2')).toMatchObject({ current: { reference: inVault('2') }, retired: [{ reference: inVault('1'), destroyAfter: 160 }] });
  });

  it('never lists the live version as one to destroy, also where the store has forgotten the one before and numbers anew', () => {
    expect(committed('1')).toMatchObject({ current: { version: 2, reference: inVault('1') }, retired: [] });
  });
});

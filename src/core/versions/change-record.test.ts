import { describe, expect, it } from 'vitest';
import { RecordMap } from '../../adapters/metadata-store/memory/record-map.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Repository } from '../../ports/metadata/stored.ts';
import { changeRecord } from './change-record.ts';
import { etagOf, requireMatch } from './etag.ts';

interface Counter {
  readonly count: number;
}

async function setUp() {
  const records: Repository<string, Counter> = new RecordMap<string, Counter>((key) => [key]);
  await records.create('a', { count: 0 });
  const announced: number[] = [];
  const add = {
    decide: ({ count }: Counter): Counter => ({ count: count + 1 }),
    missing: () => new KeyholdError('not_found', 'Not there.'),
    announce: async (revision: number) => void announced.push(revision),
  };
  return { records, announced, add };
}

function failing(records: Repository<string, Counter>, error: KeyholdError): Repository<string, Counter> {
  return {
    get: (key) => records.get(key),
    create: (key, record) => records.create(key, record),
    replace: () => Promise.reject(error),
    remove: (key, revision) => records.remove(key, revision),
  };
}

describe('changeRecord', () => {
  it('changes the record and announces its new revision', async () => {
    const { records, announced, add } = await setUp();
    expect(await changeRecord(records, 'a', add)).toEqual({ record: { count: 1 }, revision: 2 });
    expect(announced).toEqual([2]);
  });

  it('loses no change of concurrent writers', async () => {
    const { records, announced, add } = await setUp();
    await Promise.all(Array.from({ length: 5 }, () => changeRecord(records, 'a', add)));
    expect(await records.get('a')).toEqual({ record: { count: 5 }, revision: 6 });
    expect(announced.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6]);
  });

  it('S10: leaves the record alone when there is nothing to change, and announces it as it is: whoever made it so may have died before that', async () => {
    const { records, announced, add } = await setUp();
    const dying = { ...add, announce: () => Promise.reject(new Error('kill -9')) };
    await expect(changeRecord(records, 'a', dying)).rejects.toThrow('kill -9');
    expect(await changeRecord(records, 'a', { ...add, decide: () => undefined })).toEqual({ record: { count: 1 }, revision: 2 });
    expect(announced).toEqual([2]);
  });

  it('throws what the caller says where there is no record', async () => {
    const { records, add } = await setUp();
    await expect(changeRecord(records, 'b', add)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('R0.3: a stale If-Match is refused, also when the record changed only in between', async () => {
    const { records, add } = await setUp();
    await expect(changeRecord(records, 'a', { ...add, ifMatch: ['9'] })).rejects.toMatchObject({ code: 'precondition_failed', details: { etag: '"1"' } });
    const results = await Promise.allSettled([changeRecord(records, 'a', { ...add, ifMatch: ['1'] }), changeRecord(records, 'a', { ...add, ifMatch: ['1'] })]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await records.get('a')).toEqual({ record: { count: 1 }, revision: 2 });
  });

  it('gives up with conflict when others keep writing', async () => {
    const { records, add } = await setUp();
    const meddled = failing(records, new KeyholdError('conflict', 'Changed.'));
    await expect(changeRecord(meddled, 'a', add)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('a write whose answer was lost makes the caches read again', async () => {
    const { records, announced, add } = await setUp();
    const lossy = failing(records, new KeyholdError('unavailable', 'Lost.'));
    await expect(changeRecord(lossy, 'a', add)).rejects.toMatchObject({ code: 'unavailable' });
    expect(announced).toEqual([1]);
  });
});

describe('requireMatch (R0.3)', () => {
  it('passes without a condition, with *, and with the tag among others', () => {
    for (const condition of [undefined, '*' as const, ['7'], ['1', '7']]) expect(() => requireMatch(condition, etagOf(7))).not.toThrow();
  });

  it('refuses other tags, and a list of none', () => {
    for (const condition of [['8'], [], ['*']]) expect(() => requireMatch(condition, etagOf(7))).toThrow(expect.objectContaining({ code: 'precondition_failed' }));
  });

  it('refuses every condition where there is nothing', () => {
    for (const condition of ['*' as const, ['7']]) expect(() => requireMatch(condition, undefined)).toThrow(/nothing here/);
    expect(() => requireMatch(undefined, undefined)).not.toThrow();
  });
});

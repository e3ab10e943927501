import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SqlValue } from '../sql/executor.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { isFullCode } from './sqlite-errors.ts';
import type { Answer, Statement } from './worker-protocol.ts';

let folder: string;
let database: SqliteDatabase;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-sqlite-'));
  database = new SqliteDatabase({ file: join(folder, 'keyhold.db'), now: 1 });
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

function write(id: number, sql: string, ...values: readonly SqlValue[]): Statement {
  return { id, access: 'write', sql, values };
}

function read(id: number, sql: string, ...values: readonly SqlValue[]): Statement {
  return { id, access: 'read', sql, values };
}

const insert = 'INSERT INTO tenants (tenant, revision, body) VALUES (?, ?, ?) RETURNING revision';

function run(...statements: readonly Statement[]): readonly Answer[] {
  const answers: Answer[] = [];
  database.run(statements, (part) => answers.push(...part));
  return answers;
}

function tenants(): readonly unknown[] {
  const [answer] = run(read(0, 'SELECT tenant FROM tenants ORDER BY tenant'));
  if (answer === undefined || !('rows' in answer)) throw new Error('no rows');
  return answer.rows.map((row) => row['tenant']);
}

function failed(answers: readonly Answer[]): readonly number[] {
  return answers.filter((answer) => 'failure' in answer).map(({ id }) => id);
}

describe('group commit', () => {
  it('commits what comes together, each with its own answer', () => {
    const answers = run(write(1, insert, 'a', 1, '{}'), write(2, insert, 'b', 2, '{}'), write(3, insert, 'c', 3, '{}'));
    expect(answers.map((answer) => ('rows' in answer ? [answer.id, answer.rows[0]?.['revision']] : answer))).toEqual([[1, 1], [2, 2], [3, 3]]);
    expect(tenants()).toEqual(['a', 'b', 'c']);
  });

  it('a failed statement fails alone, and whole', () => {
    const two = "INSERT INTO tenants (tenant, revision, body) VALUES ('new', 1, '{}'), ('a', 1, '{}')";
    const answers = run(write(1, insert, 'a', 1, '{}'), write(2, two), write(3, insert, 'b', 'no number', '{}'), write(4, 'no SQL'), write(5, insert, 'c', 1, '{}'));
    expect(failed(answers)).toEqual([2, 3, 4]);
    expect(tenants()).toEqual(['a', 'c']);
  });

  it('a transaction that SQLite undoes as a whole is tried again piece by piece, each piece once', () => {
    const answers = run(write(1, insert, 'a', 1, '{}'), write(2, 'ROLLBACK'), write(3, insert, 'b', 1, '{}'), write(4, insert, 'c', 1, '{}'));
    expect(failed(answers)).toEqual([2]);
    expect(tenants()).toEqual(['a', 'b', 'c']);
  });

  it('a full disk fails those that do not fit, and keeps the others', () => {
    const [pages] = run(read(0, 'PRAGMA page_count'));
    const count = pages !== undefined && 'rows' in pages ? Number(pages.rows[0]?.['page_count']) : 0;
    run(read(0, `PRAGMA max_page_count = ${count + 2}`));
    const answers = run(write(1, insert, 'a', 1, '{}'), write(2, insert, 'b', 1, 'x'.repeat(100_000)), write(3, insert, 'c', 1, '{}'));
    expect(failed(answers)).toEqual([2]);
    const [failure] = answers.flatMap((answer) => ('failure' in answer ? [answer.failure] : []));
    expect(isFullCode(failure?.errcode ?? 0)).toBe(true);
    expect(tenants()).toEqual(['a', 'c']);
    run(read(0, 'PRAGMA max_page_count = 1000000'));
    expect(failed(run(write(2, insert, 'b', 1, 'x'.repeat(100_000))))).toEqual([]);
    expect(tenants()).toEqual(['a', 'b', 'c']);
  });

  it('reads of a batch are answered first, on what was committed before', () => {
    const answers: (readonly Answer[])[] = [];
    database.run([write(1, insert, 'a', 1, '{}'), read(2, 'SELECT tenant FROM tenants')], (part) => answers.push(part));
    expect(answers.map((part) => part.map(({ id }) => id))).toEqual([[2], [1]]);
    expect(answers[0]?.[0]).toEqual({ id: 2, rows: [] });
  });

  it('keeps working after any number of different statements', () => {
    for (let index = 0; index < 600; index += 1) expect(failed(run(read(index, `SELECT ${index} AS n`)))).toEqual([]);
    expect(failed(run(write(1, insert, 'a', 1, '{}')))).toEqual([]);
  });
});

describe('what the file is like', () => {
  it('S16: is durable at each commit and leaves nothing in free pages', () => {
    const pragma = (name: string): unknown => {
      const [answer] = run(read(0, `PRAGMA ${name}`));
      return answer !== undefined && 'rows' in answer ? Object.values(answer.rows[0] ?? {})[0] : answer;
    };
    expect(pragma('journal_mode')).toBe('wal');
    expect(pragma('synchronous')).toBe(2);
    expect(pragma('secure_delete')).toBe(1);
    expect(pragma('trusted_schema')).toBe(0);
    expect(pragma('integrity_check')).toBe('ok');
  });
});

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { NewerDatabaseError } from '../newer-database.ts';
import { ForeignDatabaseError, migrate, requireOurs } from './migrate.ts';
import { allMigrations as postgresMigrations } from '../postgres/migrations/all-migrations.ts';
import { allMigrations } from './migrations/all-migrations.ts';

const second = { version: 2, name: 'second', sql: 'CREATE TABLE two (a INTEGER) STRICT; INSERT INTO two VALUES (1)' };
const first = { version: 1, name: 'first', sql: 'CREATE TABLE one (a INTEGER) STRICT' };

function versions(database: DatabaseSync): readonly unknown[] {
  return database.prepare('SELECT version FROM schema ORDER BY version').all().map((row) => row['version']);
}

describe('migrations', () => {
  it('are numbered from 1 without gaps, on PostgreSQL, too', () => {
    for (const steps of [allMigrations, postgresMigrations]) expect(steps.map(({ version }) => version)).toEqual(steps.map((_, index) => index + 1));
  });

  it('run once each, and only those that are missing', () => {
    const database = new DatabaseSync(':memory:');
    migrate(database, [first], 5);
    migrate(database, [first], 6);
    migrate(database, [first, second], 7);
    migrate(database, [first, second], 8);
    expect(database.prepare('SELECT * FROM schema').all()).toEqual([
      { version: 1, name: 'first', applied_at: 5 },
      { version: 2, name: 'second', applied_at: 7 },
    ]);
    expect(database.prepare('SELECT a FROM two').all()).toHaveLength(1);
  });

  it('leave the version before when a step fails, and go on from there', () => {
    const database = new DatabaseSync(':memory:');
    const broken = { ...second, sql: 'CREATE TABLE two (a INTEGER) STRICT; INSERT INTO nowhere VALUES (1)' };
    expect(() => migrate(database, [first, broken], 1)).toThrow('nowhere');
    expect(versions(database)).toEqual([1]);
    migrate(database, [first, second], 1);
    expect(versions(database)).toEqual([1, 2]);
  });

  it('are not begun on a newer database or one of another program', () => {
    const newer = new DatabaseSync(':memory:');
    migrate(newer, [first, second], 1);
    expect(() => requireOurs(newer, [first])).toThrow(NewerDatabaseError);
    const foreign = new DatabaseSync(':memory:');
    foreign.exec('CREATE TABLE recipes (name TEXT)');
    expect(() => requireOurs(foreign, [first])).toThrow(ForeignDatabaseError);
    expect(() => requireOurs(new DatabaseSync(':memory:'), [first])).not.toThrow();
  });

  it('go on where a crash left a schema table without a version', () => {
    const database = new DatabaseSync(':memory:');
    database.exec('CREATE TABLE schema (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT');
    expect(requireOurs(database, [first])).toBe(0);
    migrate(database, [first], 1);
    expect(versions(database)).toEqual([1]);
  });
});

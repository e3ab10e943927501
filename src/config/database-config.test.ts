import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { StartError } from '../ports/start-error.ts';
import { loadConfig, type LoadedConfig } from './config.ts';

const PASSWORD = 'test-password-of-the-database';

function loaded(url: string, variables: Readonly<Record<string, string>> = {}): LoadedConfig {
  return loadConfig({ workingDirectory: '/srv/app', variables: { KEYHOLD_DATABASE_URL: url, KEYHOLD_KEY_FILE: '/etc/keyhold.key', ...variables }, dotenv: {}, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices);
}

function postgres(url: string, variables: Readonly<Record<string, string>> = {}) {
  const { database } = loaded(url, variables).config;
  if (database.kind !== 'postgres') throw new Error('That is another kind of database.');
  return database;
}

function refusal(url: string, variables: Readonly<Record<string, string>> = {}): string {
  try {
    loaded(url, variables);
  } catch (error) {
    if (error instanceof StartError && error.exitCode === 2) return error.message;
    throw error;
  }
  throw new Error(`${url} was taken.`);
}

describe('R0.5 KEYHOLD_DATABASE_URL=postgres://', () => {
  it('has user, password, host, port and database, written as in a URL', () => {
    const { server, password } = postgres('postgres://key%40hold:p%2F%3A%40ss@db.example.com:6432/key%20hold?connections=20');
    expect(server).toEqual({ host: 'db.example.com', port: 6432, database: 'key hold', user: 'key@hold', connections: 20, tls: { mode: 'verify-full' } });
    expect(password?.reveal()).toBe('p/:@ss');
    expect(postgres('postgresql://keyhold@127.0.0.1/keyhold')).toMatchObject({ password: null, server: { host: '127.0.0.1', port: 5432, connections: 10, tls: { mode: 'disable' } } });
    expect(postgres('postgres://keyhold@[::1]/keyhold').server).toMatchObject({ host: '::1', tls: { mode: 'disable' } });
    expect(postgres('postgres://keyhold@/keyhold?host=/run/postgresql').server).toMatchObject({ host: '/run/postgresql', tls: { mode: 'disable' } });
  });

  it('is shown without its password', () => {
    const url = `postgres://keyhold:${PASSWORD}@db.example.com/keyhold`;
    const { effective, config } = loaded(url);
    expect(effective.find(({ name }) => name === 'KEYHOLD_DATABASE_URL')?.shown).toBe('postgres://keyhold@db.example.com:5432/keyhold?sslmode=verify-full');
    expect(JSON.stringify([effective, config])).not.toContain(PASSWORD);
  });

  it('asks a server on another machine who it is, unless the URL says otherwise', () => {
    expect(postgres('postgres://k:p@db/k').server.tls.mode).toBe('verify-full');
    expect(postgres('postgres://k:p@db/k?sslmode=verify-ca').server.tls.mode).toBe('verify-ca');
    expect(loaded('postgres://k:p@db/k?sslmode=require').config.warnings.join()).toContain('nobody checks that it is your server');
    expect(loaded('postgres://k:p@db/k?sslmode=require', { NODE_ENV: 'development' }).config.warnings).toEqual([]);
    for (const mode of ['prefer', 'allow']) expect(refusal(`postgres://k:p@db/k?sslmode=${mode}`)).toContain('switch encryption off');
  });

  it('is not plain to another machine in production, unless that is said', () => {
    const plain = `postgres://k:${PASSWORD}@db.example.com/k?sslmode=disable`;
    expect(refusal(plain)).toContain('KEYHOLD_ALLOW_PLAIN_DATABASE=true');
    expect(refusal(plain)).not.toContain(PASSWORD);
    expect(postgres(plain, { KEYHOLD_ALLOW_PLAIN_DATABASE: 'true' }).server.tls.mode).toBe('disable');
    expect(postgres(plain, { NODE_ENV: 'development' }).server.tls.mode).toBe('disable');
    expect(postgres('postgres://k:p@localhost/k?sslmode=disable').server.tls.mode).toBe('disable');
  });

  it('reads certificates from files, and says which cannot be read', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-config-'));
    const ca = path.join(folder, 'ca.pem');
    writeFileSync(ca, 'of a CA');
    expect(postgres(`postgres://k:p@db/k?sslrootcert=${ca}`).server.tls).toEqual({ mode: 'verify-full', ca: 'of a CA' });
    expect(postgres(`postgres://k@db/k?sslcert=${ca}&sslkey=${ca}`).server.tls).toEqual({ mode: 'verify-full', cert: 'of a CA', key: 'of a CA' });
    expect(refusal(`postgres://k:p@db/k?sslcert=${ca}`)).toContain('belong together');
    expect(refusal('postgres://k:p@db/k?sslrootcert=certs/none.pem')).toContain('names a file with sslrootcert, but there is no file "/srv/app/certs/none.pem"');
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['postgres://', 'names no host'],
    ['postgres://db/k', 'names no user'],
    [`postgres://k:${PASSWORD}@db`, 'names no database'],
    [`postgres://k:${PASSWORD}@db/k/l`, 'names no database'],
    [`postgres://k:${PASSWORD}#@db/k`, '%40'],
    [`postgres://k:${PASSWORD}/x@db/k`, '%2F'],
    [`postgres://k:${PASSWORD}%zz@db/k`, '%'],
    [`postgres://k:${PASSWORD}@one,two/k`, 'several hosts'],
    [`postgres://k:${PASSWORD}@db/k?host=other`, 'folder of a socket'],
    [`postgres://k:${PASSWORD}@db/k?options=-c`, 'not known'],
    [`postgres://k:${PASSWORD}@db/k?sslmode=yes`, 'sslmode'],
    [`postgres://k:${PASSWORD}@db/k?sslmode=require&sslmode=disable`, 'twice'],
    [`postgres://k:${PASSWORD}@db/k?connections=1`, 'connections'],
    [`postgres:k:${PASSWORD}@db/k`, 'no address'],
    [`postgres://k:${PASSWORD} @db/k`, 'spaces'],
  ])('refuses %s, without quoting it', (url, reason) => {
    expect(refusal(url)).toContain(reason);
    expect(refusal(url)).not.toContain(PASSWORD);
  });
});

import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { loadConfig } from './config.ts';

function load(variables: Record<string, string>) {
  return loadConfig({ workingDirectory: '/srv/app', variables, dotenv: {}, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices);
}

describe('REDIS_URL (R0.5, S19)', () => {
  it('is off when left out, and shares a cache when given', () => {
    expect(load({}).config.redis).toBeNull();
    const { config, effective } = load({ REDIS_URL: 'rediss://keyhold:p%40ss@redis.example.com:6380/2' });
    expect(config.redis).toMatchObject({ address: 'redis.example.com:6380', isSharedCache: true });
    expect(config.redis?.url.reveal()).toBe('rediss://keyhold:p%40ss@redis.example.com:6380/2');
    expect(load({ REDIS_URL: 'redis://localhost:6379', KEYHOLD_SHARED_CACHE: 'false' }).config.redis?.isSharedCache).toBe(false);
    expect(effective.find(({ name }) => name === 'REDIS_URL')?.shown).toBe('[set]');
  });

  it.each(['redis://127.0.0.1:6379', 'redis://:password@[::1]:6379', 'redis://localhost'])('needs neither TLS nor a password on this machine: %s', (url) => {
    expect(load({ REDIS_URL: url }).config.redis).not.toBeNull();
  });

  it('in production it needs both elsewhere; not in development', () => {
    expect(() => load({ REDIS_URL: 'redis://10.0.0.7:6379' })).toThrow(/REDIS_URL is redis:\/\/ outside this machine.*Use rediss:\/\/.*REDIS_URL has no password/su);
    expect(() => load({ REDIS_URL: 'redis://:secret-password@redis.internal:6379' })).toThrow('Use rediss://.');
    expect(() => load({ REDIS_URL: 'rediss://redis.internal:6379' })).toThrow('REDIS_URL has no password');
    expect(load({ REDIS_URL: 'redis://redis.internal:6379', NODE_ENV: 'development' }).config.redis).not.toBeNull();
  });

  it.each([
    ['http://secret-password@redis', 'is not an address'],
    ['redis.example.com:6379', 'is not an address'],
    ['rediss://:secret-password@redis.example.com?db=1', 'has a query'],
    ['rediss://:secret-password@redis.example.com/cache', 'has a path that is no number of a database'],
    ['rediss://:secret-password%zz@redis.example.com', 'has a % in user or password that begins no percent-encoding'],
  ])('refuses %s without quoting it', (url, why) => {
    let message = '';
    try {
      load({ REDIS_URL: url });
    } catch (error) {
      message = error instanceof Error ? error.message : '';
    }
    expect(message).toContain(`REDIS_URL ${why}`);
    expect(message).not.toContain('secret-password');
  });
});

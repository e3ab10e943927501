import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { loadConfig } from './config.ts';
import { envExample } from './env-example.ts';
import { settingsInOrder } from './settings.ts';

describe('.env.example (R0.1)', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

  it('is what the table of settings says: run `node scripts/write-env-example.ts` after changing the table', () => {
    expect(text).toBe(envExample(allServices));
  });

  it('names every setting, and every secret\'s _FILE form', () => {
    for (const { name, secret } of settingsInOrder()) {
      expect(text).toContain(`\n#${name}=`);
      if (secret) expect(text).toContain(`\n#${name}_FILE=`);
    }
    expect(text).toContain('\n#KEYHOLD_SERVICE_BASE_URL_OPENAI=');
  });

  it('changes nothing when it is copied, and is accepted when every line is taken in', () => {
    expect(parseEnv(text)).toEqual({});
    const dotenv = parseEnv(text.replaceAll(/^#(?=[A-Z])/gmu, ''));
    expect(Object.keys(dotenv).length).toBeGreaterThan(settingsInOrder().length);
    const { config } = loadConfig({ workingDirectory: '/srv', variables: {}, dotenv, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices);
    expect(config.warnings).toEqual([]);
  });
});

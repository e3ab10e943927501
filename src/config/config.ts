import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Service } from '../core/catalog/service.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { StartError } from '../ports/start-error.ts';
import type { Environment } from './environment.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { otherStores, unusedServers } from './other-stores.ts';
import { baseUrlVariable, gatewayServiceIds, serviceBaseUrl } from './service-base-urls.ts';
import { type Setting, settings, settingsInOrder } from './settings.ts';
import { nearest, unknownNames } from './unknown-names.ts';
import { missingProtection, unsafeProcess } from './unsafe-process.ts';
import { findSetting, findVariable, variableNames } from './variables.ts';

export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  /** Absolute. */
  readonly dataDir: string;
  readonly mode: 'production' | 'development';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly shutdownTimeoutMs: number;
  readonly adminToken: SecretValue | null;
  /** Absolute. */
  readonly keyFile: string;
  /** `file` is absolute and lies in `dataDir`. */
  readonly database: { readonly kind: 'sqlite'; readonly file: string };
  /** By service id; without a slash at the end. */
  readonly serviceBaseUrls: ReadonlyMap<string, string>;
  readonly allowHttpUpstream: boolean;
  /** The id of a service of the catalogue. */
  readonly defaultProvider: string;
  /** Sentences for the log at every start. */
  readonly warnings: readonly string[];
}

/** One variable as it is in force, for people. */
export interface EffectiveValue {
  readonly name: string;
  /** `[set]` for a secret. */
  readonly shown: string;
  /** `default`, `.env`, `environment`, or the file of a `_FILE` variable. */
  readonly origin: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly effective: readonly EffectiveValue[];
}

/**
 * The configuration, frozen. Throws `StartError` (2) with every problem at once: the variable's name, what is wrong (never quoting a
 * secret) and an example (R0.1).
 */
export function loadConfig(environment: Environment, services: readonly Pick<Service, 'id' | 'gateway'>[]): LoadedConfig {
  const reader = new Reader(environment);
  const ids = gatewayServiceIds(services);
  const listen = reader.read(settings.listen);
  const dataDir = resolve(environment.workingDirectory, reader.read(settings.dataDir));
  const adminToken = reader.read(settings.adminToken);
  const mode = reader.read(settings.mode);
  const logLevel = reader.read(settings.logLevel);
  const shutdownTimeoutMs = reader.read(settings.shutdownTimeout);
  reader.read(settings.store);
  const file = reader.read({ ...settings.database, parse: (text) => databaseFile(dataDir, settings.database.parse(text)), fallback: join(dataDir, settings.database.fallback) });
  reader.read(settings.keyWrapper);
  const givenKeyFile = reader.read(settings.keyFile);
  const keyFile = givenKeyFile === null ? join(dataDir, 'keyhold.key') : resolve(environment.workingDirectory, givenKeyFile);
  reader.show(settings.dataDir, dataDir);
  reader.show(settings.database, `sqlite:${file}`);
  reader.show(settings.keyFile, keyFile);
  const defaultProvider = reader.read({ ...settings.defaultProvider, parse: (text) => knownService(text, ids) });
  const allowHttpUpstream = reader.read(settings.allowHttpUpstream);
  const config: Config = {
    listen,
    dataDir,
    mode,
    logLevel,
    shutdownTimeoutMs,
    adminToken,
    keyFile,
    database: Object.freeze({ kind: 'sqlite', file }),
    serviceBaseUrls: reader.baseUrls(ids, allowHttpUpstream),
    allowHttpUpstream,
    defaultProvider,
    warnings: Object.freeze([...warningsOf(environment, ids, mode, { dataDir, keyFile })]),
  };
  reader.problems.push(...otherStores(environment));
  if (mode === 'production') reader.problems.push(...unsafeProcess(environment));
  if (reader.problems.length > 0) throw configurationError(reader.problems);
  return Object.freeze({ config: Object.freeze(config), effective: Object.freeze(reader.effective) });
}

/** Reads settings one by one and keeps every problem, so that all of them can be told at once. */
class Reader {
  readonly problems: string[] = [];
  readonly effective: EffectiveValue[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The setting's value; its fallback when left out, and also when it is wrong (then nothing is started with it). */
  read<T>(setting: Setting<T>): T {
    try {
      const found = findSetting(this.#environment, setting);
      if (found === undefined) {
        this.effective.push({ name: setting.name, shown: setting.fallbackText, origin: 'default' });
        return setting.fallback;
      }
      const value = setting.parse(found.text);
      this.effective.push({ name: setting.name, shown: setting.secret ? '[set]' : found.text, origin: found.origin });
      return value;
    } catch (error) {
      this.#problem(setting.name, error, setting.example);
      return setting.fallback;
    }
  }

  /** Shows what a value amounts to instead of how it was written, once that is known to be no secret. */
  show(setting: Setting<unknown>, shown: string): void {
    const index = this.effective.findIndex(({ name }) => name === setting.name);
    const found = this.effective[index];
    if (found !== undefined) this.effective[index] = { ...found, shown };
  }

  /** `KEYHOLD_SERVICE_BASE_URL_<SERVICE>` by service id. A name of no service is a problem: its requests would go to the real provider. */
  baseUrls(ids: readonly string[], allowHttp: boolean): ReadonlyMap<string, string> {
    const byVariable = new Map(ids.map((id) => [baseUrlVariable(id), id]));
    const urls = new Map<string, string>();
    for (const name of variableNames(this.#environment).filter(isBaseUrlVariable)) {
      const found = findVariable(this.#environment, name);
      const id = byVariable.get(name);
      if (found === undefined) continue;
      if (id === undefined) {
        const meant = nearest(name, [...byVariable.keys()]);
        this.#problem(name, new InvalidValue(`names no service that the gateway calls; the nearest is ${meant}`), BASE_URL_EXAMPLE, meant);
        continue;
      }
      try {
        const url = serviceBaseUrl(found.text.trim(), allowHttp);
        urls.set(id, url);
        this.effective.push({ name, shown: url, origin: found.origin });
      } catch (error) {
        this.#problem(name, error, BASE_URL_EXAMPLE);
      }
    }
    return urls;
  }

  #problem(name: string, error: unknown, example: string, exampleName = name): void {
    if (!(error instanceof InvalidValue)) throw error;
    this.problems.push(`${quoted(name).slice(1, -1)} ${error.message}. Example: ${quoted(exampleName).slice(1, -1)}=${example}`);
  }
}

const BASE_URL_EXAMPLE = 'https://llm.example.com/v1';

const BASE_URL_OF_NOTHING = baseUrlVariable('');

function isBaseUrlVariable(name: string): boolean {
  return name.startsWith(BASE_URL_OF_NOTHING);
}

/** What Keyhold keeps in the data folder beside the database, under names of its own: it would be written over, or removed. */
const KEPT_NAMES = /^(?:lock\.db.*|owner(?:\.new)?|admin-token|journal|keyhold\.key(?:\.root)?)$/u;

/** The data folder's lock keeps a second process out, so the database has to be in it, apart from the other things that are there. */
function databaseFile(dataDir: string, file: string): string {
  const absolute = resolve(dataDir, file);
  if (!isInside(dataDir, absolute)) throw new InvalidValue('names a file outside the data folder, whose lock could not protect it; set KEYHOLD_DATA_DIR to where it is');
  const [first = ''] = relative(dataDir, absolute).split(sep);
  if (KEPT_NAMES.test(first)) throw new InvalidValue(`names ${quoted(first)}, which Keyhold keeps for something else in the data folder; choose another name`);
  return absolute;
}

function isInside(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

function knownService(id: string, ids: readonly string[]): string {
  if (!ids.includes(id)) throw new InvalidValue(`is ${quoted(id)}, which is no service that the gateway calls; the nearest is ${nearest(id, ids)}`);
  return id;
}

function warningsOf(environment: Environment, ids: readonly string[], mode: Config['mode'], files: { readonly dataDir: string; readonly keyFile: string }): readonly string[] {
  const known = settingsInOrder().flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
  const names = variableNames(environment).filter((name) => !isBaseUrlVariable(name));
  const warnings = [...unknownNames(names, [...known, ...ids.map(baseUrlVariable)]), ...unusedServers(environment), ...missingProtection(environment)];
  const nodeEnv = findVariable(environment, 'NODE_ENV')?.text.trim() ?? 'production';
  if (!['production', 'development', 'test'].includes(nodeEnv)) {
    warnings.push(`NODE_ENV is ${quoted(nodeEnv)}, which is neither development nor test, so the rules of production hold.`);
  }
  if (mode === 'production' && isInside(files.dataDir, files.keyFile)) {
    warnings.push(
      `The key file ${quoted(files.keyFile)} lies inside the data folder: a copy of the folder is enough to open every key. Stop Keyhold, move it and ${quoted(`${files.keyFile}.root`)} elsewhere, and set KEYHOLD_KEY_FILE.`,
    );
  }
  return warnings;
}

function configurationError(problems: readonly string[]): StartError {
  const count = problems.length === 1 ? 'There is a problem' : `There are ${problems.length} problems`;
  return new StartError(2, [`${count} with the configuration (from the environment and ./.env):`, ...problems.map((problem) => `  ${problem}`)].join('\n'));
}

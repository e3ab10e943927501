import { resolve } from 'node:path';
import type { SecretValue } from '../ports/secret-value.ts';
import type { Environment } from './environment.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { baseUrlVariable, isBaseUrlVariable, serviceBaseUrl } from './service-base-urls.ts';
import type { Setting } from './settings.ts';
import { nearest } from './unknown-names.ts';
import { findSetting, findVariable, hasFileForm, readTextFile, variableNames } from './variables.ts';

/** One variable as it is in force, for people. */
export interface EffectiveValue {
  readonly name: string;
  /** `[set]` for a secret. */
  readonly shown: string;
  /** `default`, `.env`, `environment`, or the file of a `_FILE` variable. */
  readonly origin: string;
}

/** Bundles of certificates are the largest there are. */
const LARGEST_FILE = 2 ** 20;

const BASE_URL_EXAMPLE = 'https://llm.example.com/v1';

/** Reads settings one by one and keeps every problem, so that all of them can be told at once. */
export class Reader {
  readonly problems: string[] = [];
  readonly effective: EffectiveValue[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The setting's value; its fallback when left out, and also when it is wrong (then nothing is started with it). */
  read<T>(setting: Setting<T>): T {
    return this.#read(setting).value;
  }

  /** A secret's value; where a file gave it, that file, for whoever reads it again when it is replaced. It has been checked all the same. */
  readOrFile(setting: Setting<SecretValue | null>): SecretValue | { readonly file: string } | null {
    const { value, file } = this.#read(setting);
    return value !== null && file !== undefined ? { file } : value;
  }

  /** Shows what a value amounts to instead of how it was written, once that is known to be no secret. */
  show(setting: Setting<unknown>, shown: string): void {
    const index = this.effective.findIndex(({ name }) => name === setting.name);
    const found = this.effective[index];
    if (found !== undefined) this.effective[index] = { ...found, shown };
  }

  /** Whether the variable, or its `_FILE` form, is set at all. */
  isSet(setting: Setting<unknown>): boolean {
    const names = [setting.name, ...(hasFileForm(setting) ? [`${setting.name}_FILE`] : [])];
    return names.some((name) => findVariable(this.#environment, name) !== undefined);
  }

  /** A path as this process sees it. */
  absolute(path: string): string {
    return resolve(this.#environment.workingDirectory, path);
  }

  /** The text of the file that a setting names; undefined when it names none. A file that cannot be read is a problem. */
  readFileNamedBy(setting: Setting<string | null>): string | undefined {
    const file = this.read(setting);
    if (file === null) return undefined;
    try {
      return readTextFile(this.absolute(file), LARGEST_FILE, 'names a file');
    } catch (error) {
      this.#problem(setting.name, error, setting.example);
      return undefined;
    }
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

  #read<T>(setting: Setting<T>): { readonly value: T; readonly file?: string | undefined } {
    try {
      const found = findSetting(this.#environment, setting);
      if (found === undefined) {
        this.effective.push({ name: setting.name, shown: setting.fallbackText, origin: 'default' });
        return { value: setting.fallback };
      }
      const value = setting.parse(found.text);
      this.effective.push({ name: setting.name, shown: setting.secret ? '[set]' : found.text, origin: found.origin });
      return { value, file: found.file };
    } catch (error) {
      this.#problem(setting.name, error, setting.example);
      return { value: setting.fallback };
    }
  }

  #problem(name: string, error: unknown, example: string, exampleName = name): void {
    if (!(error instanceof InvalidValue)) throw error;
    this.problems.push(`${quoted(name).slice(1, -1)} ${error.message}. Example: ${quoted(exampleName).slice(1, -1)}=${example}`);
  }
}

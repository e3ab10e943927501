import type { Service } from '../core/catalog/service.ts';
import { SecretValue } from '../ports/secret-value.ts';
import type { Reader } from './reader.ts';
import type { Setting } from './settings.ts';

/** The service's own secrets besides its keys for services (R2.3). */
const OTHERS = ['SESSION_SECRET', 'DATABASE_PASSWORD'];

/** The names of the service's own keys, each once: those of the catalogue, then the others. */
export function ownKeyNames(services: readonly Pick<Service, 'fields'>[]): readonly string[] {
  const names = services.flatMap(({ fields }) => fields.flatMap(({ environment }) => environment ?? []));
  return [...new Set([...names, ...OTHERS])];
}

/** The own keys that the environment has, by name. What is in them is checked when they are used (S5). */
export function ownKeysOf(reader: Reader, services: readonly Pick<Service, 'fields'>[]): ReadonlyMap<string, SecretValue> {
  const keys = new Map<string, SecretValue>();
  for (const name of ownKeyNames(services)) {
    const setting = ownKeySetting(name);
    if (!reader.isSet(setting)) continue;
    const value = reader.read(setting);
    if (value !== null) keys.set(name, value);
  }
  return keys;
}

function ownKeySetting(name: string): Setting<SecretValue | null> {
  return { name, secret: true, description: [], example: '<the key>', fallback: null, fallbackText: '', parse: (text) => new SecretValue(text) };
}

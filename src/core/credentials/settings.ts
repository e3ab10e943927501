import { KeyholdError } from '../../ports/errors.ts';
import type { SettingValue } from '../../ports/metadata/credentials.ts';
import type { Service, SettingSpec } from '../catalog/service.ts';
import { AddressProblem, type MayReach, namesOnly, registeredAddress } from './registered-address.ts';

const MAP_TEXT = /^[\x21-\x7e]{1,256}$/;
const MAP_ENTRIES = 200;

/**
 * Checks a credential's settings against the catalogue. Where a key is sent is part of the secret (S3): hosts are checked by S4, and by `mayReach` where the catalogue bounds them no further.
 * Returns them in one canonical form; throws `invalid_argument` that says what to give instead.
 */
export function checkSettings(service: Service, given: Readonly<Record<string, unknown>>, mayReach: MayReach = namesOnly): Readonly<Record<string, SettingValue>> {
  const known = service.settings.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const instead = known.length === 0 ? 'it has none' : `its settings are ${known.join(', ')}`;
    throw new KeyholdError('invalid_argument', `${JSON.stringify(name.slice(0, 64))} is not a setting of ${service.id}: ${instead}.`);
  }
  const settings: Record<string, SettingValue> = {};
  for (const spec of service.settings) {
    const value = Object.hasOwn(given, spec.name) ? given[spec.name] : undefined;
    if (value === undefined && spec.required) throw refused(spec, `is missing; ${service.id} needs it beside its key`);
    if (value !== undefined) settings[spec.name] = spec.kind === 'https-url' ? address(spec, value, mayReach) : textMap(spec, value);
  }
  return settings;
}

function address(spec: SettingSpec, value: unknown, mayReach: MayReach): string {
  try {
    return registeredAddress(spec, value, mayReach);
  } catch (error) {
    throw error instanceof AddressProblem ? refused(spec, error.message) : error;
  }
}

function textMap(spec: SettingSpec, value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(spec, 'has to be an object of names and texts');
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length > MAP_ENTRIES) throw refused(spec, `has more than ${MAP_ENTRIES} entries`);
  return Object.fromEntries(
    entries.map(([name, text]) => {
      if (typeof text !== 'string' || !MAP_TEXT.test(text) || !MAP_TEXT.test(name) || name === '__proto__') {
        throw refused(spec, 'has an entry whose name or text is not 1 to 256 printable ASCII characters without spaces');
      }
      return [name, text];
    }),
  );
}

function refused(spec: SettingSpec, problem: string): KeyholdError {
  return new KeyholdError('invalid_argument', `The setting ${spec.name} ${problem}.`, { details: { setting: spec.name } });
}

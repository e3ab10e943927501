import { KeyholdError } from '../../ports/errors.ts';
import type { SettingValue } from '../../ports/metadata/credentials.ts';
import type { Service, SettingSpec } from '../catalog/service.ts';

const HOST_PART = /^[a-z0-9-]{1,63}$/;
const URL_TEXT = /^https:\/\/[A-Za-z0-9._~:/-]{1,2000}$/i;
const MAP_TEXT = /^[\x21-\x7e]{1,256}$/;
const MAP_ENTRIES = 200;

/**
 * Checks a credential's settings against the catalogue. Where a key is sent is part of the secret (S3): hosts are checked by S4.
 * Returns them in one canonical form; throws `invalid_argument` that says what to give instead.
 */
export function checkSettings(service: Service, given: Readonly<Record<string, unknown>>): Readonly<Record<string, SettingValue>> {
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
    if (value !== undefined) settings[spec.name] = spec.kind === 'https-url' ? httpsUrl(spec, value) : textMap(spec, value);
  }
  return settings;
}

/** Without a trailing slash. A key never travels in the clear, to another port, or with a path that reads differently elsewhere. */
function httpsUrl(spec: SettingSpec, value: unknown): string {
  if (typeof value !== 'string' || !URL_TEXT.test(value)) {
    throw refused(spec, 'has to be an address that begins with https:// and has no user name, query, fragment or encoded characters');
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || url.port !== '') throw refused(spec, 'has to be an https address on the standard port');
  if (/\/\/|\/\.{1,2}(\/|$)/.test(value.slice('https://'.length))) throw refused(spec, 'has a path with "//", "." or ".."');
  if (spec.hostSuffix !== undefined) {
    const suffix = spec.hostSuffix.startsWith('.') ? spec.hostSuffix : `.${spec.hostSuffix}`;
    if (!url.hostname.endsWith(suffix) || !HOST_PART.test(url.hostname.slice(0, -suffix.length))) {
      throw refused(spec, `has to be on a host such as https://your-name${suffix}`);
    }
  }
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`;
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

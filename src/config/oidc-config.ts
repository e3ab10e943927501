import type { Issuer } from '../core/access/issuer.ts';
import { parseStrictJson } from '../core/json/strict-json.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { isEntry, issuerOf } from './oidc-entry.ts';
import type { Reader } from './reader.ts';
import { settings } from './settings.ts';

/** The variables of a single identity provider, by the names that the file has for the same. */
const single = {
  issuer: settings.oidcIssuer,
  name: settings.oidcName,
  audience: settings.oidcAudience,
  accessTokenType: settings.oidcAccessTokenType,
  clientId: settings.oidcClientId,
  cliClientId: settings.oidcCliClientId,
  cliScope: settings.oidcCliScope,
  jwksUrl: settings.oidcJwksUrl,
  tenants: settings.oidcTenants,
  highestRole: settings.oidcHighestRole,
  platformRoles: settings.oidcPlatformRoles,
  firstSignIn: settings.oidcFirstSignIn,
} as const;
const variables: ReadonlyMap<string, string> = new Map(Object.entries(single).map(([name, setting]) => [name, setting.name]));

/** The identity providers of the `KEYHOLD_OIDC_*` variables and of `KEYHOLD_OIDC_ISSUERS_FILE`. What is wrong with them the reader knows then (S23). */
export function oidcIssuers(reader: Reader): readonly Issuer[] {
  const fromVariables = singleIssuer(reader);
  const fromFile = issuersOfFile(reader);
  const twice = fromFile.find(({ issuer }) => issuer === fromVariables?.issuer);
  if (twice !== undefined) reader.problems.push(`${settings.oidcIssuer.name} is ${quoted(twice.issuer)}, which is in the file of ${settings.oidcIssuersFile.name}, too. Keep one of them.`);
  const all = [...(fromVariables === undefined ? [] : [fromVariables]), ...fromFile];
  if (all.some(({ client }) => client !== null) && !reader.isSet(settings.publicUrl)) {
    reader.problems.push(`People sign in at an identity provider with a browser (a client id is set), so ${settings.publicUrl.name} has to say where they come back to. Example: ${settings.publicUrl.name}=${settings.publicUrl.example}`);
  }
  return Object.freeze(all);
}

function singleIssuer(reader: Reader): Issuer | undefined {
  const given = Object.entries(single).map(([name, setting]) => ({ name, setting, value: reader.read<unknown>(setting) }));
  const secret = reader.read(settings.oidcClientSecret);
  if (!reader.isSet(settings.oidcIssuer)) {
    const [stray] = [...given, { setting: settings.oidcClientSecret, value: secret }].flatMap(({ setting, value }) => (value === setting.fallback ? [] : [setting]));
    if (stray !== undefined) reader.problems.push(`${stray.name} is set without ${settings.oidcIssuer.name}, which says whose it is. Example: ${settings.oidcIssuer.name}=${settings.oidcIssuer.example}`);
    return undefined;
  }
  const named = (name: string): string => variables.get(name) ?? settings.oidcClientSecret.name;
  return tried(reader, `${settings.oidcIssuer.name} `, () => issuerOf(Object.fromEntries(given.flatMap(({ name, value }) => (value === null ? [] : [[name, value]]))), { named, workingDirectory: reader.absolute('.'), secret }));
}

function issuersOfFile(reader: Reader): readonly Issuer[] {
  const text = reader.readFileNamedBy(settings.oidcIssuersFile);
  if (text === undefined) return [];
  return tried(reader, `${settings.oidcIssuersFile.name} names a file that `, () => issuersIn(parsed(text), reader.absolute('.'))) ?? [];
}

function tried<T>(reader: Reader, beginning: string, make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    reader.problems.push(`${beginning}${error.message}. docs/sign-in.md shows what belongs there.`);
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return parseStrictJson(Buffer.from(text));
  } catch {
    throw new InvalidValue('is no JSON, or has a name twice');
  }
}

function issuersIn(content: unknown, workingDirectory: string): readonly Issuer[] {
  if (!isEntry(content) || !Array.isArray(content['issuers'])) throw new InvalidValue('has no list "issuers" at its top');
  const issuers = content['issuers'].map((entry: unknown) => {
    if (!isEntry(entry)) throw new InvalidValue('has an entry in "issuers" that is no object');
    return issuerOf(entry, { named: (name) => `"${name}"`, workingDirectory });
  });
  const twice = issuers.find(({ issuer }, index) => issuers.findIndex((other) => other.issuer === issuer) !== index);
  if (twice !== undefined) throw new InvalidValue(`names ${quoted(twice.issuer)} twice`);
  return issuers;
}

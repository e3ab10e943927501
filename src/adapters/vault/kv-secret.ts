import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { SecretValue } from '../../ports/secret-value.ts';
import type { VaultAnswer, VaultSecret } from './vault-client.ts';
import { VaultFailure } from './vault-failure.ts';

const Version = Type.Integer({ minimum: 1 });
const Read = Type.Object({
  data: Type.Object({ data: Type.Record(Type.String(), Type.Unknown()), metadata: Type.Object({ version: Version }) }),
});
const Gone = Type.Object({ data: Type.Object({ data: Type.Null(), metadata: Type.Object({ version: Version }) }) });

/**
 * What an answer to `GET {mount}/data/{path}` holds; undefined where there is nothing: 404 without a body for what never was, with
 * one for what is deleted or destroyed (FACTS 1). Throws `VaultFailure` for any other shape: it proves nothing, least of all absence.
 */
export function secretIn({ status, body, errors }: VaultAnswer, asked: number | undefined): VaultSecret | undefined {
  if (status === 404 && (Value.Check(Gone, body) || (errors.length === 0 && body['data'] === undefined && Array.isArray(body['errors'])))) return undefined;
  if (status !== 200 || !Value.Check(Read, body)) throw new VaultFailure('not-vault', { mayHaveHappened: false, status });
  const { data, metadata } = body.data;
  if (asked !== undefined && metadata.version !== asked) throw new VaultFailure('not-vault', { mayHaveHappened: false, status });
  const texts: [string, SecretValue][] = [];
  const notText: string[] = [];
  for (const [name, value] of Object.entries(data)) {
    if (typeof value === 'string') texts.push([name, new SecretValue(value)]);
    else notText.push(name);
  }
  return { version: metadata.version, fields: Object.fromEntries(texts), notText };
}

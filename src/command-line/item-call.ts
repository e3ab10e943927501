import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { callKeyhold, type KeyholdApi, unexpectedAnswer } from '../adapters/keyhold-api/call-keyhold.ts';
import type { ItemResult } from './item-result.ts';
import type { ItemName } from './run-items.ts';

/** What became of an item, without what it is called. */
export type ItemDone = Omit<ItemResult, keyof ItemName>;

const Answer = Type.Object({
  outcome: Type.String(),
  storedIn: Type.String(),
  legacy: Type.Optional(Type.String()),
  authenticated: Type.Boolean(),
  hints: Type.Record(Type.String(), Type.String()),
  warnings: Type.Array(Type.String()),
});

/** Where the API has a scope's credentials; `tenant` null: the platform's. */
export function credentialsPath(tenant: string | null): string {
  return tenant === null ? '/api/v1/platform/credentials' : `/api/v1/tenants/${encodeURIComponent(tenant)}/credentials`;
}

/** Has a running Keyhold adopt or migrate one credential, or say what that would do. Throws as `callKeyhold` does. */
export async function itemOverApi(api: KeyholdApi, { tenant, service, label }: ItemName, operation: string, body?: object): Promise<ItemDone> {
  const path = `${credentialsPath(tenant)}/${encodeURIComponent(service)}/${operation}?label=${encodeURIComponent(label)}`;
  const answer = await callKeyhold(api, { method: 'POST', path, ...(body === undefined ? {} : { body }) });
  if (!Value.Check(Answer, answer)) throw unexpectedAnswer(api);
  const { outcome, storedIn, legacy, authenticated, hints, warnings } = answer;
  return { outcome, storedIn, ...(legacy === undefined ? {} : { legacy }), authenticated, hints, warnings };
}

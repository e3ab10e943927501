import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { callKeyhold, type KeyholdApi, unexpectedAnswer } from '../adapters/keyhold-api/call-keyhold.ts';

const Tenants = Type.Object({ items: Type.Array(Type.Object({ id: Type.String() })), nextCursor: Type.Union([Type.Null(), Type.String()]) });

/** The ids of all tenants of a running Keyhold. Throws as `callKeyhold` does. */
export async function knownTenants(api: KeyholdApi): Promise<Set<string>> {
  const ids = new Set<string>();
  let cursor: string | null = null;
  do {
    const page = await callKeyhold(api, { method: 'GET', path: `/api/v1/tenants?limit=1000${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}` });
    if (!Value.Check(Tenants, page)) throw unexpectedAnswer(api);
    for (const { id } of page.items) ids.add(id);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ids;
}

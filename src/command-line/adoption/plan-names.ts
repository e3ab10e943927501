import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { callKeyhold, type KeyholdApi, unexpectedAnswer } from '../../adapters/keyhold-api/call-keyhold.ts';
import { StartError } from '../../ports/start-error.ts';
import type { AdoptionItem, AdoptionPlan, LeftItem } from './adoption-item.ts';

const PAGE = 1_000;
const Found = Type.Object({
  items: Type.Array(
    Type.Object({
      place: Type.String(),
      credential: Type.Union([Type.Null(), Type.Object({ tenant: Type.Union([Type.Null(), Type.String()]), service: Type.String(), label: Type.String() })]),
    }),
  ),
  nextCursor: Type.Union([Type.Null(), Type.String()]),
});

/** What `--encryption` says. Throws `StartError` (2). */
export function requireForm(encryption: string | undefined): 'cipher' | 'fernet' | undefined {
  if (encryption === undefined || encryption === 'cipher' || encryption === 'fernet') return encryption;
  throw new StartError(2, '--encryption is fernet or cipher (iv:salt:ciphertext).');
}

/** What lies in a store where credentials do, by its names (R6.3). What no credential can be called is left alone, and told. */
export async function planNames(api: KeyholdApi, store: string, encryption: 'cipher' | 'fernet' | undefined): Promise<AdoptionPlan> {
  const items: AdoptionItem[] = [];
  const left: LeftItem[] = [];
  let cursor: string | null = null;
  do {
    const path: string = `/api/v1/stores/${encodeURIComponent(store)}/secrets?limit=${PAGE}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = await callKeyhold(api, { method: 'GET', path });
    if (!Value.Check(Found, page)) throw unexpectedAnswer(api);
    for (const { place, credential } of page.items) {
      if (credential === null) left.push({ outcome: 'skipped', from: place, tenant: null, service: '', label: '', reason: 'By its name this is no service\'s credential. It was left alone.' });
      else items.push({ from: place, ...credential, body: { inStore: store, place, ...(encryption === undefined ? {} : { encryption }) } });
    }
    cursor = page.nextCursor;
  } while (cursor !== null);
  return { items, left };
}

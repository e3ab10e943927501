import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { GuardedRoute } from '../../../src/http/route.ts';
import { type Draw, drawsOf } from './draws.ts';
import type { Got } from './keeping-client.ts';
import type { Party } from './party.ts';
import { type Named, namesOf, pick, requestTo } from './tenant-requests.ts';

const nobodysIds: Readonly<Record<string, string>> = { roles: 'nobodys-role', users: `usr_${'0'.repeat(32)}`, audit: `aud_${'0'.repeat(24)}` };

/** R10.2: another tenant (`byTenant`), or something of another tenant, is answered to the byte like what does not exist, but for its name. */
export async function sameAsNothing(party: Party, other: Party, route: GuardedRoute, draw: Draw, byTenant: boolean, token = pick(draw, [...party.tokens, ...party.sessions])): Promise<void> {
  const theirs = namesOf(other, party, draw, byTenant ? other.slug : party.slug);
  const nobodys: Named = { slug: byTenant ? `${party.slug.slice(0, -2)}xx` : party.slug, id: (kind) => nobodysIds[kind] ?? 'zzzzzzzzzz012345', label: 'label-of-nobody' };
  const [worker, seed] = [draw(2), draw(2 ** 20)];
  const answerAbout = async (named: Named): Promise<unknown> => {
    const said = [named.slug, named.label];
    const asked = requestTo(route, party, drawsOf(seed), {
      ...named,
      id: (kind) => {
        const id = named.id(kind);
        said.push(id);
        return id;
      },
    });
    const foreign = said.filter((name) => name !== party.slug);
    return seen(await party.ask(worker, { ...asked, headers: { ...asked.headers, 'x-request-id': 'the-same' }, token }, foreign), foreign);
  };
  let [there, nowhere] = [await answerAbout(theirs), await answerAbout(nobodys)];
  // A session may end between the two, when somebody moves the time.
  for (let more = 0; more < 3 && !isDeepStrictEqual(there, nowhere); more += 1) [there, nowhere] = [await answerAbout(theirs), await answerAbout(nobodys)];
  expect(there, `${route.method} ${route.url} as ${party.slug} about another's and nobody's`).toEqual(nowhere);
}

/** An answer as a stranger sees it. */
function seen({ status, headers, text }: Got, names: readonly string[]): unknown {
  const { date: _date, 'content-length': _length, 'x-request-id': _id, connection: _connection, 'keep-alive': _keep, ...others } = headers;
  return { status, others, text: names.reduce((rest, name) => rest.replaceAll(name, 'NAME'), text) };
}

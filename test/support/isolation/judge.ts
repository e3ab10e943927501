import { expect } from 'vitest';
import type { Asked, Got } from './keeping-client.ts';
import { markIn, marksIn, secretsIn } from './marks.ts';
import type { Party } from './party.ts';
import type { UpstreamRequest } from './echoing-upstream.ts';

const TOKEN = /kh_[gtps]_[0-9a-z]{16}_[0-9A-Za-z]{49}/g;
const ID = /\b(?:usr_|cred_|evt_)?[0-9a-z]{16,40}\b/g;

/** Holds every answer, and what reached the provider, against what each tenant may know. Throws at the first thing that is another's. */
export class Judge {
  /** Whose an id is that one tenant's answers have told; users can be of several. */
  readonly #owners = new Map<string, Party>();
  /** The mark of the platform's own key. */
  readonly platformMark: string;
  answers = 0;
  readonly statuses = new Map<number, number>();

  constructor(platformMark: string) {
    this.platformMark = platformMark;
  }

  /** `foreign`: names of others that the request itself held, which may be said back. */
  answer(party: Party, asked: Asked, got: Got, foreign: readonly string[]): void {
    this.answers += 1;
    this.statuses.set(got.status, (this.statuses.get(got.status) ?? 0) + 1);
    const told = foreign.reduce((text, name) => text.replaceAll(name, ''), `${got.raw.join('\n')}\n${got.text}`);
    const where = `${asked.method} ${asked.path} as ${party.slug}: ${got.status} ${got.text.slice(0, 600)}`;
    expect(secretsIn(told), `a provider's key in the answer to ${where}`).toEqual([]);
    const isGateway = !asked.path.startsWith('/api/v1/') && !asked.path.startsWith('/tenant/');
    // The provider says by whose key it served; in the head that is the platform's account, which is nobody else's business (S1).
    const spoken = isGateway ? told.replaceAll(`served with ${this.platformMark}`, '') : told;
    const others = marksIn(spoken).filter((mark) => mark !== party.mark);
    expect(others, `another's text in the answer to ${where}\n${got.raw.join('\n')}`).toEqual([]);
    if (got.status === 500 && got.headers['x-keyhold-error-origin'] !== 'upstream') expect.fail(where);
    const shown = [...told.matchAll(TOKEN)].map(([token]) => token);
    const isMaking = asked.method === 'POST' && got.status < 300 && shown.length === 1 && !this.#owners.has(shown[0] ?? '');
    if (!isMaking) expect(shown, `a token or gateway key in the answer to ${where}`).toEqual([]);
    for (const token of shown) this.#owners.set(token, party);
    if (!isGateway) this.#ids(party, asked, got, told, where);
  }

  /** What the provider got was sent by whoever's key it came with, or with the platform's. */
  upstream({ key, from }: UpstreamRequest, party: Party, usable: ReadonlySet<string>): void {
    if (markIn(key) === this.platformMark) return;
    expect(usable.has(key) || party.brought.has(key), `${from ?? 'nobody'} of ${party.slug} was served with ${key}:\n${party.history.join('\n')}`).toBe(true);
  }

  #ids(party: Party, { path }: Asked, got: Got, told: string, where: string): void {
    if (got.status >= 300 || path.includes('/users')) return;
    const own = JSON.stringify(got.json['items'] ?? got.json);
    for (const [id] of told.matchAll(ID)) {
      const owner = this.#owners.get(id);
      if (owner !== undefined) expect(owner.slug, `${id} of ${owner.slug} in the answer to ${where}`).toBe(party.slug);
      else if (own.includes(`"id":"${id}"`) && path.startsWith(`/api/v1/tenants/${party.slug}/`)) this.#owners.set(id, party);
    }
  }
}

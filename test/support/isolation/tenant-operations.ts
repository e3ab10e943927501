import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { mintToken } from '../../../src/core/access/token-text.ts';
import { conducts, type EchoingUpstream } from './echoing-upstream.ts';
import type { Asked, Got } from './keeping-client.ts';
import { moveClock } from './moved-clock.ts';
import { type Party, SHARED, services } from './party.ts';
import { sameAsNothing } from './same-as-nothing.ts';
import type { Draw } from './draws.ts';
import { lookingRoutes, ownNames, pick, requestTo, tenantRoutes } from './tenant-requests.ts';

/** What a tenant does next, as a schedule draws it. */
export type Operation = (party: Party, draw: Draw) => Promise<void>;

const SECONDS = 1_000;
/** Around every time that something is remembered for: records 10 s, callers 60 s, values 5 min, idempotency keys 24 h. */
const JUMPS = [1, 11, 61, 301, 86_401].map((seconds) => seconds * SECONDS);
/** What these change is known to the model, so they are only asked by the operations that tell it. */
const followed = /credentials\/:(service|provider)|tokens\/:id|gateway-keys\/:id|roles\/:id|policy$/;
const plainRoutes = tenantRoutes.filter(({ method, url }) => method === 'GET' || !followed.test(url));

/** The operations of tenants that live beside one another; `others` are those whose names they try. */
export function operations(upstream: EchoingUpstream, others: (party: Party) => readonly Party[]): readonly (readonly [weight: number, operation: Operation])[] {
  const callerOf = (party: Party, draw: Draw): string => pick(draw, [...party.tokens, ...party.sessions, ...party.gatewayKeys.values()]);

  /** Any route, by anybody of the tenant, about what is the tenant's own. */
  const ownThings: Operation = async (party, draw) => {
    const asked = requestTo(pick(draw, plainRoutes), party, draw, ownNames(party, draw));
    await party.ask(draw(2), { ...asked, token: draw(4) === 0 ? callerOf(party, draw) : party.admin });
  };

  /** Several at a time, at both workers. */
  const burst: Operation = async (party, draw) => {
    const asked = Array.from({ length: 4 }, () => ({ ...requestTo(pick(draw, lookingRoutes), party, draw, ownNames(party, draw)), token: party.admin }));
    await Promise.all([...asked.map((one, index) => party.ask(index, one)), call(party, draw), call(party, draw)]);
  };

  /** R10.2: another tenant, or something of another tenant, and what does not exist, are answered alike to the byte. */
  const notMine: Operation = async (party, draw) => {
    const other = pick(draw, others(party));
    const byTenant = draw(2) === 0;
    const routes = byTenant ? tenantRoutes : tenantRoutes.filter(({ method, url }) => /:id|audit\/proof/.test(url) || (method !== 'PUT' && /credentials\/:service/.test(url)));
    const route = pick(draw, routes);
    await sameAsNothing(party, other, route, draw, byTenant);
  };

  /** A list goes on where its page ended, for whoever has that list alone. */
  const cursors: Operation = async (party, draw) => {
    const other = pick(draw, others(party));
    for (const [kind, cursor] of [...other.cursors].slice(0, 2)) {
      const got = await party.ask(draw(2), { method: 'GET', path: `${party.base}/${kind}?cursor=${cursor}`, token: party.admin });
      if (party.isOpen) expect([kind, got.status]).toEqual([kind, 400]);
    }
  };

  /** S27: the same key and body make each tenant its own, and a repeat finds that one. */
  const repeats: Operation = async (party, draw) => {
    const key = `${SHARED.key}-${draw(3)}`;
    const asked: Asked = { method: 'POST', path: `${party.base}/tokens`, headers: { 'idempotency-key': key }, token: party.admin, body: { name: 'the same in every tenant', role: 'tenant-auditor' } };
    const [first, second] = [await party.ask(0, asked), await party.ask(1, asked)];
    if (!party.repeated.has(key)) expect([first.status, first.json['tenant'], typeof first.json['token']]).toEqual([201, party.slug, 'string']);
    party.repeated.add(key);
    // 409: somebody has moved the time by more than the day that a key is remembered for.
    if (second.status !== 409) expect([second.status, second.json['id'], second.json['token']]).toEqual([201, first.json['id'], null]);
  };

  const call = async (party: Party, draw: Draw, worker = draw(2), token = pick(draw, [...party.gatewayKeys.values(), ...party.tokens.slice(0, 2)])): Promise<Got> => {
    const conduct = pick(draw, conducts);
    const content = `conduct:${conduct} for ${party.mark}`;
    const whole = { max_tokens: 10, user: `end user of ${party.mark}`, stream: conduct.includes('stream'), messages: [{ role: 'user', content }] };
    const [path, body] = pick(draw, [
      ['/v1/chat/completions', { model: `gpt-${party.mark}`, ...whole }],
      ['/v1/chat/completions', { model: `groq/gpt-${party.mark}`, ...whole }],
      ['/anthropic/v1/messages', { model: `claude-${party.mark}`, ...whole }],
      // Without a model it is the one of the tenant's policy.
      ['/api/ai/chat', { message: content, provider: 'openai' }],
    ] as const);
    const own = draw(6) === 0 ? party.secret() : undefined;
    const headers = { 'x-request-id': `${party.mark}.${draw(1_000_000)}`, ...(own === undefined ? {} : { 'x-keyhold-api-key': own }) };
    if (own !== undefined) party.brought.add(own);
    const isEnded = ![...party.gatewayKeys.values(), ...party.tokens].includes(token);
    const [from, usable] = [upstream.requests.length, new Set(party.usable)];
    const got = await party.ask(worker, { method: 'POST', path, headers, token, body });
    party.used += 1;
    for (const request of upstream.requests.slice(from)) if (request.from === party.mark) party.judge.upstream(request, party, usable);
    if (got.headers['x-keyhold-error-origin'] === 'keyhold' && got.status === 429) expect(isEnded, `${party.slug} has no limits: ${got.text}`).toBe(true);
    return got;
  };

  /** A new value, or the end of one, is so everywhere when the answer is there (S10). */
  const credential: Operation = async (party, draw) => {
    const [service, label, what] = [pick(draw, services), pick(draw, ['default', SHARED.label, `label-${party.mark}`]), pick(draw, ['put', 'put', 'put', 'documented', 'disable', 'enable', 'revoke', 'delete', 'recover', 'purge'])];
    const at = `${service}|${what === 'documented' ? 'default' : label}`;
    const value = party.secret();
    const path = `${party.base}/credentials/${service}`;
    const asked: Readonly<Record<string, Omit<Asked, 'token'>>> = {
      put: { method: 'PUT', path, body: { fields: { api_key: value } } },
      documented: { method: 'POST', path: `/tenant/ai/credentials/${service}`, body: { apiKey: value, tenant_id: party.slug } },
      disable: { method: 'PATCH', path, body: { disabled: true, notes: `off for ${party.mark}` } },
      enable: { method: 'PATCH', path, body: { disabled: false, notes: `on for ${party.mark}` } },
      delete: { method: 'DELETE', path },
    };
    const one = asked[what] ?? { method: 'POST', path: `${path}/${what}` };
    const got = await party.ask(draw(2), { ...one, path: what === 'documented' ? one.path : `${one.path}?label=${label}`, token: party.admin });
    party.history.push(`${what} ${at}: ${got.status} ${what === 'put' || what === 'documented' ? value : ''}`);
    if (got.status >= 300) return;
    party.labels.add(label);
    const before = party.values.get(at);
    if (before !== undefined) party.usable.delete(before);
    if (what === 'put' || what === 'documented') party.values.set(at, value);
    if (what === 'purge') party.values.delete(at);
    const now = party.values.get(at);
    if (now !== undefined && ['put', 'documented', 'enable', 'recover'].includes(what)) party.usable.add(now);
    await Promise.all([call(party, draw, 0), call(party, draw, 1)]);
  };

  /** A gateway key that is ended or rotated without overlap is nobody's at once, at both workers. */
  const gatewayKey: Operation = async (party, draw) => {
    const [id, text] = pick(draw, [...party.gatewayKeys]);
    if (party.gatewayKeys.size > 1 && draw(2) === 0) {
      await party.ask(draw(2), { method: 'DELETE', path: `${party.base}/gateway-keys/${id}`, token: party.admin });
      party.gatewayKeys.delete(id);
      for (const worker of [0, 1]) expect([401, 429]).toContain((await call(party, draw, worker, text)).status);
    } else {
      const made = await party.ask(draw(2), { method: 'POST', path: `${party.base}/gateway-keys`, token: party.admin, body: { name: `key ${party.mark}`, tags: { team: party.mark } } });
      if (made.status === 201) party.gatewayKeys.set(String(made.json['id']), String(made.json['key']));
    }
  };

  /** The role that has the same name in every tenant permits in each what that tenant says, at both workers. */
  const role: Operation = async (party, draw) => {
    const sees = pick(draw, [['usage.read'], ['gateway-key.read'], ['usage.read', 'gateway-key.read']]);
    await party.ask(draw(2), { method: 'PUT', path: `${party.base}/roles/${SHARED.role}`, token: party.admin, body: { description: `for ${party.mark}`, permissions: sees } });
    for (const [index, [permission, path]] of Object.entries([['usage.read', 'usage'], ['gateway-key.read', 'gateway-keys']] as const)) {
      const got = await party.ask(Number(index) + draw(2), { method: 'GET', path: `${party.base}/${path}`, token: party.ofSharedRole });
      expect([permission, got.status]).toEqual([permission, sees.includes(permission) ? 200 : 403]);
    }
  };

  /** Who knows another's id, and what its checksum has to be, is nobody. */
  const forged: Operation = async (party, draw) => {
    const [id = ''] = pick(draw, others(party)).gatewayKeys.keys();
    const got = await party.ask(draw(2), { method: 'POST', path: '/v1/chat/completions', token: mintToken('g', randomBytes, id).text.reveal(), body: { model: 'gpt', messages: [] } });
    expect([401, 429]).toContain(got.status);
  };

  const time: Operation = async (_party, draw) => moveClock(pick(draw, JUMPS));

  return [[8, ownThings], [2, burst], [8, notMine], [2, cursors], [1, repeats], [6, async (party, draw) => void (await call(party, draw))], [5, credential], [2, gatewayKey], [2, role], [1, forged], [1, time]];
}

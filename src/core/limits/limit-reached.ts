import { KeyholdError } from '../../ports/errors.ts';
import type { LimitRule } from './rules.ts';

/** What is left of the tightest limit of one kind, as far as this process knows. */
export interface LimitState {
  readonly max: number;
  readonly remaining: number;
  /** Milliseconds until the window ends. */
  readonly resetMs: number;
}

/** For telling a client; undefined where nothing of that kind is limited. */
export interface LimitStates {
  readonly requests: LimitState | undefined;
  readonly tokens: LimitState | undefined;
}

const units = { requests: 'request', tokens: 'token', concurrent: 'open request' } as const;
const whoCan = {
  'this gateway key': 'a tenant administrator can change the key\'s limits',
  'the tenant': 'a tenant administrator can change the tenant\'s limits',
  'the platform': 'a platform administrator can change what the platform allows the tenant',
} as const;

/** A limit does not let this request through. */
export class LimitReached extends KeyholdError {
  readonly states: LimitStates;

  /** `waitMs`: until it may be tried again; `left` of the limit, where `needed` is more. */
  constructor({ kind, max, per, owner, service }: LimitRule, { waitMs, left, needed }: { readonly waitMs: number; readonly left: number; readonly needed: number }, states: LimitStates) {
    const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
    const what = `${max} ${units[kind]}${max === 1 ? '' : 's'}${per === null ? ' at a time' : ` ${per === 'hour' ? 'an' : 'a'} ${per}`}${service === null ? '' : ` for ${service}`}`;
    const limit = { kind, max, ...(per === null ? {} : { per }), ...(service === null ? {} : { service }), of: owner };
    const of = `limit of ${what} that ${owner} has`;
    const why = kind === 'tokens' && left > 0 && left < needed ? `Of the ${of} ${left} are left, and this request seems to be worth ${needed}.` : `The ${of} is used up.`;
    super('rate_limited', `${why} ${per === null ? 'Wait for some of them to end' : `Try again in ${seconds} s`}; ${whoCan[owner]}.`, {
      retryAfterSeconds: seconds,
      details: { limit },
    });
    this.states = states;
  }
}

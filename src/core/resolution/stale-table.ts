import { asKeyholdError, type ErrorCode, type OutageReason } from '../../ports/errors.ts';

/** What an error of a port means for what was read before, and for whoever asks next. */
export interface OutageRule {
  /** What was read before may serve on, beyond its time, up to `KEYHOLD_STALE_LIMIT`. */
  readonly stale: boolean;
  /** It says something of whoever was asked, not only of this one question: a few in a row, and nobody waits for it any more. */
  readonly opens: boolean;
  /** Asking once more in a moment may help, and does no harm. */
  readonly repeat: boolean;
}

/** It is there, and this is its answer: what was read before is not so any more, or cannot be said to be. */
const answer: OutageRule = { stale: false, opens: false, repeat: false };

/**
 * Every reason for which somebody is `unavailable`. `busy` and `resting` say themselves when to come back; after a `timeout` the caller has waited long enough.
 */
const byReason: Readonly<Record<OutageReason, OutageRule>> = {
  network: { stale: true, opens: true, repeat: true },
  timeout: { stale: true, opens: true, repeat: false },
  failing: { stale: true, opens: false, repeat: true },
  sealed: { stale: true, opens: true, repeat: false },
  busy: { stale: true, opens: false, repeat: false },
  resting: { stale: true, opens: true, repeat: false },
  // Denied after a fresh sign-in, or not even let in: whoever took our access away wants the values out of use.
  refused: answer,
  strange: answer,
};

/** The database, and the audit log in it, do not say why, unless they have too much to do. */
const withoutReason: OutageRule = { stale: true, opens: true, repeat: true };

/**
 * Every code of the ports. Destroyed, deleted and unknown versions are `not_found`, or `corrupt` once the value is known to be gone; revoked and disabled ones are
 * `no_credential`, and are told by records, which announcements take out of the caches.
 */
const byCode: Readonly<Record<Exclude<ErrorCode, 'unavailable'>, OutageRule>> = {
  timeout: byReason.timeout,
  invalid_argument: answer,
  unauthenticated: answer,
  permission_denied: answer,
  not_found: answer,
  already_exists: answer,
  conflict: answer,
  precondition_failed: answer,
  payload_too_large: answer,
  no_credential: answer,
  rate_limited: answer,
  budget_exceeded: answer,
  canceled: answer,
  internal: answer,
  corrupt: answer,
  unsupported: answer,
  upstream_failed: answer,
};

/** The row of the table (DESIGN «Stale serving») for whatever a port or a load threw. */
export function outageRule(error: unknown): OutageRule {
  const { code, outage } = asKeyholdError(error);
  if (code !== 'unavailable') return byCode[code];
  return outage === undefined ? withoutReason : byReason[outage];
}

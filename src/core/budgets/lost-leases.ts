import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { BudgetAccountKey, BudgetAccountRecord, BudgetAccountRepository, BudgetSlice } from '../../ports/metadata/budgets.ts';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';
import type { Grant } from '../access/grant.ts';
import { isSilent, outstandingIn, sliceOf, withGranted } from './account.ts';
import { type BudgetAmount, budgetAmount } from './amount.ts';
import { unitOf } from './budget-request.ts';
import { changeAccount } from './change-account.ts';

/** As journals name themselves. */
const JOURNAL = /^[0-9a-f]{16}$/;
const PAGE = 200;

/** What a replica that is not heard of any more has leased of one budget. */
export interface LostLease extends BudgetAccountKey {
  /** Names what the replica wrote down; another one at each start. */
  readonly journal: string;
  readonly reserved: BudgetAmount;
  /** Milliseconds since the epoch. */
  readonly heardAt: number;
}

/**
 * What replicas had leased that are gone with their disk. Nobody can tell whether it was spent, so it counts as spent until somebody who knows says that they do not
 * come back. That takes only away what is outstanding: should what was written down turn up after all, it counts, once.
 */
export class LostLeases {
  readonly #accounts: BudgetAccountRepository;
  readonly #clock: Clock;

  constructor({ accounts, clock }: { readonly accounts: BudgetAccountRepository; readonly clock: Clock }) {
    this.#accounts = accounts;
    this.#clock = clock;
  }

  /** Of all tenants' budgets. A page may hold fewer than were asked for, or more, since several may have leased of one budget. */
  async list(grant: Grant, page: PageRequest): Promise<Page<LostLease>> {
    grant.use('budget-lease.read');
    const { items, next } = await this.#accounts.outstanding(page);
    const now = this.#clock.now();
    const leases = await Promise.all(items.map(async (key) => leasesOf(key, (await this.#accounts.get(key))?.record).filter(({ slice }) => isSilent(slice, now)).map(({ lease }) => lease)));
    return { items: leases.flat(), next };
  }

  /** Gives back what is leased under the name that the grant has; tells of how many budgets, 0 where there is nothing (any more). Throws `not_found` for what is no journal's name, and `conflict` while something is heard of who leased it. */
  async release(grant: Grant): Promise<number> {
    const { id: journal = '' } = grant.use('budget-lease.release');
    if (!JOURNAL.test(journal)) throw new KeyholdError('not_found', 'No replica leases under such a name. GET /api/v1/platform/budget-leases lists what is leased by those that were not heard of for an hour.');
    const now = this.#clock.now();
    const found: BudgetAccountKey[] = [];
    for (let after: string | undefined, isLast = false; !isLast; isLast = after === undefined) {
      const page = await this.#accounts.outstanding({ limit: PAGE, after });
      for (const key of page.items) {
        const record = (await this.#accounts.get(key))?.record;
        const slice = record && sliceOf(record, journal);
        if (slice === undefined || outstandingIn(slice) === 0) continue;
        requireSilent(slice, now);
        found.push(key);
      }
      after = page.next;
    }
    for (const key of found) {
      await changeAccount(this.#accounts, key, (record) => {
        const slice = record && sliceOf(record, journal);
        if (record === undefined || slice === undefined || outstandingIn(slice) === 0) return undefined;
        requireSilent(slice, now);
        return withGranted(record, journal, slice.spent, slice.writtenAt);
      });
    }
    return found.length;
  }
}

function leasesOf(key: BudgetAccountKey, record: BudgetAccountRecord | undefined): readonly { readonly slice: BudgetSlice; readonly lease: LostLease }[] {
  return (record?.slices ?? [])
    .filter((slice) => outstandingIn(slice) > 0)
    .map((slice) => ({ slice, lease: { ...key, journal: slice.journal, reserved: budgetAmount(unitOf(key.budget), outstandingIn(slice)), heardAt: slice.writtenAt } }));
}

function requireSilent(slice: BudgetSlice, now: number): void {
  if (isSilent(slice, now)) return;
  throw new KeyholdError('conflict', 'Something was heard of this replica during the last hour. If it runs, it gives back by itself what it does not use; if it is gone for good, send the request again later.');
}

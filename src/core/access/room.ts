import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';

const PAGE = 1_000;

/** Whether fewer than `max` of a tenant's records count (S34). Of requests that come at the same moment a few more than that may pass. */
export async function hasRoom<R>(list: (page: PageRequest) => Promise<Page<Stored<R>>>, counts: (record: R) => boolean, max: number): Promise<boolean> {
  let count = 0;
  let after: string | undefined;
  do {
    const { items, next } = await list({ limit: PAGE, after });
    count += items.filter(({ record }) => counts(record)).length;
    after = next;
  } while (after !== undefined && count < max);
  return count < max;
}

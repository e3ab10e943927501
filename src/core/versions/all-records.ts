import type { Page, PageRequest } from '../../ports/metadata/stored.ts';

/** Few enough for one answer, many enough for few of them. */
const PAGE = 500;

/** Everything in a list, a page at a time, in its order. What is changed meanwhile is there as it was when its page was read. Rejects with what the list rejects with. */
export async function* allRecords<T>(list: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<T> {
  let after: string | undefined;
  do {
    const page: Page<T> = await list({ limit: PAGE, after });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

import { expect } from 'vitest';
import { type ErrorCode, KeyholdError } from '../../src/ports/errors.ts';
import type { Page, PageRequest } from '../../src/ports/metadata/stored.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';

/** One empty database, for one test. */
export interface StoreUnderTest {
  readonly store: MetadataStore;
  /** Closes the store and opens the same database again; undefined where nothing outlives the store. */
  readonly reopen: (() => Promise<MetadataStore>) | undefined;
  /** Closes what is open and removes the database. */
  readonly dispose: () => Promise<void>;
}

/** One rule of the port; its title is the test's. */
export interface Rule {
  readonly title: string;
  readonly check: (subject: StoreUnderTest) => Promise<void>;
}

/** The operation fails with exactly this code of ours. */
export async function expectCode(operation: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error: unknown = await operation.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KeyholdError);
  expect(error).toMatchObject({ code });
}

/** Every item of a list, read in pages of `limit`. */
export async function readAll<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<readonly T[]> {
  const items: T[] = [];
  let page = await list({ limit });
  for (;;) {
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    if (page.next === undefined) return items;
    expect(page.items).toHaveLength(limit);
    page = await list({ limit, after: page.next });
  }
}

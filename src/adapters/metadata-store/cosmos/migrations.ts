import type { CosmosMigration } from './schema.ts';

/** Every step there is, in order. The last one's number is the version of the container that this Keyhold reads and writes. */
export const cosmosMigrations: readonly CosmosMigration[] = [
  {
    version: 1,
    name: 'first-layout',
    // A new container is empty, and every kind of record is laid out by its own code.
    run: async () => {},
  },
  {
    version: 2,
    name: 'usage-in-common',
    // Nothing that is there changes: from here on batches of usage are kept in another form (`batch-text.ts`), and a journal's segments tell of deliveries that have begun. An older Keyhold
    // would read both wrongly, and refuses the container instead.
    run: async () => {},
  },
];

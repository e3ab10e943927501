import type { CosmosMigration } from './schema.ts';

/** Every step there is, in order. The last one's number is the version of the container that this Keyhold reads and writes. */
export const cosmosMigrations: readonly CosmosMigration[] = [
  {
    version: 1,
    name: 'first-layout',
    // A new container is empty, and every kind of record is laid out by its own code.
    run: async () => {},
  },
];

import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';

/** A database in memory that counts what it is asked: how much work an answer was, without a clock. */
export function countedStore(): { readonly store: MetadataStore; readonly asked: string[] } {
  const asked: string[] = [];
  const store = createMemoryStore();
  const counted = new Proxy(store, {
    get(target, name) {
      const repository: unknown = Reflect.get(target, name);
      return typeof repository === 'object' && repository !== null ? countedObject(repository, String(name), asked) : repository;
    },
  });
  return { store: counted, asked };
}

function countedObject(object: object, called: string, asked: string[]): object {
  return new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...values: unknown[]): unknown => {
        asked.push(`${called}.${String(name)}`);
        return Reflect.apply(member, target, values);
      };
    },
  });
}

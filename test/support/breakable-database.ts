import type { MetadataStore } from '../../src/ports/metadata-store.ts';

/** How every call of a database goes: `fault` is thrown by all of them, `silent` says that none is answered. */
export interface DatabaseState {
  fault: Error | undefined;
  silent: boolean;
  /** So far, the failed ones included. */
  calls: number;
}

/** The database with a switch: while it is off every call fails, or is not answered. */
export function breakableDatabase(store: MetadataStore): { readonly metadata: MetadataStore; readonly state: DatabaseState } {
  const state: DatabaseState = { fault: undefined, silent: false, calls: 0 };
  return { metadata: breakable(store, state), state };
}

function breakable<T extends object>(part: T, state: DatabaseState): T {
  return new Proxy(part, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member === 'object' && member !== null) return breakable(member, state);
      if (typeof member !== 'function') return member;
      return async (...given: unknown[]): Promise<unknown> => {
        state.calls += 1;
        if (state.silent) await new Promise(() => undefined);
        if (state.fault !== undefined) throw state.fault;
        return Reflect.apply(member, target, given);
      };
    },
  });
}

import type { SecretStore } from '../../ports/secret-store.ts';

/** The store with some of its members replaced. The others are its own, and what it cannot do, stays undone. */
export function storeAround(store: SecretStore, replaced: Partial<SecretStore>): SecretStore {
  const { id, giveUp, traceOf, newerThan, newestBase, newest, place, found, seal, copies, ...always } = {
    kind: store.kind,
    id: store.id,
    capabilities: store.capabilities,
    put: (name, fields, intent, notes) => store.put(name, fields, intent, notes),
    get: (reference) => store.get(reference),
    probe: (name, intent) => store.probe(name, intent),
    giveUp: store.giveUp?.bind(store),
    traceOf: store.traceOf?.bind(store),
    newerThan: store.newerThan?.bind(store),
    newestBase: store.newestBase?.bind(store),
    newest: store.newest?.bind(store),
    place: store.place?.bind(store),
    found: store.found?.bind(store),
    seal: store.seal?.bind(store),
    copies: store.copies?.bind(store),
    remove: (reference) => store.remove(reference),
    restore: (reference) => store.restore(reference),
    destroy: (reference) => store.destroy(reference),
    health: () => store.health(),
  } satisfies EveryMember;
  return {
    ...always,
    ...(id === undefined ? {} : { id }),
    ...(giveUp === undefined ? {} : { giveUp }),
    ...(traceOf === undefined ? {} : { traceOf }),
    ...(newerThan === undefined ? {} : { newerThan }),
    ...(newestBase === undefined ? {} : { newestBase }),
    ...(newest === undefined ? {} : { newest }),
    ...(place === undefined ? {} : { place }),
    ...(found === undefined ? {} : { found }),
    ...(seal === undefined ? {} : { seal }),
    ...(copies === undefined ? {} : { copies }),
    ...replaced,
  };
}

/** A member that the port gets later has to be thought of here. */
type EveryMember = { readonly [Member in keyof Required<SecretStore>]: SecretStore[Member] | undefined };

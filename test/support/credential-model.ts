import type { CredentialWorld } from './credential-world.ts';

export type Operation = 'put' | 'disable' | 'enable' | 'remove' | 'recover' | 'revoke' | 'purge';

export const operations: readonly Operation[] = ['put', 'disable', 'enable', 'remove', 'recover', 'revoke', 'purge'];

/** What may be served after everything is finished: several where an operation ended without an answer. */
export type Outcome = { readonly serves: string } | 'nothing';

export function operate(world: CredentialWorld, operation: Operation, key: string): Promise<unknown> {
  const { credentials } = world;
  const operationOf: Readonly<Record<Operation, () => Promise<unknown>>> = {
    put: () => world.put(key),
    disable: () => world.as('credential.update', (grant) => credentials.update(grant, { disabled: true })),
    enable: () => world.as('credential.update', (grant) => credentials.update(grant, { disabled: false })),
    remove: () => world.as('credential.delete', (grant) => credentials.remove(grant)),
    recover: () => world.as('credential.recover', (grant) => credentials.recover(grant)),
    revoke: () => world.as('credential.revoke', (grant) => credentials.revoke(grant)),
    purge: () => world.as('credential.purge', (grant) => credentials.purge(grant)),
  };
  return operationOf[operation]();
}

/** Every state that the credential may be in, as (key, live, disabled); an operation that ended in a crash or an outage may or may not have happened. */
interface State {
  readonly key: string | undefined;
  readonly at: 'none' | 'active' | 'deleted' | 'revoked';
  readonly disabled: boolean;
}

function after(state: State, operation: Operation, key: string): State {
  const { at } = state;
  if (operation === 'put') return { key, at: 'active', disabled: at === 'active' && state.disabled };
  if (operation === 'remove') return at === 'active' ? { ...state, at: 'deleted' } : state;
  if (operation === 'recover') return at === 'deleted' ? { ...state, at: 'active' } : state;
  if (operation === 'revoke') return at === 'none' ? state : { ...state, at: 'revoked' };
  if (operation === 'purge') return at === 'deleted' || at === 'revoked' ? { key: undefined, at: 'none', disabled: false } : state;
  return at === 'active' ? { ...state, disabled: operation === 'disable' } : state;
}

function outcomeOf(state: State): Outcome {
  return state.at === 'active' && !state.disabled && state.key !== undefined ? { serves: state.key } : 'nothing';
}

/** What is known of one credential from the answers that its operations got. */
export class CredentialModel {
  #states: readonly State[] = [{ key: undefined, at: 'none', disabled: false }];
  /** Puts without an answer: whoever comes later may still roll them forward, until something is known to have finished them. */
  #open: { readonly operation: Operation; readonly key: string } | undefined;
  readonly revokedKeys = new Set<string>();

  acknowledged(operation: Operation, key: string): void {
    // A revocation gives up what is open; every other write finishes it first, but for those that do not wait for a store.
    const before = operation === 'revoke' ? this.#states : this.#withOpen();
    if (operation === 'revoke') for (const state of this.#withOpen()) if (state.key !== undefined && state.at !== 'none') this.revokedKeys.add(state.key);
    if (operation !== 'disable' && operation !== 'enable') this.#open = undefined;
    this.#states = before.map((state) => after(state, operation, key));
  }

  unanswered(operation: Operation, key: string): void {
    const before = this.#withOpen();
    this.#open = { operation, key };
    this.#states = before;
  }

  possible(): readonly Outcome[] {
    return this.#withOpen().map(outcomeOf);
  }

  /** The keys that a credential in use may have, switched off or not. */
  possibleKeys(): readonly string[] {
    return this.#withOpen().flatMap(({ key, at }) => (key !== undefined && at === 'active' ? [key] : []));
  }

  #withOpen(): readonly State[] {
    const { operation, key } = this.#open ?? {};
    if (operation === undefined || key === undefined) return this.#states;
    return [...this.#states, ...this.#states.map((state) => after(state, operation, key))];
  }
}

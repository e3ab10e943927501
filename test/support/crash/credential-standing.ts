/** What is known of one credential. */
export interface Standing {
  readonly state: 'none' | 'active' | 'deleted' | 'revoked';
  /** Of an active or a deleted one. */
  readonly key: string | null;
  readonly disabled: boolean;
}

export type Operation = 'put' | 'disable' | 'enable' | 'remove' | 'recover' | 'revoke' | 'purge';

/** What can be done to one that stands so, and how often that is chosen. */
export const possibleOperations: Readonly<Record<Standing['state'], readonly (readonly [Operation, number])[]>> = {
  none: [['put', 1]],
  active: [['put', 14], ['disable', 2], ['enable', 6], ['remove', 4], ['revoke', 1]],
  deleted: [['recover', 6], ['put', 4], ['purge', 2], ['revoke', 1]],
  revoked: [['put', 4], ['purge', 1]],
};

/** As the audit log names them. */
export const actions: Readonly<Record<Operation, string>> = {
  put: 'credential.put',
  disable: 'credential.update',
  enable: 'credential.update',
  remove: 'credential.delete',
  recover: 'credential.recover',
  revoke: 'credential.revoke',
  purge: 'credential.purge',
};

/** How it stands after the operation. */
export function after(before: Standing, operation: Operation, key: string): Standing {
  switch (operation) {
    case 'put':
      return { state: 'active', key, disabled: before.state === 'active' && before.disabled };
    case 'disable':
    case 'enable':
      return { ...before, disabled: operation === 'disable' };
    case 'remove':
      return { ...before, state: 'deleted' };
    case 'recover':
      return { ...before, state: 'active' };
    case 'revoke':
      return { state: 'revoked', key: null, disabled: false };
    case 'purge':
    default:
      return { state: 'none', key: null, disabled: false };
  }
}

/** As the API shows it. */
export function shownState({ state, disabled }: Standing): string {
  return state === 'active' && disabled ? 'disabled' : state;
}

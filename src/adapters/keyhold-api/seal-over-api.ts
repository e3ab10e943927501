import { callKeyhold, type KeyholdApi, unexpectedAnswer } from './call-keyhold.ts';

/** Whether a running Keyhold is sealed now, and what it said of that. */
export interface SealState {
  readonly sealed: boolean;
  readonly changedAt: string;
  readonly changedBy: string;
}

/** Seals a running Keyhold, or unseals it, over its API; the state that it is in afterwards. Throws as `callKeyhold` does. */
export async function sealOverApi(api: KeyholdApi, change: { readonly to: 'sealed'; readonly reason: string } | { readonly to: 'unsealed' }): Promise<SealState> {
  const call = change.to === 'sealed' ? { path: '/api/v1/platform/seal', body: { reason: change.reason } } : { path: '/api/v1/platform/unseal' };
  const { sealed, changedAt, changedBy } = await callKeyhold(api, { method: 'POST', ...call });
  if (typeof sealed !== 'boolean' || typeof changedAt !== 'string' || typeof changedBy !== 'string') throw unexpectedAnswer(api);
  return { sealed, changedAt, changedBy };
}

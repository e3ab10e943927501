import { asKeyholdError } from '../../ports/errors.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { CredentialParts } from './credential-parts.ts';
import { busy } from './record-writer.ts';

export interface SettleOptions {
  /** What may stay open after it has expired while its store cannot be asked. */
  readonly mayStayOpen?: readonly CredentialIntent['operation'][];
}

/**
 * The record with no intent open (but for `mayStayOpen`), as the next write needs it; undefined where there is none. An intent that is still its writer's is
 * `conflict` (R0.3); an expired one is finished first, by proof.
 */
export async function settledRecord(
  { writer, finisher, clock }: Pick<CredentialParts, 'writer' | 'finisher' | 'clock'>,
  key: CredentialKey,
  { mayStayOpen = [] }: SettleOptions = {},
): Promise<Stored<CredentialRecord> | undefined> {
  const found = await writer.get(key);
  const intent = found?.record.intent ?? null;
  if (found === undefined || intent === null) return found;
  if (intent.expires > clock.now()) throw busy();
  let settled: Stored<CredentialRecord>;
  try {
    settled = await finisher.finish(key, found);
  } catch (error) {
    if (!mayStayOpen.includes(intent.operation) || asKeyholdError(error).code === 'conflict') throw error;
    return found;
  }
  const next = settled.record.intent;
  if (next === null) return settled;
  // What had to wait for the one that is finished now.
  if (next.id === intent.owed?.id) return settledRecord({ writer, finisher, clock }, key, { mayStayOpen });
  throw busy();
}

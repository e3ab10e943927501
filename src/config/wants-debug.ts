import { readEnvironment } from './environment.ts';
import { findVariable } from './variables.ts';

/** Whether `KEYHOLD_LOG_LEVEL=debug` is set, also when the rest of the configuration cannot be used. Never throws. */
export function wantsDebug(): boolean {
  try {
    return findVariable(readEnvironment(), 'KEYHOLD_LOG_LEVEL')?.text.trim().toLowerCase() === 'debug';
  } catch {
    return false;
  }
}

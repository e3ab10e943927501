import type { SecretFields } from '../../ports/secret-value.ts';

/** The texts of fields, for the checks of a hand-over. */
export function textsOf(fields: SecretFields): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.reveal()]));
}

import type { SecretValue } from './secret-value.ts';

/** The service's own keys as one source has them (R2.3): by the names that they have in the environment, `OPENAI_API_KEY`. */
export interface OwnKeyValues {
  readonly values: ReadonlyMap<string, SecretValue>;
  /** Changes when the values do; null where the source does not tell. */
  readonly version: string | null;
}

/** A place that holds the service's own keys, all of them together. */
export interface OwnKeySource {
  /**
   * Everything that it holds; nothing where there is no such place. Errors, as KeyholdError: `unavailable` (cannot be asked now),
   * `permission_denied` (refuses us), `corrupt` (what is kept there is not names and texts).
   */
  read(): Promise<OwnKeyValues>;
}

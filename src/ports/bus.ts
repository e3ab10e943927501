import type { LimitsLayer } from './metadata/limits.ts';

/**
 * What changed, never what it changed to: receivers read the state again (S32). `version` is the credential's version or the
 * record's revision; a lower one than seen is ignored.
 */
export type BusMessage =
  | { readonly topic: 'credential'; readonly scopeKey: string; readonly service: string; readonly label: string; readonly version: number }
  | { readonly topic: 'tenant'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'policy'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'limits'; readonly tenant: string; readonly layer: LimitsLayer; readonly version: number }
  | { readonly topic: 'prices'; readonly scopeKey: string; readonly version: number }
  | { readonly topic: 'budgets'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'own-vault'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'token'; readonly id: string; readonly version: number }
  | { readonly topic: 'data-key'; readonly scopeKey: string; readonly id: string; readonly version: number }
  | { readonly topic: 'gateway-key'; readonly id: string; readonly version: number }
  | { readonly topic: 'user'; readonly id: string; readonly version: number }
  | { readonly topic: 'membership'; readonly tenant: string; readonly user: string; readonly version: number }
  | { readonly topic: 'role-bindings'; readonly version: number }
  | { readonly topic: 'role'; readonly scopeKey: string; readonly name: string; readonly version: number }
  | { readonly topic: 'session'; readonly id: string; readonly version: number }
  | { readonly topic: 'seal'; readonly version: number };

/** `missed`: others may have changed things without this process hearing of it, so whatever is known of records has to be read again. */
export type BusNews = BusMessage | { readonly topic: 'missed' };

/** Tells every replica, this one included, that a record changed. */
export interface Bus {
  /** Resolves when every subscriber in this process has handled the message and it is on its way to the others, or cannot be now. Never fails. */
  publish(message: BusMessage): Promise<void>;
  /** Returns the function that ends the subscription. */
  subscribe(receive: (news: BusNews) => void): () => void;
  /** Whether what others change is heard of now. While it is not, records are believed for `DISTRUSTED_MS` only. */
  readonly trusted: boolean;
}

/** How long a record is believed while changes may go unheard, in milliseconds. */
export const DISTRUSTED_MS = 1_000;

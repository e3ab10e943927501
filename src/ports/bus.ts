/**
 * What changed, never what it changed to: receivers read the state again (S32). `version` is the credential's version or the
 * record's revision; a lower one than seen is ignored.
 */
export type BusMessage =
  | { readonly topic: 'credential'; readonly scopeKey: string; readonly service: string; readonly label: string; readonly version: number }
  | { readonly topic: 'tenant'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'policy'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'own-vault'; readonly tenant: string; readonly version: number }
  | { readonly topic: 'token'; readonly id: string; readonly version: number }
  | { readonly topic: 'data-key'; readonly scopeKey: string; readonly id: string; readonly version: number }
  | { readonly topic: 'gateway-key'; readonly id: string; readonly version: number }
  | { readonly topic: 'seal'; readonly version: number };

/** Tells every replica, this one included, that a record changed. */
export interface Bus {
  /** Resolves when every subscriber in this process has handled the message. */
  publish(message: BusMessage): Promise<void>;
  /** Returns the function that ends the subscription. */
  subscribe(receive: (message: BusMessage) => void): () => void;
}

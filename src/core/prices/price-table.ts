import type { Price } from './price.ts';

/** The prices that hold for one tenant. */
export interface PriceTable {
  /** What a model, named as the service names it, costs at a time (milliseconds since the epoch); undefined where that is not known: then it is unpriced, never 0. */
  find(service: string, model: string, at: number): Price | undefined;
}

import type { ClientRequest } from './client/client.ts';

/** Where a request comes from: what networks of keys, and counts of unknown ones, go by. */
export function clientAddress({ remoteAddress }: ClientRequest): string {
  return remoteAddress;
}

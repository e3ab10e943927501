const always: Readonly<Record<string, string>> = Object.freeze({
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
});

/** A year, as browsers' preload lists ask for at least (RFC 6797). */
const behindTls: Readonly<Record<string, string>> = Object.freeze({ ...always, 'strict-transport-security': 'max-age=31536000' });

/** On every control plane answer: nothing is kept, sniffed, framed or run; and where the listener has TLS, no browser comes back without. */
export function securityHeaders(listensWithTls: boolean): Readonly<Record<string, string>> {
  return listensWithTls ? behindTls : always;
}

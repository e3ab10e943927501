/** What is wrong with the connection, in a sentence that says what to do. */
export function whyNoRedis(error: unknown, address: string): string {
  const said = error instanceof Error ? error.message : '';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/^(?:WRONGPASS|ERR AUTH)/u.test(said)) return `Redis at ${address} refuses the user or the password in REDIS_URL. Correct them there.`;
  if (said.startsWith('NOAUTH')) return `Redis at ${address} asks for a password, and REDIS_URL has none. Write it as rediss://user:password@host:port.`;
  if (said.startsWith('NOPERM')) return `The user in REDIS_URL may not do at ${address} what Keyhold needs. docs/replicas.md lists its permissions.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `The host in REDIS_URL (${address}) cannot be found. Correct it there, or in the name service.`;
  if (code === 'ECONNREFUSED') return `Nobody answers at ${address}, the address in REDIS_URL. Start Redis, or correct it.`;
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/u.test(code)) return `The certificate of Redis at ${address} is not trusted (${code}). Name its CA with NODE_EXTRA_CA_CERTS, or correct the host in REDIS_URL.`;
  if (/^ERR_SSL|EPROTO/u.test(code)) return `Redis at ${address} does not speak TLS as REDIS_URL says (rediss://). Switch TLS on there, or correct the port.`;
  return `Redis at ${address} cannot be reached.`;
}

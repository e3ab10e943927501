const BEFORE_SENDING = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ERR_EGRESS_REFUSED|CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_\w+|EPROTO)$/u;

/** Whether a request that failed with this code of Node's or of TLS never left this machine, so that nothing can have come of it. */
export function wasNothingSent(code: string): boolean {
  return BEFORE_SENDING.test(code);
}
